// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verdicts and explanations.
//!
//! A verdict is the set of all reasons against one credential for one CertificateRequest. A hard
//! reason excludes the credential. A credential with a soft reason ranks after every credential
//! without one (see CERTPICK_OPTION_FLAWED). Among equals, a credential whose common name is the
//! user of certpick_set_peer() ranks first, then the order in which credentials were added decides.
//!
//! Credentials that the server's CA names exclude are judged in full when certpick_verdict() or
//! certpick_explanation() is first called, by the security level that the SSL has then (since
//! 0.1.1). A later version may add reasons.

use certpick_core::guard::guard;
use certpick_core::hook;
use libc::c_char;
use openssl_sys::SSL;

// The clauses after "Hard:" and "Soft:" are those of the table in choice::Reason.

/// Hard: no certificate in its chain was issued by a CA that the server named.
pub const CERTPICK_REASON_ISSUER: u32 = 0x1;
/// Hard: its key fits none of the signature algorithms that both sides accept (RFC 8446, section
/// 4.2.3).
pub const CERTPICK_REASON_SIGNATURE_ALGORITHM: u32 = 0x2;
/// Hard: its key has none of the certificate types that the server accepts (up to TLS 1.2; RFC
/// 5246, section 7.4.4).
pub const CERTPICK_REASON_CERTIFICATE_TYPE: u32 = 0x4;
/// Hard: OpenSSL's security level refuses it (SSL_set_security_level(3)).
pub const CERTPICK_REASON_SECURITY_LEVEL: u32 = 0x8;
/// Hard: the server named no CA, and the policy for this case excludes it (see
/// CERTPICK_OPTION_EMPTY_CA_LIST).
pub const CERTPICK_REASON_POLICY: u32 = 0x10;
/// Hard: its rule does not match the host that the program connects to, or the host is not known
/// (since 0.1.1).
pub const CERTPICK_REASON_HOST: u32 = 0x20;
/// Hard: its rule does not match the user that the program connects as, or the user is not known
/// (since 0.1.1).
pub const CERTPICK_REASON_USER: u32 = 0x40;
/// Hard: its rule requires a verified server, and this server is not verified (since 0.1.1).
pub const CERTPICK_REASON_UNVERIFIED: u32 = 0x80;
/// Soft: it has expired, or an intermediate that it needs has.
pub const CERTPICK_REASON_EXPIRED: u32 = 0x100;
/// Soft: it is not yet valid, or an intermediate that it needs is not.
pub const CERTPICK_REASON_NOT_YET_VALID: u32 = 0x200;
/// Soft: its key usage lacks digitalSignature (RFC 5280, section 4.2.1.3).
pub const CERTPICK_REASON_KEY_USAGE: u32 = 0x400;
/// Soft: its extended key usage lacks clientAuth (RFC 5280, section 4.2.1.12).
pub const CERTPICK_REASON_EXTENDED_KEY_USAGE: u32 = 0x800;
/// Aborted: it was chosen, but it or its key could not be used. The handshake was aborted.
pub const CERTPICK_REASON_KEY: u32 = 0x10000;

/// Returns the verdict on credential index, counted from 0: CERTPICK_REASON_ bits, or 0 if there is
/// no reason against it, no such credential, or no CertificateRequest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_verdict(ssl: *const SSL, index: usize) -> u32 {
    // SAFETY: NULL or a valid SSL.
    let verdict = guard(|| unsafe {
        if ssl.is_null() { None } else { hook::full_decision(ssl).map(|d| d.verdict(index).0) }
    });
    verdict.flatten().unwrap_or(0)
}

/// Returns a text of several lines for human readers: the outcome, the content of the CertificateRequest,
/// and each credential with the reasons against it; or "" if there was no CertificateRequest. The
/// text contains names of files and certificates. The string is valid as long as that of
/// certpick_message().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_explanation(ssl: *const SSL) -> *const c_char {
    // SAFETY: NULL or a valid SSL.
    let text = guard(|| unsafe { if ssl.is_null() { None } else { hook::explanation(ssl) } });
    text.flatten().unwrap_or(c"".as_ptr())
}
