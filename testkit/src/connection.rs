// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection in memory between a client and a server. After each request, the decision is compared
//! with the certificates that the server received.

use crate::certificates::ca_list;
use crate::ffi;
use crate::memory::End;
use crate::program::Program;
use certpick_core::choice::Reasons;
use certpick_core::decision::Outcome;
use certpick_core::{Decision, Error, Status, hook};
use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::error::ErrorStack;
use openssl::ssl::{self, ErrorCode, Ssl, SslSession, SslStream};
use openssl::x509::X509;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// The certificates that the server received after its last request, in order.
#[derive(Clone, Default)]
pub struct Received(Arc<Mutex<Vec<X509>>>);

impl Received {
    pub fn set(&self, certificates: Vec<X509>) {
        *self.0.lock().unwrap() = certificates;
    }

    fn get(&self) -> Vec<X509> {
        self.0.lock().unwrap().clone()
    }
}

/// The state of one side.
enum Side {
    Waiting,
    Done,
    Failed(ssl::Error),
}

impl Side {
    fn from(result: Result<(), ssl::Error>) -> Side {
        match result {
            Ok(()) => Side::Done,
            Err(e) if matches!(e.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE) => {
                Side::Waiting
            }
            Err(e) => Side::Failed(e),
        }
    }

    fn failure(self) -> Option<ssl::Error> {
        if let Side::Failed(error) = self { Some(error) } else { None }
    }
}

/// The facts with which a decision is compared.
#[derive(Clone)]
pub struct Known {
    pub received: Received,
    pub program: Option<Rc<Program>>,
    /// The leaf of each credential. If empty, the test itself checks the certificates that were sent.
    pub leaves: Vec<X509>,
    /// The certificate that the program has set.
    pub own: Option<X509>,
    pub title: String,
}

/// A connection after its handshake, which may have failed.
pub struct Connection {
    client: SslStream<End>,
    server: SslStream<End>,
    pub client_failure: Option<ssl::Error>,
    pub server_failure: Option<ssl::Error>,
    completed: bool,
    known: Known,
}

impl Connection {
    pub fn make(client: Ssl, server: Ssl, known: Known) -> Connection {
        known.received.set(Vec::new());
        drop(ErrorStack::get());
        drop(ffi::take_certificate());
        let (client_end, server_end) = End::pair();
        let mut connection = Connection {
            client: SslStream::new(client, client_end).unwrap(),
            server: SslStream::new(server, server_end).unwrap(),
            client_failure: None,
            server_failure: None,
            completed: false,
            known,
        };
        connection.shake_hands();
        connection.check();
        connection
    }

    fn shake_hands(&mut self) {
        let (mut client, mut server) = (Side::Waiting, Side::Waiting);
        loop {
            let before = self.written();
            if let Side::Waiting = client {
                client = Side::from(self.client.connect());
                // Entries that are left would make OpenSSL's next result an error. A failure has
                // removed its entries, and the server clears the queue.
                let queue = ErrorStack::get();
                assert!(queue.errors().is_empty(), "{self}\nleft in the error queue: {queue}");
            }
            if let Side::Waiting = server {
                server = Side::from(self.server.accept());
            }
            if self.written() == before {
                break;
            }
        }
        if let (Side::Done, Side::Done) = (&client, &server) {
            self.completed = true;
            self.server.ssl_write(b"!").unwrap();
        }
        // Reads the server's byte and its tickets, or its alert.
        if let Side::Done = client {
            let read = self.client.ssl_read(&mut [0]).map(|_| ());
            assert_eq!(read.is_ok(), self.completed, "{self}");
            client = Side::from(read);
        }
        self.client_failure = client.failure();
        self.server_failure = server.failure();
    }

    fn written(&self) -> usize {
        self.client.get_ref().written() + self.server.get_ref().written()
    }

    /// The server requests another certificate after the handshake (RFC 8446, section 4.6.2).
    pub fn request_again(&mut self, names: &[Vec<u8>]) {
        self.known.received.set(Vec::new());
        drop(ErrorStack::get());
        let ssl = self.server.ssl().as_ptr();
        // SAFETY: a valid SSL of a server, which takes ownership of the list.
        unsafe {
            let names = std::mem::ManuallyDrop::new(ca_list(names));
            openssl_sys::SSL_set_client_CA_list(ssl, names.as_ptr());
            assert_eq!(ffi::SSL_verify_client_post_handshake(ssl), 1, "{}", ErrorStack::get());
        }
        self.server.do_handshake().unwrap();
        // Each side handles the messages of the other when it reads.
        self.client_failure = Side::from(self.client.ssl_read(&mut [0]).map(|_| ())).failure();
        self.server_failure = Side::from(self.server.ssl_read(&mut [0]).map(|_| ())).failure();
        self.check();
    }

