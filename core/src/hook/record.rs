// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state that belongs to an SSL_CTX (its selector) and to an SSL (the peer, the last decision, the
//! installation), kept in their ex_data.

use super::security;
use super::slots::Installation;
use crate::decision::{Decision, Outcome};
use crate::error::{Error, OutOfMemory};
use crate::judgement::Judgement;
use crate::ossl::ex_data::{Duplicate, Slot};
use crate::ossl::{self, InfoCallback, QuietErrors};
use crate::peer::Peer;
use crate::selector::FrozenSelector;
use libc::c_int;
use openssl_sys as ffi;
use std::ffi::CString;
use std::sync::Arc;

/// The Random of a handshake's ClientHello, which identifies the handshake: all zero before the first one
/// and after SSL_clear(3).
type ClientRandom = [u8; 32];

/// The state of an SSL.
#[derive(Default)]
struct Record {
    peer: Peer,
    decision: Option<Decision>,
    /// The decision was not carried out.
    is_preview: bool,
    /// SSL_get_state(3) when the decision was made.
    state: c_int,
    /// Of the handshake in which the decision was made.
    client_random: ClientRandom,
    installation: Option<Installation>,
    /// The info callback that the SSL had before the last installation.
    previous_callback: Option<InfoCallback>,
    /// The previous callback is being called.
    is_calling: bool,
    message: CString,
    explanation: CString,
}

impl Duplicate for Record {
    /// The copy of an SSL has the same peer and no decision. It has the same certificates and info
    /// callback, so it has the installation, too.
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
/// `ctx` is a valid SSL_CTX, of which no handshake is under way in another thread.
pub unsafe fn set_selector(
    ctx: *mut ffi::SSL_CTX,
    selector: Arc<FrozenSelector>,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { SELECTOR.set(ctx, selector) }.map(|_| ())
}

/// The selector of an SSL's SSL_CTX.
///
/// # Safety
/// `ssl` is a valid SSL.
pub unsafe fn selector(ssl: *mut ffi::SSL) -> Option<Arc<FrozenSelector>> {
    // SAFETY: the caller's promise.
    unsafe { SELECTOR.get(ffi::SSL_get_SSL_CTX(ssl)).map(|selector| Arc::clone(&*selector)) }
}

/// Returns whether the program has attached a selector of its own to the SSL's SSL_CTX.
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

/// The peer that [`set_peer`] stored.
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
    }
    Ok(())
}

/// The installation of an SSL.
///
/// # Safety
/// As for [`set_peer`], and the result is dropped before OpenSSL is called.
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
#[cfg(ossl3)]
pub unsafe fn has_installation(ssl: *const ffi::SSL) -> bool {
    // SAFETY: the caller's promise.
    unsafe { RECORD.get(ssl).is_some_and(|record| (*record).installation.is_some()) }
}

/// Stores the info callback that an SSL has before a certificate is installed, if the SSL has a record.
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

/// The callback that [`set_previous_callback`] stored.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn previous_callback(ssl: *const ffi::SSL) -> Option<InfoCallback> {
    // SAFETY: the caller's promise; the value is copied.
    unsafe { (*RECORD.get(ssl)?).previous_callback }
}

/// Stores whether the previous info callback is being called. Returns the value before.
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

/// # Safety
/// `ssl` is a valid SSL.
unsafe fn client_random(ssl: *const ffi::SSL) -> ClientRandom {
    let mut random = ClientRandom::default();
    // SAFETY: the caller's promise, and room for so many bytes.
    unsafe { ffi::SSL_get_client_random(ssl, random.as_mut_ptr(), random.len()) };
    random
}

/// The decision of the current handshake or, if none is under way, of the last one.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile, and no other reference from here is
/// alive.
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
            // A handshake has begun, but its ClientHello is not made yet.
            return None;
        }
        if is_current && is_unsigned(ssl, &*record) {
            (*record).decision.as_mut()?.set_unsigned();
        }
        (*record).decision.as_ref()
    }
}

/// Returns whether OpenSSL did not sign with the certificate that it was given. It checks the certificate
/// once more after the callback, also by criteria that it does not report, such as
/// signature_algorithms_cert (RFC 8446, section 4.2.3), and sends none if it finds it unusable.
///
/// # Safety
/// `ssl` is a valid SSL.
unsafe fn is_unsigned(ssl: *const ffi::SSL, record: &Record) -> bool {
    let is_sent = record.decision.as_ref().is_some_and(|d| d.outcome() == Outcome::Sent);
    let mut nid = 0;
    // SAFETY: the caller's promise.
    unsafe {
        is_sent
            && !record.is_preview
            // In the state of the callback OpenSSL has not checked yet; before a handshake it has no
            // signature type.
            && ossl::SSL_get_state(ssl) != record.state
            && ossl::SSL_in_before(ssl) == 0
            && ossl::SSL_get_signature_type_nid(ssl, &mut nid) != 1
    }
}

/// Like [`decision`], but with a verdict on every credential, also on those that the choice did not need.
/// They are judged by the security level that the SSL has now.
///
/// # Safety
/// As for [`decision`].
pub unsafe fn whole_decision<'a>(ssl: *const ffi::SSL) -> Option<&'a Decision> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise; the first reference is not used again.
    unsafe {
        decision(ssl)?;
        let decision = (*RECORD.get(ssl)?).decision.as_mut()?;
        // If there is no memory for it, the decision stays as it is.
        let _ = complete(ssl, decision);
        Some(decision)
    }
}

/// # Safety
/// As for [`decision`].
unsafe fn complete(ssl: *const ffi::SSL, decision: &mut Decision) -> Result<(), OutOfMemory> {
    if decision.is_complete() {
        return Ok(());
    }
    let whole = decision.selector.whole()?;
    // SAFETY: the caller's promise.
    let security = unsafe { security::judge(ssl, &whole.index) };
    let judgement = Judgement::new(whole.index, &security, &decision.circumstances());
    decision.complete(judgement, whole.damaged);
    Ok(())
}

/// The decision's message as a C string, which belongs to the SSL.
///
/// # Safety
/// As for [`decision`].
pub unsafe fn message(ssl: *const ffi::SSL) -> Option<*const libc::c_char> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise.
    unsafe {
        let words = decision(ssl)?.message();
        let record = RECORD.get(ssl)?;
        store_text(&mut (*record).message, &words)
    }
}

/// The decision's explanation as a C string, which belongs to the SSL.
///
/// # Safety
/// As for [`decision`].
pub unsafe fn explanation(ssl: *const ffi::SSL) -> Option<*const libc::c_char> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise.
    unsafe {
        let words = whole_decision(ssl)?.explanation();
        let record = RECORD.get(ssl)?;
        store_text(&mut (*record).explanation, &words)
    }
}

/// Stores a text. If the same text is stored already, pointers to it stay valid.
fn store_text(place: &mut CString, words: &str) -> Option<*const libc::c_char> {
    let words = ossl::c_string(words);
    if *place != words {
        *place = words;
    }
    Some(place.as_ptr())
}
