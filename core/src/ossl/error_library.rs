// SPDX-License-Identifier: MIT OR Apache-2.0
//! The number of our library in OpenSSL's error codes, and the texts of its reasons.
//!
//! OpenSSL keeps pointers to the texts, so they are never freed. They are created without a lock, which
//! might stay locked in a forked child. If several threads create a text at the same time, only one of them
//! is passed to OpenSSL.

use crate::error::Status;
use libc::{c_int, c_ulong};
use once_cell::race::{OnceBox, OnceNonZeroUsize};
use openssl_sys as ffi;
use std::ffi::CStr;
#[cfg(ossl3)]
use std::ffi::CString;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

unsafe extern "C" {
    /// Unlike ERR_load_strings(3), does not write the library's number to the table. Since OpenSSL 1.1.1.
    fn ERR_load_strings_const(str: *const ffi::ERR_STRING_DATA) -> c_int;
    #[cfg(ossl3)]
    fn ERR_set_mark() -> c_int;
    #[cfg(ossl3)]
    fn ERR_pop_to_mark() -> c_int;
}

/// ERR_LIB_USER of openssl/err.h, the first number that is not used by OpenSSL's own libraries.
const ERR_LIB_USER: NonZeroUsize = NonZeroUsize::new(128).unwrap();

/// A table for ERR_load_strings_const, which ends with an entry of zeros.
struct Table<const N: usize> {
    entries: [ffi::ERR_STRING_DATA; N],
    is_loaded: AtomicBool,
}

// SAFETY: the entries point to texts that live as long as the process, and are not modified.
unsafe impl<const N: usize> Send for Table<N> {}
// SAFETY: likewise.
unsafe impl<const N: usize> Sync for Table<N> {}

impl<const N: usize> Table<N> {
    fn new(entries: [ffi::ERR_STRING_DATA; N]) -> Table<N> {
        Table { entries, is_loaded: AtomicBool::new(false) }
    }

    /// Passes the table to OpenSSL, unless this has been done. Two threads may do it at the same time, which
    /// is harmless. Later calls take no lock of OpenSSL's, which might be locked in a forked child.
    fn load(&'static self) {
        if self.is_loaded.load(Ordering::Acquire) {
            return;
        }
        // SAFETY: a table that ends with zeros and is never freed. The mark removes the error that OpenSSL
        // queues on allocation failure.
        unsafe {
            #[cfg(ossl3)]
            ERR_set_mark();
            ERR_load_strings_const(self.entries.as_ptr());
            #[cfg(ossl3)]
            ERR_pop_to_mark();
        }
        self.is_loaded.store(self.is_known(), Ordering::Release);
    }

    /// Returns whether OpenSSL has the last text; an allocation may have failed. For an unknown reason,
    /// OpenSSL may return the text of another library's reason with the same number.
    fn is_known(&self) -> bool {
        let Some(last) = self.entries.iter().rev().find(|entry| !entry.string.is_null()) else {
            return true;
        };
        // SAFETY: both texts live as long as the process.
        unsafe {
            let text = ffi::ERR_reason_error_string(last.error);
            !text.is_null() && CStr::from_ptr(text) == CStr::from_ptr(last.string)
        }
    }
}

fn number() -> c_int {
    static NUMBER: OnceNonZeroUsize = OnceNonZeroUsize::new();
    let number = NUMBER.get_or_init(|| {
        // SAFETY: no arguments.
        let next = unsafe { ffi::ERR_get_next_error_library() };
        usize::try_from(next).ok().and_then(NonZeroUsize::new).unwrap_or(ERR_LIB_USER)
    });
    c_int::try_from(number.get()).unwrap_or(0)
}

/// ERR_PACK(lib, 0, reason) of openssl/err.h, which shifts by 24 in 1.1.1 and by 23 since 3.0.
pub fn code(reason: c_int) -> c_ulong {
    ((number() as c_ulong & 0xff) << if cfg!(ossl3) { 23 } else { 24 }) | reason as c_ulong
}

fn entry(reason: c_int, text: &CStr) -> ffi::ERR_STRING_DATA {
    ffi::ERR_STRING_DATA { error: code(reason), string: text.as_ptr() }
}

fn end() -> ffi::ERR_STRING_DATA {
    ffi::ERR_STRING_DATA { error: 0, string: std::ptr::null() }
}

/// Loads the texts, and returns the number of our library.
pub fn number_with_texts() -> c_int {
    load_texts();
    number()
}

/// Loads the texts of all statuses, unless they are loaded. Called early, because a later fork in another
/// thread could leave OpenSSL's lock locked, and before each error, in case an allocation has failed.
pub fn load_texts() {
    static TEXTS: OnceBox<Table<{ Status::ALL.len() + 1 }>> = OnceBox::new();
    let table = TEXTS.get_or_init(|| {
        let mut texts = std::array::from_fn(|_| end());
        texts[0] = entry(0, c"certpick");
        let failures = Status::ALL.into_iter().filter(|status| *status != Status::Ok);
        for (text, status) in texts[1..].iter_mut().zip(failures) {
            *text = entry(status as c_int, status.text());
        }
        Box::new(Table::new(texts))
    });
    table.load();
}

/// Returns a reason with this text. Returns `None` if all reasons have other texts. Their number is limited,
/// because the texts are never freed.
#[cfg(ossl3)]
pub fn reason_with_text(text: &CStr) -> Option<c_int> {
    const FIRST: c_int = 1000;
    const MAX: usize = 64;
    struct Reason {
        text: CString,
        table: Table<2>,
    }
    static REASONS: [OnceBox<Reason>; MAX] = [const { OnceBox::new() }; MAX];

    (FIRST..).zip(&REASONS).find_map(|(number, slot)| {
        let reason = slot.get_or_init(|| {
            let text = text.to_owned();
            let table = Table::new([entry(number, &text), end()]);
            Box::new(Reason { text, table })
        });
        if *reason.text != *text {
            return None;
        }
        reason.table.load();
        Some(number)
    })
}
