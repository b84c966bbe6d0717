// SPDX-License-Identifier: MIT OR Apache-2.0
//! A TLS handshake with libpq's settings, whose errors are recorded.

use super::alert::Alert;
use super::connection::Connection;
use super::reach::{system_text, timeout_text};
use super::target::Target;
use super::{Plan, Start, credentials};
use crate::chain_error::ChainError;
use crate::hostname::{self, Match};
use crate::report::{Finding, Level, Subject, Value};
use certpick_core::decision::Decision;
use certpick_core::{hook, ossl};
use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ssl::{Error, ErrorCode, Ssl, SslContext, SslMethod, SslRef, SslStream};
use openssl::ssl::{SslVerifyMode, SslVersion};
use openssl::x509::{X509, X509StoreContextRef, X509VerifyResult};
use openssl_sys as ffi;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};

/// The ALPN protocol that libpq requests since version 17.
const ALPN: &[u8] = b"\x0apostgresql";

/// The purpose of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Records the server's chain and request. Sends no data of the client, and continues if the
    /// chain does not verify.
    Preview,
    /// Sends the certificate, the user and the database. If libpq would verify the server, OpenSSL
    /// does it here and ends the handshake before the client's certificate is sent, if the chain is
    /// invalid or a required host name does not match. (libpq checks the name after the handshake,
    /// when the certificate has been sent.)
    Send,
}

pub struct Handshake {
    pub stream: SslStream<Connection>,
    purpose: Purpose,
    /// Errors of the server's chain.
    chain_errors: Arc<Mutex<Vec<ChainError>>>,
    error: Option<Error>,
}

impl Handshake {
    /// Performs the handshake. If it fails, the error is recorded.
    pub fn run(
        plan: &Plan<'_>,
        target: &Target,
        connection: Connection,
        purpose: Purpose,
    ) -> Result<Handshake, Finding> {
        let chain_errors = Arc::default();
        let ssl = prepare(plan, target, purpose, &chain_errors).map_err(own_failure)?;
        let socket = connection.as_raw_fd();
        let mut stream = SslStream::new(ssl, connection).map_err(own_failure)?;
        set_fd(stream.ssl(), socket).map_err(own_failure)?;
        let error = stream.connect().err();
        Ok(Handshake { stream, purpose, chain_errors, error })
    }

    pub fn ssl(&self) -> &SslRef {
        self.stream.ssl()
    }

    /// Returns whether the handshake succeeded.
    pub fn is_done(&self) -> bool {
        self.error.is_none()
    }

    /// Returns whether a certificate is sent.
    pub fn sends(&self) -> bool {
        self.purpose == Purpose::Send
    }

    /// Returns the error for which certpick ended the handshake, if the server did not verify.
    pub fn trust_error(&self, plan: &Plan<'_>) -> Option<String> {
        let errors = self.chain_errors.lock().unwrap_or_else(PoisonError::into_inner);
        let first = errors.first().filter(|_| requires_trust(plan, self.purpose));
        first.map(|error| format!("certificate verify failed: {error}"))
    }

    /// Returns the certificates that the server sent, its own first.
    pub fn chain(&self) -> Vec<X509> {
        let chain = self.ssl().peer_cert_chain();
        chain.map_or_else(Vec::new, |chain| chain.iter().map(|x| x.to_owned()).collect())
    }

