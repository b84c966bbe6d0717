// SPDX-License-Identifier: MIT OR Apache-2.0
//! The exported functions. They check and convert the arguments, call the core inside the panic
//! guard, and convert the result.
//!
//! `certpick.h` is generated from here. Each module is a section of the header: the module's
//! comment is the section's heading, and the comments of the items are the documentation for C
//! programmers. The conventions that hold for all functions are in cbindgen.toml.

#![allow(non_camel_case_types)] // C's own names
#![allow(clippy::missing_safety_doc)] // the conventions in the header

mod attach;
mod cache;
mod credentials;
mod explanation;
mod outcome;
mod policy;
mod rules;
mod selector;
mod status;
mod version;

pub use attach::*;
pub use cache::*;
pub use credentials::*;
pub use explanation::*;
pub use outcome::*;
pub use policy::*;
pub use rules::*;
pub use selector::*;
pub use status::*;
pub use version::*;

use certpick_core::error::Error;
use certpick_core::guard::guard;
use certpick_core::ossl::{self, QuietErrors};
use libc::c_char;
use std::ffi::CStr;

/// Runs `body` in the guard. A failure becomes its status and one entry in OpenSSL's error queue.
fn status(body: impl FnOnce() -> Result<(), Error>) -> certpick_status {
    let quiet = || {
        // Our own entry replaces those that OpenSSL adds.
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
