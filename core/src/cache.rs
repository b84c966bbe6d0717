// SPDX-License-Identifier: MIT OR Apache-2.0
//! A bounded cache for values of any type, usable after fork(2).
//!
//! Each owner has a static [`Cache`]. The lock is held for a lookup or a store, but not while a file is read,
//! a key is decrypted or a callback of the program runs. If a thread does not get the lock within some
//! milliseconds, it continues without the cache. So does a child process that was forked while another
//! thread held the lock.
//!
//! OpenSSL creates objects in the library context of the thread (OSSL_LIB_CTX_set0_default(3)), and the
//! program may free its own contexts before the cached objects. Therefore only threads with the global
//! library context use the caches.

mod shelf;

use crate::ossl;
pub use shelf::Shelf;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

/// A cache, whose memory is allocated on first use.
pub struct Cache {
    max_values: usize,
    max_bytes: usize,
    /// NULL, or a box that is never freed.
    locked: AtomicPtr<Locked>,
}

struct Locked {
    /// The ID of the last process that got the lock.
    process: AtomicU32,
    shelf: Mutex<Shelf>,
}

impl Cache {
    /// Returns an empty cache with a maximum number of values and of bytes.
    pub const fn new(max_values: usize, max_bytes: usize) -> Cache {
        Cache { max_values, max_bytes, locked: AtomicPtr::new(std::ptr::null_mut()) }
    }

    fn new_shelf(&self) -> Shelf {
        Shelf::new(self.max_values, self.max_bytes)
    }

    fn locked(&self) -> &'static Locked {
        // SAFETY: NULL, or a box that is never freed.
        match unsafe { self.locked.load(Ordering::Acquire).as_ref() } {
            Some(locked) => locked,
            None => self.replace(std::ptr::null_mut()),
        }
    }

    /// Replaces `old` by an empty shelf, unless another thread has replaced it. The old shelf is not freed,
    /// because a thread may be using it.
    fn replace(&self, old: *mut Locked) -> &'static Locked {
        let process = AtomicU32::new(std::process::id());
        let new = Box::into_raw(Box::new(Locked { process, shelf: Mutex::new(self.new_shelf()) }));
        match self.locked.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: a box that is never freed from now on.
            Ok(_) => unsafe { &*new },
            Err(theirs) => {
                // SAFETY: no other thread has a pointer to `new`, and `theirs` is never freed.
                unsafe {
                    drop(Box::from_raw(new));
                    &*theirs
                }
            }
        }
    }

    /// Locks the cache. Returns `None` under contention, or if the thread's library context is not the
    /// global one. The caller drops values from the shelf only after the lock.
    pub fn lock(&self) -> Option<MutexGuard<'static, Shelf>> {
        if ossl::has_global_context() { self.lock_in_any_context() } else { None }
    }

    fn lock_in_any_context(&self) -> Option<MutexGuard<'static, Shelf>> {
        const YIELDS: usize = 100;
        const SLEEPS: usize = 100;
        const SLEEP: Duration = Duration::from_micros(50);
        let locked = self.locked();
        let process = std::process::id();
        for attempt in 0..YIELDS + SLEEPS {
            match locked.shelf.try_lock() {
                Ok(shelf) => {
                    locked.process.store(process, Ordering::Relaxed);
                    return Some(shelf);
                }
                Err(TryLockError::Poisoned(poisoned)) => {
                    // A panic may have left the shelf inconsistent.
                    locked.shelf.clear_poison();
                    let mut shelf = poisoned.into_inner();
                    *shelf = self.new_shelf();
                    return Some(shelf);
                }
                Err(TryLockError::WouldBlock) if attempt < YIELDS => std::thread::yield_now(),
                Err(TryLockError::WouldBlock) => std::thread::sleep(SLEEP),
            }
        }
        if locked.process.load(Ordering::Relaxed) != process {
            // A thread of the parent process held the lock during the fork, and does not exist here.
            let new = self.replace(std::ptr::from_ref(locked).cast_mut());
            return new.shelf.try_lock().ok();
        }
        None
    }

    /// Removes all values.
    pub fn clear(&self) {
        const ATTEMPTS: usize = 50;
        for _ in 0..ATTEMPTS {
            // The old values are dropped after the lock.
            let empty = self.new_shelf();
            let old =
                self.lock_in_any_context().map(|mut shelf| std::mem::replace(&mut *shelf, empty));
            if old.is_some() {
                return;
            }
        }
        // The thread that holds the lock is suspended, or belongs to the parent process.
        self.replace(std::ptr::from_ref(self.locked()).cast_mut());
    }
}