    /// Removes and returns the errors of the server's chain.
    pub fn take_chain_errors(&self) -> Vec<ChainError> {
        std::mem::take(&mut self.chain_errors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the decision about the server's CertificateRequest, if it sent one.
    pub fn decision(&self) -> Option<&Decision> {
        // SAFETY: the SSL is valid and used by this thread only, and the reference cannot outlive
        // `self`.
        unsafe { hook::full_decision(self.ssl().as_ptr()) }
    }

    /// Returns the alert with which the server ended the handshake.
    pub fn alert(&self) -> Option<Alert> {
        Alert::of(self.error.as_ref()?.ssl_error()?)
    }

    /// Returns whether the server ended the handshake because of the certificate, or the lack of one.
    pub fn is_refused(&self) -> bool {
        self.decision().is_some() && self.alert().is_some_and(Alert::is_about_certificate)
    }

    /// Sends close_notify.
    pub fn close(&mut self) {
        if self.is_done() {
            let _ = self.stream.shutdown();
        }
    }

    /// Reports the negotiated parameters, or why the handshake failed.
    pub fn report(&self, plan: &Plan<'_>, subject: &mut Subject) {
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
            let text = format!("the handshake succeeds with {} and {cipher}", ssl.version_str());
            subject.finding(KEY, Level::Good, text);
            if plan.start == Start::Direct && alpn.is_none() {
                let text = "direct SSL connection was established without ALPN protocol \
                            negotiation extension, so libpq closes it";
                let advice = "PostgreSQL 17 and later support ALPN. Check whether there is a proxy \
                              in front of the server.";
                subject.advised("alpn", Level::Wrong, text, advice);
            }
            return;
        };
        let refused = self.decision().and_then(Decision::error).is_some();
        if refused || self.is_refused() {
            // It is reported with the client certificate.
            return;
        }
        subject.push(self.failure(plan, error));
    }

    fn failure(&self, plan: &Plan<'_>, error: &Error) -> Finding {
        const KEY: &str = "handshake";
        let has_chain = !self.chain().is_empty();
        if error.io_error().is_some_and(|e| e.kind() == ErrorKind::TimedOut) {
            let timeout = timeout_text(&self.stream.get_ref().deadline());
            let text = format!("the server did not finish the handshake within {timeout}");
            let finding = Finding::new(KEY, Level::Unknown, text);
            return match plan.start {
                Start::Tls if !has_chain => finding.advice(
                    "Check that the server starts with TLS. Probe PostgreSQL without --tls.",
                ),
                _ => finding.advice("Allow more time with --timeout."),
            };
        }
        if let Some(alert) = self.alert() {
            return alert.finding(KEY, Level::Wrong, "the server ends the handshake");
        }
        let text = format!("the handshake fails: {}", failure_reason(error));
        let finding = Finding::new(KEY, Level::Wrong, text);
        match plan.start {
            Start::Direct if !has_chain => finding.advice(
                "PostgreSQL supports direct TLS since version 17. Probe older versions without \
                 --direct.",
            ),
            Start::Tls if !has_chain => finding.advice(
                "Check that the server starts with TLS on this port. Probe PostgreSQL without \
                 --tls.",
            ),
            _ => finding,
        }
    }
}

/// Returns the reason for which a connection failed.
pub fn failure_reason(error: &Error) -> String {
    const UNEXPECTED_EOF: &str = "the server closes the connection";
    if let Some(stack) = error.ssl_error() {
        let reason = stack.errors().first().and_then(|e| e.reason());
        return match reason {
            Some("unexpected eof while reading") => UNEXPECTED_EOF.to_owned(),
            Some("wrong version number") => "the server's response is not TLS".to_owned(),
            Some(reason) => reason.to_owned(),
            None => "OpenSSL gives no reason".to_owned(),
        };
    }
    match error.io_error() {
        // A server that closes a connection with unread data resets it.
        Some(error)
            if matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ) =>
        {
            UNEXPECTED_EOF.to_owned()
        }
        Some(error) => system_text(error),
        None if error.code() == ErrorCode::ZERO_RETURN || error.code() == ErrorCode::SYSCALL => {
            UNEXPECTED_EOF.to_owned()
        }
        None => error.to_string(),
    }
}

fn own_failure(error: ErrorStack) -> Finding {
    let reason =
        error.errors().first().and_then(|e| e.reason()).unwrap_or("OpenSSL gives no reason");
    Finding::new("handshake", Level::Unknown, format!("could not prepare the handshake: {reason}"))
}