    /// Checks that the decision is consistent and agrees with the certificates that the server
    /// received.
    fn check(&self) {
        let received = self.received();
        let Some(decision) = self.decision() else {
            let sent = received.first();
            assert!(sent.is_none() || sent == self.known.own.as_ref(), "{self}: {received:?}");
            return;
        };
        if self.known.leaves.is_empty() {
            return;
        }
        let leaf = decision.choice().map(|at| &self.known.leaves[at]);
        assert!(received.first() == leaf, "{self}\nbut the server received {received:?}");
        let (message, outcome) = (decision.message(), decision.outcome());
        assert_eq!(outcome == Outcome::Sent, leaf.is_some(), "{self}");
        assert_eq!(outcome == Outcome::Failed, decision.error().is_some(), "{self}");
        assert_eq!(outcome == Outcome::Sent, message.is_empty(), "{self}: {message}");
        if let Some(at) = decision.choice() {
            let hard = decision.verdict(at).0 & !SOFT;
            assert_eq!(hard, 0, "{self}: sent in spite of {hard:#x}");
        }
        if outcome == Outcome::Failed {
            assert!(self.client_failure.is_some() && !self.completed, "{self}: not aborted");
            self.check_abort(&message);
        }
    }

    /// Checks that OpenSSL's error queue has one error of certpick with the message, or that `select`
    /// returned it.
    fn check_abort(&self, message: &str) {
        let queue = self.client_failure.as_ref().and_then(ssl::Error::ssl_error);
        let errors = queue.map_or(&[][..], ErrorStack::errors);
        let own: Vec<_> = errors.iter().filter(|e| e.library() == Some("certpick")).collect();
        match &self.known.program {
            Some(program) => {
                assert!(own.is_empty(), "{self}: {own:?}");
                let results = program.results.borrow();
                let Some(Err(error)) = results.last() else { panic!("{self}: {results:?}") };
                assert_eq!(error.to_string(), message, "{self}");
            }
            None => {
                let [error] = &own[..] else { panic!("{self}: {own:?} of {errors:?}") };
                assert_eq!(error.data(), Some(message), "{self}");
            }
        }
    }

    /// Returns the decision, if the server has requested a certificate.
    pub fn decision(&self) -> Option<&Decision> {
        // SAFETY: a valid SSL of this thread, which does not change meanwhile.
        unsafe { hook::full_decision(self.client.ssl().as_ptr()) }
    }

    /// Returns the decision. The server must have requested a certificate.
    #[track_caller]
    pub fn record(&self) -> &Decision {
        self.decision().unwrap_or_else(|| panic!("{self}: no request"))
    }

    pub fn received(&self) -> Vec<X509> {
        self.known.received.get()
    }

    pub fn choice(&self) -> Option<usize> {
        self.record().choice()
    }

    pub fn verdict(&self, at: usize) -> Reasons {
        self.record().verdict(at)
    }

    pub fn verdicts(&self) -> Vec<Reasons> {
        (0..self.known.leaves.len()).map(|at| self.verdict(at)).collect()
    }

    /// Checks that this credential was sent and the handshake is complete.
    #[track_caller]
    pub fn assert_sent(&self, at: usize) {
        assert_eq!(self.choice(), Some(at), "{self}");
        assert!(self.completed, "{self}");
    }

    /// Checks that no certificate was sent because none is suitable, and the handshake is complete.
    #[track_caller]
    pub fn assert_none_suitable(&self) {
        assert_eq!(self.record().outcome(), Outcome::NoneSuitable, "{self}");
        assert!(self.completed, "{self}");
    }

    /// Checks that the handshake was aborted with this status. Returns the error.
    #[track_caller]
    pub fn assert_aborted(&self, status: Status) -> &Error {
        let decision = self.record();
        assert_eq!(decision.outcome(), Outcome::Failed, "{self}");
        let error = decision.error().unwrap();
        assert_eq!(error.status(), status, "{self}: {error}");
        error
    }

    pub fn is_complete(&self) -> bool {
        self.completed
    }

    pub fn was_resumed(&self) -> bool {
        assert_eq!(self.client.ssl().session_reused(), self.server.ssl().session_reused());
        self.client.ssl().session_reused()
    }

    pub fn session(&self) -> SslSession {
        self.client.ssl().session().unwrap().to_owned()
    }
}

/// Reasons that demote a credential and do not exclude it.
pub const SOFT: u32 = Reasons::EXPIRED.0
    | Reasons::NOT_YET_VALID.0
    | Reasons::KEY_USAGE.0
    | Reasons::EXTENDED_KEY_USAGE.0;

/// The explanation, for the message of a failed test.
impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.known.title)?;
        let failures = [("client", &self.client_failure), ("server", &self.server_failure)];
        for (side, failure) in failures {
            if let Some(error) = failure {
                write!(f, "\n{side}: {error}")?;
            }
        }
        match self.decision() {
            Some(decision) => write!(f, "\n{}", decision.explanation()),
            None => write!(f, "\nno request"),
        }
    }
}
