// SPDX-License-Identifier: MIT OR Apache-2.0
//! Types and numbers of the C interface. A number is never given another meaning.

use libc::{c_char, c_int, c_void};

/// What most functions return: CERTPICK_OK or one of the errors. Since 0.1.0.
pub type certpick_status = i32;

/// Success.
pub const CERTPICK_OK: certpick_status = 0;
/// NULL or a value out of range where it is not allowed, or a call at the wrong time.
pub const CERTPICK_ERROR_ARGUMENT: certpick_status = 1;
/// Out of memory.
pub const CERTPICK_ERROR_MEMORY: certpick_status = 2;
/// A defect of certpick, caught; no certificate was sent.
pub const CERTPICK_ERROR_INTERNAL: certpick_status = 3;
/// The selector is attached, or was used to select, and can no longer be changed.
pub const CERTPICK_ERROR_FROZEN: certpick_status = 4;
/// A list is not well formed, or the lists have different lengths.
pub const CERTPICK_ERROR_LIST: certpick_status = 5;
/// A file is missing, is not a regular file, is too large or cannot be read.
pub const CERTPICK_ERROR_FILE: certpick_status = 6;
/// A file holds no certificate, or a damaged one.
pub const CERTPICK_ERROR_CERTIFICATE: certpick_status = 7;
/// A private key's file may be read by others: it may have mode 0600 at most, or 0640 if it
/// belongs to root, as libpq demands.
pub const CERTPICK_ERROR_KEY_PERMISSIONS: certpick_status = 8;
/// A file holds no private key that OpenSSL can decode.
pub const CERTPICK_ERROR_KEY: certpick_status = 9;
/// A private key is encrypted and there is no password for it.
pub const CERTPICK_ERROR_PASSWORD_MISSING: certpick_status = 10;
/// A private key is encrypted and the password does not open it.
pub const CERTPICK_ERROR_PASSWORD_WRONG: certpick_status = 11;
/// A private key belongs to another certificate.
pub const CERTPICK_ERROR_KEY_MISMATCH: certpick_status = 12;
/// A failure in OpenSSL where none is expected.
pub const CERTPICK_ERROR_OPENSSL: certpick_status = 13;
/// The library was built for another major version of OpenSSL than the program runs with.
pub const CERTPICK_ERROR_OPENSSL_VERSION: certpick_status = 14;
/// No credential suits, and the option says that the handshake is then aborted.
pub const CERTPICK_ERROR_NONE_SUITABLE: certpick_status = 15;

/// certpick_outcome(): the server did not ask for a certificate, or has not yet; so too where a
/// session was resumed.
pub const CERTPICK_OUTCOME_NOT_ASKED: i32 = 0;
/// certpick_outcome(): a certificate was sent.
pub const CERTPICK_OUTCOME_SENT: i32 = 1;
/// certpick_outcome(): no credential suits; none was sent and the server decides.
pub const CERTPICK_OUTCOME_NONE_SUITABLE: i32 = 2;
/// certpick_outcome(): the handshake was aborted; certpick_message() says why.
pub const CERTPICK_OUTCOME_FAILED: i32 = 3;

/// Hard: no certificate of its chain was issued by a CA that the server named.
pub const CERTPICK_REASON_ISSUER: u32 = 0x1;
/// Hard: its key can sign by none of the signature algorithms that both sides accept
/// (RFC 8446, section 4.2.3).
pub const CERTPICK_REASON_SIGNATURE_ALGORITHM: u32 = 0x2;
/// Hard, up to TLS 1.2: its key is of none of the certificate types that the server accepts
/// (RFC 5246, section 7.4.4).
pub const CERTPICK_REASON_CERTIFICATE_TYPE: u32 = 0x4;
/// Hard: OpenSSL's security level (SSL_set_security_level(3)) refuses it.
pub const CERTPICK_REASON_SECURITY_LEVEL: u32 = 0x8;
/// Hard: the server named no CA, and CERTPICK_OPTION_EMPTY_CA_LIST then forbids it.
pub const CERTPICK_REASON_POLICY: u32 = 0x10;
/// Soft: it, or an intermediate that it needs, has expired.
pub const CERTPICK_REASON_EXPIRED: u32 = 0x100;
/// Soft: it, or an intermediate that it needs, is not valid yet.
pub const CERTPICK_REASON_NOT_YET_VALID: u32 = 0x200;
/// Soft: its key usage lacks digitalSignature (RFC 5280, section 4.2.1.3).
pub const CERTPICK_REASON_KEY_USAGE: u32 = 0x400;
/// Soft: its extended key usage lacks clientAuth (RFC 5280, section 4.2.1.12).
pub const CERTPICK_REASON_EXTENDED_KEY_USAGE: u32 = 0x800;
/// It was the one to send, but it or its key could not be used, so the handshake was aborted.
pub const CERTPICK_REASON_KEY: u32 = 0x10000;

/// Option: what to do where the server names no CA, and so accepts anybody.
pub const CERTPICK_OPTION_EMPTY_CA_LIST: i32 = 1;
/// Choose among all credentials; the default.
pub const CERTPICK_EMPTY_CA_LIST_ACCEPT: i64 = 0;
/// Send a credential only if it is the only one of the selector.
pub const CERTPICK_EMPTY_CA_LIST_SOLE: i64 = 1;
/// Send none.
pub const CERTPICK_EMPTY_CA_LIST_SEND_NONE: i64 = 2;

/// Option: what to do with a credential that has soft reasons against it.
pub const CERTPICK_OPTION_FLAWED: i32 = 2;
/// Send it only if none without a flaw suits; the default.
pub const CERTPICK_FLAWED_DEMOTE: i64 = 0;
/// Never send it.
pub const CERTPICK_FLAWED_EXCLUDE: i64 = 1;

/// Option: what to do where no credential suits.
pub const CERTPICK_OPTION_NONE_SUITABLE: i32 = 3;
/// Send no certificate and let the server decide; the default.
pub const CERTPICK_NONE_SUITABLE_SEND_NONE: i64 = 0;
/// Abort the handshake.
pub const CERTPICK_NONE_SUITABLE_ABORT: i64 = 1;

/// Option: whether what this process has read from files before may be taken from its cache (see
/// certpick_cache_clear()), and what this selector reads be kept there; and whether the selector follows
/// its files when they change. To be set before files are added.
pub const CERTPICK_OPTION_CACHE: i32 = 4;
/// Read every file anew, and keep nothing. The selector keeps the certificates as they were when they
/// were added.
pub const CERTPICK_CACHE_OFF: i64 = 0;
/// Use the cache; the default.
pub const CERTPICK_CACHE_ON: i64 = 1;

/// The program's own way to get the password of a private key: writes at most size bytes to
/// buf, without a final zero, and returns their number, or -1 if it has none. key_file is
/// the key's file as it was given. It is called in the thread that makes the handshake (or calls
/// certpick_selector_validate()), without any lock held. Since 0.1.0.
pub type certpick_password_cb = Option<
    unsafe extern "C" fn(
        buf: *mut c_char,
        size: c_int,
        key_file: *const c_char,
        arg: *mut c_void,
    ) -> c_int,
>;
