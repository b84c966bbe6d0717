// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL's error queue (ERR_get_error(3)): preserves the program's entries, and adds our own.

use super::error_state::SavedQueue;
use super::{c_string, error_library, has_memory};
use crate::error::Error;
use crate::text::printable;
use libc::{c_int, c_ulong};
use openssl_sys as ffi;
use std::ffi::CStr;

unsafe extern "C" {
    fn ERR_peek_error() -> c_ulong;
}

/// A scope with an empty error queue at its start. Dropping it restores the previous queue.
pub struct QuietErrors {
    _saved: SavedQueue,
}

impl Default for QuietErrors {
    fn default() -> QuietErrors {
        QuietErrors { _saved: SavedQueue::new() }
    }
}

impl QuietErrors {
    /// Saves the queue, and leaves an empty one.
    pub fn new() -> QuietErrors {
        QuietErrors::default()
    }

    /// Clears the queue, so that errors of one attempt are not attributed to the next one.
    pub fn clear(&self) {
        // SAFETY: changes only this thread's queue.
        unsafe { ffi::ERR_clear_error() };
    }

    /// Returns library and reason of the newest entry.
    fn newest(&self) -> (c_ulong, c_ulong) {
        // SAFETY: reads this thread's queue.
        library_and_reason(unsafe { ffi::ERR_peek_last_error() })
    }

    /// Returns whether the oldest or the newest entry reports an allocation failure, or memory cannot be
    /// allocated now: decoders replace the errors of others by one that says "unsupported".
    pub fn is_out_of_memory(&self) -> bool {
        /// ERR_R_MALLOC_FAILURE.
        const MALLOC_FAILURE: c_ulong = if cfg!(ossl3) { 0xc_0100 } else { 65 };
        /// EVP_R_NOT_ABLE_TO_COPY_CTX. The context of a digest could not be allocated.
        const NOT_COPIED: (c_ulong, c_ulong) = (6, 190);
        // SAFETY: reads this thread's queue.
        let oldest = library_and_reason(unsafe { ERR_peek_error() });
        [oldest, self.newest()]
            .iter()
            .any(|entry| entry.1 == MALLOC_FAILURE || *entry == NOT_COPIED)
            || !has_memory()
    }

    /// Returns whether there are no entries. Some functions report nothing if they run out of memory.
    pub fn is_empty(&self) -> bool {
        // SAFETY: reads this thread's queue.
        unsafe { ERR_peek_error() == 0 }
    }

    /// Returns whether the newest entry reports that there is no further PEM block.
    pub fn is_no_start_line(&self) -> bool {
        const ERR_LIB_PEM: c_ulong = 9;
        const PEM_R_NO_START_LINE: c_ulong = 108;
        self.newest() == (ERR_LIB_PEM, PEM_R_NO_START_LINE)
    }

    /// Returns whether the newest entry reports that the security level does not permit a certificate.
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

    /// Returns whether the newest entry reports that PKCS12_pbe_crypt(3) found wrong padding at the end.
    pub fn is_cipher_final(&self) -> bool {
        const ERR_LIB_PKCS12: c_ulong = 35;
        const PKCS12_R_PKCS12_CIPHERFINAL_ERROR: c_ulong = 116;
        self.newest() == (ERR_LIB_PKCS12, PKCS12_R_PKCS12_CIPHERFINAL_ERROR)
    }

    /// Returns whether the oldest entry reports that a provider does not permit the derivation of the key.
    pub fn is_forbidden_derivation(&self) -> bool {
        // SAFETY: reads this thread's queue.
        FORBIDDEN_DERIVATION.contains(&library_and_reason(unsafe { ERR_peek_error() }))
    }

