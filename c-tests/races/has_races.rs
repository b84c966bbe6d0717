// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ways in which threads share a value, good ones and bad ones, as certpick's code has the good
//! ones: has_races.c calls each with two threads. The bad ones must be found, and only they.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex};

struct Shared(UnsafeCell<[u64; 4]>);

// SAFETY: it is not; that is what ThreadSanitizer is to find.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new([0; 4]));
static LOCK: Mutex<()> = Mutex::new(());
static BOX: AtomicPtr<[u64; 4]> = AtomicPtr::new(std::ptr::null_mut());
static COUNTED: AtomicPtr<Vec<u64>> = AtomicPtr::new(std::ptr::null_mut());

fn count() -> u64 {
    // SAFETY: an address; each access is a race where the caller has no lock.
    unsafe {
        let at = SHARED.0.get().cast::<u64>();
        at.write_volatile(at.read_volatile() + 1);
        at.read_volatile()
    }
}

/// Bad: nobody locks.
#[unsafe(no_mangle)]
pub extern "C" fn without_a_lock() -> u64 {
    count()
}

/// Good: as the cache does it, never waiting in the lock itself.
#[unsafe(no_mangle)]
pub extern "C" fn with_a_lock() -> u64 {
    loop {
        match LOCK.try_lock() {
            Ok(_locked) => return count(),
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// A box that the first thread makes, and all look into.
fn boxed(make: Ordering, look: Ordering) -> u64 {
    let mut at = BOX.load(look);
    if at.is_null() {
        let new = Box::into_raw(Box::new([7; 4]));
        at = match BOX.compare_exchange(std::ptr::null_mut(), new, make, look) {
            Ok(_) => new,
            Err(theirs) => {
                // SAFETY: nobody has seen it.
                drop(unsafe { Box::from_raw(new) });
                theirs
            }
        };
    }
    // SAFETY: never freed.
    unsafe { at.cast::<u64>().read_volatile() }
}

/// Good: what is behind the pointer comes with it.
#[unsafe(no_mangle)]
pub extern "C" fn a_box_that_is_released() -> u64 {
    boxed(Ordering::AcqRel, Ordering::Acquire)
}

/// Bad: the pointer may be seen before what it points to.
#[unsafe(no_mangle)]
pub extern "C" fn a_box_that_is_not_released() -> u64 {
    boxed(Ordering::Relaxed, Ordering::Relaxed)
}

/// Before the threads begin.
#[unsafe(no_mangle)]
pub extern "C" fn two_references() {
    COUNTED.store(Arc::into_raw(Arc::new(vec![7_u64; 4])).cast_mut(), Ordering::Relaxed);
    let at = COUNTED.load(Ordering::Relaxed);
    // SAFETY: from an Arc; each of the two threads drops one.
    unsafe { Arc::increment_strong_count(at) };
}

/// Good: whoever is last frees it.
#[unsafe(no_mangle)]
pub extern "C" fn counted_references() -> u64 {
    // SAFETY: one of the two references.
    let mine = unsafe { Arc::from_raw(COUNTED.load(Ordering::Relaxed)) };
    mine.iter().sum()
}

/// Bad: what was counted down is looked at again.
#[unsafe(no_mangle)]
pub extern "C" fn a_reference_that_was_dropped() -> u64 {
    let at = COUNTED.load(Ordering::Relaxed);
    // SAFETY: one of the two references; what follows is the bug.
    unsafe {
        drop(Arc::from_raw(at));
        at.cast::<u64>().read_volatile()
    }
}
