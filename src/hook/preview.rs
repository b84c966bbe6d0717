// SPDX-License-Identifier: MIT OR Apache-2.0
//! A choice that is made and recorded, and not carried out: for a program that tells people what a
//! server asks for.

use super::{answer, ex_data, now};
use crate::choice;
use crate::decision::{Decision, Outcome};
use crate::error::Error;
use crate::ossl::{self, QuietErrors};
use crate::request::Request;
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
    let (peer, request) = unsafe { (ex_data::peer(ssl), Request::read(ssl, selector)?) };
    let now = now();
    let (candidates, policy) = (selector.index().candidates(), selector.policy());
    let user = peer.user.as_deref();
    let verdicts = choice::verdicts(candidates, &request.asked(user, now), policy);
    let chosen = choice::best(candidates, &verdicts, user, policy);
    let decision = Decision {
        selector: Arc::clone(selector),
        request,
        peer,
        now,
        verdicts,
        outcome: if chosen.is_some() { Outcome::Sent } else { Outcome::NoneSuitable },
        chosen,
        error: None,
        state: 0,
        is_preview: true,
    };
    // SAFETY: the caller's promise.
    unsafe { ex_data::record(ssl, decision) }
}
