// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that a private key belongs to a certificate.

use crate::error::{Cause, Problem};
use crate::ossl::{self, QuietErrors};
use foreign_types::ForeignTypeRef;
use openssl::pkey::{PKeyRef, Private};
use openssl::x509::X509Ref;
use std::path::Path;

/// Fails unless the key belongs to the certificate.
pub fn check_match(leaf: &X509Ref, key: &PKeyRef<Private>) -> Result<(), Mismatch> {
    let errors = QuietErrors::new();
    // SAFETY: a valid certificate and a valid key.
    match unsafe { ossl::X509_check_private_key(leaf.as_ptr(), key.as_ptr()) } {
        1 => Ok(()),
        _ if errors.is_out_of_memory() => Err(Mismatch::NoMemory),
        // SAFETY: a valid certificate. OpenSSL may lack the curve, as with FIPS.
        _ if unsafe { ossl::X509_get0_pubkey(leaf.as_ptr()) }.is_null() => {
            Err(Mismatch::Different(Problem::PublicKey(errors.reason()).into()))
        }
        _ => Err(Mismatch::Different(errors.reason())),
    }
}

/// The reason for which a key is not known to belong to a certificate.
pub enum Mismatch {
    /// The key belongs to another certificate. Contains OpenSSL's text, or that of a [`Problem`].
    Different(String),
    /// There was not enough memory for the comparison.
    NoMemory,
}

impl Mismatch {
    /// Returns the cause for the entry with this file; `None` for a key held in memory.
    pub fn cause(self, file: Option<&Path>) -> Cause {
        let file = file.map(Path::to_owned);
        match self {
            Mismatch::Different(why) => Cause::KeyMismatch(file, why),
            Mismatch::NoMemory => Cause::Memory(file),
        }
    }
}
