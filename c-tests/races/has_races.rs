// SPDX-License-Identifier: MIT OR Apache-2.0
//! Correct and incorrect ways to share a value between threads. certpick uses the correct ones.
//! has_races.c calls each function in two threads. ThreadSanitizer must report the incorrect ones
//! and no others.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex};

struct Shared(UnsafeCell<[u64; 4]>);

// SAFETY: not sound on purpose. ThreadSanitizer must report the races.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new([0; 4]));
static LOCK: Mutex<()> = Mutex::new(());
static BOX: AtomicPtr<[u64; 4]> = AtomicPtr::new(std::ptr::null_mut());
static COUNTED: AtomicPtr<Vec<u64>> = AtomicPtr::new(std::ptr::null_mut());

fn count() -> u64 {
    // SAFETY: the address is valid. Without a lock each access is a race, on purpose.
    unsafe {
        let at = SHARED.0.get().cast::<u64>();
        at.write_volatile(at.read_volatile() + 1);
        at.read_volatile()
    }
}

/// Incorrect: no lock.
#[unsafe(no_mangle)]
pub extern "C" fn without_a_lock() -> u64 {
    count()
}

/// Correct: try_lock() in a loop, like the cache.
#[unsafe(no_mangle)]
pub extern "C" fn with_a_lock() -> u64 {
    loop {
        match LOCK.try_lock() {
            Ok(_locked) => return count(),
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// Reads a box that the first thread creates.
fn boxed(store: Ordering, load: Ordering) -> u64 {
    let mut at = BOX.load(load);
    if at.is_null() {
        let new = Box::into_raw(Box::new([7; 4]));
        at = match BOX.compare_exchange(std::ptr::null_mut(), new, store, load) {
            Ok(_) => new,
            Err(theirs) => {
                // SAFETY: no other thread has the pointer.
                drop(unsafe { Box::from_raw(new) });
                theirs
            }
        };
    }
    // SAFETY: the box is never freed.
    unsafe { at.cast::<u64>().read_volatile() }
}

/// Correct: release and acquire make the content visible with the pointer.
#[unsafe(no_mangle)]
pub extern "C" fn a_box_that_is_released() -> u64 {
    boxed(Ordering::AcqRel, Ordering::Acquire)
}

/// Incorrect: another thread may see the pointer before the content.
#[unsafe(no_mangle)]
pub extern "C" fn a_box_that_is_not_released() -> u64 {
    boxed(Ordering::Relaxed, Ordering::Relaxed)
}

/// Creates the two references. The main thread calls it before it starts the others.
#[unsafe(no_mangle)]
pub extern "C" fn two_references() {
    COUNTED.store(Arc::into_raw(Arc::new(vec![7_u64; 4])).cast_mut(), Ordering::Relaxed);
    let at = COUNTED.load(Ordering::Relaxed);
    // SAFETY: the pointer is from Arc::into_raw(). Each thread drops one reference.
    unsafe { Arc::increment_strong_count(at) };
}

/// Correct: the last reference frees the value.
#[unsafe(no_mangle)]
pub extern "C" fn counted_references() -> u64 {
    // SAFETY: this thread owns one of the two references.
    let mine = unsafe { Arc::from_raw(COUNTED.load(Ordering::Relaxed)) };
    mine.iter().sum()
}

/// Incorrect: reads the value after its reference is dropped.
#[unsafe(no_mangle)]
pub extern "C" fn a_reference_that_was_dropped() -> u64 {
    let at = COUNTED.load(Ordering::Relaxed);
    // SAFETY: this thread owns one of the two references. The read after the drop is the bug.
    unsafe {
        drop(Arc::from_raw(at));
        at.cast::<u64>().read_volatile()
    }
}
