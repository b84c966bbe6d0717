// SPDX-License-Identifier: MIT OR Apache-2.0
//! The OpenSSL callbacks, and the ex_data that they work with.
//!
//! An SSL_CTX has a reference to its selector; an SSL has what the program said of the other side,
//! the record of the last decision, and, during a handshake, what is installed.

mod ex_data;
mod installation;
mod preview;
mod slots;

use crate::cache;
use crate::choice::{self, Reasons};
use crate::credential::settle_extensions;
pub use crate::decision::Peer;
use crate::decision::{Decision, Outcome};
use crate::error::{Cause, Error};
use crate::guard::guard;
use crate::ossl::{self, QuietErrors};
use crate::request::Request;
use crate::selector::FrozenSelector;
#[cfg(ossl3)]
pub(crate) use ex_data::has_selector;
pub use ex_data::{decision, explanation, message, set_peer};
use foreign_types::ForeignType;
use installation::InstallError;
pub(crate) use installation::Installed;
#[cfg(ossl3)]
pub(crate) use installation::is_answered;
use libc::{c_int, c_void};
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl_sys as ffi;
pub use preview::attach_preview;
use std::ffi::CStr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

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
        ex_data::set_selector(ctx, selector)?;
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
        ex_data::set_selector(ctx, selector)?;
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
        return Err(Error::Argument("certpick selects for clients; this SSL is a server's"));
    }
    // In the client these messages are the ones behind which OpenSSL calls a cert_cb: the server's
    // CertificateRequest and, in a handshake of TLS 1.3, its CertificateVerify.
    // SAFETY: the caller's promise; a static text.
    let state = unsafe { CStr::from_ptr(ffi::SSL_state_string(ssl)) };
    if before != 0 || in_init == 0 || (state != c"TRCR" && state != c"TRSCV") {
        return Err(Error::Argument("certpick_select is to be called from a cert_cb"));
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
    answer(ssl, x509, pkey, ossl::queue_error, || {
        // SAFETY: a valid SSL.
        let Some(selector) = (unsafe { ex_data::selector(ssl) }) else { return Ok(None) };
        // SAFETY: a client's SSL, since nobody else has a client_cert_cb.
        unsafe { choose_and_install(ssl, &selector, false) }
    })
}

/// What a `client_cert_cb` returns for what `choose` did.
pub(crate) fn answer(
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
            ffi::X509_up_ref(installed.leaf);
            ffi::EVP_PKEY_up_ref(installed.key.as_ptr());
            *x509 = installed.leaf;
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
        let Some(selector) = (unsafe { ex_data::selector(ssl) }) else { return Ok(1) };
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

/// Reads the request, chooses, loads the key, installs, and records the decision. `None`: nothing
/// suits and none is sent.
///
/// `clear`: the certificates that the program has set are removed first, until the end of the
/// handshake, so that neither a default nor the answer to an earlier request can stand in for the
/// choice.
///
/// # Safety
/// `ssl` is a client's valid SSL, inside one of the two callbacks.
pub(crate) unsafe fn choose_and_install(
    ssl: *mut ffi::SSL,
    selector: &Arc<FrozenSelector>,
    clear: bool,
) -> Result<Option<Installed>, Error> {
    // SAFETY: the caller's promise.
    let result = unsafe { choose(ssl, selector, clear) };
    let is_over = match &result {
        Ok(Some(_)) => false,
        Ok(None) => !clear,
        Err(_) => true,
    };
    if is_over {
        // SAFETY: the caller's promise.
        unsafe { installation::end(ssl) };
    }
    result
}

/// # Safety
/// As for [`choose_and_install`].
unsafe fn choose(
    ssl: *mut ffi::SSL,
    selector: &Arc<FrozenSelector>,
    clear: bool,
) -> Result<Option<Installed>, Error> {
    let errors = QuietErrors::new();
    if clear {
        // SAFETY: the caller's promise.
        unsafe { installation::begin(ssl) }?;
    }
    // SAFETY: the caller's promise.
    let peer = unsafe { ex_data::peer(ssl) };
    // SAFETY: the caller's promise.
    let request = unsafe { Request::read(ssl, selector) }?;
    let now = now();
    let candidates = selector.index().candidates();
    let asked = request.asked(peer.user.as_deref(), now);
    let mut verdicts = choice::verdicts(candidates, &asked, selector.policy());
    let mut has_begun = clear;

    let (outcome, chosen, result) = loop {
        let user = peer.user.as_deref();
        let Some(at) = choice::best(candidates, &verdicts, user, selector.policy()) else {
            break match selector.policy().none_suitable {
                choice::NoneSuitable::SendNone => (Outcome::NoneSuitable, None, Ok(None)),
                choice::NoneSuitable::Abort => (Outcome::Failed, None, Err(Error::NoneSuitable)),
            };
        };
        if !has_begun {
            // SAFETY: the caller's promise.
            unsafe { installation::begin(ssl) }?;
            has_begun = true;
        }
        let chain = choice::chain(candidates, at, &asked, selector.policy());
        // SAFETY: the caller's promise.
        match unsafe { install(ssl, selector, at, &chain) } {
            Ok(installed) => break (Outcome::Sent, Some(at), Ok(Some(installed))),
            Err(InstallError::SecurityLevel) => {
                if let Some(verdict) = verdicts.get_mut(at) {
                    verdict.add(Reasons::SECURITY_LEVEL);
                }
            }
            Err(InstallError::Fatal(cause)) => {
                if let Some(verdict) = verdicts.get_mut(at) {
                    verdict.add(Reasons::KEY);
                }
                let error = Error::Entry { number: at + 1, cause };
                break (Outcome::Failed, Some(at), Err(error));
            }
        }
    };
    let decision = Decision {
        selector: Arc::clone(selector),
        request,
        peer,
        now,
        verdicts,
        outcome,
        chosen,
        error: result.as_ref().err().cloned(),
        state: 0,
        is_preview: false,
    };
    // SAFETY: the caller's promise.
    let recorded = unsafe { ex_data::record(ssl, decision) };
    drop(errors);
    // What cannot be explained afterwards is not sent.
    recorded?;
    result
}

/// # Safety
/// As for [`choose_and_install`].
unsafe fn install(
    ssl: *mut ffi::SSL,
    selector: &FrozenSelector,
    at: usize,
    chain: &choice::Chain,
) -> Result<Installed, InstallError> {
    let no_entry = || InstallError::Fatal(Cause::Refused("no such entry".to_owned()));
    let no_memory = || InstallError::Fatal(Cause::Memory(None));
    let credential = selector.credential(at).ok_or_else(no_entry)?;
    let leaf = credential.certificate().map_err(InstallError::Fatal)?;
    // OpenSSL will look at its extensions.
    settle_extensions(leaf).map_err(|_| {
        cache::clear();
        no_memory()
    })?;
    let key = selector.key(at, &chain.links).map_err(InstallError::Fatal)?;
    // Not NULL even where it is empty: otherwise OpenSSL builds a chain from the trust store.
    let mut above = Stack::<X509>::new().map_err(|_| no_memory())?;
    for certificate in selector.index().certificates(&chain.links) {
        above.push(certificate.clone()).map_err(|_| no_memory())?;
    }
    // SAFETY: the caller's promise.
    unsafe { installation::install(ssl, leaf, &key, &above) }
}

fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}
