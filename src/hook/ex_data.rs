// SPDX-License-Identifier: MIT OR Apache-2.0
//! What belongs to an SSL_CTX (its selector) and to an SSL (the other side, the last decision, what
//! is installed), and is freed with it (CRYPTO_get_ex_new_index(3)).

use super::slots::Installation;
use crate::decision::{Decision, Peer};
use crate::error::Error;
use crate::guard::guard;
use crate::ossl::{self, InfoCallback, QuietErrors};
use crate::selector::FrozenSelector;
use libc::{c_int, c_long, c_void};
use once_cell::race::OnceNonZeroUsize;
use openssl_sys as ffi;
use std::ffi::CString;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// What tells one handshake from another: the Random of its ClientHello, all zero before the first
/// and after SSL_clear(3).
type ClientRandom = [u8; 32];

/// What belongs to an SSL.
#[derive(Default)]
struct Record {
    peer: Peer,
    decision: Option<Decision>,
    /// That of the handshake in which the decision was made.
    client_random: ClientRandom,
    installation: Option<Installation>,
    /// The info callback that the SSL had before the last installation.
    previous_callback: Option<InfoCallback>,
    /// Whether that one is being called.
    is_calling: bool,
    message: CString,
    explanation: CString,
}

#[cfg(ossl3)]
type DupFrom = *mut *mut c_void;
#[cfg(not(ossl3))]
type DupFrom = *mut c_void;

static CTX_INDEX: OnceNonZeroUsize = OnceNonZeroUsize::new();
static SSL_INDEX: OnceNonZeroUsize = OnceNonZeroUsize::new();

/// An ex_data index, made when it is first needed. Two threads at once may make one too many,
/// which then stays unused: better than a lock that a forked child finds locked.
///
/// It is taken in the global library context, whatever the thread's default is: OpenSSL numbers the
/// indices of each library context by themselves, and an index of another one may be that of
/// another library's data on the same object.
fn index(
    cell: &OnceNonZeroUsize,
    class: c_int,
    dup: Option<ffi::CRYPTO_EX_dup>,
    free: ffi::CRYPTO_EX_free,
) -> Result<c_int, Error> {
    let made = cell.get_or_try_init(|| {
        let none = std::ptr::null_mut();
        // SAFETY: three callbacks of the right types, which stay loaded (-z nodelete).
        let index = ossl::in_global_context(|| unsafe {
            ffi::CRYPTO_get_ex_new_index(class, 0, none, None, dup, Some(free))
        });
        usize::try_from(index).ok().and_then(|i| NonZeroUsize::new(i + 1)).ok_or(Error::Memory)
    })?;
    c_int::try_from(made.get() - 1).map_err(|_| Error::Memory)
}

fn ctx_index() -> Result<c_int, Error> {
    index(&CTX_INDEX, ffi::CRYPTO_EX_INDEX_SSL_CTX, None, free_selector)
}

fn ssl_index() -> Result<c_int, Error> {
    index(&SSL_INDEX, ffi::CRYPTO_EX_INDEX_SSL, Some(dup_record), free_record)
}

unsafe extern "C" fn free_selector(
    _parent: *mut c_void,
    pointer: *mut c_void,
    _data: *mut ffi::CRYPTO_EX_DATA,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) {
    if !pointer.is_null() {
        // SAFETY: `set_selector` put it there, and it is freed once.
        guard(|| drop(unsafe { Arc::from_raw(pointer.cast::<FrozenSelector>()) }));
    }
}

unsafe extern "C" fn free_record(
    _parent: *mut c_void,
    pointer: *mut c_void,
    _data: *mut ffi::CRYPTO_EX_DATA,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) {
    if !pointer.is_null() {
        // SAFETY: `record_of` put it there, and it is freed once.
        guard(|| drop(unsafe { Box::from_raw(pointer.cast::<Record>()) }));
    }
}

/// SSL_dup(3) copies the pointer; the copy gets a record of its own, with the same peer and no
/// decision. It has the same certificates and info callback, so it knows of the installation too.
unsafe extern "C" fn dup_record(
    _to: *mut ffi::CRYPTO_EX_DATA,
    _from: *const ffi::CRYPTO_EX_DATA,
    from_d: DupFrom,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) -> c_int {
    let slot = from_d.cast::<*mut c_void>();
    // SAFETY: a pointer to a copy of the pointer that `record_of` made, to be replaced.
    let copied = guard(|| unsafe {
        let record = (*slot).cast::<Record>();
        if !record.is_null() {
            let copy = Record {
                peer: (*record).peer.clone(),
                installation: (*record).installation.clone(),
                previous_callback: (*record).previous_callback,
                ..Record::default()
            };
            *slot = Box::into_raw(Box::new(copy)).cast();
        }
    });
    if copied.is_none() {
        // SAFETY: as above; the original keeps its record.
        unsafe { *slot = std::ptr::null_mut() };
    }
    1
}

