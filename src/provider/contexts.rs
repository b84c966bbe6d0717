// SPDX-License-Identifier: MIT OR Apache-2.0
//! The callbacks on each new SSL_CTX of the process.

use super::explain;
use super::settings::{Only, Settings};
use certpick_core::Peer;
use certpick_core::decision::Outcome;
use certpick_core::error::Error;
use certpick_core::guard::guard;
use certpick_core::hook;
use certpick_core::hook::libpq::{self, CertMode};
use certpick_core::ossl;
use certpick_core::ossl::ex_data::{self, Slot};
use certpick_core::selector::FrozenSelector;
use libc::{c_int, c_long, c_void};
use once_cell::race::OnceBox;
use openssl_sys as ffi;
use std::ptr;
use std::sync::Arc;

/// The settings of the first activation. A process reads one openssl.cnf.
static SETTINGS: OnceBox<Settings> = OnceBox::new();
static STATE: Slot<ffi::SSL_CTX, State> = Slot::new(Some(new_context));

unsafe extern "C" {
    fn TLS_server_method() -> *const ffi::SSL_METHOD;
    fn DTLS_server_method() -> *const ffi::SSL_METHOD;
    fn SSL_CTX_get_ssl_method(ctx: *const ffi::SSL_CTX) -> *const ffi::SSL_METHOD;
    fn SSL_use_certificate(ssl: *mut ffi::SSL, x: *mut ffi::X509) -> c_int;
    fn SSL_set_shutdown(ssl: *mut ffi::SSL, mode: c_int);
}

/// The state of an SSL_CTX: its selector, once a server has requested a certificate.
#[derive(Default)]
struct State {
    selector: OnceBox<Arc<FrozenSelector>>,
}

/// Installs the callbacks on every SSL_CTX that is created from now on.
pub fn install(settings: Settings) {
    if SETTINGS.set(Box::new(settings)).is_err() {
        return;
    }
    // OpenSSL calls `new_context` from now on, except for an SSL_CTX that is created while the
    // thread has another default library context. If the allocation of the index fails, the module
    // does nothing.
    let _ = STATE.index();
}

/// OpenSSL calls it when it has created an SSL_CTX, before SSL_CTX_new(3) returns.
unsafe extern "C" fn new_context(
    ctx: *mut c_void,
    _pointer: *mut c_void,
    data: *mut ffi::CRYPTO_EX_DATA,
    index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) {
    guard(|| {
        let ctx = ctx.cast::<ffi::SSL_CTX>();
        // SAFETY: a new SSL_CTX, whose method is set.
        unsafe {
            let method = SSL_CTX_get_ssl_method(ctx);
            if method == TLS_server_method() || method == DTLS_server_method() {
                return;
            }
            if !ex_data::set_new(data, index, State::default()) {
                return;
            }
            ossl::SSL_CTX_set_client_cert_cb(ctx, Some(client_cert_cb));
            ossl::SSL_CTX_set_info_callback(ctx, Some(info_callback));
        }
    });
}

/// Returns the state of the SSL's SSL_CTX.
///
/// # Safety
/// `ssl` is a valid SSL, which outlives the result.
unsafe fn state<'a>(ssl: *const ffi::SSL) -> Option<&'a State> {
    // SAFETY: the caller's promise. A state is never replaced.
    unsafe { STATE.get(ffi::SSL_get_SSL_CTX(ssl)).map(|state| &*state) }
}

/// # Safety
/// OpenSSL calls it as SSL_CTX_set_client_cert_cb(3) says.
unsafe extern "C" fn client_cert_cb(
    ssl: *mut ffi::SSL,
    x509: *mut *mut ffi::X509,
    pkey: *mut *mut ffi::EVP_PKEY,
) -> c_int {
    let choose = || {
        // SAFETY: a valid SSL.
        let (Some(settings), Some(state)) = (SETTINGS.get(), unsafe { state(ssl) }) else {
            return Ok(None);
        };
        // SAFETY: likewise.
        if !unsafe { answers(ssl, settings) } {
            return Ok(None);
        }
        // SAFETY: likewise.
        unsafe { choose(ssl, settings, state) }
    };
    // SAFETY: OpenSSL's pointers.
    unsafe { hook::run_client_cert_cb(ssl, x509, pkey, ossl::queue_error_as_reason, choose) }
}

/// Returns whether the module answers the request. It does not if the program has set a
/// certificate, has attached a selector, or certpick has answered in a cert_cb, in any copy of the
/// library. It also does not if the settings exclude the connection, or sslcertmode forbids a
/// certificate or is not known.
///
/// # Safety
/// `ssl` is a valid SSL, inside its `client_cert_cb`.
unsafe fn answers(ssl: *mut ffi::SSL, settings: &Settings) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let own = ossl::SSL_get_certificate(ssl);
        let has_own =
            !ffi::SSL_get_privatekey(ssl).is_null() || (!own.is_null() && !placeholder::is(own));
        if has_own || hook::has_selector(ssl) || hook::was_handled_by_cert_cb(ssl) {
            return false;
        }
        if !libpq::is_connection(ssl) {
            return settings.only == Only::All;
        }
        match libpq::cert_mode(ssl) {
            CertMode::Allow | CertMode::Require => true,
            CertMode::Disable => false,
            CertMode::Unknown => {
                explain::write_none(settings, libpq::UNKNOWN_CERT_MODE);
                false
            }
        }
    }
}

