// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our library in OpenSSL's error queue: its number, and the texts of its reasons.
//!
//! Each is made without a lock, which a fork might leave locked: of threads that come at the same
//! time one wins, and what the others made is dropped before OpenSSL has seen it. OpenSSL keeps
//! pointers to the winner's for as long as the process lives.

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
    /// Unlike ERR_load_strings(3) it leaves the table as it is, which has our library's number in it
    /// already. Since OpenSSL 1.1.1.
    fn ERR_load_strings_const(str: *const ffi::ERR_STRING_DATA) -> c_int;
    #[cfg(ossl3)]
    fn ERR_set_mark() -> c_int;
    #[cfg(ossl3)]
    fn ERR_pop_to_mark() -> c_int;
}

/// ERR_LIB_USER of openssl/err.h: the first number that no library of OpenSSL's has.
const ERR_LIB_USER: NonZeroUsize = NonZeroUsize::new(128).unwrap();

/// What OpenSSL points into: entries with a text each, and one of zeros at the end.
struct Table<const N: usize> {
    entries: [ffi::ERR_STRING_DATA; N],
    is_loaded: AtomicBool,
}

// SAFETY: its pointers are to texts that live as long as the process, and nobody writes to entries.
unsafe impl<const N: usize> Send for Table<N> {}
// SAFETY: likewise.
unsafe impl<const N: usize> Sync for Table<N> {}

impl<const N: usize> Table<N> {
    fn new(entries: [ffi::ERR_STRING_DATA; N]) -> Table<N> {
        Table { entries, is_loaded: AtomicBool::new(false) }
    }

    /// Once it is, no more of OpenSSL's locks are taken, which a fork might leave locked. Loading it
    /// twice changes nothing.
    fn load(&'static self) {
        if self.is_loaded.load(Ordering::Acquire) {
            return;
        }
        // SAFETY: a table that ends with zeros and is never freed; OpenSSL locks its own. What it may
        // queue for want of memory is taken away again.
        unsafe {
            #[cfg(ossl3)]
            ERR_set_mark();
            ERR_load_strings_const(self.entries.as_ptr());
            #[cfg(ossl3)]
            ERR_pop_to_mark();
        }
        self.is_loaded.store(self.is_known(), Ordering::Release);
    }

    /// Whether OpenSSL has the last text: there may have been no memory for it. For a reason that it
    /// does not know, it may have the text of another library's reason with the same number.
    fn is_known(&self) -> bool {
        let Some(last) = self.entries.iter().rev().find(|entry| !entry.string.is_null()) else {
            return true;
        };
        // SAFETY: looks into OpenSSL's table; both texts live as long as the process.
        unsafe {
            let text = ffi::ERR_reason_error_string(last.error);
            !text.is_null() && CStr::from_ptr(text) == CStr::from_ptr(last.string)
        }
    }
}

fn number() -> c_int {
    static NUMBER: OnceNonZeroUsize = OnceNonZeroUsize::new();
    let number = NUMBER.get_or_init(|| {
        // SAFETY: takes the next free number.
        let next = unsafe { ffi::ERR_get_next_error_library() };
        usize::try_from(next).ok().and_then(NonZeroUsize::new).unwrap_or(ERR_LIB_USER)
    });
    c_int::try_from(number.get()).unwrap_or(0)
}

/// ERR_PACK(lib, 0, reason): openssl/err.h of 3.0 shifts by 23, of 1.1.1 by 24.
pub fn code(reason: c_int) -> c_ulong {
    ((number() as c_ulong & 0xff) << if cfg!(ossl3) { 23 } else { 24 }) | reason as c_ulong
}

fn entry(reason: c_int, text: &CStr) -> ffi::ERR_STRING_DATA {
    ffi::ERR_STRING_DATA { error: code(reason), string: text.as_ptr() }
}

fn end() -> ffi::ERR_STRING_DATA {
    ffi::ERR_STRING_DATA { error: 0, string: std::ptr::null() }
}

/// The number that OpenSSL gave our library, whose texts are loaded.
pub fn number_with_texts() -> c_int {
    load_texts();
    number()
}

/// Done early, so that no other thread's fork comes in between, and again where there was no memory.
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

/// A reason with just this text. There are no more than a few of them, since OpenSSL keeps the text
/// of a reason for good: None when all are taken.
#[cfg(ossl3)]
pub fn reason_with_text(words: &CStr) -> Option<c_int> {
    const FIRST: c_int = 1000;
    const MOST: usize = 64;
    struct Reason {
        text: CString,
        table: Table<2>,
    }
    static REASONS: [OnceBox<Reason>; MOST] = [const { OnceBox::new() }; MOST];

    (FIRST..).zip(&REASONS).find_map(|(number, slot)| {
        let reason = slot.get_or_init(|| {
            let text = words.to_owned();
            let table = Table::new([entry(number, &text), end()]);
            Box::new(Reason { text, table })
        });
        if *reason.text != *words {
            return None;
        }
        reason.table.load();
        Some(number)
    })
}
