// SPDX-License-Identifier: MIT OR Apache-2.0
//! What OpenSSL says of a certificate whose names were read without it, for tests and fuzzing.
#![allow(clippy::panic)]

use super::Certificate;
use crate::x509::name;

/// Panics where OpenSSL decodes the certificate and finds other names in it.
pub fn compare(certificate: &Certificate) {
    let Ok(decoded) = certificate.get() else { return };
    assert_eq!(name::der(decoded.issuer_name()), certificate.issuer());
    assert_eq!(name::der(decoded.subject_name()), certificate.subject());
}
