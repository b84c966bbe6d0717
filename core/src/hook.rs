// SPDX-License-Identifier: MIT OR Apache-2.0
//! The OpenSSL callbacks: they read the request from an SSL, choose, and install the certificate.
//!
//! An SSL_CTX has a reference to its selector. An SSL has a record: the peer, the last decision and,
//! during a handshake, the installation.

mod choose;
mod installation;
#[cfg(ossl3)]
mod object;
mod preview;
mod record;
mod request;
mod security;
mod slots;

use crate::error::Error;
use crate::guard::guard;
use crate::ossl::{self, QuietErrors};
use crate::selector::FrozenSelector;
pub use choose::choose_and_install;
use foreign_types::ForeignType;
pub use installation::Installed;
#[cfg(ossl3)]
pub use installation::is_answered;
use libc::{c_int, c_void};
use openssl_sys as ffi;
pub use preview::attach_preview;
#[cfg(ossl3)]
pub use record::has_selector;
pub use record::{decision, explanation, message, set_peer, whole_decision};
use std::ffi::CStr;
use std::sync::Arc;

/// Attaches by SSL_CTX_set_client_cert_cb(3).
///
/// # Safety
/// `ctx` is a valid SSL_CTX, of which no handshake is under way in another thread.
pub unsafe fn attach_client_cert_cb(
    ctx: *mut ffi::SSL_CTX,
    selector: Arc<FrozenSelector>,
) -> Result<(), Error> {
    ossl::check_version()?;
    // SAFETY: the caller's promise.
    unsafe {
        record::set_selector(ctx, selector)?;
        ossl::SSL_CTX_set_client_cert_cb(ctx, Some(client_cert_cb));
    }
    Ok(())
}

/// Attaches by SSL_CTX_set_cert_cb(3). OpenSSL calls a client_cert_cb as well where none suits, and
/// sends what that one gives: the provider module's, or one of the program's. So it is removed.
///
/// # Safety
/// As for [`attach_client_cert_cb`].
pub unsafe fn attach_cert_cb(
    ctx: *mut ffi::SSL_CTX,
    selector: Arc<FrozenSelector>,
) -> Result<(), Error> {
    ossl::check_version()?;
    // SAFETY: the caller's promise.
    unsafe {
        record::set_selector(ctx, selector)?;
        ossl::SSL_CTX_set_cert_cb(ctx, Some(cert_cb), std::ptr::null_mut());
        ossl::SSL_CTX_set_client_cert_cb(ctx, None);
    }
    Ok(())
}

/// Chooses and installs now, from a program's own `cert_cb`.
///
/// # Safety
/// `ssl` is a valid SSL.
pub unsafe fn select(ssl: *mut ffi::SSL, selector: &Arc<FrozenSelector>) -> Result<(), Error> {
    ossl::check_version()?;
    // SAFETY: the caller's promise.
    let (is_server, before, in_init) =
        unsafe { (ffi::SSL_is_server(ssl), ossl::SSL_in_before(ssl), ossl::SSL_in_init(ssl)) };
    if is_server != 0 {
        return Err(Error::Argument(
            "the SSL is a server's; certpick selects certificates for clients only",
        ));
    }
    // In the client these messages are the ones behind which OpenSSL calls a cert_cb: the server's
    // CertificateRequest and, in a handshake of TLS 1.3, its CertificateVerify.
    // SAFETY: the caller's promise; a static text.
    let state = unsafe { CStr::from_ptr(ffi::SSL_state_string(ssl)) };
    if before != 0 || in_init == 0 || (state != c"TRCR" && state != c"TRSCV") {
        return Err(Error::Argument("certpick_select must be called from a cert_cb"));
    }
    // SAFETY: a client's SSL, asked for a certificate.
    unsafe { choose_and_install(ssl, selector, true) }.map(|_| ())
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
        let Some(selector) = (unsafe { record::selector(ssl) }) else { return Ok(None) };
        // SAFETY: a client's SSL: servers do not call a client_cert_cb.
        unsafe { choose_and_install(ssl, &selector, false) }
    };
    // SAFETY: OpenSSL's pointers.
    unsafe { answer(ssl, x509, pkey, ossl::queue_error, choose) }
}

/// What a `client_cert_cb` returns for what `choose` did.
///
/// # Safety
/// The pointers are those that OpenSSL gives the callback.
pub unsafe fn answer(
    ssl: *mut ffi::SSL,
    x509: *mut *mut ffi::X509,
    pkey: *mut *mut ffi::EVP_PKEY,
    queue: fn(&Error),
    choose: impl FnOnce() -> Result<Option<Installed>, Error>,
) -> c_int {
    // Suspends; with an error in the queue, SSL_get_error(3) makes it a failure of the handshake.
    const ABORT: c_int = -1;
    let answer = guarded(ssl, ABORT, queue, || {
        let Some(installed) = choose()? else { return Ok(0) };
        // SAFETY: OpenSSL frees both after it has installed them once more, so it gets references
        // of its own.
        unsafe {
            ffi::X509_up_ref(installed.leaf.as_ptr());
            ffi::EVP_PKEY_up_ref(installed.key.as_ptr());
            *x509 = installed.leaf.as_ptr();
            *pkey = installed.key.as_ptr();
        }
        Ok(1)
    });
    #[cfg(ossl4)]
    if answer == ABORT {
        // SAFETY: a valid SSL.
        unsafe { make_it_a_failure(ssl) };
    }
    answer
}

/// Since OpenSSL 4.0 SSL_get_error(3) does not look at the queue but at what the last operation on
/// the SSL has noted. A length below 0 is refused before anything else, and noted as an error: the
/// next handshake call takes the note away, so that it asks anew, as with earlier versions.
///
/// # Safety
/// `ssl` is a valid SSL, inside its client_cert_cb.
#[cfg(ossl4)]
unsafe fn make_it_a_failure(ssl: *mut ffi::SSL) {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise; no buffer is touched.
    unsafe { ffi::SSL_read(ssl, std::ptr::null_mut(), -1) };
}

/// # Safety
/// OpenSSL calls it as SSL_CTX_set_cert_cb(3) says.
unsafe extern "C" fn cert_cb(ssl: *mut ffi::SSL, _arg: *mut c_void) -> c_int {
    const ABORT: c_int = 0;
    guarded(ssl, ABORT, ossl::queue_error, || {
        // SAFETY: a valid SSL.
        if unsafe { ffi::SSL_is_server(ssl) } != 0 {
            return Ok(1);
        }
        // SAFETY: likewise.
        let Some(selector) = (unsafe { record::selector(ssl) }) else { return Ok(1) };
        // SAFETY: a client's SSL.
        unsafe { choose_and_install(ssl, &selector, true) }.map(|_| 1)
    })
}

/// Runs a callback's body; on failure queues one error and gives `abort`.
fn guarded(
    ssl: *mut ffi::SSL,
    abort: c_int,
    queue: fn(&Error),
    body: impl FnOnce() -> Result<c_int, Error>,
) -> c_int {
    let quiet = || {
        let _errors = QuietErrors::new();
        body()
    };
    let error = match guard(quiet) {
        Some(Ok(answer)) => return answer,
        Some(Err(error)) => error,
        None => {
            // Whatever was under way: nothing goes out.
            // SAFETY: a valid SSL.
            guard(|| unsafe { installation::end(ssl) });
            Error::Internal
        }
    };
    guard(|| queue(&error));
    abort
}
