// SPDX-License-Identifier: MIT OR Apache-2.0
//! Environment variables.

use std::ffi::{CStr, OsString};
use std::os::unix::ffi::OsStringExt;

/// Returns the value of a variable; `None` in a set-user-ID program.
pub fn variable(name: &CStr) -> Option<OsString> {
    unsafe extern "C" {
        fn secure_getenv(name: *const libc::c_char) -> *mut libc::c_char;
    }
    // SAFETY: a C string. The value is NULL or a C string, which is copied; certpick does not change
    // the environment.
    unsafe {
        let value = secure_getenv(name.as_ptr());
        if value.is_null() {
            return None;
        }
        Some(OsString::from_vec(CStr::from_ptr(value).to_bytes().to_vec()))
    }
}
