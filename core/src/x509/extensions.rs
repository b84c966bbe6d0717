// SPDX-License-Identifier: MIT OR Apache-2.0
//! The extensions that OpenSSL caches in a certificate.

use crate::error::OutOfMemory;
use crate::ossl::{self, QuietErrors};
use foreign_types::ForeignType;
use openssl::x509::X509;

/// Returns a copy of a certificate, which OpenSSL decodes again.
pub fn decode_again(certificate: &X509) -> Option<X509> {
    // SAFETY: a valid certificate. We own the copy.
    unsafe {
        let copy = ossl::X509_dup(certificate.as_ptr());
        if copy.is_null() { None } else { Some(X509::from_ptr(copy)) }
    }
}

/// Makes OpenSSL cache the extensions of a certificate. Fails if OpenSSL runs out of memory: it then
/// marks the certificate as invalid permanently, which must not be taken for a property of the certificate.
pub fn cache_extensions(certificate: &X509) -> Result<(), OutOfMemory> {
    /// EXFLAG_INVALID and EXFLAG_NO_FINGERPRINT of openssl/x509v3.h.
    const DAMAGED: u32 = 0x80 | 0x10_0000;
    let is_damaged = |x: &X509| {
        let _errors = QuietErrors::new();
        // SAFETY: a valid certificate.
        unsafe { openssl_sys::X509_get_extension_flags(x.as_ptr()) & DAMAGED != 0 }
    };
    if is_damaged(certificate) {
        confirm_by_copy(certificate, is_damaged)?;
    }
    Ok(())
}

/// Fails unless `bad` is also true for a newly decoded copy of the certificate. If it is false there, it was
/// true for the certificate because of an allocation failure.
pub fn confirm_by_copy(certificate: &X509, bad: impl Fn(&X509) -> bool) -> Result<(), OutOfMemory> {
    match ossl::retry_unless_out_of_memory(|| decode_again(certificate).filter(|copy| !bad(copy)))?
    {
        Some(_) => Err(OutOfMemory),
        None => Ok(()),
    }
}
