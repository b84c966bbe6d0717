// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key and signature strength by OpenSSL's security levels (SSL_CTX_set_security_level(3)).

use crate::facts;
use crate::report::{Finding, Level};
use certpick_core::x509::name;
use foreign_types::ForeignType;
use libc::c_int;
use openssl::error::ErrorStack;
use openssl::ssl::{SslContext, SslMethod};
use openssl::x509::X509;
use openssl_sys as ffi;

/// The levels that are used in practice. Level 2 is the default of Debian and of OpenSSL 3.2 and
/// later.
const LEVELS: std::ops::RangeInclusive<u32> = 1..=3;

/// The position of a certificate in its chain. OpenSSL applies different limits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Position {
    Leaf,
    Intermediate,
}

/// Returns the highest security level that accepts the certificate, as a finding.
pub fn finding(certificate: &X509, position: Position) -> Finding {
    const KEY: &str = "strength";
    let mut passed = None;
    let mut refusal = String::new();
    for level in LEVELS {
        match check(certificate, position, level) {
            Ok(()) => passed = Some(level),
            Err(reason) => {
                refusal = reason;
                break;
            }
        }
    }
    let text = match passed {
        None => format!("too weak for OpenSSL's security level 1: {refusal}"),
        Some(level @ (1 | 2)) => format!(
            "strong enough for OpenSSL's security level {level} but not for level {}: {refusal}",
            level + 1
        ),
        Some(_) => "strong enough for OpenSSL's security levels 1 to 3".to_owned(),
    };
    match passed {
        None => Finding::new(KEY, Level::Wrong, text)
            .advice("Get a certificate with a stronger key and signature."),
        Some(1) => Finding::new(KEY, Level::Warning, text).advice(
            "Get a stronger certificate: level 2 is the default of Debian and of OpenSSL 3.2 and \
             later.",
        ),
        Some(_) => Finding::new(KEY, Level::Good, text),
    }
}

/// Checks whether OpenSSL sends this certificate at a security level. Returns OpenSSL's reason if
/// it does not.
pub fn check(certificate: &X509, position: Position, level: u32) -> Result<(), String> {
    let reason = |error: ErrorStack| {
        let first = error.errors().first().and_then(|e| e.reason());
        first.unwrap_or("OpenSSL gives no reason").to_owned()
    };
    let mut context = SslContext::builder(SslMethod::tls_client()).map_err(reason)?;
    context.set_security_level(level);
    match position {
        Position::Leaf => context.set_certificate(certificate).map_err(reason)?,
        Position::Intermediate => add_to_chain(context.as_ptr(), certificate).map_err(reason)?,
    }
    // OpenSSL 4.0 does not check the signature here; the peer does, often at the same level.
    let min_bits = match level {
        0 => i32::MIN,
        1 => 80,
        2 => 112,
        3 => 128,
        4 => 192,
        _ => 256,
    };
    match facts::signature_bits(certificate) {
        Some(bits) if bits < min_bits => Err("ca md too weak".to_owned()),
        _ => Ok(()),
    }
}

/// SSL_CTX_add1_chain_cert(3), which is a macro.
fn add_to_chain(context: *mut ffi::SSL_CTX, certificate: &X509) -> Result<(), ErrorStack> {
    const SSL_CTRL_CHAIN_CERT: c_int = 89;
    // SAFETY: both pointers are valid, and OpenSSL takes its own reference to the certificate.
    let done =
        unsafe { ffi::SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, certificate.as_ptr().cast()) };
    if done == 1 { Ok(()) } else { Err(ErrorStack::get()) }
}

/// Returns whether subject and issuer are the same name, as in roots and self-signed certificates.
pub fn is_self_issued(certificate: &X509) -> bool {
    name::equal(certificate.subject_name(), certificate.issuer_name())
}
