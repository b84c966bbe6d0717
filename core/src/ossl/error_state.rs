// SPDX-License-Identifier: MIT OR Apache-2.0
//! Saves and restores a thread's error queue with entries, their data, and marks.
//!
//! A mark (ERR_set_mark(3)) is not sufficient. The queue has 16 entries, and OpenSSL adds more when it tries
//! several decoders, which removes the program's entries. OpenSSL also sets and pops marks. In 1.1.1, where
//! an entry has at most one mark, and in 4.0.2, which pops one mark too many when it decrypts PBES2, this
//! removes the program's marks.

use openssl_sys as ffi;
use std::marker::PhantomData;

/// The saved queue of this thread. Dropping it replaces the current queue by the saved one.
pub struct SavedQueue {
    /// `None` if the queue was empty.
    queue: Option<Queue>,
    /// A queue belongs to one thread.
    _not_send: PhantomData<*mut ()>,
}

impl SavedQueue {
    /// Saves the queue, and leaves an empty one.
    pub fn new() -> SavedQueue {
        SavedQueue { queue: Queue::take(), _not_send: PhantomData }
    }
}

impl Drop for SavedQueue {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.restore();
        } else {
            // SAFETY: changes only this thread's queue.
            unsafe { ffi::ERR_clear_error() };
        }
    }
}

#[cfg(ossl4)]
use by_functions::Queue;
#[cfg(not(ossl4))]
use by_structure::Queue;

/// Up to OpenSSL 3.x, the structure ERR_STATE is public.
#[cfg(not(ossl4))]
mod by_structure {
    use libc::{c_char, c_int, c_ulong};
    use openssl_sys as ffi;

    /// ERR_NUM_ERRORS.
    const ENTRIES: usize = 16;
    /// ERR_TXT_MALLOCED.
    const TXT_MALLOCED: c_int = 1;

    /// ERR_STATE of openssl/err.h in 1.1.1.
    #[cfg(not(ossl3))]
    #[repr(C)]
    struct State {
        flags: [c_int; ENTRIES],
        codes: [c_ulong; ENTRIES],
        data: [*mut c_char; ENTRIES],
        data_flags: [c_int; ENTRIES],
        files: [*const c_char; ENTRIES],
        lines: [c_int; ENTRIES],
        top: c_int,
        bottom: c_int,
    }

    /// ERR_STATE of openssl/err.h in 3.x.
    #[cfg(ossl3)]
    #[repr(C)]
    struct State {
        flags: [c_int; ENTRIES],
        marks: [c_int; ENTRIES],
        codes: [c_ulong; ENTRIES],
        data: [*mut c_char; ENTRIES],
        data_sizes: [usize; ENTRIES],
        data_flags: [c_int; ENTRIES],
        files: [*mut c_char; ENTRIES],
        lines: [c_int; ENTRIES],
        functions: [*mut c_char; ENTRIES],
        top: c_int,
        bottom: c_int,
    }

    unsafe extern "C" {
        fn ERR_get_state() -> *mut State;
    }

    /// The content of this thread's structure, which we own until it is restored. Boxed, because callbacks
    /// may run on a small stack.
    pub struct Queue(Box<State>);

    impl Queue {
        /// Returns `None` if the queue is empty, or if OpenSSL cannot allocate it.
        pub fn take() -> Option<Queue> {
            // SAFETY: NULL, or this thread's structure. The copy owns the allocated data of its entries. The
            // structure is zeroed, which makes the queue empty.
            unsafe {
                let state = ERR_get_state().as_mut()?;
                if state.top == state.bottom {
                    return None;
                }
                let queue = Box::new(std::ptr::read(state));
                std::ptr::write_bytes(state, 0, 1);
                Some(Queue(queue))
            }
        }

        pub fn restore(self) {
            // SAFETY: this thread's structure. After ERR_clear_error(3), it owns only the buffers that
            // OpenSSL 3 keeps for later entries, which are freed before it is overwritten.
            unsafe {
                ffi::ERR_clear_error();
                let Some(state) = ERR_get_state().as_mut() else { return };
                for (data, flags) in state.data.iter().zip(state.data_flags) {
                    if flags & TXT_MALLOCED != 0 {
                        ffi::OPENSSL_free(data.cast());
                    }
                }
                std::ptr::write(state, *self.0);
            }
        }
    }
}

/// Since OpenSSL 4.0, the structure is private. The functions for it, which exist since 3.2, do not save
/// marks, so the entries after each mark are saved separately.
#[cfg(ossl4)]
mod by_functions {
    use libc::{c_int, c_void};
    use openssl_sys as ffi;

    unsafe extern "C" {
        fn OSSL_ERR_STATE_new() -> *mut c_void;
        fn OSSL_ERR_STATE_save_to_mark(state: *mut c_void);
        fn OSSL_ERR_STATE_restore(state: *const c_void);
        fn OSSL_ERR_STATE_free(state: *mut c_void);
        fn ERR_set_mark() -> c_int;
        fn ERR_pop_to_mark() -> c_int;
    }

    /// An ERR_STATE.
    struct Part(*mut c_void);

    impl Drop for Part {
        fn drop(&mut self) {
            // SAFETY: a structure that we own and free once.
            unsafe { OSSL_ERR_STATE_free(self.0) };
        }
    }

    /// The entries after each mark, the newest first, and finally the entries before the first mark. Empty
    /// after an allocation failure: the entries then stay in the queue, below an additional mark.
    pub struct Queue(Vec<Part>);

    impl Queue {
        /// Returns `None` if the queue is empty.
        pub fn take() -> Option<Queue> {
            let mut parts = Vec::new();
            // SAFETY: changes only this thread's queue.
            unsafe {
                if ffi::ERR_peek_last_error() == 0 {
                    return None;
                }
                loop {
                    let part = Part(OSSL_ERR_STATE_new());
                    if part.0.is_null() {
                        restore(parts, true);
                        ERR_set_mark();
                        return Some(Queue(Vec::new()));
                    }
                    OSSL_ERR_STATE_save_to_mark(part.0);
                    parts.push(part);
                    // There is no entry after the mark now, so this removes only the mark.
                    if ERR_pop_to_mark() == 0 {
                        return Some(Queue(parts));
                    }
                }
            }
        }

        pub fn restore(self) {
            // SAFETY: changes only this thread's queue.
            unsafe {
                if self.0.is_empty() {
                    ERR_pop_to_mark();
                } else {
                    ffi::ERR_clear_error();
                    restore(self.0, false);
                }
            }
        }
    }

    /// Adds the parts to this thread's queue, with a mark between two parts. If `is_marked`, also sets a mark
    /// before the first part.
    fn restore(mut parts: Vec<Part>, mut is_marked: bool) {
        while let Some(part) = parts.pop() {
            // SAFETY: changes only this thread's queue; the part is valid.
            unsafe {
                if is_marked {
                    ERR_set_mark();
                }
                OSSL_ERR_STATE_restore(part.0);
            }
            is_marked = true;
        }
    }
}
