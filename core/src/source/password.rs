// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program's callback for the passwords of encrypted keys.

use libc::{c_char, c_int, c_void};
use std::ffi::CStr;

/// The C type of the callback (certpick_password_cb in the header).
pub type PasswordFunction = unsafe extern "C" fn(
    buf: *mut c_char,
    size: c_int,
    key_file: *const c_char,
    arg: *mut c_void,
) -> c_int;

/// The program's callback and its argument.
#[derive(Clone, Copy, Debug)]
pub struct PasswordCallback {
    function: PasswordFunction,
    arg: *mut c_void,
}

// SAFETY: the header says that the callback runs in any thread that performs a handshake.
unsafe impl Send for PasswordCallback {}
// SAFETY: likewise.
unsafe impl Sync for PasswordCallback {}

impl PasswordCallback {
    /// # Safety
    /// Any thread may call `function` with `arg` during the lifetime of the selector, and the function writes
    /// at most `size` bytes.
    pub unsafe fn new(function: PasswordFunction, arg: *mut c_void) -> PasswordCallback {
        PasswordCallback { function, arg }
    }

    /// Calls the callback. Returns the number of bytes of the password, or `None` if there is none.
    pub(super) fn call(&self, buffer: &mut [u8], key_file: &CStr) -> Option<usize> {
        let size = c_int::try_from(buffer.len()).ok()?;
        // SAFETY: a buffer of `size` bytes and a C string; the rest is the promise of `new`.
        let length = unsafe {
            (self.function)(buffer.as_mut_ptr().cast(), size, key_file.as_ptr(), self.arg)
        };
        usize::try_from(length).ok().filter(|n| (1..=buffer.len()).contains(n))
    }
}
