// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL's error queue (ERR_get_error(3)): kept as it was found, or given one entry of our own.

use super::error_state::SetAside;
use super::{c_text, error_library};
use crate::error::Error;
use crate::text::printable;
use libc::{c_int, c_ulong};
use openssl_sys as ffi;
use std::ffi::CStr;

unsafe extern "C" {
    fn ERR_peek_error() -> c_ulong;
}

/// While this lives OpenSSL's queue holds only what it has queued since; then the queue is as it was.
pub struct QuietErrors {
    _callers: SetAside,
}

impl Default for QuietErrors {
    fn default() -> QuietErrors {
        QuietErrors { _callers: SetAside::new() }
    }
}

impl QuietErrors {
    /// Sets the entries aside that are in the queue now.
    pub fn new() -> QuietErrors {
        QuietErrors::default()
    }

    /// Takes away what was queued so far, so that what an attempt leaves is not taken for the
    /// outcome of the next one.
    pub fn clear(&self) {
        // SAFETY: works on this thread's queue alone.
        unsafe { ffi::ERR_clear_error() };
    }

    /// Library and reason of the newest entry (ERR_GET_LIB and ERR_GET_REASON of openssl/err.h).
    fn newest(&self) -> (c_ulong, c_ulong) {
        // SAFETY: peeks at this thread's queue.
        let code = unsafe { ffi::ERR_peek_last_error() };
        let library = if cfg!(ossl3) { (code >> 23) & 0xff } else { (code >> 24) & 0xff };
        (library, reason_number(code))
    }

    /// Whether what was queued since says that there was no memory.
    pub fn is_out_of_memory(&self) -> bool {
        /// ERR_R_MALLOC_FAILURE.
        const MALLOC_FAILURE: c_ulong = if cfg!(ossl3) { 0xc_0100 } else { 65 };
        // SAFETY: peeks at this thread's queue.
        let oldest = reason_number(unsafe { ERR_peek_error() });
        oldest == MALLOC_FAILURE || self.newest().1 == MALLOC_FAILURE
    }

    /// Whether the last thing queued is that PEM text came to its end.
    pub fn is_no_start_line(&self) -> bool {
        const ERR_LIB_PEM: c_ulong = 9;
        const PEM_R_NO_START_LINE: c_ulong = 108;
        self.newest() == (ERR_LIB_PEM, PEM_R_NO_START_LINE)
    }

    /// Whether the last thing queued is that the security level refuses a certificate.
    pub fn is_security_level(&self) -> bool {
        const ERR_LIB_SSL: c_ulong = 20;
        const SSL_R_CA_KEY_TOO_SMALL: c_ulong = 397;
        const SSL_R_CA_MD_TOO_WEAK: c_ulong = 398;
        const SSL_R_EE_KEY_TOO_SMALL: c_ulong = 399;
        let (library, reason) = self.newest();
        library == ERR_LIB_SSL
            && matches!(
                reason,
                SSL_R_CA_KEY_TOO_SMALL | SSL_R_CA_MD_TOO_WEAK | SSL_R_EE_KEY_TOO_SMALL
            )
    }

    /// The text of the oldest entry queued since, which is the cause of the others and the one that
    /// libpq shows.
    pub fn reason(&self) -> String {
        // SAFETY: peeks at this thread's queue.
        let code = unsafe { ERR_peek_error() };
        // SAFETY: gives NULL or a text that lives as long as OpenSSL.
        let text = unsafe { ffi::ERR_reason_error_string(code) };
        if text.is_null() {
            return format!("OpenSSL error code {code}");
        }
        // SAFETY: not NULL.
        printable(unsafe { CStr::from_ptr(text) }.to_bytes())
    }
}

/// ERR_GET_REASON of openssl/err.h.
fn reason_number(code: c_ulong) -> c_ulong {
    code & if cfg!(ossl3) { 0x7f_ffff } else { 0xfff }
}

/// Puts one entry of our own into this thread's error queue: the status' text as its reason, the
/// error's whole words as its data.
pub fn queue_error(error: &Error) {
    put_error(error.status() as c_int, &c_text(&error.to_string()));
}

/// The same with the whole words as its reason, for programs that show nothing else. OpenSSL keeps
/// the text of a reason for good, so this is for a bounded number of different texts; further ones
/// have the status' text.
#[cfg(ossl3)]
pub fn queue_error_as_reason(error: &Error) {
    let words = c_text(&error.to_string());
    match error_library::reason_with_text(&words) {
        Some(reason) => put_error(reason, &words),
        None => queue_error(error),
    }
}

fn put_error(reason: c_int, words: &CStr) {
    let library = error_library::number_with_texts();
    #[cfg(ossl3)]
    // SAFETY: static file and function names; the format takes exactly one string.
    unsafe {
        ffi::ERR_new();
        ffi::ERR_set_debug(c"certpick".as_ptr(), 0, c"certpick".as_ptr());
        ffi::ERR_set_error(library, reason, c"%s".as_ptr(), words.as_ptr());
    }
    #[cfg(not(ossl3))]
    // SAFETY: the data is a string that OpenSSL frees (ERR_TXT_MALLOCED 1, ERR_TXT_STRING 2).
    unsafe {
        unsafe extern "C" {
            fn CRYPTO_strdup(
                s: *const libc::c_char,
                file: *const libc::c_char,
                line: c_int,
            ) -> *mut libc::c_char;
        }
        ffi::ERR_put_error(library, 0, reason, c"certpick".as_ptr(), 0);
        let data = CRYPTO_strdup(words.as_ptr(), c"certpick".as_ptr(), 0);
        if !data.is_null() {
            ffi::ERR_set_error_data(data, 1 | 2);
        }
    }
}