/// # Safety
/// `ssl` is a valid SSL, inside its `client_cert_cb`.
unsafe fn choose(
    ssl: *mut ffi::SSL,
    settings: &Settings,
    state: &State,
) -> Result<Option<hook::Installed>, Error> {
    let selector = match state.selector.get() {
        Some(selector) => selector,
        None => {
            let made = settings.selector().inspect_err(|error| {
                explain::write_error(settings, &error.to_string());
            })?;
            state.selector.get_or_init(|| Box::new(Arc::new(made)))
        }
    };
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(libpq::Server { host, user, .. }) = libpq::server(ssl) {
            hook::set_peer(ssl, Peer { host, user })?;
        }
        // libpq has seen the placeholder and relies on a certificate being sent.
        let is_promised = placeholder::is(ossl::SSL_get_certificate(ssl));
        let result = hook::choose_and_install(ssl, selector, false);
        explain_decision(ssl, settings);
        if matches!(result, Ok(None)) && is_promised {
            return Err(Error::NoneSuitable);
        }
        result
    }
}

/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
unsafe fn explain_decision(ssl: *const ffi::SSL, settings: &Settings) {
    // SAFETY: the caller's promise; the first reference is not used again.
    unsafe {
        if hook::decision(ssl).is_some_and(|decision| explain::is_wanted(settings, decision)) {
            if let Some(decision) = hook::full_decision(ssl) {
                explain::write(settings, decision);
            }
        }
    }
}

/// With sslcertmode=require, libpq 16 and later records in its cert_cb, which runs before ours, whether
/// the SSL has a certificate, and fails the connection if it had none. At the start of such a handshake
/// the SSL therefore gets a placeholder, which has no key and so cannot be sent.
///
/// If OpenSSL has not sent the chosen certificate, writes an explanation that says so.
///
/// # Safety
/// OpenSSL calls it as SSL_CTX_set_info_callback(3) says.
unsafe extern "C" fn info_callback(ssl: *const ffi::SSL, kind: c_int, _value: c_int) {
    guard(|| {
        let ssl = ssl.cast_mut();
        // SAFETY: a valid SSL, used by this thread.
        unsafe {
            if ffi::SSL_is_server(ssl) != 0 || state(ssl).is_none() {
                return;
            }
            if kind == ossl::HANDSHAKE_START {
                let vacant = ossl::SSL_get_certificate(ssl).is_null();
                if vacant && libpq::cert_mode(ssl) == CertMode::Require {
                    placeholder::put(ssl);
                }
            }
            let is_end = kind == ossl::HANDSHAKE_DONE
                || kind == ossl::CONNECT_EXIT
                || kind & ossl::ALERT != 0;
            if let Some(settings) = SETTINGS.get().filter(|_| is_end && hook::take_omission(ssl)) {
                explain_decision(ssl, settings);
            }
            if kind != ossl::HANDSHAKE_DONE {
                return;
            }
            // OpenSSL may not have sent the chosen certificate.
            let unsent = hook::decision(ssl).is_some_and(|d| d.outcome() == Outcome::NoneSuitable);
            if unsent && libpq::cert_mode(ssl) == CertMode::Require {
                const SENT_AND_RECEIVED: c_int = 3;
                SSL_set_shutdown(ssl, SENT_AND_RECEIVED);
            }
        }
    });
}

/// The placeholder for libpq: a self-signed certificate whose key was discarded.
mod placeholder {
    use super::{SSL_use_certificate, ffi, ptr};
    use certpick_core::ossl::QuietErrors;

    /// An Ed448 certificate, since programs rarely use that slot.
    static DER: &[u8] = include_bytes!("placeholder.der");

    /// Sets the placeholder on an SSL.
    ///
    /// # Safety
    /// `ssl` is a valid SSL.
    pub unsafe fn put(ssl: *mut ffi::SSL) {
        let _errors = QuietErrors::new();
        let mut start = DER.as_ptr();
        let length = libc::c_long::try_from(DER.len()).unwrap_or(0);
        // SAFETY: reads the constant; the SSL takes its own reference.
        unsafe {
            let certificate = ffi::d2i_X509(ptr::null_mut(), &mut start, length);
            if !certificate.is_null() {
                SSL_use_certificate(ssl, certificate);
                ffi::X509_free(certificate);
            }
        }
    }

    /// Returns whether this certificate is the placeholder.
    ///
    /// # Safety
    /// NULL or a valid certificate.
    pub unsafe fn is(certificate: *mut ffi::X509) -> bool {
        if certificate.is_null() {
            return false;
        }
        // SAFETY: the caller's promise; the buffer has the length that i2d_X509 returns.
        unsafe {
            let length = ffi::i2d_X509(certificate, ptr::null_mut());
            if usize::try_from(length) != Ok(DER.len()) {
                return false;
            }
            let mut der = vec![0; DER.len()];
            ffi::i2d_X509(certificate, &mut der.as_mut_ptr());
            der == DER
        }
    }
}