/// Stores the selector in the SSL_CTX's ex_data and drops the previous one.
///
/// # Safety
/// `ctx` is a valid SSL_CTX, of which no handshake is under way in another thread.
pub unsafe fn set_selector(
    ctx: *mut ffi::SSL_CTX,
    selector: Arc<FrozenSelector>,
) -> Result<(), Error> {
    let index = ctx_index()?;
    let new = Arc::into_raw(selector).cast_mut().cast::<c_void>();
    // SAFETY: the caller's promise; whatever is under our index was put there by this function.
    unsafe {
        let old = ffi::SSL_CTX_get_ex_data(ctx, index);
        if ffi::SSL_CTX_set_ex_data(ctx, index, new) != 1 {
            drop(Arc::from_raw(new.cast::<FrozenSelector>()));
            return Err(Error::Memory);
        }
        if !old.is_null() {
            drop(Arc::from_raw(old.cast::<FrozenSelector>()));
        }
    }
    Ok(())
}

/// The selector of an SSL's SSL_CTX.
///
/// # Safety
/// `ssl` is a valid SSL.
pub unsafe fn selector(ssl: *mut ffi::SSL) -> Option<Arc<FrozenSelector>> {
    let index = ctx_index().ok()?;
    // SAFETY: the caller's promise; the pointer is one that `set_selector` put there.
    unsafe {
        let ctx = ffi::SSL_get_SSL_CTX(ssl);
        let pointer = ffi::SSL_CTX_get_ex_data(ctx, index).cast_const().cast::<FrozenSelector>();
        if pointer.is_null() {
            return None;
        }
        Arc::increment_strong_count(pointer);
        Some(Arc::from_raw(pointer))
    }
}

/// Whether the program has attached a selector of its own to the SSL's SSL_CTX.
///
/// # Safety
/// `ssl` is a valid SSL.
#[cfg(ossl3)]
pub unsafe fn has_selector(ssl: *mut ffi::SSL) -> bool {
    // SAFETY: the caller's promise.
    unsafe { selector(ssl) }.is_some()
}

/// # Safety
/// `ssl` is a valid SSL.
unsafe fn existing_record(ssl: *const ffi::SSL) -> Option<*mut Record> {
    let index = ssl_index().ok()?;
    // SAFETY: the caller's promise; the pointer is one that `record_of` put there.
    let record = unsafe { ffi::SSL_get_ex_data(ssl, index) }.cast::<Record>();
    if record.is_null() { None } else { Some(record) }
}

/// # Safety
/// `ssl` is a valid SSL.
unsafe fn record_of(ssl: *mut ffi::SSL) -> Result<*mut Record, Error> {
    let index = ssl_index()?;
    // SAFETY: the caller's promise.
    if let Some(record) = unsafe { existing_record(ssl) } {
        return Ok(record);
    }
    let record = Box::into_raw(Box::<Record>::default());
    // SAFETY: the caller's promise; the SSL owns the record if it took it.
    unsafe {
        if ffi::SSL_set_ex_data(ssl, index, record.cast()) != 1 {
            drop(Box::from_raw(record));
            return Err(Error::Memory);
        }
    }
    Ok(record)
}

/// Keeps what the program knows of the other side.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
pub unsafe fn set_peer(ssl: *mut ffi::SSL, peer: Peer) -> Result<(), Error> {
    // SAFETY: the caller's promise; no reference to the record is held.
    unsafe { (*record_of(ssl)?).peer = peer };
    Ok(())
}

/// What `set_peer` kept.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn peer(ssl: *const ffi::SSL) -> Peer {
    // SAFETY: the caller's promise.
    unsafe { existing_record(ssl) }.map_or_else(Peer::default, |r| unsafe { (*r).peer.clone() })
}

/// Keeps a decision; the last one is let go.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn record(ssl: *mut ffi::SSL, mut decision: Decision) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    decision.state = unsafe { ossl::SSL_get_state(ssl) };
    // SAFETY: likewise; no reference to the record is held.
    unsafe {
        let record = record_of(ssl)?;
        (*record).decision = Some(decision);
        (*record).client_random = client_random(ssl);
    }
    Ok(())
}

