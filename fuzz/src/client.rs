// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client with credentials, which receives the first flight of a server.

use certpick_core::choice::Reasons;
use certpick_core::{Decision, Selector, hook};
use foreign_types::ForeignTypeRef;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVersion};
use openssl::x509::{X509, X509Name};
use std::io::{self, Read, Write};
use std::sync::{Arc, Once, OnceLock};
use testkit::certificates::{Identity, Subject};
use testkit::keys::Kind;

/// The client and its credentials.
pub struct World {
    context: SslContext,
    /// The issuers in the chain of each credential.
    pub issuers: Vec<Vec<X509Name>>,
    /// Whether the certificate type of each credential is rsa_sign; otherwise it is ecdsa_sign.
    pub is_rsa: Vec<bool>,
    /// A server's certificate, for RSA key exchange.
    server: X509,
}

/// A request without CA names, for ECDSA with P-256 and SHA-256.
pub const VALID_REQUEST: &[u8] = &[1, 64, 0, 2, 4, 3, 0, 0];

impl World {
    /// Returns the client, which is made once per process.
    pub fn get() -> &'static World {
        static WORLD: OnceLock<World> = OnceLock::new();
        static CHECKED: Once = Once::new();
        let world = WORLD.get_or_init(World::new);
        // The targets test nothing unless a valid flight leads to a choice.
        CHECKED.call_once(|| {
            let flight = world.flight(VALID_REQUEST);
            world.receive(&flight, |decision| {
                assert_eq!(decision.and_then(Decision::choice), Some(0));
            });
        });
        world
    }

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
            issuers.push(names.map(|x| x.issuer_name().to_owned().expect("a name")).collect());
            is_rsa.push(own.key.rsa().is_ok());
            selector
                .add_credential(own.certificate.clone(), own.key.clone(), chain.clone())
                .expect("a valid credential");
        }
        let selector = Arc::new(selector.freeze().expect("a selector"));
        let mut context = SslContext::builder(SslMethod::tls_client()).expect("a context");
        context.set_max_proto_version(Some(SslVersion::TLS1_2)).expect("TLS 1.2");
        context.set_cipher_list("AES128-GCM-SHA256").expect("RSA key exchange");
        let context = context.build();
        // SAFETY: a valid SSL_CTX without a handshake.
        unsafe { hook::attach_client_cert_cb(context.as_ptr(), selector) }.expect("attached");
        let server = Identity::root(Subject::new("server").kind(Kind::Rsa2048)).certificate;
        World { context, issuers, is_rsa, server }
    }

    /// Returns the flight of a TLS 1.2 server with RSA key exchange: ServerHello, Certificate,
    /// CertificateRequest and ServerHelloDone. None of them is signed, so any request leads to a choice.
    pub fn flight(&self, request: &[u8]) -> Vec<u8> {
        // An empty renegotiation_info (RFC 5746), which OpenSSL requires.
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

    /// Receives a flight, checks the decision and passes it to `look`.
    pub fn receive(&self, flight: &[u8], look: impl FnOnce(Option<&Decision>)) {
        let ssl = Ssl::new(&self.context).expect("an SSL");
        let mut stream = SslStream::new(ssl, Flight(flight)).expect("a stream");
        let _ = stream.connect();
        // SAFETY: a valid SSL of this thread.
        let decision = unsafe { hook::full_decision(stream.ssl().as_ptr()) };
        decision.inspect(|decision| check(decision));
        look(decision);
    }
}

/// Encodes a length in three bytes.
fn length(count: usize) -> [u8; 3] {
    let [.., a, b, c] = count.to_be_bytes();
    [a, b, c]
}

/// Encodes a handshake message.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &length(body.len()), body].concat()
}

/// Encodes messages in records of TLS 1.2.
pub fn records(messages: &[u8]) -> Vec<u8> {
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).expect("small").to_be_bytes();
        [&[22, 3, 3][..], &length, part].concat()
    };
    messages.chunks(16_000).flat_map(record).collect()
}

/// The client's end of a connection: it reads the flight, and writes are lost.
struct Flight<'a>(&'a [u8]);

impl Read for Flight<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Flight<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Checks conditions for every decision.
fn check(decision: &Decision) {
    let excluding = Reasons::ISSUER.0
        | Reasons::SIGNATURE_ALGORITHM.0
        | Reasons::CERTIFICATE_TYPE.0
        | Reasons::SECURITY_LEVEL.0;
    if let Some(at) = decision.choice() {
        assert_eq!(decision.verdict(at).0 & excluding, 0);
        // No credential is flawed, so the first suitable one is chosen.
        for before in 0..at {
            assert_ne!(decision.verdict(before).0 & excluding, 0, "{before} before {at}");
        }
    }
    let text = decision.explanation();
    assert!(text.ends_with('\n') && !text.contains(|c: char| c.is_control() && c != '\n'));
}
