// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this process has read from files, kept for the next selector: certificates, what selectors
//! make of them, and decrypted keys.
//!
//! The files of a list are checked for changes once a second, by comparing their stamps. The files of the
//! certificates and of the key that are about to be sent are checked in each handshake
//! (`FrozenSelector::key`): they are opened, with the rights that the process has then, and a decrypted
//! key is returned only for the password that decrypted it. What was read so soon after a change that a second change would not
//! show in the stamp is read again. What changes a file and not its stamp, as a shared mapping may, is
//! not seen.
//!
//! One lock, held to look up and to put in, never while a file is read, a key decrypted or the
//! program called. Whoever does not get it soon does without the cache, so a child that was forked
//! while another thread held it goes on.
//!
//! What OpenSSL makes belongs to the library context that the thread has then
//! (OSSL_LIB_CTX_set0_default(3)), and a program frees its own contexts. So the cache is for the
//! global one alone.

mod certificates;
mod keys;
mod lookup;
mod shelf;
mod stamp;

use crate::ossl;
pub use certificates::{
    Parts, filter, index, is_old, issuer_file, keep_filter, keep_index, keep_issuer_file,
    keep_listing, listing,
};
use keys::DigestKey;
pub use keys::{forget_key, keep_key, key};
pub use lookup::{ListKey, ListName};
use shelf::Shelf;
pub use stamp::{Directory, Moment, Stamp, Stats};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

/// Bounds: how many of each, and how many bytes; certpick_cache_clear() names them.
const LISTINGS: (usize, usize) = (16_384, 128 << 20);
const FILTERS: (usize, usize) = (64, 32 << 20);
const INDICES: (usize, usize) = (1024, 64 << 20);
const ISSUERS: (usize, usize) = (256, 32 << 20);
const KEYS: (usize, usize) = (1024, 16 << 20);

/// Each shelf has one type of values, by what they are looked up by.
struct Kept {
    listings: Shelf,
    filters: Shelf,
    indices: Shelf,
    issuers: Shelf,
    /// By the file's name, so that what replaces a file also replaces its key.
    keys: Shelf,
    /// Under which passwords are digested, made when it is first needed.
    digest_key: Option<DigestKey>,
}

impl Kept {
    fn new() -> Kept {
        Kept {
            listings: Shelf::new(LISTINGS),
            filters: Shelf::new(FILTERS),
            indices: Shelf::new(INDICES),
            issuers: Shelf::new(ISSUERS),
            keys: Shelf::new(KEYS),
            digest_key: None,
        }
    }
}

struct Cache {
    /// The last process that got the lock.
    process: AtomicU32,
    kept: Mutex<Kept>,
}

static CACHE: AtomicPtr<Cache> = AtomicPtr::new(std::ptr::null_mut());

fn cache() -> &'static Cache {
    // SAFETY: NULL, or a box that is never freed.
    match unsafe { CACHE.load(Ordering::Acquire).as_ref() } {
        Some(cache) => cache,
        None => replace(std::ptr::null_mut()),
    }
}

/// Puts a new, empty cache in place of `old`, unless another thread was faster. An old one is not
/// freed: it may be in use.
fn replace(old: *mut Cache) -> &'static Cache {
    let process = AtomicU32::new(std::process::id());
    let new = Box::into_raw(Box::new(Cache { process, kept: Mutex::new(Kept::new()) }));
    match CACHE.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: a box that is never freed from now on.
        Ok(_) => unsafe { &*new },
        Err(theirs) => {
            // SAFETY: nobody else has seen the new one; theirs is never freed.
            unsafe {
                drop(Box::from_raw(new));
                &*theirs
            }
        }
    }
}

/// What is kept, if this thread may use it, and if it is to be had soon.
fn kept() -> Option<MutexGuard<'static, Kept>> {
    if ossl::has_global_context() { lock() } else { None }
}

/// The lock, if it is to be had soon: it is never held for long.
fn lock() -> Option<MutexGuard<'static, Kept>> {
    const YIELDS: usize = 100;
    const NAPS: usize = 100;
    const NAP: Duration = Duration::from_micros(50);
    let cache = cache();
    let process = std::process::id();
    for turn in 0..YIELDS + NAPS {
        match cache.kept.try_lock() {
            Ok(kept) => {
                cache.process.store(process, Ordering::Relaxed);
                return Some(kept);
            }
            Err(TryLockError::Poisoned(poisoned)) => {
                // A panic left it half done.
                cache.kept.clear_poison();
                let mut kept = poisoned.into_inner();
                *kept = Kept::new();
                return Some(kept);
            }
            Err(TryLockError::WouldBlock) if turn < YIELDS => std::thread::yield_now(),
            Err(TryLockError::WouldBlock) => std::thread::sleep(NAP),
        }
    }
    if cache.process.load(Ordering::Relaxed) != process {
        // Forked while another thread, which is not here, held it.
        let fresh = replace(std::ptr::from_ref(cache).cast_mut());
        return fresh.kept.try_lock().ok();
    }
    None
}

/// Lets go of everything.
pub fn clear() {
    const TRIES: usize = 50;
    for _ in 0..TRIES {
        // What is dropped is dropped without the lock.
        let dropped = lock().map(|mut kept| std::mem::replace(&mut *kept, Kept::new()));
        if dropped.is_some() {
            return;
        }
    }
    // Whoever has it does not run, and perhaps is not in this process.
    replace(std::ptr::from_ref(cache()).cast_mut());
}
