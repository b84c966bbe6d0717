// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program with a password callback.

use certpick_core::PasswordCallback;
use libc::{c_char, c_int, c_void};
use std::ffi::CStr;
use std::sync::Mutex;

/// Answers each call of its callback with the same password, or none, and records the calls.
pub struct Program {
    answer: Option<&'static str>,
    files: Mutex<Vec<Vec<u8>>>,
}

unsafe extern "C" fn answer(
    buffer: *mut c_char,
    size: c_int,
    file: *const c_char,
    program: *mut c_void,
) -> c_int {
    // SAFETY: the argument of the callback, and a NUL-terminated string.
    let (program, file) = unsafe { (&*program.cast::<Program>(), CStr::from_ptr(file)) };
    program.files.lock().unwrap().push(file.to_bytes().to_vec());
    let Some(answer) = program.answer else { return -1 };
    let length = c_int::try_from(answer.len()).unwrap();
    assert!(length <= size);
    // SAFETY: the buffer has `size` bytes.
    unsafe { std::ptr::copy_nonoverlapping(answer.as_ptr().cast(), buffer, answer.len()) };
    length
}

impl Program {
    pub fn new(answer: Option<&'static str>) -> Program {
        Program { answer, files: Mutex::default() }
    }

    /// Returns the callback. It may be called only while the program exists.
    pub fn callback(&self) -> PasswordCallback {
        // SAFETY: tests keep the program as long as the selectors with its callback.
        unsafe { PasswordCallback::new(answer, std::ptr::from_ref(self).cast_mut().cast()) }
    }

    /// Returns the file name of each call since the last time.
    pub fn take_files(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.files.lock().unwrap())
    }
}
