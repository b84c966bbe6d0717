// SPDX-License-Identifier: MIT OR Apache-2.0
//! Outcome of a handshake.
//!
//! These functions describe the most recent CertificateRequest that certpick has answered on an
//! SSL, in the current handshake or, if none is in progress, in the last one. They can be called in
//! callbacks, and after a handshake that succeeded or failed. A returned string is valid until the
//! SSL's next handshake or request; if it was returned in a callback, until the handshake
//! continues. A later version may add outcomes.

use certpick_core::decision::Outcome;
use certpick_core::guard::guard;
use certpick_core::hook;
use libc::c_char;
use openssl_sys::SSL;

/// The server has not requested a certificate, or the session was resumed.
pub const CERTPICK_OUTCOME_NOT_ASKED: i32 = 0;
/// A certificate was sent.
pub const CERTPICK_OUTCOME_SENT: i32 = 1;
/// No credential suits. No certificate was sent, and the server decides whether to continue.
pub const CERTPICK_OUTCOME_NONE_SUITABLE: i32 = 2;
/// The handshake was aborted; certpick_message() returns the reason.
pub const CERTPICK_OUTCOME_FAILED: i32 = 3;

/// Returns the outcome, one of the CERTPICK_OUTCOME_ values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_outcome(ssl: *const SSL) -> i32 {
    // SAFETY: NULL or a valid SSL.
    let outcome = guard(|| unsafe {
        if ssl.is_null() { None } else { hook::decision(ssl).map(|d| d.outcome()) }
    });
    outcome.flatten().unwrap_or(Outcome::NotAsked) as i32
}

/// Returns the index of the credential that was sent, counted from 0 in the order in which
/// credentials were added, or SIZE_MAX if none was sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_choice(ssl: *const SSL) -> usize {
    // SAFETY: NULL or a valid SSL.
    let choice = guard(|| unsafe {
        if ssl.is_null() { None } else { hook::decision(ssl).and_then(|d| d.choice()) }
    });
    choice.flatten().unwrap_or(usize::MAX)
}

/// Returns one line that says why no certificate was sent or why the handshake was aborted, or ""
/// if neither happened.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_message(ssl: *const SSL) -> *const c_char {
    // SAFETY: NULL or a valid SSL.
    let text = guard(|| unsafe { if ssl.is_null() { None } else { hook::message(ssl) } });
    text.flatten().unwrap_or(c"".as_ptr())
}
