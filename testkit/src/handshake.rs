// SPDX-License-Identifier: MIT OR Apache-2.0
//! The settings of a client and a server, and their handshakes.

use crate::certificates::{Identity, ca_list};
use crate::connection::{Connection, Known, Received};
use crate::ffi::{self, SecurityCallback};
use crate::program::Program;
use crate::set::Frozen;
use certpick_core::hook;
use foreign_types::ForeignType;
use openssl::ssl::{
    ExtensionContext, Ssl, SslContext, SslContextBuilder, SslMethod, SslRef, SslSession,
    SslVerifyMode, SslVersion,
};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509Ref};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Only with security level 0 of the client.
    Tls11,
    Tls12,
    Tls13,
}

/// Returns the highest security level that allows signatures with SHA-1.
pub fn max_level_of_sha1() -> u32 {
    if openssl::version::number() < 0x3000_0000 { 1 } else { 0 }
}

/// The way in which the selector is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ClientCertCb,
    CertCb,
    /// The program calls `select` in its own cert_cb.
    Select,
    /// Without certpick.
    None,
}

pub const VERSIONS: [Version; 2] = [Version::Tls12, Version::Tls13];
pub const WAYS: [Way; 3] = [Way::ClientCertCb, Way::CertCb, Way::Select];

/// Returns every combination of these versions and the ways to attach.
pub fn everywhere() -> impl Iterator<Item = (Version, Way)> {
    VERSIONS.into_iter().flat_map(|version| WAYS.into_iter().map(move |way| (version, way)))
}

/// The time at which the server requests a certificate.
#[derive(Clone, Copy)]
enum Request {
    WithinHandshake,
    Later,
    Never,
}

/// The settings of a handshake.
pub struct Handshake<'a> {
    set: &'a Frozen,
    version: Version,
    way: Way,
    names: Vec<Vec<u8>>,
    schemes: Option<String>,
    types: Option<Vec<u8>>,
    certificate_schemes: Option<Vec<u16>>,
    requires: bool,
    trusts: Vec<X509>,
    level: u32,
    security_callback: Option<SecurityCallback>,
    client_schemes: Option<String>,
    client_trusts: Vec<X509>,
    own: Option<Identity>,
    request: Request,
    peer: certpick_core::Peer,
    post_handshake: bool,
}

impl Frozen {
    /// Prepares a handshake with these credentials. The server names no CA and continues without a
    /// certificate.
    pub fn handshake(&self, version: Version, way: Way) -> Handshake<'_> {
        Handshake::new(self, version, way)
    }
}

impl<'a> Handshake<'a> {
    fn new(set: &'a Frozen, version: Version, way: Way) -> Handshake<'a> {
        Handshake {
            set,
            version,
            way,
            names: Vec::new(),
            schemes: None,
            types: None,
            certificate_schemes: None,
            requires: false,
            trusts: Vec::new(),
            level: 2,
            security_callback: None,
            client_schemes: None,
            client_trusts: Vec::new(),
            own: None,
            request: Request::WithinHandshake,
            peer: certpick_core::Peer::default(),
            post_handshake: false,
        }
    }

    /// The server names these CAs.
    pub fn naming(self, authorities: &[&Identity]) -> Handshake<'a> {
        self.naming_der(&authorities.iter().map(|a| a.name()).collect::<Vec<_>>())
    }

