// SPDX-License-Identifier: MIT OR Apache-2.0
//! A handshake as libpq makes it, of which everything is kept.

use super::alert::Alert;
use super::connection::Connection;
use super::reach::{patience, words};
use super::target::Target;
use super::{Plan, Start, credentials};
use crate::hostname::{self, Match};
use crate::inspect;
use crate::report::{Finding, Level, Subject, Value};
use certpick_core::decision::Decision;
use certpick_core::hook;
use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ssl::{Error, ErrorCode, Ssl, SslContext, SslMethod, SslRef, SslStream};
use openssl::ssl::{SslVerifyMode, SslVersion};
use openssl::x509::{X509, X509StoreContextRef, X509VerifyResult};
use openssl_sys as ffi;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// By it libpq asks for PostgreSQL's protocol (from version 17 on).
const ALPN: &[u8] = b"\x0apostgresql";

/// What a handshake is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To see what the server is and asks for. It is sent nothing of the client's, and what speaks
    /// against its chain ends nothing.
    Preview,
    /// To send it the certificate, and user and database. Where libpq verifies, OpenSSL does so here
    /// and ends the handshake, before the client's certificate is sent, if the chain is not valid, or
    /// the name is demanded and not the host's. (libpq looks at the name after the handshake, when
    /// the certificate has been sent.)
    Send,
}

/// Why the server's certificate is not found valid.
pub struct Doubt {
    pub result: X509VerifyResult,
    pub certificate: Option<X509>,
}

impl Doubt {
    pub fn words(&self) -> String {
        let mut text = format!("certificate verify failed: {}", self.result.error_string());
        if let Some(at) = &self.certificate {
            text.push_str(&format!(", at {}", inspect::name_text(at.subject_name())));
        }
        text
    }
}

/// See the module.
pub struct Handshake {
    pub stream: SslStream<Connection>,
    purpose: Purpose,
    /// What spoke against the server's chain.
    doubts: Arc<Mutex<Vec<Doubt>>>,
    error: Option<Error>,
}

impl Handshake {
    /// Makes it, as far as it goes.
    pub fn run(
        plan: &Plan<'_>,
        target: &Target,
        connection: Connection,
        purpose: Purpose,
    ) -> Result<Handshake, Finding> {
        let doubts = Arc::default();
        let ssl = prepare(plan, target, purpose, &doubts).map_err(own_failure)?;
        let mut stream = SslStream::new(ssl, connection).map_err(own_failure)?;
        let error = stream.connect().err();
        Ok(Handshake { stream, purpose, doubts, error })
    }

    pub fn ssl(&self) -> &SslRef {
        self.stream.ssl()
    }

    /// Whether it came to its end.
    pub fn is_done(&self) -> bool {
        self.error.is_none()
    }

    /// Whether a certificate really goes out.
    pub fn sends(&self) -> bool {
        self.purpose == Purpose::Send
    }

    /// Why it was ended, if that was because the server is not to be trusted.
    pub fn distrust(&self, plan: &Plan<'_>) -> Option<String> {
        let doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_binding = is_binding(plan, self.purpose);
        doubts.first().filter(|_| is_binding).map(Doubt::words)
    }

    /// The certificates that the server sent, its own first.
    pub fn chain(&self) -> Vec<X509> {
        let chain = self.ssl().peer_cert_chain();
        chain.map_or_else(Vec::new, |chain| chain.iter().map(|x| x.to_owned()).collect())
    }

