// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each new SSL_CTX of the process, and what happens when a server asks one for a certificate.

use super::explain;
use super::libpq::{self, CertMode};
use super::settings::{Only, Settings};
use certpick_core::decision::Outcome;
use certpick_core::error::Error;
use certpick_core::guard::guard;
use certpick_core::hook;
use certpick_core::ossl;
use certpick_core::ossl::ex_data::{self, Slot};
use certpick_core::selector::FrozenSelector;
use libc::{c_int, c_long, c_void};
use once_cell::race::OnceBox;
use openssl_sys as ffi;
use std::ptr;
use std::sync::Arc;

/// The settings of the first activation; there is one openssl.cnf in a process.
static SETTINGS: OnceBox<Settings> = OnceBox::new();
static STATE: Slot<ffi::SSL_CTX, State> = Slot::new(Some(new_context));

unsafe extern "C" {
    fn TLS_server_method() -> *const ffi::SSL_METHOD;
    fn DTLS_server_method() -> *const ffi::SSL_METHOD;
    fn SSL_CTX_get_ssl_method(ctx: *const ffi::SSL_CTX) -> *const ffi::SSL_METHOD;
    fn SSL_use_certificate(ssl: *mut ffi::SSL, x: *mut ffi::X509) -> c_int;
    fn SSL_set_shutdown(ssl: *mut ffi::SSL, mode: c_int);
}

/// The state of an SSL_CTX: its selector, once a server has asked for a certificate.
#[derive(Default)]
struct State {
    selector: OnceBox<Arc<FrozenSelector>>,
}

/// Begins to act on every SSL_CTX that is made from now on.
pub fn install(settings: Settings) {
    if SETTINGS.set(Box::new(settings)).is_err() {
        return;
    }
    // OpenSSL calls `new_context` from now on; not for an SSL_CTX that is created while the thread has
    // another library context as its default. Without memory for the index nothing is done.
    let _ = STATE.index();
}

/// OpenSSL has made an SSL_CTX, of which nobody else knows yet.
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

/// The state of an SSL's SSL_CTX.
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
        if !unsafe { is_ours_to_answer(ssl, settings) } {
            return Ok(None);
        }
        // SAFETY: likewise.
        unsafe { choose(ssl, settings, state) }
    };
    // SAFETY: OpenSSL's pointers.
    unsafe { hook::answer(ssl, x509, pkey, ossl::queue_error_as_reason, choose) }
}

/// Not if the program has a certificate of its own, has attached a selector, or has had this request
/// answered by certpick in a cert_cb, by whichever copy of the library; nor if the settings are for
/// other connections, or libpq must not send a certificate or cannot be asked whether it may.
///
/// # Safety
/// `ssl` is a valid SSL, inside its `client_cert_cb`.
unsafe fn is_ours_to_answer(ssl: *mut ffi::SSL, settings: &Settings) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let own = ossl::SSL_get_certificate(ssl);
        let has_own =
            !ffi::SSL_get_privatekey(ssl).is_null() || (!own.is_null() && !placeholder::is(own));
        if has_own || hook::has_selector(ssl) || hook::is_answered(ssl) {
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
        let peer = libpq::peer(ssl);
        if peer.user.is_some() || peer.host.is_some() {
            hook::set_peer(ssl, peer)?;
        }
        // libpq was told that there is a certificate, so there must be one.
        let is_promised = placeholder::is(ossl::SSL_get_certificate(ssl));
        let result = hook::choose_and_install(ssl, selector, false);
        if hook::decision(ssl).is_some_and(|decision| explain::is_wanted(settings, decision)) {
            if let Some(decision) = hook::whole_decision(ssl) {
                explain::write(settings, decision);
            }
        }
        if matches!(result, Ok(None)) && is_promised {
            return Err(Error::NoneSuitable);
        }
        result
    }
}

/// libpq 16 and later, with sslcertmode=require, looks for a certificate in a callback that comes
/// before ours. At the start of such a handshake it gets one to see, which has no key and so cannot
/// be sent.
///
/// # Safety
/// OpenSSL calls it as SSL_CTX_set_info_callback(3) says.
unsafe extern "C" fn info_callback(ssl: *const ffi::SSL, kind: c_int, _value: c_int) {
    guard(|| {
        let ssl = ssl.cast_mut();
        // SAFETY: a valid SSL, whose thread this is.
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
            if kind != ossl::HANDSHAKE_DONE {
                return;
            }
            // OpenSSL may have found what was chosen unusable after all.
            let unsent = hook::decision(ssl).is_some_and(|d| d.outcome() == Outcome::NoneSuitable);
            if unsent && libpq::cert_mode(ssl) == CertMode::Require {
                const SENT_AND_RECEIVED: c_int = 3;
                SSL_set_shutdown(ssl, SENT_AND_RECEIVED);
            }
        }
    });
}

/// A certificate for libpq to see: self-signed, made once by a key that was thrown away.
mod placeholder {
    use super::{SSL_use_certificate, ffi, ptr};
    use certpick_core::ossl::QuietErrors;

    /// Ed448, since nobody else is likely to use that slot.
    static DER: &[u8] = include_bytes!("placeholder.der");

    /// Sets it.
    ///
    /// # Safety
    /// `ssl` is a valid SSL.
    pub unsafe fn put(ssl: *mut ffi::SSL) {
        let _errors = QuietErrors::new();
        let mut start = DER.as_ptr();
        let length = libc::c_long::try_from(DER.len()).unwrap_or(0);
        // SAFETY: reads the constant; the SSL takes a reference of its own.
        unsafe {
            let certificate = ffi::d2i_X509(ptr::null_mut(), &mut start, length);
            if !certificate.is_null() {
                SSL_use_certificate(ssl, certificate);
                ffi::X509_free(certificate);
            }
        }
    }

    /// Whether this certificate, or NULL, is it.
    ///
    /// # Safety
    /// NULL or a valid certificate.
    pub unsafe fn is(certificate: *mut ffi::X509) -> bool {
        if certificate.is_null() {
            return false;
        }
        // SAFETY: the caller's promise; i2d tells how many bytes it has, and writes as many.
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
