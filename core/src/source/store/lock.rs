// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lock for loading and freeing keys in tokens, which pkcs11-provider 1.0 cannot do in several threads at
//! once.
//!
//! Unlike the locks of the caches, it is waited for, because the work cannot be done without it. A forked
//! child uses a new lock, because a thread that does not exist in the child may hold that of the parent. The
//! lock is not held while a callback of the program runs.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// NULL, or a box that is never freed, because a thread may be waiting for its mutex.
static CURRENT: AtomicPtr<ProcessLock> = AtomicPtr::new(ptr::null_mut());

struct ProcessLock {
    process: u32,
    mutex: Mutex<()>,
    /// The thread that holds the lock, or 0.
    thread: AtomicUsize,
}

/// Holds the lock.
pub struct Guard {
    // Cleared before the mutex is unlocked.
    owner: Owner,
    _mutex: MutexGuard<'static, ()>,
}

struct Owner(&'static ProcessLock);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.thread.store(0, Ordering::Relaxed);
    }
}

/// Waits for the lock of this process. Returns `None` if this thread holds it, as when the module of a token
/// itself uses TLS.
pub fn lock() -> Option<Guard> {
    let lock = current();
    // SAFETY: no arguments.
    let thread = unsafe { libc::pthread_self() } as usize;
    if lock.thread.load(Ordering::Relaxed) == thread {
        return None;
    }
    let mutex = lock.mutex.lock().unwrap_or_else(PoisonError::into_inner);
    lock.thread.store(thread, Ordering::Relaxed);
    Some(Guard { owner: Owner(lock), _mutex: mutex })
}

impl Guard {
    /// Returns the process that the lock belongs to.
    pub fn process(&self) -> u32 {
        self.owner.0.process
    }
}

fn current() -> &'static ProcessLock {
    let process = std::process::id();
    loop {
        let old = CURRENT.load(Ordering::Acquire);
        // SAFETY: NULL, or a box that is never freed.
        if let Some(lock) = unsafe { old.as_ref() }.filter(|lock| lock.process == process) {
            return lock;
        }
        let (mutex, thread) = (Mutex::new(()), AtomicUsize::new(0));
        let new = Box::into_raw(Box::new(ProcessLock { process, mutex, thread }));
        if CURRENT.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // SAFETY: no other thread has a pointer to `new`.
            drop(unsafe { Box::from_raw(new) });
        }
    }
}
