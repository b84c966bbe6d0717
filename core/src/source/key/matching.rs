// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a private key belongs to a certificate.

use crate::error::Cause;
use crate::ossl::{self, QuietErrors};
use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::pkey::{PKeyRef, Private};
use openssl::x509::X509;
use std::path::Path;

/// Whether the key belongs to the certificate; otherwise OpenSSL's words.
pub fn check_match(leaf: &X509, key: &PKeyRef<Private>) -> Result<(), Mismatch> {
    let errors = QuietErrors::new();
    // SAFETY: two valid objects, which are only read.
    match unsafe { ossl::X509_check_private_key(leaf.as_ptr(), key.as_ptr()) } {
        1 => Ok(()),
        _ if errors.is_out_of_memory() => Err(Mismatch::Unknown),
        _ => Err(Mismatch::Is(errors.reason())),
    }
}

/// Why a key is not known to belong to a certificate.
pub enum Mismatch {
    /// It does not, in OpenSSL's words.
    Is(String),
    /// There was no memory to find out.
    Unknown,
}

impl Mismatch {
    /// In the terms of an entry; no file for a key held in memory.
    pub fn cause(self, file: Option<&Path>) -> Cause {
        let file = file.map(Path::to_owned);
        match self {
            Mismatch::Is(why) => Cause::KeyMismatch(file, why),
            Mismatch::Unknown => Cause::Memory(file),
        }
    }
}
