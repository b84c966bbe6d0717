// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client that is fed what a server might send first, and the credentials that it has.

use crate::certificates::{Identity, Subject};
use crate::keys::Kind;
use certpick_core::choice::Reasons;
use certpick_core::{Decision, FrozenSelector, Selector, hook};
use foreign_types::ForeignTypeRef;
use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVersion};
use openssl::x509::{X509, X509Name, X509NameRef};
use std::io::{self, Read, Write};
use std::sync::{Arc, Once, OnceLock};

/// What the client has.
pub struct World {
    pub context: SslContext,
    pub selector: Arc<FrozenSelector>,
    /// For each credential the names by which a server may mean it: the issuers in its chain.
    pub issuers: Vec<Vec<X509Name>>,
    /// For each whether a TLS 1.2 server asks for it by the type rsa_sign; otherwise ecdsa_sign.
    pub is_rsa: Vec<bool>,
    /// A server's certificate, for RSA key exchange.
    server: X509,
}

/// Made once.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    static CHECKED: Once = Once::new();
    let world = WORLD.get_or_init(World::new);
    // Nothing would be tested if no flight came as far as the choice.
    CHECKED.call_once(|| {
        let sound = world.flight(SOUND_REQUEST);
        hear(world, &sound, |decision| assert_eq!(decision.and_then(Decision::choice), Some(0)));
    });
    world
}

/// For everybody, by ECDSA with P-256 and SHA-256.
pub const SOUND_REQUEST: &[u8] = &[1, 64, 0, 2, 4, 3, 0, 0];

fn copy(name: &X509NameRef) -> X509Name {
    X509Name::from_der(&name.to_der().expect("DER")).expect("a name")
}

impl World {
    fn new() -> World {
        let roots: Vec<Identity> = ["A", "B", "C"].map(Identity::root).into();
        let middle = roots[1].authority("middle");
        let clients = [
            (roots[0].issue("zero"), vec![]),
            (roots[1].issue(Subject::new("one").kind(Kind::Rsa2048)), vec![]),
            (middle.issue("two"), vec![middle.certificate.clone()]),
            (roots[2].issue(Subject::new("three").kind(Kind::Ed25519)), vec![]),
            (roots[0].issue("four"), vec![]),
        ];
        let mut selector = Selector::new();
        let mut issuers = Vec::new();
        let mut is_rsa = Vec::new();
        for (own, chain) in &clients {
            let names = std::iter::once(&own.certificate).chain(chain);
            issuers.push(names.map(|x| copy(x.issuer_name())).collect());
            is_rsa.push(own.key.rsa().is_ok());
            let key = PKey::private_key_from_der(&own.key.private_key_to_der().expect("DER"));
            selector
                .add_credential(own.certificate.clone(), key.expect("a key"), chain.clone())
                .expect("a sound credential");
        }
        let selector = Arc::new(selector.freeze().expect("a selector"));
        let mut context = SslContext::builder(SslMethod::tls_client()).expect("a context");
        context.set_max_proto_version(Some(SslVersion::TLS1_2)).expect("TLS 1.2");
        context.set_cipher_list("AES128-GCM-SHA256").expect("RSA key exchange");
        let context = context.build();
        // SAFETY: a context that no handshake uses yet.
        unsafe { hook::attach_client_cert_cb(context.as_ptr(), Arc::clone(&selector)) }
            .expect("attached");
        let server = Identity::root(Subject::new("server").kind(Kind::Rsa2048)).certificate;
        World { context, selector, issuers, is_rsa, server }
    }

    /// The messages around a CertificateRequest: ServerHello, Certificate, the request and
    /// ServerHelloDone, as a server of TLS 1.2 with RSA key exchange sends them. Nothing in them is
    /// signed, so any request comes as far as the choice.
    pub fn flight(&self, request: &[u8]) -> Vec<u8> {
        // An empty renegotiation_info (RFC 5746): OpenSSL insists on it.
        let extensions = [0, 5, 0xff, 1, 0, 1, 0];
        let hello = [&[3, 3][..], &[7; 32], &[0], &[0, 0x9c], &[0], &extensions].concat();
        let der = self.server.to_der().expect("DER");
        let certificate = [length(der.len()).to_vec(), der].concat();
        let certificates = [length(certificate.len()).to_vec(), certificate].concat();
        let messages = [
            message(2, &hello),
            message(11, &certificates),
            message(13, request),
            message(14, &[]),
        ];
        records(&messages.concat())
    }
}

/// Three bytes.
pub fn length(count: usize) -> [u8; 3] {
    let [.., a, b, c] = count.to_be_bytes();
    [a, b, c]
}

/// A handshake message.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &length(body.len()), body].concat()
}

/// In records of TLS 1.2.
pub fn records(messages: &[u8]) -> Vec<u8> {
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).expect("small").to_be_bytes();
        [&[22, 3, 3][..], &length, part].concat()
    };
    messages.chunks(16_000).flat_map(record).collect()
}

/// The client's side of a connection: what it hears is there already, and what it says is lost.
struct Ear<'a>(&'a [u8]);

impl Read for Ear<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Ear<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lets a client hear this, and looks at the decision that it came to.
pub fn hear(world: &World, heard: &[u8], look: impl FnOnce(Option<&Decision>)) {
    let ssl = Ssl::new(&world.context).expect("an SSL");
    let mut stream = SslStream::new(ssl, Ear(heard)).expect("a stream");
    let _ = stream.connect();
    // SAFETY: a valid SSL of this thread.
    let decision = unsafe { hook::full_decision(stream.ssl().as_ptr()) };
    if let Some(decision) = decision {
        consistent(decision);
    }
    look(decision);
}

/// What holds for every decision.
fn consistent(decision: &Decision) {
    let excluding = Reasons::ISSUER.0
        | Reasons::SIGNATURE_ALGORITHM.0
        | Reasons::CERTIFICATE_TYPE.0
        | Reasons::SECURITY_LEVEL.0;
    if let Some(at) = decision.choice() {
        assert_eq!(decision.verdict(at).0 & excluding, 0);
        // All are sound, so the first one that suits is the one.
        for before in 0..at {
            assert_ne!(decision.verdict(before).0 & excluding, 0, "{before} before {at}");
        }
    }
    let text = decision.explanation();
    assert!(text.ends_with('\n') && !text.contains(|c: char| c.is_control() && c != '\n'));
}