    /// Why the chain is not valid; nothing if it is.
    pub fn doubts(&self) -> Vec<Doubt> {
        std::mem::take(&mut self.doubts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the server asked for, and what came of it, if it did ask.
    pub fn decision(&self) -> Option<&Decision> {
        // SAFETY: a valid SSL of this thread; nothing else asks for its decision while a reference
        // to it is used.
        unsafe { hook::whole_decision(self.ssl().as_ptr()) }
    }

    /// The alert by which the server ended it, if it did.
    pub fn alert(&self) -> Option<Alert> {
        Alert::of(self.error.as_ref()?.ssl_error()?)
    }

    /// Whether the server ended it because of the certificate that it was, or was not, sent.
    pub fn is_refused(&self) -> bool {
        self.decision().is_some() && self.alert().is_some_and(Alert::is_about_certificate)
    }

    /// Takes leave.
    pub fn leave(&mut self) {
        if self.is_done() {
            let _ = self.stream.shutdown();
        }
    }

    /// What was agreed on, or why nothing was.
    pub fn tell(&self, plan: &Plan<'_>, subject: &mut Subject) {
        const KEY: &str = "handshake";
        let ssl = self.ssl();
        let alpn = ssl.selected_alpn_protocol();
        let Some(error) = &self.error else {
            let cipher = ssl.current_cipher().map_or("none", |c| c.name());
            subject.fact("protocol", "protocol", ssl.version_str());
            subject.fact("cipher", "cipher", cipher);
            if let Some(alpn) = alpn {
                subject.fact("alpn", "ALPN", Value::Text(alpn.into()));
            }
            let text = format!("the handshake succeeds, by {} and {cipher}", ssl.version_str());
            subject.finding(KEY, Level::Good, text);
            if plan.start == Start::Direct && alpn.is_none() {
                let text = "direct SSL connection was established without ALPN protocol \
                            negotiation extension, and libpq ends it then";
                let advice = "PostgreSQL 17 and later answer; a proxy before it may not";
                subject.advised("alpn", Level::Wrong, text, advice);
            }
            return;
        };
        let refused = self.decision().and_then(Decision::error).is_some();
        if refused || self.is_refused() {
            // That is told where it belongs: with the certificate.
            return;
        }
        subject.push(self.failure(plan, error));
    }

    fn failure(&self, plan: &Plan<'_>, error: &Error) -> Finding {
        const KEY: &str = "handshake";
        let begun = !self.chain().is_empty();
        if error.io_error().is_some_and(|e| e.kind() == ErrorKind::TimedOut) {
            let within = patience(&self.stream.get_ref().deadline());
            let text = format!("the server did not finish the handshake within {within}");
            let finding = Finding::new(KEY, Level::Unknown, text);
            return match plan.start {
                Start::Tls if !begun => finding.advice(
                    "is it a server that begins with TLS? PostgreSQL does not, without --tls",
                ),
                _ => finding.advice("--timeout allows more time"),
            };
        }
        if let Some(alert) = self.alert() {
            let text = format!("the server ends the handshake: alert {}", alert.name());
            let finding = Finding::new(KEY, Level::Wrong, text);
            return match alert.meaning() {
                Some(meaning) => finding.advice(meaning),
                None => finding,
            };
        }
        let finding =
            Finding::new(KEY, Level::Wrong, format!("the handshake fails: {}", why(error)));
        match plan.start {
            _ if begun => finding,
            Start::Direct => finding.advice(
                "PostgreSQL begins with TLS from version 17 on; older ones are asked without \
                 --direct",
            ),
            Start::Tls => finding.advice(
                "does the server begin with TLS on this port? PostgreSQL is asked without --tls",
            ),
            Start::SslRequest => finding,
        }
    }
}

/// How a connection failed, in words.
pub fn why(error: &Error) -> String {
    const UNEXPECTED_EOF: &str = "the server closes the connection";
    if let Some(stack) = error.ssl_error() {
        let reason = stack.errors().first().and_then(|e| e.reason());
        return match reason {
            Some("unexpected eof while reading") => UNEXPECTED_EOF.to_owned(),
            Some("wrong version number") => "what the server answers is not TLS".to_owned(),
            Some(reason) => reason.to_owned(),
            None => "OpenSSL gives no reason".to_owned(),
        };
    }
    match error.io_error() {
        // It is reset where a server closes it with something unread.
        Some(error)
            if matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ) =>
        {
            UNEXPECTED_EOF.to_owned()
        }
        Some(error) => words(error),
        None if error.code() == ErrorCode::ZERO_RETURN || error.code() == ErrorCode::SYSCALL => {
            UNEXPECTED_EOF.to_owned()
        }
        None => error.to_string(),
    }
}

fn own_failure(error: ErrorStack) -> Finding {
    let reason = error.errors().first().and_then(|e| e.reason()).unwrap_or("no reason given");
    Finding::new("handshake", Level::Unknown, format!("OpenSSL could not begin: {reason}"))
}

/// Whether a doubt ends the handshake.
fn is_binding(plan: &Plan<'_>, purpose: Purpose) -> bool {
    purpose == Purpose::Send && plan.trust.verifies()
}

/// What looks at each certificate of the server's chain, the server's own last.
fn verifier(
    plan: &Plan<'_>,
    target: &Target,
    purpose: Purpose,
    doubts: &Arc<Mutex<Vec<Doubt>>>,
) -> impl Fn(bool, &mut X509StoreContextRef) -> bool + Send + Sync + 'static {
    let is_binding = is_binding(plan, purpose);
    // None: no name is demanded. Where there is none to look for, no certificate has it.
    let name = (is_binding && plan.trust.demands_name())
        .then(|| target.name_to_verify(plan.options.sni.as_deref()).unwrap_or_default().to_owned());
    let doubts = Arc::clone(doubts);
    move |is_valid, state| {
        let certificate = state.current_cert().map(ToOwned::to_owned);
        let has_name = match &name {
            Some(name) if state.error_depth() == 0 => certificate
                .as_ref()
                .is_some_and(|leaf| matches!(hostname::matches(leaf, name), Match::Yes(_))),
            _ => true,
        };
        if is_valid && !has_name {
            // SAFETY: a number that OpenSSL knows.
            state.set_error(unsafe {
                X509VerifyResult::from_raw(ffi::X509_V_ERR_HOSTNAME_MISMATCH)
            });
        }
        if is_valid && has_name {
            return true;
        }
        let doubt = Doubt { result: state.error(), certificate };
        doubts.lock().unwrap_or_else(PoisonError::into_inner).push(doubt);
        !is_binding
    }
}

