// SPDX-License-Identifier: MIT OR Apache-2.0
//! The callbacks that OpenSSL calls for a CertificateRequest.
//!
//! A callback takes the selector from the SSL_CTX and calls [`choose_and_install`], which reads the
//! request, judges the credentials, installs the best one and stores the decision in the record of the
//! SSL. The record also has the peer and, during a handshake, the installation.

mod choose;
mod installation;
pub mod libpq;
#[cfg(ossl3)]
mod object;
mod preview;
mod record;
mod request;
mod security;
mod slots;
mod target;

use crate::error::Error;
use crate::guard::guard;
use crate::ossl::{self, QuietErrors};
use crate::selector::FrozenSelector;
pub use choose::choose_and_install;
use foreign_types::ForeignType;
pub use installation::Installed;
#[cfg(ossl3)]
pub use installation::was_handled_by_cert_cb;
use libc::{c_int, c_void};
use openssl_sys as ffi;
pub use preview::attach_preview;
pub use record::{decision, explanation, full_decision, message, set_peer};
#[cfg(ossl3)]
pub use record::{has_selector, take_omission};
use std::ffi::CStr;
use std::sync::Arc;

/// Attaches a selector by SSL_CTX_set_client_cert_cb(3). Replaces the previous one. Fails if libssl has
/// another major version than this library was built for, or on allocation failure.
///
/// # Safety
/// `ctx` is a valid SSL_CTX, and no other thread performs a handshake on it.
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

/// Attaches a selector by SSL_CTX_set_cert_cb(3). Removes the client_cert_cb, which OpenSSL would call
/// as well if no credential suits: the provider module's or the program's.
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

/// Chooses and installs in a program's own cert_cb. Fails if the SSL is a server's or is not in a
/// cert_cb.
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
    // A client calls the cert_cb after it has read a CertificateRequest (state TRCR) or, in a handshake
    // of TLS 1.3, after it has read the server's CertificateVerify (state TRSCV).
    // SAFETY: the caller's promise; a static string.
    let state = unsafe { CStr::from_ptr(ffi::SSL_state_string(ssl)) };
    if before != 0 || in_init == 0 || (state != c"TRCR" && state != c"TRSCV") {
        return Err(Error::Argument("certpick_select must be called from a cert_cb"));
    }
    // SAFETY: a client's SSL, inside its cert_cb.
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
    unsafe { run_client_cert_cb(ssl, x509, pkey, ossl::queue_error, choose) }
}

/// Runs the body of a client_cert_cb and returns the value that the callback returns. On failure, passes
/// the error to `queue`.
///
/// # Safety
/// The pointers are those that OpenSSL gives the callback.
pub unsafe fn run_client_cert_cb(
    ssl: *mut ffi::SSL,
    x509: *mut *mut ffi::X509,
    pkey: *mut *mut ffi::EVP_PKEY,
    queue: fn(&Error),
    choose: impl FnOnce() -> Result<Option<Installed>, Error>,
) -> c_int {
    // Suspends the handshake. With an entry in the error queue, SSL_get_error(3) reports a failure.
    const ABORT: c_int = -1;
    let value = guarded(ssl, ABORT, queue, || {
        let Some(installed) = choose()? else { return Ok(0) };
        // SAFETY: OpenSSL installs both again and then frees them, so it gets its own references.
        unsafe {
            ffi::X509_up_ref(installed.leaf.as_ptr());
            ffi::EVP_PKEY_up_ref(installed.key.as_ptr());
            *x509 = installed.leaf.as_ptr();
            *pkey = installed.key.as_ptr();
        }
        Ok(1)
    });
    #[cfg(ossl4)]
    if value == ABORT {
        // SAFETY: a valid SSL.
        unsafe { set_last_operation_failed(ssl) };
    }
    value
}

/// Makes SSL_get_error(3) report a failure. Since OpenSSL 4.0 it ignores the error queue and uses a state
/// that each operation on the SSL sets. SSL_read(3) with a negative length fails at once and sets it. The
/// next handshake call resets it and calls the callback again, as in earlier versions.
///
/// # Safety
/// `ssl` is a valid SSL, inside its client_cert_cb.
#[cfg(ossl4)]
unsafe fn set_last_operation_failed(ssl: *mut ffi::SSL) {
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

/// Runs the body of a callback. On failure, queues one error and returns `abort`.
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
        Some(Ok(value)) => return value,
        Some(Err(error)) => error,
        None => {
            // A certificate may already be installed, and must not be sent.
            // SAFETY: a valid SSL.
            guard(|| unsafe { installation::end(ssl) });
            Error::Internal
        }
    };
    guard(|| queue(&error));
    abort
}
