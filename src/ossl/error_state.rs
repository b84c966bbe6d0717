// SPDX-License-Identifier: MIT OR Apache-2.0
//! The error queue of OpenSSL 1.1.1, which can be set aside whole.
//!
//! Marks do not do there: an entry has one mark or none, and OpenSSL itself sets and pops marks
//! while it reads keys. Where it has queued nothing in between, that takes the mark from the newest
//! entry of the program, and a later ERR_pop_to_mark(3) takes the program's entries away.

use libc::{c_char, c_int, c_ulong};
use openssl_sys as ffi;
use std::marker::PhantomData;

/// ERR_NUM_ERRORS.
const ENTRIES: usize = 16;

/// ERR_STATE, as openssl/err.h of 1.1.1 declares it.
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

unsafe extern "C" {
    fn ERR_get_state() -> *mut State;
}

/// The queue of this thread as it was: entries, their data, marks. Until this is dropped OpenSSL
/// has an empty one, of which nothing stays.
pub struct SetAside {
    /// `None` where this thread had no queue, or no memory for one.
    callers: Option<State>,
    /// A queue belongs to its thread.
    _not_send: PhantomData<*mut State>,
}

impl SetAside {
    pub fn new() -> SetAside {
        // SAFETY: NULL, or this thread's queue, whose entries (and what OpenSSL has allocated for
        // their data) are ours from here on: one of zeros is empty and owns nothing.
        let callers = unsafe {
            let state = ERR_get_state();
            (!state.is_null()).then(|| {
                let callers = state.read();
                state.write_bytes(0, 1);
                callers
            })
        };
        SetAside { callers, _not_send: PhantomData }
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        // SAFETY: works on this thread's queue alone. Cleared, it owns nothing, so that nothing is
        // lost when the caller's takes its place; it is there, since it was before.
        unsafe {
            ffi::ERR_clear_error();
            if let Some(callers) = self.callers.take() {
                let state = ERR_get_state();
                if !state.is_null() {
                    state.write(callers);
                }
            }
        }
    }
}
