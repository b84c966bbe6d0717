// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client and a server that talk in memory, and what each of them saw.

use super::ffi;
use super::handshake::{Program, stack};
use certpick_core::choice::Reasons;
use certpick_core::decision::Outcome;
use certpick_core::{Decision, Error, Status, hook};
use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ssl::{self, ErrorCode, Ssl, SslRef, SslSession, SslStream};
use openssl::x509::X509;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// What the server received at its last request: the leaf, and what came with it in its order.
#[derive(Clone, Default)]
pub struct Truth(Arc<Mutex<Vec<X509>>>);

impl Truth {
    pub fn set(&self, certificates: Vec<X509>) {
        *self.0.lock().unwrap() = certificates;
    }

    fn get(&self) -> Vec<X509> {
        self.0.lock().unwrap().clone()
    }
}

type Pipe = Rc<RefCell<VecDeque<u8>>>;

/// One end of a wire; counts what went in.
pub struct End {
    from: Pipe,
    to: Pipe,
    written: usize,
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.from.borrow_mut().read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written += bytes.len();
        self.to.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How far one side has come.
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

/// What the test knows of both sides.
pub struct Known {
    pub truth: Truth,
    pub program: Option<Rc<Program>>,
    /// The leaf of each credential; empty: the test itself looks at what was sent.
    pub leaves: Vec<X509>,
    /// The certificate that the program has set itself.
    pub own: Option<X509>,
    pub title: String,
}

/// After the handshake, whether it went well or not.
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
        known.truth.set(Vec::new());
        drop(ErrorStack::get());
        drop(ffi::take_certificate());
        let (up, down) = (Pipe::default(), Pipe::default());
        let end = |from: &Pipe, to: &Pipe| End { from: from.clone(), to: to.clone(), written: 0 };
        let mut connection = Connection {
            client: SslStream::new(client, end(&down, &up)).unwrap(),
            server: SslStream::new(server, end(&up, &down)).unwrap(),
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
                // What is left here would make OpenSSL's next answer an error. A failure has taken
                // its entries with it, and the server clears the queue.
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
        // Here come the server's byte and its tickets, or its alert.
        if let Side::Done = client {
            let read = self.client.ssl_read(&mut [0]).map(|_| ());
            assert_eq!(read.is_ok(), self.completed, "{self}");
            client = Side::from(read);
        }
        self.client_failure = client.failure();
        self.server_failure = server.failure();
    }

    fn written(&self) -> usize {
        self.client.get_ref().written + self.server.get_ref().written
    }

    /// The server asks for another certificate after the handshake (RFC 8446, section 4.6.2).
    pub fn ask_again(&mut self, names: &[Vec<u8>]) {
        self.known.truth.set(Vec::new());
        drop(ErrorStack::get());
        let ssl = self.server.ssl().as_ptr();
        // SAFETY: a valid SSL of a server; the list becomes its own.
        unsafe {
            let names = stack(names);
            openssl_sys::SSL_set_client_CA_list(ssl, foreign_types::ForeignType::as_ptr(&names));
            std::mem::forget(names);
            assert_eq!(ffi::SSL_verify_client_post_handshake(ssl), 1, "{}", ErrorStack::get());
        }
        self.server.do_handshake().unwrap();
        // The client answers when it next reads, and so the server takes the answer.
        self.client_failure = Side::from(self.client.ssl_read(&mut [0]).map(|_| ())).failure();
        self.server_failure = Side::from(self.server.ssl_read(&mut [0]).map(|_| ())).failure();
        self.check();
    }

    /// Whether what certpick says is what the server saw, and whether it says it consistently.
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
        assert!(received.first() == leaf, "{self}\nbut the server saw {received:?}");
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

    /// One error of our own, with the message; or what `select` returned.
    fn check_abort(&self, message: &str) {
        let queue = self.client_failure.as_ref().and_then(ssl::Error::ssl_error);
        let errors = queue.map_or(&[][..], ErrorStack::errors);
        let own: Vec<_> = errors.iter().filter(|e| e.library() == Some("certpick")).collect();
        match &self.known.program {
            Some(program) => {
                assert!(own.is_empty(), "{self}: {own:?}");
                let results = program.result.borrow();
                let Some(Err(error)) = results.last() else { panic!("{self}: {results:?}") };
                assert_eq!(error.to_string(), message, "{self}");
            }
            None => {
                let [error] = &own[..] else { panic!("{self}: {own:?} of {errors:?}") };
                assert_eq!(error.data(), Some(message), "{self}");
            }
        }
    }

    pub fn decision(&self) -> Option<&Decision> {
        // SAFETY: a valid SSL of this thread; nobody changes the record while it is shown.
        unsafe { hook::full_decision(self.client.ssl().as_ptr()) }
    }

    /// The record of the server's request, which there was.
    #[track_caller]
    pub fn asked(&self) -> &Decision {
        self.decision().unwrap_or_else(|| panic!("{self}: nobody was asked"))
    }

    /// The client's side.
    pub fn client(&self) -> &SslRef {
        self.client.ssl()
    }

    pub fn received(&self) -> Vec<X509> {
        self.known.truth.get()
    }

    pub fn choice(&self) -> Option<usize> {
        self.asked().choice()
    }

    pub fn verdict(&self, at: usize) -> Reasons {
        self.asked().verdict(at)
    }

    pub fn verdicts(&self) -> Vec<Reasons> {
        (0..self.known.leaves.len()).map(|at| self.verdict(at)).collect()
    }

    /// Credential `at` was sent, and the server has finished the handshake.
    #[track_caller]
    pub fn assert_sent(&self, at: usize) {
        assert_eq!(self.choice(), Some(at), "{self}");
        assert!(self.completed, "{self}");
    }

    /// No certificate was sent since none suits, and the server did not mind.
    #[track_caller]
    pub fn assert_none_suitable(&self) {
        assert_eq!(self.asked().outcome(), Outcome::NoneSuitable, "{self}");
        assert!(self.completed, "{self}");
    }

    /// The handshake was aborted with this status.
    #[track_caller]
    pub fn assert_aborted(&self, status: Status) -> &Error {
        let decision = self.asked();
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

/// Reasons that put a credential behind others and do not exclude it.
pub const SOFT: u32 = Reasons::EXPIRED.0
    | Reasons::NOT_YET_VALID.0
    | Reasons::KEY_USAGE.0
    | Reasons::EXTENDED_KEY_USAGE.0;

/// What a failed test wants to show.
impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.known.title)?;
        let failures = [("client", &self.client_failure), ("server", &self.server_failure)];
        for (who, failure) in failures {
            if let Some(error) = failure {
                write!(f, "\n{who}: {error}")?;
            }
        }
        match self.decision() {
            Some(decision) => write!(f, "\n{}", decision.explanation()),
            None => write!(f, "\nnobody was asked"),
        }
    }
}
