// SPDX-License-Identifier: MIT OR Apache-2.0
//! A choice that is recorded but not installed, for a program that reports how a server's request would
//! be answered.

use super::choose::judge_request;
use super::{record, run_client_cert_cb};
use crate::decision::Outcome;
use crate::error::Error;
use crate::ossl::{self, QuietErrors};
use crate::selector::FrozenSelector;
use libc::c_int;
use openssl_sys as ffi;
use std::sync::Arc;

/// Attaches a selector that chooses and records the decision, but reads no key and sends no certificate.
///
/// # Safety
/// As for [`super::attach_client_cert_cb`].
pub unsafe fn attach_preview(
    ctx: *mut ffi::SSL_CTX,
    selector: Arc<FrozenSelector>,
) -> Result<(), Error> {
    ossl::check_version()?;
    // SAFETY: the caller's promise.
    unsafe {
        record::set_selector(ctx, selector)?;
        ossl::SSL_CTX_set_client_cert_cb(ctx, Some(preview_cb));
    }
    Ok(())
}

/// # Safety
/// OpenSSL calls it as SSL_CTX_set_client_cert_cb(3) says.
unsafe extern "C" fn preview_cb(
    ssl: *mut ffi::SSL,
    x509: *mut *mut ffi::X509,
    pkey: *mut *mut ffi::EVP_PKEY,
) -> c_int {
    let preview = || {
        // SAFETY: a valid SSL.
        let Some(selector) = (unsafe { record::selector(ssl) }) else { return Ok(None) };
        // SAFETY: a client's SSL: servers do not call a client_cert_cb.
        unsafe { preview(ssl, &selector) }.map(|()| None)
    };
    // SAFETY: OpenSSL's pointers.
    unsafe { run_client_cert_cb(ssl, x509, pkey, ossl::queue_error, preview) }
}

/// Records the decision for a request.
///
/// # Safety
/// As for [`super::choose_and_install`].
unsafe fn preview(ssl: *mut ffi::SSL, selector: &Arc<FrozenSelector>) -> Result<(), Error> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise.
    let mut decision = unsafe { judge_request(ssl, selector)? };
    if let Some(candidate) = decision.judgement.best(&decision.circumstances()) {
        decision.outcome = Outcome::Sent;
        decision.chosen = decision.judgement.index.survivors().credential(candidate);
    }
    let error = decision.error.clone();
    // SAFETY: the caller's promise.
    unsafe { record::set_decision(ssl, decision, true) }?;
    error.map_or(Ok(()), Err)
}
