// SPDX-License-Identifier: MIT OR Apache-2.0
//! Version.
//!
//! CERTPICK_VERSION and CERTPICK_VERSION_NUMBER above are the version of the header.

use libc::c_char;

/// Returns the version of the library, for example "0.1.0". The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn certpick_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns the version of the library as (major << 16) + (minor << 8) + patch.
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
