// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL's security levels (SSL_CTX_set_security_level(3)), by asking OpenSSL itself.

use crate::inspect;
use crate::report::{Finding, Level};
use foreign_types::ForeignType;
use libc::c_int;
use openssl::error::ErrorStack;
use openssl::ssl::{SslContext, SslMethod};
use openssl::x509::X509;
use openssl_sys as ffi;

/// Those that are in use; 2 is the default of Debian and of OpenSSL 3.2 and later.
const LEVELS: std::ops::RangeInclusive<u32> = 1..=3;

/// What a certificate is to the side that sends it: OpenSSL holds them against different limits
/// for the key and the signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Leaf,
    Intermediate,
}

/// How strong its key and its signature are.
pub fn finding(certificate: &X509, place: Place) -> Finding {
    const KEY: &str = "strength";
    let mut passed = None;
    let mut refusal = String::new();
    for level in LEVELS {
        match allowed(certificate, place, level) {
            Ok(()) => passed = Some(level),
            Err(why) => {
                refusal = why;
                break;
            }
        }
    }
    match passed {
        None => Finding::new(
            KEY,
            Level::Wrong,
            format!("too weak for OpenSSL's security level 1: {refusal}"),
        )
        .advice("get a certificate with a stronger key and signature"),
        Some(1) => Finding::new(
            KEY,
            Level::Warning,
            format!("strong enough for OpenSSL's security level 1, not for 2: {refusal}"),
        )
        .advice(
            "level 2 is the default of Debian and of OpenSSL from 3.2 on: such sides refuse it",
        ),
        Some(2) => Finding::new(
            KEY,
            Level::Good,
            format!("strong enough for OpenSSL's security level 2; not for 3: {refusal}"),
        ),
        Some(_) => Finding::new(
            KEY,
            Level::Good,
            "strong enough for OpenSSL's security levels 1 to 3".to_owned(),
        ),
    }
}

/// Whether a side with this security level takes it to send it; otherwise OpenSSL's words.
pub fn allowed(certificate: &X509, place: Place, level: u32) -> Result<(), String> {
    let words = |error: ErrorStack| {
        let first = error.errors().first().and_then(|e| e.reason());
        first.unwrap_or("OpenSSL gives no reason").to_owned()
    };
    let mut context = SslContext::builder(SslMethod::tls_client()).map_err(words)?;
    context.set_security_level(level);
    match place {
        Place::Leaf => context.set_certificate(certificate).map_err(words)?,
        Place::Intermediate => add_to_chain(context.as_ptr(), certificate).map_err(words)?,
    }
    // OpenSSL 4.0 leaves the signature to the other side, whose level is often the same.
    let least = match level {
        0 => i32::MIN,
        1 => 80,
        2 => 112,
        3 => 128,
        4 => 192,
        _ => 256,
    };
    match inspect::signature_bits(certificate) {
        Some(bits) if bits < least => Err("ca md too weak".to_owned()),
        _ => Ok(()),
    }
}

fn add_to_chain(context: *mut ffi::SSL_CTX, certificate: &X509) -> Result<(), ErrorStack> {
    /// SSL_CTX_add1_chain_cert(3) is a macro for it.
    const SSL_CTRL_CHAIN_CERT: c_int = 89;
    // SAFETY: a valid context, and a certificate of which it takes a reference of its own.
    let done =
        unsafe { ffi::SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, certificate.as_ptr().cast()) };
    if done == 1 { Ok(()) } else { Err(ErrorStack::get()) }
}

/// Whether its subject is its issuer, as with roots and self-signed certificates.
pub fn is_self_issued(certificate: &X509) -> bool {
    crate::inspect::same_name(certificate.subject_name(), certificate.issuer_name())
}