    /// Returns why the active providers did not decrypt something with a password; `None` if they tried, and
    /// the decryption failed. Removes entries.
    pub fn refusal(&self) -> Option<Refusal> {
        /// ERR_LIB_EVP with ERR_R_UNSUPPORTED, by which a fetch fails (ossl-guide-libcrypto-introduction(7)).
        const NOT_OFFERED: (c_ulong, c_ulong) = (6, 0x8_010c);
        /// PROV_R_BAD_DECRYPT and PKCS12_R_PKCS12_CIPHERFINAL_ERROR.
        const BAD_DECRYPT: [(c_ulong, c_ulong); 2] = [(57, 100), (35, 116)];
        let mut refusal = None;
        loop {
            // SAFETY: removes the oldest entry of this thread's queue.
            match library_and_reason(unsafe { ffi::ERR_get_error() }) {
                (0, 0) => return refusal,
                entry if BAD_DECRYPT.contains(&entry) => return None,
                entry if FORBIDDEN_DERIVATION.contains(&entry) => {
                    refusal = Some(Refusal::Derivation);
                }
                NOT_OFFERED if refusal.is_none() => refusal = Some(Refusal::NotOffered),
                _ => {}
            }
        }
    }

    /// Returns the text of the oldest entry, which is the cause of the others. libpq also reports this one.
    pub fn reason(&self) -> String {
        // SAFETY: reads this thread's queue.
        let code = unsafe { ERR_peek_error() };
        // SAFETY: returns NULL or a static string.
        let text = unsafe { ffi::ERR_reason_error_string(code) };
        if text.is_null() {
            return format!("OpenSSL error code {code}");
        }
        // SAFETY: not NULL.
        printable(unsafe { CStr::from_ptr(text) }.to_bytes())
    }
}

/// ERR_GET_LIB and ERR_GET_REASON of openssl/err.h.
/// PROV_R_PASSWORD_STRENGTH_TOO_WEAK (since OpenSSL 4.0), PROV_R_INVALID_SALT_LENGTH and
/// PROV_R_INVALID_ITERATION_COUNT.
const FORBIDDEN_DERIVATION: [(c_ulong, c_ulong); 3] = [(57, 254), (57, 112), (57, 123)];

/// Why the active providers did not decrypt something with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// None of them offers an algorithm.
    NotOffered,
    /// The provider does not permit the password, the salt or the iterations.
    Derivation,
}

fn library_and_reason(code: c_ulong) -> (c_ulong, c_ulong) {
    match cfg!(ossl3) {
        true => ((code >> 23) & 0xff, code & 0x7f_ffff),
        false => ((code >> 24) & 0xff, code & 0xfff),
    }
}

/// Adds an entry to this thread's error queue. The reason is the text of the status, and the data is the text
/// of the error.
pub fn queue_error(error: &Error) {
    put_error(error.status() as c_int, &c_string(&error.to_string()));
}

/// Like [`queue_error`], but the reason is the text of the error, too, for programs that report only the
/// reason. Texts of reasons are never freed, so their number is limited: later errors get the text of the
/// status.
#[cfg(ossl3)]
pub fn queue_error_as_reason(error: &Error) {
    let text = c_string(&error.to_string());
    match error_library::reason_with_text(&text) {
        Some(reason) => put_error(reason, &text),
        None => queue_error(error),
    }
}

fn put_error(reason: c_int, text: &CStr) {
    let library = error_library::number_with_texts();
    #[cfg(ossl3)]
    // SAFETY: static file and function names, and a format for one string.
    unsafe {
        ffi::ERR_new();
        ffi::ERR_set_debug(c"certpick".as_ptr(), 0, c"certpick".as_ptr());
        ffi::ERR_set_error(library, reason, c"%s".as_ptr(), text.as_ptr());
    }
    #[cfg(not(ossl3))]
    // SAFETY: the data is an allocated string, which OpenSSL frees (ERR_TXT_MALLOCED 1, ERR_TXT_STRING 2).
    unsafe {
        unsafe extern "C" {
            fn CRYPTO_strdup(
                s: *const libc::c_char,
                file: *const libc::c_char,
                line: c_int,
            ) -> *mut libc::c_char;
        }
        ffi::ERR_put_error(library, 0, reason, c"certpick".as_ptr(), 0);
        let data = CRYPTO_strdup(text.as_ptr(), c"certpick".as_ptr(), 0);
        if !data.is_null() {
            ffi::ERR_set_error_data(data, 1 | 2);
        }
    }
}
