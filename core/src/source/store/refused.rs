// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PINs that tokens have refused. They are not tried again, because a token locks after a few attempts. A
//! forked child inherits them.

use super::lock::Guard;
use crate::secret::Secret;
use crate::source::password_digest::PasswordDigest;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use zeroize::Zeroizing;

/// More than the attempts that tokens accept.
const MAX: usize = 64;

/// Each is NULL or a box. They are accessed only by a thread that holds the lock, so that an old box can be
/// freed. The pointers are atomic because a fork(2) may come at any time.
static REFUSED: [AtomicPtr<PasswordDigest>; MAX] = [const { AtomicPtr::new(ptr::null_mut()) }; MAX];
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A PIN together with the token, which may be described by the same attributes in several URIs.
fn with_token(token: &str, pin: &Secret) -> Option<Secret> {
    let length = pin.bytes().len() + token.len();
    // A vector that grows would leave a copy of the PIN.
    let mut both = Zeroizing::new(Vec::with_capacity(length + 1));
    both.extend_from_slice(pin.bytes());
    both.push(0);
    both.extend_from_slice(token.as_bytes());
    Secret::from_zeroizing(both)
}

/// Returns whether the token has refused this PIN.
pub fn contains(token: &str, pin: &Secret, _guard: &Guard) -> bool {
    let Some(pin) = with_token(token, pin) else { return false };
    REFUSED.iter().any(|slot| {
        // SAFETY: NULL, or a box that no other thread frees while this one holds the lock.
        unsafe { slot.load(Ordering::Acquire).as_ref() }.is_some_and(|digest| digest.matches(&pin))
    })
}

/// Adds a PIN. If there are too many, it replaces the oldest one.
pub fn add(token: &str, pin: &Secret, guard: &Guard) {
    let digest = with_token(token, pin).and_then(|pin| PasswordDigest::new(&pin));
    if let Some(digest) = digest {
        replace(NEXT.fetch_add(1, Ordering::Relaxed), Box::into_raw(Box::new(digest)), guard);
    }
}

/// Removes all PINs.
pub fn clear(guard: &Guard) {
    (0..MAX).for_each(|number| replace(number, ptr::null_mut(), guard));
}

fn replace(number: usize, new: *mut PasswordDigest, _guard: &Guard) {
    let Some(slot) = REFUSED.get(number % MAX) else { return };
    let old = slot.swap(new, Ordering::AcqRel);
    if !old.is_null() {
        // SAFETY: a box of `add`, which no other thread uses while this one holds the lock.
        drop(unsafe { Box::from_raw(old) });
    }
}