fn prepare(
    plan: &Plan<'_>,
    target: &Target,
    purpose: Purpose,
    doubts: &Arc<Mutex<Vec<Doubt>>>,
) -> Result<Ssl, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    // libpq's default.
    context.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    plan.trust.set(&mut context)?;
    context.set_verify_callback(SslVerifyMode::PEER, verifier(plan, target, purpose, doubts));
    if plan.start.is_postgresql() {
        context.set_alpn_protos(ALPN)?;
    }
    let context = context.build();
    let no_memory = |_| ErrorStack::get();
    let selector = match &plan.credentials {
        Some(credentials) => Arc::clone(&credentials.selector),
        None => credentials::none().map_err(no_memory)?,
    };
    // SAFETY: a context that no handshake uses yet.
    let attached = unsafe {
        match purpose {
            Purpose::Send => hook::attach_client_cert_cb(context.as_ptr(), selector),
            Purpose::Preview => hook::attach_preview(context.as_ptr(), selector),
        }
    };
    attached.map_err(|_| ErrorStack::get())?;
    let mut ssl = Ssl::new(&context)?;
    if let Some(name) = server_name(plan, target) {
        ssl.set_hostname(name)?;
    }
    let bytes = |text: &str| Some(text.as_bytes().into());
    let user = plan.options.user.as_deref().and_then(bytes);
    let peer = certpick_core::Peer { host: bytes(&target.host), user };
    // SAFETY: a valid SSL of this thread.
    unsafe { hook::set_peer(ssl.as_ptr(), peer) }.map_err(|_| ErrorStack::get())?;
    Ok(ssl)
}

/// What the server is asked for by Server Name Indication: as libpq, never an address (RFC 6066,
/// section 3).
fn server_name<'a>(plan: &'a Plan<'_>, target: &'a Target) -> Option<&'a str> {
    match &plan.options.sni {
        Some(name) => (!name.is_empty()).then_some(name),
        None if target.is_socket() => None,
        None if target.host.contains(':') || target.host.parse::<IpAddr>().is_ok() => None,
        None => Some(target.host.as_str()),
    }
}
