// SPDX-License-Identifier: MIT OR Apache-2.0
//! A choice that is made and recorded, but not carried out, for a program that reports what a server
//! asks for.

use super::choose::judge;
use super::{answer, record};
use crate::decision::Outcome;
use crate::error::Error;
use crate::ossl::{self, QuietErrors};
use crate::selector::FrozenSelector;
use libc::c_int;
use openssl_sys as ffi;
use std::sync::Arc;

/// Attaches a selector so that a choice is made and recorded, but no key is read and no certificate is
/// sent.
///
/// # Safety
/// As for [`attach_client_cert_cb`].
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
    unsafe { answer(ssl, x509, pkey, ossl::queue_error, preview) }
}

/// Records the credential that would be chosen.
///
/// # Safety
/// As for [`choose_and_install`].
unsafe fn preview(ssl: *mut ffi::SSL, selector: &Arc<FrozenSelector>) -> Result<(), Error> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise.
    let (mut decision, place) = unsafe { judge(ssl, selector)? };
    let error = decision.error.clone();
    if error.is_none() && place.is_some() {
        decision.outcome = Outcome::Sent;
    }
    decision.chosen = place.and_then(|at| decision.judgement.index.survivors().credential(at));
    // SAFETY: the caller's promise.
    unsafe { record::set_decision(ssl, decision, true) }?;
    error.map_or(Ok(()), Err)
}