/// What is installed on an SSL.
///
/// # Safety
/// As for [`set_peer`], and the result is dropped before OpenSSL is called.
pub unsafe fn installation<'a>(ssl: *mut ffi::SSL) -> Result<&'a mut Option<Installation>, Error> {
    // SAFETY: the caller's promise.
    unsafe { Ok(&mut (*record_of(ssl)?).installation) }
}

/// The same, which is no longer installed from now on.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn take_installation(ssl: *mut ffi::SSL) -> Option<Installation> {
    // SAFETY: the caller's promise; no reference to the record is held.
    unsafe { (*existing_record(ssl)?).installation.take() }
}

/// Whether something is installed.
///
/// # Safety
/// As for [`set_peer`].
#[cfg(ossl3)]
pub unsafe fn has_installation(ssl: *const ffi::SSL) -> bool {
    // SAFETY: the caller's promise.
    unsafe { existing_record(ssl).is_some_and(|record| (*record).installation.is_some()) }
}

/// Keeps the info callback that an SSL has before a certificate is installed, if it has a record.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn set_previous_callback(ssl: *const ffi::SSL, callback: Option<InfoCallback>) {
    // SAFETY: the caller's promise; no reference to the record is held.
    if let Some(record) = unsafe { existing_record(ssl) } {
        // SAFETY: likewise.
        unsafe { (*record).previous_callback = callback };
    }
}

/// What `set_previous_callback` kept.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn previous_callback(ssl: *const ffi::SSL) -> Option<InfoCallback> {
    // SAFETY: the caller's promise; the value is copied.
    unsafe { (*existing_record(ssl)?).previous_callback }
}

/// Keeps whether the previous info callback is being called; returns what was kept before.
///
/// # Safety
/// As for [`set_peer`].
pub unsafe fn set_is_calling(ssl: *const ffi::SSL, is_calling: bool) -> bool {
    // SAFETY: the caller's promise; no reference to the record is held.
    unsafe {
        existing_record(ssl)
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

/// The record of the last decision on this SSL, if there has been one.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile, and no other reference from here is
/// alive.
pub unsafe fn decision<'a>(ssl: *const ffi::SSL) -> Option<&'a Decision> {
    // SAFETY: the caller's promise.
    unsafe {
        let record = existing_record(ssl)?;
        let now = client_random(ssl);
        let is_current = now == (*record).client_random;
        if !is_current && now != ClientRandom::default() {
            // Another handshake has begun, in which the server has not asked yet.
            (*record).decision = None;
        }
        if !is_current && ossl::SSL_in_before(ssl) == 0 {
            // It has begun and has no ClientHello yet.
            return None;
        }
        let decision = (*record).decision.as_mut()?;
        if is_current {
            decision.settle(ssl);
        }
        Some(decision)
    }
}

/// The same with a verdict on every credential, also those that the choice did without.
///
/// # Safety
/// As for [`decision`].
pub unsafe fn whole_decision<'a>(ssl: *const ffi::SSL) -> Option<&'a Decision> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise; the first reference is not used again.
    unsafe {
        decision(ssl)?;
        let decision = (*existing_record(ssl)?).decision.as_mut()?;
        // Without memory for the others, the explanation has what is known.
        let _ = decision.complete(ssl);
        Some(decision)
    }
}

/// The decision's message, as a C string that belongs to the SSL.
///
/// # Safety
/// As for [`decision`].
pub unsafe fn message(ssl: *const ffi::SSL) -> Option<*const libc::c_char> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise.
    unsafe {
        let words = decision(ssl)?.message();
        let record = existing_record(ssl)?;
        keep(&mut (*record).message, &words)
    }
}

/// The decision's explanation, as a C string that belongs to the SSL.
///
/// # Safety
/// As for [`decision`].
pub unsafe fn explanation(ssl: *const ffi::SSL) -> Option<*const libc::c_char> {
    let _errors = QuietErrors::new();
    // SAFETY: the caller's promise.
    unsafe {
        let words = whole_decision(ssl)?.explanation();
        let record = existing_record(ssl)?;
        keep(&mut (*record).explanation, &words)
    }
}

/// Puts words in their place, unless they stand there already: then pointers to them stay good.
fn keep(place: &mut CString, words: &str) -> Option<*const libc::c_char> {
    let words = ossl::c_text(words);
    if *place != words {
        *place = words;
    }
    Some(place.as_ptr())
}
