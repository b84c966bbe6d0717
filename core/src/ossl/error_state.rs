// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sets a thread's error queue aside whole: entries, their data, marks.
//!
//! A mark (ERR_set_mark(3)) is not enough. The queue has 16 slots, and OpenSSL fills most of them
//! where it tries one decoder after the other, which pushes the program's entries out. OpenSSL also
//! sets and pops marks itself: in 1.1.1, where an entry has one mark or none, and in 4.0.2, which pops
//! one too many when it decrypts PBES2, that takes the program's.

use openssl_sys as ffi;
use std::marker::PhantomData;

/// The queue of this thread as it was. Until this is dropped OpenSSL has an empty one, of which
/// nothing stays.
pub struct SetAside {
    /// `None` where the queue was empty.
    callers: Option<Queue>,
    /// A queue belongs to its thread.
    _not_send: PhantomData<*mut ()>,
}

impl SetAside {
    pub fn new() -> SetAside {
        SetAside { callers: Queue::take(), _not_send: PhantomData }
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        if let Some(callers) = self.callers.take() {
            callers.put_back();
        } else {
            // SAFETY: works on this thread's queue alone.
            unsafe { ffi::ERR_clear_error() };
        }
    }
}

#[cfg(not(ossl4))]
use by_state::Queue;
#[cfg(ossl4)]
use saved::Queue;

/// Up to OpenSSL 3.x the structure is public.
#[cfg(not(ossl4))]
mod by_state {
    use libc::{c_char, c_int, c_ulong};
    use openssl_sys as ffi;

    /// ERR_NUM_ERRORS.
    const ENTRIES: usize = 16;
    /// ERR_TXT_MALLOCED.
    const TXT_MALLOCED: c_int = 1;

    /// ERR_STATE, as openssl/err.h of 1.1.1 declares it.
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

    /// The same of 3.x.
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

    /// What OpenSSL had in this thread's structure, which is ours as long. In a box, because
    /// callbacks may run on a small stack.
    pub struct Queue(Box<State>);

    impl Queue {
        /// `None` where there is nothing in it, or where it cannot be had.
        pub fn take() -> Option<Queue> {
            // SAFETY: NULL, or this thread's queue, whose entries (and what OpenSSL has allocated for
            // their data) are ours from here on: one of zeros is empty and owns nothing.
            unsafe {
                let state = ERR_get_state().as_mut()?;
                if state.top == state.bottom {
                    return None;
                }
                let callers = Box::new(std::ptr::read(state));
                std::ptr::write_bytes(state, 0, 1);
                Some(Queue(callers))
            }
        }

        pub fn put_back(self) {
            // SAFETY: works on this thread's queue alone. Cleared, it owns nothing but the buffers
            // that OpenSSL 3 keeps for later data, which are freed.
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

/// OpenSSL 3.2 has functions for it, and since 4.0 there is no other way. They forget marks, so
/// there is a part for each.
#[cfg(ossl4)]
mod saved {
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
            // SAFETY: ours, and freed once.
            unsafe { OSSL_ERR_STATE_free(self.0) };
        }
    }

    /// The entries above each mark, the newest first; the last one has no mark below it. None at
    /// all: there was no memory, and they are where they were, under a mark.
    pub struct Queue(Vec<Part>);

    impl Queue {
        /// `None` where there is nothing in it.
        pub fn take() -> Option<Queue> {
            let mut parts = Vec::new();
            // SAFETY: works on this thread's queue alone.
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
                    // There is nothing above a mark now, so this takes the mark alone.
                    if ERR_pop_to_mark() == 0 {
                        return Some(Queue(parts));
                    }
                }
            }
        }

        pub fn put_back(self) {
            // SAFETY: works on this thread's queue alone.
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

    /// Puts the parts into this thread's queue, with a mark between each two, and one below them if
    /// `is_marked`.
    fn restore(mut parts: Vec<Part>, mut is_marked: bool) {
        while let Some(part) = parts.pop() {
            // SAFETY: works on this thread's queue alone; the part is valid.
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
