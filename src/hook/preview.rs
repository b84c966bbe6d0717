// SPDX-License-Identifier: MIT OR Apache-2.0
//! A choice that is made and recorded, and not carried out: for a program that tells people what a
//! server asks for.

use super::choose::judge;
use super::{answer, ex_data};
use crate::decision::Outcome;
use crate::error::Error;
use crate::ossl::{self, QuietErrors};
use crate::selector::FrozenSelector;
use libc::c_int;
use openssl_sys as ffi;
use std::sync::Arc;

/// Attaches in such a way that a choice is made and recorded, but no key is read and no certificate
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
        ex_data::set_selector(ctx, selector)?;
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
    answer(ssl, x509, pkey, ossl::queue_error, || {
        // SAFETY: a valid SSL.
        let Some(selector) = (unsafe { ex_data::selector(ssl) }) else { return Ok(None) };
        // SAFETY: a client's SSL, since nobody else has a client_cert_cb.
        unsafe { preview(ssl, &selector) }.map(|()| None)
    })
}

/// Records what would be chosen.
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
    decision.is_preview = true;
    // SAFETY: the caller's promise.
    unsafe { ex_data::record(ssl, decision) }?;
    error.map_or(Ok(()), Err)
}