    /// The server names these CAs, in DER.
    pub fn naming_der(mut self, names: &[Vec<u8>]) -> Handshake<'a> {
        self.names = names.to_vec();
        self
    }

    /// The server's signature algorithms for the client's certificate, separated by colons.
    pub fn signing(mut self, schemes: &str) -> Handshake<'a> {
        self.schemes = Some(schemes.to_owned());
        self
    }

    /// The server's certificate types (TLS 1.2).
    pub fn types(mut self, types: &[u8]) -> Handshake<'a> {
        self.types = Some(types.to_vec());
        self
    }

    /// The server's signature_algorithms_cert (RFC 8446, section 4.2.3), which OpenSSL passes to no
    /// callback (TLS 1.3).
    pub fn certificates_signed_by(mut self, schemes: &[u16]) -> Handshake<'a> {
        self.certificate_schemes = Some(schemes.to_vec());
        self
    }

    /// The server requires a certificate.
    pub fn requiring(mut self) -> Handshake<'a> {
        self.requires = true;
        self
    }

    /// The server requires a certificate, verifies it with these roots, and names them.
    pub fn trusting(mut self, roots: &[&Identity]) -> Handshake<'a> {
        self.trusts = roots.iter().map(|r| r.certificate.clone()).collect();
        self.requiring().naming(roots)
    }

    /// The server does not request a certificate.
    pub fn not_requesting(mut self) -> Handshake<'a> {
        self.request = Request::Never;
        self
    }

    /// The server requests a certificate only by [`Connection::request_again`] (TLS 1.3).
    pub fn requesting_later(mut self) -> Handshake<'a> {
        self.request = Request::Later;
        self
    }

    /// The client's security level. The default is 2. The server's is always 0.
    pub fn level(mut self, level: u32) -> Handshake<'a> {
        self.level = level;
        self
    }

    /// The client's program has its own security callback.
    pub fn security_callback(mut self, callback: SecurityCallback) -> Handshake<'a> {
        self.security_callback = Some(callback);
        self
    }

    /// The signature algorithms with which the client may sign, separated by colons.
    pub fn client_signing(mut self, schemes: &str) -> Handshake<'a> {
        self.client_schemes = Some(schemes.to_owned());
        self
    }

    /// The client's trust store.
    pub fn client_trusting(mut self, certificates: &[&X509]) -> Handshake<'a> {
        self.client_trusts = certificates.iter().map(|x| (*x).clone()).collect();
        self
    }

    /// The client's program has set this certificate.
    pub fn own(mut self, identity: &Identity) -> Handshake<'a> {
        self.own = Some(identity.clone());
        self
    }

    pub fn user(mut self, user: &str) -> Handshake<'a> {
        self.peer.user = Some(user.as_bytes().into());
        self
    }

    pub fn host(mut self, host: &str) -> Handshake<'a> {
        self.peer.host = Some(host.as_bytes().into());
        self
    }

    /// The client allows requests after the handshake (TLS 1.3).
    pub fn post_handshake(mut self) -> Handshake<'a> {
        self.post_handshake = true;
        self
    }

    pub fn run(self) -> Connection {
        self.prepare().connect(None)
    }

    /// Makes both contexts, for more than one connection.
    pub fn prepare(self) -> Pair {
        let received = Received::default();
        let server = self.server(&received);
        let (client, program) = self.client();
        let known = Known {
            received,
            program,
            leaves: self.set.leaves.clone(),
            own: self.own.map(|own| own.certificate),
            title: format!("{:?} by {:?}", self.version, self.way),
        };
        Pair { client, server, peer: self.peer, post_handshake: self.post_handshake, known }
    }

    fn server(&self, received: &Received) -> SslContext {
        static IDENTITY: OnceLock<Identity> = OnceLock::new();
        let identity = IDENTITY.get_or_init(|| Identity::root("server CA").issue("server"));
        let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
        context.set_security_level(0);
        self.fix_version(&mut context);
        context.set_certificate(&identity.certificate).unwrap();
        context.set_private_key(&identity.key).unwrap();
        context.set_session_id_context(b"certpick").unwrap();
        let mut mode = match self.request {
            Request::Never => SslVerifyMode::NONE,
            Request::WithinHandshake => SslVerifyMode::PEER,
            Request::Later => SslVerifyMode::PEER | ffi::VERIFY_POST_HANDSHAKE,
        };
        if self.requires {
            mode |= SslVerifyMode::FAIL_IF_NO_PEER_CERT;
        }
        context.set_cert_store(store(&self.trusts));
        let (received, accepts_all) = (received.clone(), self.trusts.is_empty());
        context.set_verify_callback(mode, move |verified, context| {
            received.set(ffi::received(context));
            verified || accepts_all
        });
        context.set_client_ca_list(ca_list(&self.names));
        if let Some(schemes) = &self.schemes {
            ffi::set_client_sigalgs(&mut context, schemes);
        }
        if let Some(types) = &self.types {
            ffi::set_client_certificate_types(&mut context, types);
        }
        if let Some(schemes) = &self.certificate_schemes {
            let list: Vec<u8> = schemes.iter().flat_map(|s| s.to_be_bytes()).collect();
            let length = u16::try_from(list.len()).unwrap().to_be_bytes();
            add_to_request(&mut context, SIGNATURE_ALGORITHMS_CERT, [&length[..], &list].concat());
        }
        context.build()
    }

    fn client(&self) -> (SslContext, Option<Rc<Program>>) {
        let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
        context.set_security_level(self.level);
        self.fix_version(&mut context);
        context.set_verify(SslVerifyMode::NONE);
        context.set_cert_store(store(&self.client_trusts));
        ffi::record_certificates(&mut context);
        if let Some(schemes) = &self.client_schemes {
            ffi::set_client_sigalgs(&mut context, schemes);
        }
        if let Some(own) = &self.own {
            context.set_certificate(&own.certificate).unwrap();
            context.set_private_key(&own.key).unwrap();
        }
        let selector = Arc::clone(&self.set.selector);
        let mut program = None;
        // SAFETY: a valid SSL_CTX without a handshake; the pair and the connection keep the program.
        unsafe {
            if let Some(callback) = self.security_callback {
                ffi::SSL_CTX_set_security_callback(context.as_ptr(), Some(callback));
            }
            match self.way {
                Way::ClientCertCb => hook::attach_client_cert_cb(context.as_ptr(), selector),
                Way::CertCb => hook::attach_cert_cb(context.as_ptr(), selector),
                Way::Select => {
                    program = Some(Program::attach(&mut context, selector));
                    Ok(())
                }
                Way::None => Ok(()),
            }
        }
        .unwrap();
        (context.build(), program)
    }

    fn fix_version(&self, context: &mut SslContextBuilder) {
        let version = match self.version {
            Version::Tls11 => SslVersion::TLS1_1,
            Version::Tls12 => SslVersion::TLS1_2,
            Version::Tls13 => SslVersion::TLS1_3,
        };
        context.set_min_proto_version(Some(version)).unwrap();
        context.set_max_proto_version(Some(version)).unwrap();
    }
}

