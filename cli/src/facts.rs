// SPDX-License-Identifier: MIT OR Apache-2.0
//! Facts about a certificate, as OpenSSL and a handshake of certpick see it.

use certpick_core::choice::KeyType;
use certpick_core::error::Cause;
use certpick_core::ossl::{self, QuietErrors};
use certpick_core::source::key::matching::check_match;
use certpick_core::x509::{chain, facts};
use foreign_types::ForeignType;
use libc::c_int;
use openssl::pkey::{PKeyRef, Private};
use openssl::x509::X509;
use openssl_sys as ffi;
use std::path::Path;

/// Returns the index of the leaf certificate of a file.
pub fn leaf_position(certificates: &[X509]) -> usize {
    let names: Vec<chain::IssuerAndSubject<'_>> =
        certificates.iter().map(chain::IssuerAndSubject::of).collect();
    chain::leaf_position(&names).unwrap_or(0)
}

/// Returns whether a certificate is self-signed, by its names and key identifiers.
pub fn is_root(certificate: &X509) -> bool {
    chain::is_root(certificate).unwrap_or(false)
}

/// Returns whether the basic constraints identify a CA certificate.
pub fn is_ca(certificate: &X509) -> bool {
    const EXFLAG_CA: u32 = 0x10;
    // SAFETY: the certificate is valid. OpenSSL caches its extensions in it.
    unsafe { ffi::X509_get_extension_flags(certificate.as_ptr()) & EXFLAG_CA != 0 }
}

/// The result of X509_check_ca(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// Not a CA certificate.
    No,
    /// A CA certificate by its basic constraints.
    Constrained,
    /// A self-signed X.509 version 1 certificate, which has no extensions.
    Version1,
    /// Only by its key usage or Netscape certificate type.
    Otherwise,
}

/// Returns whether and why OpenSSL accepts a certificate as a CA certificate.
pub fn authority(certificate: &X509) -> Authority {
    // SAFETY: the certificate is valid. OpenSSL caches its extensions in it.
    match unsafe { ossl::X509_check_ca(certificate.as_ptr()) } {
        0 => Authority::No,
        1 => Authority::Constrained,
        3 => Authority::Version1,
        _ => Authority::Otherwise,
    }
}

/// The side of a connection that uses a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// Returns whether the peer's OpenSSL accepts the certificate as a leaf or as a CA certificate for this
/// side (X509_check_purpose(3)).
pub fn fits_purpose(certificate: &X509, side: Side, as_ca: bool) -> bool {
    const SSL_CLIENT: c_int = 1;
    const SSL_SERVER: c_int = 2;
    let purpose = match side {
        Side::Client => SSL_CLIENT,
        Side::Server => SSL_SERVER,
    };
    let _errors = QuietErrors::new();
    // SAFETY: the certificate is valid.
    unsafe { ossl::X509_check_purpose(certificate.as_ptr(), purpose, c_int::from(as_ca)) == 1 }
}

/// Checks that the key, which was read from `file`, matches the certificate.
pub fn matches(certificate: &X509, key: &PKeyRef<Private>, file: &Path) -> Result<(), Cause> {
    check_match(certificate, key).map_err(|mismatch| mismatch.cause(Some(file)))
}

fn public_key(certificate: &X509) -> KeyType {
    facts::key_type(certificate).unwrap_or(KeyType::Other)
}

/// The properties on which the strength of a certificate depends. Certificates of one class have the
/// same strength.
#[derive(PartialEq, Eq, Hash)]
pub struct StrengthClass(facts::StrengthClass);

impl StrengthClass {
    pub fn of(certificate: &X509) -> StrengthClass {
        StrengthClass(facts::StrengthClass::of(certificate, public_key(certificate)))
    }
}

/// Returns OpenSSL's security bits of the signature, or -1 if they are unknown. Returns `None` for a
/// self-issued certificate, whose signature is not verified.
pub fn signature_bits(certificate: &X509) -> Option<c_int> {
    let class = facts::StrengthClass::of(certificate, public_key(certificate));
    class.strength(certificate).ok()?.signature.map(|(_, bits)| bits)
}
