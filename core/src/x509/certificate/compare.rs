// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares the names that were read without OpenSSL with OpenSSL's, for tests and fuzzing.
#![allow(clippy::panic)]

use super::Certificate;
use crate::x509::name;

/// Panics if OpenSSL decodes the certificate and finds other names in it.
pub fn compare(certificate: &Certificate) {
    let Ok(decoded) = certificate.get() else { return };
    assert_eq!(name::der(decoded.issuer_name()), certificate.issuer());
    assert_eq!(name::der(decoded.subject_name()), certificate.subject());
}