/// A client and a server that can connect.
pub struct Pair {
    client: SslContext,
    server: SslContext,
    peer: certpick_core::Peer,
    post_handshake: bool,
    known: Known,
}

impl Pair {
    /// Sets the user of later connections.
    pub fn set_user(&mut self, user: &str) {
        self.peer.user = Some(user.as_bytes().into());
    }

    /// Performs a handshake and compares the decision with the certificates that the server received.
    pub fn connect(&self, session: Option<&SslSession>) -> Connection {
        let mut client = Ssl::new(&self.client).unwrap();
        let server = Ssl::new(&self.server).unwrap();
        // SAFETY: a valid SSL of this thread; the session is of the same SSL_CTX.
        unsafe {
            hook::set_peer(client.as_ptr(), self.peer.clone()).unwrap();
            if let Some(session) = session {
                client.set_session(session).unwrap();
            }
        }
        if self.post_handshake {
            ffi::set_post_handshake_auth(&mut client);
        }
        Connection::make(client, server, self.known.clone())
    }
}

const SIGNATURE_ALGORITHMS_CERT: u16 = 50;

/// Adds an extension to the server's CertificateRequest that OpenSSL does not send.
fn add_to_request(context: &mut SslContextBuilder, number: u16, body: Vec<u8>) {
    let place = ExtensionContext::TLS1_3_CERTIFICATE_REQUEST;
    let add = move |_: &mut SslRef, _, _: Option<(usize, &X509Ref)>| Ok(Some(body.clone()));
    let parse = |_: &mut SslRef, _, _: &[u8], _: Option<(usize, &X509Ref)>| Ok(());
    context.add_custom_ext(number, place, add, parse).unwrap();
}

fn store(certificates: &[X509]) -> openssl::x509::store::X509Store {
    let mut store = X509StoreBuilder::new().unwrap();
    for certificate in certificates {
        store.add_cert(certificate.clone()).unwrap();
    }
    store.build()
}
