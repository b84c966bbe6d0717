// SPDX-License-Identifier: MIT OR Apache-2.0
//! A TLS server that names one CA and records the certificate that it receives.

use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode};
use openssl::stack::Stack;
use openssl::x509::X509;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use testkit::certificates::{Identity, StringKind, Subject, name_in};

/// A server for one connection.
pub struct Server {
    pub address: SocketAddr,
    thread: JoinHandle<Option<X509>>,
}

impl Server {
    /// Starts a server that names the CA of this identity and accepts every certificate.
    pub fn start(named: &Identity) -> Server {
        // s_client prints this name, and tests search its output for "certpick".
        let name = name_in(StringKind::Utf8, "tests", "server");
        let own = Identity::self_signed(Subject::named(name));
        Server::with(&own, Some(named))
    }

    /// Starts a server with this certificate that names no CA and accepts every certificate.
    pub fn that_names_no_ca(own: &Identity) -> Server {
        Server::with(own, None)
    }

    fn with(own: &Identity, named: Option<&Identity>) -> Server {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        acceptor.set_certificate(&own.certificate).unwrap();
        acceptor.set_private_key(&own.key).unwrap();
        let mut names = Stack::new().unwrap();
        if let Some(named) = named {
            names.push(named.certificate.subject_name().to_owned().unwrap()).unwrap();
        }
        acceptor.set_client_ca_list(names);
        acceptor.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        let acceptor = acceptor.build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = acceptor.accept(stream).ok()?;
            let _ = stream.write_all(b"hello\n");
            let _ = stream.shutdown();
            stream.ssl().peer_certificate()
        });
        Server { address, thread }
    }

    /// Returns the certificate that the server received. The client must have ended.
    pub fn received(self) -> Option<X509> {
        // Unblocks accept(2) if no client has connected.
        drop(TcpStream::connect(self.address));
        self.thread.join().unwrap()
    }
}
