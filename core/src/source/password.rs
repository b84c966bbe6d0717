// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program's callback for the passwords of keys.

use libc::{c_char, c_int, c_void};
use std::ffi::CStr;

/// The type of the program's function that gives the password of a key file.
pub type PasswordFunction = unsafe extern "C" fn(
    buf: *mut c_char,
    size: c_int,
    key_file: *const c_char,
    arg: *mut c_void,
) -> c_int;

/// The program's own way to get a password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordCallback {
    function: PasswordFunction,
    arg: *mut c_void,
}

// SAFETY: the C contract says that the function is called from any thread that makes a handshake,
// with the argument as it was given.
unsafe impl Send for PasswordCallback {}
// SAFETY: likewise.
unsafe impl Sync for PasswordCallback {}

impl PasswordCallback {
    /// # Safety
    /// `function` may be called with `arg` from any thread for as long as the selector lives, and
    /// writes no more than `size` bytes.
    pub unsafe fn new(function: PasswordFunction, arg: *mut c_void) -> PasswordCallback {
        PasswordCallback { function, arg }
    }

    /// The number of bytes written; `None` where the program has none to give.
    pub(super) fn call(&self, buffer: &mut [u8], key_file: &CStr) -> Option<usize> {
        let size = c_int::try_from(buffer.len()).ok()?;
        // SAFETY: a buffer of `size` bytes and a C string, by the promise given in `new`.
        let length = unsafe {
            (self.function)(buffer.as_mut_ptr().cast(), size, key_file.as_ptr(), self.arg)
        };
        usize::try_from(length).ok().filter(|n| (1..=buffer.len()).contains(n))
    }
}
