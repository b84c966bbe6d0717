// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares and prints distinguished names (DN).
//!
//! Two names are equal if X509_NAME_cmp(3) returns 0. Fingerprints distinguish most names without it.

use super::fingerprint::fingerprint;
use crate::error::OutOfMemory;
use crate::ossl;
use crate::ossl::QuietErrors;
use crate::text::excerpt;
use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::x509::{X509, X509Name, X509NameRef};
use openssl_sys as ffi;

/// Returns the DER from which a name was decoded.
pub fn der(name: &X509NameRef) -> &[u8] {
    let (mut bytes, mut length) = (std::ptr::null(), 0);
    // SAFETY: a valid name, to which the bytes belong.
    unsafe {
        if ossl::X509_NAME_get0_der(name.as_ptr(), &mut bytes, &mut length) != 1 || bytes.is_null()
        {
            return &[];
        }
        std::slice::from_raw_parts(bytes, length)
    }
}

/// Returns whether two names are equal.
pub fn equal(a: &X509NameRef, b: &X509NameRef) -> bool {
    // SAFETY: two valid names.
    unsafe { ffi::X509_NAME_cmp(a.as_ptr(), b.as_ptr()) == 0 }
}

/// Returns whether two names in DER are equal. A damaged name is equal only to the same bytes.
pub fn equal_der(a: &[u8], b: &[u8]) -> Result<bool, OutOfMemory> {
    if a == b {
        return Ok(true);
    }
    if let (Some(a), Some(b)) = (fingerprint(a), fingerprint(b)) {
        if a != b {
            return Ok(false);
        }
    }
    let (a, b) = (
        ossl::retry_unless_out_of_memory(|| decode(a))?,
        ossl::retry_unless_out_of_memory(|| decode(b))?,
    );
    Ok(a.zip(b).is_some_and(|(a, b)| equal(&a, &b)))
}

/// Decodes a name from DER. Leaves OpenSSL's error queue unchanged.
pub fn decode(der: &[u8]) -> Option<X509Name> {
    let _errors = QuietErrors::new();
    let mut start = der.as_ptr();
    let length = libc::c_long::try_from(der.len()).ok()?;
    // SAFETY: reads at most `length` bytes. We own the new name.
    unsafe {
        let new = ffi::d2i_X509_NAME(std::ptr::null_mut(), &mut start, length);
        if new.is_null() { None } else { Some(X509Name::from_ptr(new)) }
    }
}

/// Returns a name in readable form and in the order of the certificate, such as `C=CA, O=IDO, CN=client1`.
/// See [`excerpt`] for its maximum length.
pub fn text(name: &X509NameRef) -> String {
    // ASN1_STRFLGS_ESC_2253 | ESC_CTRL | UTF8_CONVERT | DUMP_UNKNOWN | DUMP_DER and
    // XN_FLAG_SEP_CPLUS_SPC of openssl/asn1.h and openssl/x509.h.
    const FLAGS: libc::c_ulong = 0x1 | 0x2 | 0x10 | 0x100 | 0x200 | (2 << 16);
    let printed = ossl::print(|bio| {
        // SAFETY: a valid BIO and a valid name.
        unsafe { ossl::X509_NAME_print_ex(bio, name.as_ptr(), 0, FLAGS) >= 0 }
    });
    let Some(printed) = printed else { return "(a name that cannot be shown)".to_owned() };
    if printed.is_empty() { "(an empty name)".to_owned() } else { excerpt(&printed) }
}

/// Returns the first common name in the subject as UTF-8. PostgreSQL's `cert` authentication compares it with
/// the user name.
pub fn common_name(certificate: &X509) -> Result<Option<Box<[u8]>>, OutOfMemory> {
    let mut entries = certificate.subject_name().entries_by_nid(openssl::nid::Nid::COMMONNAME);
    let Some(entry) = entries.next() else { return Ok(None) };
    ossl::retry_unless_out_of_memory(|| Some(entry.data().to_string().ok()?.into_bytes().into()))
}

#[cfg(test)]
mod tests;
