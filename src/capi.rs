// SPDX-License-Identifier: MIT OR Apache-2.0
//! The exported functions, and nothing else: they check and convert arguments, call the core in
//! the panic guard, and convert what comes back. `certpick.h` is generated from here.

#![allow(non_camel_case_types)] // C's own names
#![allow(clippy::missing_safety_doc)] // told once, in the header's introduction

mod cache;
mod constants;
mod handshake;
mod selector;

pub use cache::*;
pub use constants::*;
pub use handshake::*;
pub use selector::*;

use certpick_core::error::{Error, Status};
use certpick_core::guard::guard;
use certpick_core::ossl::{self, QuietErrors};
use libc::c_char;
use std::ffi::CStr;

/// Runs `body` in the guard; a failure becomes its status and one entry in OpenSSL's error queue.
fn status(body: impl FnOnce() -> Result<(), Error>) -> certpick_status {
    // What OpenSSL queues on the way is nobody's business: on failure it is in our own entry.
    let quiet = || {
        let _errors = QuietErrors::new();
        body()
    };
    match guard(quiet) {
        Some(Ok(())) => CERTPICK_OK,
        Some(Err(error)) => fail(&error),
        None => fail(&Error::Internal),
    }
}

fn fail(error: &Error) -> certpick_status {
    guard(|| ossl::queue_error(error));
    error.status() as certpick_status
}

/// # Safety
/// NULL or a C string that outlives the result.
unsafe fn bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    if text.is_null() { None } else { Some(unsafe { CStr::from_ptr(text) }.to_bytes()) }
}

/// The version of the library that is loaded, such as "0.1.0"; compare it with
/// CERTPICK_VERSION, the header's. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn certpick_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the library that is loaded as a number: (major << 16) + (minor << 8) + patch;
/// compare it with CERTPICK_VERSION_NUMBER, the header's. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn certpick_version_number() -> u32 {
    const fn number(digits: &str) -> u32 {
        let mut rest = digits.as_bytes();
        let mut value = 0;
        while let [digit, tail @ ..] = rest {
            value = value * 10 + (*digit - b'0') as u32;
            rest = tail;
        }
        value
    }
    const MAJOR: u32 = number(env!("CARGO_PKG_VERSION_MAJOR"));
    const MINOR: u32 = number(env!("CARGO_PKG_VERSION_MINOR"));
    const PATCH: u32 = number(env!("CARGO_PKG_VERSION_PATCH"));
    (MAJOR << 16) + (MINOR << 8) + PATCH
}

/// A few words for a status; for a number that is none, words that say so. Never NULL; the text
/// is static. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn certpick_status_text(status: certpick_status) -> *const c_char {
    Status::from_number(status).map_or(c"unknown status", Status::text).as_ptr()
}

#[cfg(test)]
mod tests;
