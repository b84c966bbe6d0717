// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ex_data of an SSL_CTX (its selector) and of an SSL (its record: the peer, the last decision and the
//! installation).

use super::security;
use super::slots::Installation;
use crate::decision::{Decision, Outcome};
use crate::error::{Error, OutOfMemory};
use crate::judgement::Judgement;
use crate::ossl::ex_data::{Duplicate, Slot};
use crate::ossl::{self, InfoCallback, QuietErrors};
use crate::peer::Peer;
use crate::selector::{FrozenSelector, FullIndex};
use libc::c_int;
use openssl_sys as ffi;
use std::ffi::CString;
use std::sync::Arc;

/// The random value of a ClientHello, which identifies the handshake. It is zero before the first handshake
/// and after SSL_clear(3).
type ClientRandom = [u8; 32];

/// The state of an SSL.
#[derive(Default)]
struct Record {
    peer: Peer,
    decision: Option<Decision>,
    /// The decision was not installed.
    is_preview: bool,
    /// SSL_get_state(3) when the decision was made.
    state: c_int,
    /// The handshake in which the decision was made.
    client_random: ClientRandom,
    /// OpenSSL did not send the installed certificate, and [`take_omission`] has not reported that.
    has_unreported_omission: bool,
    installation: Option<Installation>,
    /// The info callback of the SSL before the last installation.
    previous_callback: Option<InfoCallback>,
    /// The previous callback is being called.
    is_calling: bool,
    message: CString,
    explanation: CString,
}

impl Duplicate for Record {
    /// Copies the peer and, because the copy of the SSL has the same certificates and info callback, the
    /// installation. Does not copy the decision.
    fn duplicate(&self) -> Record {
        Record {
            peer: self.peer.clone(),
            installation: self.installation.clone(),
            previous_callback: self.previous_callback,
            ..Record::default()
        }
    }
}

static SELECTOR: Slot<ffi::SSL_CTX, Arc<FrozenSelector>> = Slot::new(None);
static RECORD: Slot<ffi::SSL, Record> = Slot::with_dup();

/// Stores the selector in the SSL_CTX's ex_data and drops the previous one.
///
/// # Safety
/// `ctx` is a valid SSL_CTX, and no other thread performs a handshake on it.
pub unsafe fn set_selector(
    ctx: *mut ffi::SSL_CTX,
    selector: Arc<FrozenSelector>,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { SELECTOR.set(ctx, selector) }.map(|_| ())
}

/// Returns the selector of the SSL's SSL_CTX.
///
/// # Safety
/// `ssl` is a valid SSL.
pub unsafe fn selector(ssl: *mut ffi::SSL) -> Option<Arc<FrozenSelector>> {
    // SAFETY: the caller's promise.
    unsafe { SELECTOR.get(ffi::SSL_get_SSL_CTX(ssl)).map(|selector| Arc::clone(&*selector)) }
}

/// Returns whether the program has attached a selector to the SSL's SSL_CTX.
///
/// # Safety
/// `ssl` is a valid SSL.
#[cfg(ossl3)]
pub unsafe fn has_selector(ssl: *mut ffi::SSL) -> bool {
    // SAFETY: the caller's promise.
    unsafe { selector(ssl) }.is_some()
}

/// Stores the peer.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
pub unsafe fn set_peer(ssl: *mut ffi::SSL, peer: Peer) -> Result<(), Error> {
    // SAFETY: the caller's promise; no reference to the record is held.
    unsafe { (*RECORD.get_or_default(ssl)?).peer = peer };
    Ok(())
}

/// Returns the peer that [`set_peer`] stored, or an empty one.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn peer(ssl: *const ffi::SSL) -> Peer {
    // SAFETY: the caller's promise.
    unsafe { RECORD.get(ssl) }.map_or_else(Peer::default, |r| unsafe { (*r).peer.clone() })
}

/// Stores a decision and drops the previous one.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn set_decision(
    ssl: *mut ffi::SSL,
    decision: Decision,
    is_preview: bool,
) -> Result<(), Error> {
    // SAFETY: the caller's promise; no reference to the record is held.
    unsafe {
        let record = RECORD.get_or_default(ssl)?;
        (*record).decision = Some(decision);
        (*record).is_preview = is_preview;
        (*record).state = ossl::SSL_get_state(ssl);
        (*record).client_random = client_random(ssl);
        (*record).has_unreported_omission = false;
    }
    Ok(())
}

/// Returns the installation of an SSL.
///
/// # Safety
/// As for [`set_peer`]. The result must be dropped before OpenSSL is called.
pub unsafe fn installation<'a>(ssl: *mut ffi::SSL) -> Result<&'a mut Option<Installation>, Error> {
    // SAFETY: the caller's promise.
    unsafe { Ok(&mut (*RECORD.get_or_default(ssl)?).installation) }
}

/// Removes the installation from the record and returns it.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn take_installation(ssl: *mut ffi::SSL) -> Option<Installation> {
    // SAFETY: the caller's promise; no reference to the record is held.
    unsafe { (*RECORD.get(ssl)?).installation.take() }
}

/// Returns whether the SSL has an installation.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn has_installation(ssl: *const ffi::SSL) -> bool {
    // SAFETY: the caller's promise.
    unsafe { RECORD.get(ssl).is_some_and(|record| (*record).installation.is_some()) }
}

/// Stores the info callback that an SSL has before an installation, if the SSL has a record.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn set_previous_callback(ssl: *const ffi::SSL, callback: Option<InfoCallback>) {
    // SAFETY: the caller's promise; no reference to the record is held.
    if let Some(record) = unsafe { RECORD.get(ssl) } {
        // SAFETY: likewise.
        unsafe { (*record).previous_callback = callback };
    }
}

