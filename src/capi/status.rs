// SPDX-License-Identifier: MIT OR Apache-2.0
//! Status codes.
//!
//! A later version may add status codes.

use certpick_core::error::Status;
use libc::c_char;

/// The result of a function that can fail: CERTPICK_OK or one of the errors.
pub type certpick_status = i32;

/// Success.
pub const CERTPICK_OK: certpick_status = 0;
/// A parameter is NULL or out of range, the function must not be called at this time, or a rule or a
/// configuration file contains an error.
pub const CERTPICK_ERROR_ARGUMENT: certpick_status = 1;
/// Out of memory.
pub const CERTPICK_ERROR_MEMORY: certpick_status = 2;
/// An internal error in certpick. No certificate was sent.
pub const CERTPICK_ERROR_INTERNAL: certpick_status = 3;
/// The selector is frozen: it has been attached or passed to certpick_select().
pub const CERTPICK_ERROR_FROZEN: certpick_status = 4;
/// A list is malformed, or the lists have different lengths.
pub const CERTPICK_ERROR_LIST: certpick_status = 5;
/// A file does not exist, is not a regular file, is too large or cannot be read.
pub const CERTPICK_ERROR_FILE: certpick_status = 6;
/// A file contains no certificate, or a malformed one.
pub const CERTPICK_ERROR_CERTIFICATE: certpick_status = 7;
/// The permissions of a private key file violate libpq's rule: at most 0640 if root owns the file,
/// otherwise at most 0600.
pub const CERTPICK_ERROR_KEY_PERMISSIONS: certpick_status = 8;
/// A file contains no private key that OpenSSL can decode.
pub const CERTPICK_ERROR_KEY: certpick_status = 9;
/// A private key is encrypted, and no password was given.
pub const CERTPICK_ERROR_PASSWORD_MISSING: certpick_status = 10;
/// A private key is encrypted, and the password does not decrypt it.
pub const CERTPICK_ERROR_PASSWORD_WRONG: certpick_status = 11;
/// A private key does not match the certificate.
pub const CERTPICK_ERROR_KEY_MISMATCH: certpick_status = 12;
/// An unexpected error in OpenSSL.
pub const CERTPICK_ERROR_OPENSSL: certpick_status = 13;
/// The library was built for another major version of OpenSSL than the program uses.
pub const CERTPICK_ERROR_OPENSSL_VERSION: certpick_status = 14;
/// No credential suits, and CERTPICK_OPTION_NONE_SUITABLE says to abort the handshake.
pub const CERTPICK_ERROR_NONE_SUITABLE: certpick_status = 15;

/// Returns a short description of a status, or "unknown status". The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn certpick_status_text(status: certpick_status) -> *const c_char {
    Status::from_number(status).map_or(c"unknown status", Status::text).as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_equal_the_values_of_status() {
        let constants = [
            CERTPICK_OK,
            CERTPICK_ERROR_ARGUMENT,
            CERTPICK_ERROR_MEMORY,
            CERTPICK_ERROR_INTERNAL,
            CERTPICK_ERROR_FROZEN,
            CERTPICK_ERROR_LIST,
            CERTPICK_ERROR_FILE,
            CERTPICK_ERROR_CERTIFICATE,
            CERTPICK_ERROR_KEY_PERMISSIONS,
            CERTPICK_ERROR_KEY,
            CERTPICK_ERROR_PASSWORD_MISSING,
            CERTPICK_ERROR_PASSWORD_WRONG,
            CERTPICK_ERROR_KEY_MISMATCH,
            CERTPICK_ERROR_OPENSSL,
            CERTPICK_ERROR_OPENSSL_VERSION,
            CERTPICK_ERROR_NONE_SUITABLE,
        ];
        assert_eq!(constants, Status::ALL.map(|status| status as certpick_status));
    }
}