/// Makes SSL_get_fd(3) return the socket, as in a program that calls SSL_set_fd(3), so that rules are
/// compared with its address and port. The additional BIO neither reads, writes nor closes it.
fn set_fd(ssl: &SslRef, socket: RawFd) -> Result<(), ErrorStack> {
    const BIO_NOCLOSE: libc::c_int = 0;
    // SAFETY: the SSL is valid and has a BIO, which frees the new one.
    unsafe {
        let bio = ffi::BIO_new_socket(socket, BIO_NOCLOSE);
        if bio.is_null() {
            return Err(ErrorStack::get());
        }
        ossl::BIO_push(ffi::SSL_get_rbio(ssl.as_ptr()), bio);
    }
    Ok(())
}

/// Returns whether the handshake ends if the server does not verify.
fn requires_trust(plan: &Plan<'_>, purpose: Purpose) -> bool {
    purpose == Purpose::Send && plan.trust.roots.is_some()
}

/// Returns OpenSSL's verify callback. It is called for each certificate, for the leaf last.
fn verify_callback(
    plan: &Plan<'_>,
    target: &Target,
    purpose: Purpose,
    chain_errors: &Arc<Mutex<Vec<ChainError>>>,
) -> impl Fn(bool, &mut X509StoreContextRef) -> bool + Send + Sync + 'static {
    let requires_trust = requires_trust(plan, purpose);
    // None if no name is required. The empty name matches no certificate.
    let name = (requires_trust && plan.trust.requires_name())
        .then(|| target.name_to_verify(plan.options.sni.as_deref()).unwrap_or_default().to_owned());
    let chain_errors = Arc::clone(chain_errors);
    move |is_valid, state| {
        let certificate = state.current_cert().map(ToOwned::to_owned);
        let has_name = match &name {
            Some(name) if state.error_depth() == 0 => certificate
                .as_ref()
                .is_some_and(|leaf| matches!(hostname::matches(leaf, name), Match::Yes(_))),
            _ => true,
        };
        if is_valid && has_name {
            return true;
        }
        if is_valid {
            // SAFETY: it is one of OpenSSL's codes.
            state.set_error(unsafe {
                X509VerifyResult::from_raw(ffi::X509_V_ERR_HOSTNAME_MISMATCH)
            });
        }
        let error = ChainError { result: state.error(), certificate };
        chain_errors.lock().unwrap_or_else(PoisonError::into_inner).push(error);
        !requires_trust
    }
}

fn prepare(
    plan: &Plan<'_>,
    target: &Target,
    purpose: Purpose,
    chain_errors: &Arc<Mutex<Vec<ChainError>>>,
) -> Result<Ssl, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    // libpq's default minimum.
    context.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    plan.trust.load_roots(&mut context)?;
    let callback = verify_callback(plan, target, purpose, chain_errors);
    context.set_verify_callback(SslVerifyMode::PEER, callback);
    if plan.start.is_postgresql() {
        context.set_alpn_protos(ALPN)?;
    }
    let context = context.build();
    let no_memory = |_| ErrorStack::get();
    let selector = match &plan.credentials {
        Some(credentials) => Arc::clone(&credentials.selector),
        None => credentials::none().map_err(no_memory)?,
    };
    // SAFETY: the context is valid, and no handshake uses it yet.
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
    // SAFETY: the SSL is valid and used by this thread only.
    unsafe { hook::set_peer(ssl.as_ptr(), peer) }.map_err(|_| ErrorStack::get())?;
    Ok(ssl)
}

/// Returns the Server Name Indication. As in libpq, it is never an address (RFC 6066, section 3).
fn server_name<'a>(plan: &'a Plan<'_>, target: &'a Target) -> Option<&'a str> {
    match &plan.options.sni {
        Some(name) => (!name.is_empty()).then_some(name),
        None if target.is_socket() => None,
        None if target.host.contains(':') || target.host.parse::<IpAddr>().is_ok() => None,
        None => Some(target.host.as_str()),
    }
}