/// Returns the callback that [`set_previous_callback`] stored.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn previous_callback(ssl: *const ffi::SSL) -> Option<InfoCallback> {
    // SAFETY: the caller's promise; the value is copied.
    unsafe { (*RECORD.get(ssl)?).previous_callback }
}

/// Stores whether the previous info callback is being called. Returns the old value.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn set_is_calling(ssl: *const ffi::SSL, is_calling: bool) -> bool {
    // SAFETY: the caller's promise; no reference to the record is held.
    unsafe {
        RECORD
            .get(ssl)
            .is_some_and(|record| std::mem::replace(&mut (*record).is_calling, is_calling))
    }
}

/// Returns the random value of the SSL's last ClientHello.
///
/// # Safety
/// `ssl` is a valid SSL.
unsafe fn client_random(ssl: *const ffi::SSL) -> ClientRandom {
    let mut random = ClientRandom::default();
    // SAFETY: the caller's promise; the buffer has the given length.
    unsafe { ffi::SSL_get_client_random(ssl, random.as_mut_ptr(), random.len()) };
    random
}

/// Returns the decision of the current handshake or, between handshakes, of the last one.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile, and no other reference to its record exists.
pub unsafe fn decision<'a>(ssl: *const ffi::SSL) -> Option<&'a Decision> {
    // SAFETY: the caller's promise.
    unsafe {
        let record = RECORD.get(ssl)?;
        let now = client_random(ssl);
        let is_current = now == (*record).client_random;
        if !is_current && now != ClientRandom::default() {
            // Another handshake has begun, in which the server has sent no CertificateRequest yet.
            (*record).decision = None;
        }
        if !is_current && ossl::SSL_in_before(ssl) == 0 {
            // A handshake has begun, but has no ClientHello yet.
            return None;
        }
        if is_current && was_omitted(ssl, &*record) {
            (*record).decision.as_mut()?.set_omitted();
            (*record).has_unreported_omission = true;
        }
        (*record).decision.as_ref()
    }
}

/// Returns whether OpenSSL did not send the certificate that was installed in the current handshake. Returns
/// true only once for each decision.
///
/// # Safety
/// As for [`decision`].
#[cfg(ossl3)]
pub unsafe fn take_omission(ssl: *const ffi::SSL) -> bool {
    // SAFETY: the caller's promise; the reference to the decision is not kept.
    unsafe {
        decision(ssl).is_some()
            && RECORD.get(ssl).is_some_and(|record| {
                std::mem::replace(&mut (*record).has_unreported_omission, false)
            })
    }
}

/// Returns whether OpenSSL did not send the installed certificate. It checks the certificate again
/// after the callback, also by criteria that a callback cannot read, such as signature_algorithms_cert
/// (RFC 8446, section 4.2.3). If the certificate fails, OpenSSL sends none.
///
/// # Safety
/// `ssl` is a valid SSL.
unsafe fn was_omitted(ssl: *const ffi::SSL, record: &Record) -> bool {
    let is_sent = record.decision.as_ref().is_some_and(|d| d.outcome() == Outcome::Sent);
    let mut nid = 0;
    // SAFETY: the caller's promise.
    unsafe {
        is_sent
            && !record.is_preview
            // OpenSSL checks when it leaves the state of the callback. Before a handshake it has no
            // signature type.
            && ossl::SSL_get_state(ssl) != record.state
            && ossl::SSL_in_before(ssl) == 0
            && ossl::SSL_get_signature_type_nid(ssl, &mut nid) != 1
    }
}

/// Like [`decision`], but with a verdict on every credential, including those that the server's CA names
/// exclude. These are judged with the present security level of the SSL.
///
/// # Safety
/// As for [`decision`].
pub unsafe fn full_decision<'a>(ssl: *const ffi::SSL) -> Option<&'a Decision> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise; the first reference is not used again.
    unsafe {
        decision(ssl)?;
        let decision = (*RECORD.get(ssl)?).decision.as_mut()?;
        // On allocation failure, the decision stays incomplete.
        let _ = complete(ssl, decision);
        Some(decision)
    }
}

/// Adds the missing verdicts.
///
/// # Safety
/// As for [`decision`].
unsafe fn complete(ssl: *const ffi::SSL, decision: &mut Decision) -> Result<(), OutOfMemory> {
    if decision.is_complete() {
        return Ok(());
    }
    let FullIndex { index, damaged } = decision.selector.full_index()?;
    // SAFETY: the caller's promise.
    let security = unsafe { security::judge(ssl, &index) };
    let judgement = Judgement::new(index, &security, &decision.circumstances());
    decision.complete(judgement, damaged);
    Ok(())
}

/// Returns the decision's message as a C string, which the SSL owns.
///
/// # Safety
/// As for [`decision`].
pub unsafe fn message(ssl: *const ffi::SSL) -> Option<*const libc::c_char> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise.
    unsafe {
        let text = decision(ssl)?.message();
        let record = RECORD.get(ssl)?;
        store_text(&mut (*record).message, &text)
    }
}

/// Returns the decision's explanation as a C string, which the SSL owns.
///
/// # Safety
/// As for [`decision`].
pub unsafe fn explanation(ssl: *const ffi::SSL) -> Option<*const libc::c_char> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise.
    unsafe {
        let text = full_decision(ssl)?.explanation();
        let record = RECORD.get(ssl)?;
        store_text(&mut (*record).explanation, &text)
    }
}

/// Stores a text and returns a pointer to it. If the text has not changed, older pointers stay valid.
fn store_text(stored: &mut CString, text: &str) -> Option<*const libc::c_char> {
    let text = ossl::c_string(text);
    if *stored != text {
        *stored = text;
    }
    Some(stored.as_ptr())
}
