// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one type of cache: bounded, and usable after a fork. It knows nothing of what it holds.
//!
//! Each owner has a static [`Cache`] of its own. The lock is held to look up and to store, never while
//! a file is read, a key is decrypted or the program is called. A thread that does not get the lock soon
//! does without the cache, so a child that was forked while another thread held it goes on.
//!
//! Objects that OpenSSL makes belong to the library context of the thread
//! (OSSL_LIB_CTX_set0_default(3)), and a program frees its own contexts. So the caches are for threads
//! with the global library context alone.

mod shelf;

use crate::ossl;
pub use shelf::Shelf;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

/// See the module.
pub struct Cache {
    max_values: usize,
    max_bytes: usize,
    /// NULL, or a box that is never freed.
    locked: AtomicPtr<Locked>,
}

struct Locked {
    /// The last process that got the lock.
    process: AtomicU32,
    shelf: Mutex<Shelf>,
}

impl Cache {
    /// An empty cache, with its maximum number of values and of bytes.
    pub const fn new(max_values: usize, max_bytes: usize) -> Cache {
        Cache { max_values, max_bytes, locked: AtomicPtr::new(std::ptr::null_mut()) }
    }

    fn empty(&self) -> Shelf {
        Shelf::new(self.max_values, self.max_bytes)
    }

    fn locked(&self) -> &'static Locked {
        // SAFETY: NULL, or a box that is never freed.
        match unsafe { self.locked.load(Ordering::Acquire).as_ref() } {
            Some(locked) => locked,
            None => self.replace(std::ptr::null_mut()),
        }
    }

    /// Puts a new, empty shelf in place of `old`, unless another thread has done so. The old one is not
    /// freed, because it may be in use.
    fn replace(&self, old: *mut Locked) -> &'static Locked {
        let process = AtomicU32::new(std::process::id());
        let new = Box::into_raw(Box::new(Locked { process, shelf: Mutex::new(self.empty()) }));
        match self.locked.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: a box that is never freed from now on.
            Ok(_) => unsafe { &*new },
            Err(theirs) => {
                // SAFETY: no other thread has seen the new one; theirs is never freed.
                unsafe {
                    drop(Box::from_raw(new));
                    &*theirs
                }
            }
        }
    }

    /// Locks the cache. Returns `None` under contention, or if the thread's library context is not the
    /// global one. Values that the shelf returns are to be dropped after the lock.
    pub fn lock(&self) -> Option<MutexGuard<'static, Shelf>> {
        if ossl::has_global_context() { self.lock_in_any_context() } else { None }
    }

    fn lock_in_any_context(&self) -> Option<MutexGuard<'static, Shelf>> {
        const YIELDS: usize = 100;
        const NAPS: usize = 100;
        const NAP: Duration = Duration::from_micros(50);
        let locked = self.locked();
        let process = std::process::id();
        for turn in 0..YIELDS + NAPS {
            match locked.shelf.try_lock() {
                Ok(shelf) => {
                    locked.process.store(process, Ordering::Relaxed);
                    return Some(shelf);
                }
                Err(TryLockError::Poisoned(poisoned)) => {
                    // A panic may have left the shelf inconsistent.
                    locked.shelf.clear_poison();
                    let mut shelf = poisoned.into_inner();
                    *shelf = self.empty();
                    return Some(shelf);
                }
                Err(TryLockError::WouldBlock) if turn < YIELDS => std::thread::yield_now(),
                Err(TryLockError::WouldBlock) => std::thread::sleep(NAP),
            }
        }
        if locked.process.load(Ordering::Relaxed) != process {
            // This process was forked while another thread, which it does not have, held the lock.
            let fresh = self.replace(std::ptr::from_ref(locked).cast_mut());
            return fresh.shelf.try_lock().ok();
        }
        None
    }

    /// Removes all values.
    pub fn clear(&self) {
        const TRIES: usize = 50;
        for _ in 0..TRIES {
            // The values are dropped without the lock.
            let empty = self.empty();
            let old =
                self.lock_in_any_context().map(|mut shelf| std::mem::replace(&mut *shelf, empty));
            if old.is_some() {
                return;
            }
        }
        // The thread that holds the lock does not run, or is not in this process.
        self.replace(std::ptr::from_ref(self.locked()).cast_mut());
    }
}
