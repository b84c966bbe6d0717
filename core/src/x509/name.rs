// SPDX-License-Identifier: MIT OR Apache-2.0
//! Distinguished names (DN): comparing and printing them.
//!
//! Two names are equal if X509_NAME_cmp(3) says so. Fingerprints tell most different names apart
//! without calling it.

use super::fingerprint::fingerprint;
use crate::error::OutOfMemory;
use crate::ossl;
use crate::ossl::QuietErrors;
use crate::text::excerpt;
use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::x509::{X509, X509Name, X509NameRef};
use openssl_sys as ffi;

/// A name's DER, as it came.
pub fn der(name: &X509NameRef) -> &[u8] {
    let (mut bytes, mut length) = (std::ptr::null(), 0);
    // SAFETY: the name is valid; the bytes belong to it and live as long as the reference, which
    // nothing here modifies.
    unsafe {
        if ossl::X509_NAME_get0_der(name.as_ptr(), &mut bytes, &mut length) != 1 || bytes.is_null()
        {
            return &[];
        }
        std::slice::from_raw_parts(bytes, length)
    }
}

/// Whether X509_NAME_cmp finds them equal.
pub fn equal(a: &X509NameRef, b: &X509NameRef) -> bool {
    // SAFETY: two valid names.
    unsafe { ffi::X509_NAME_cmp(a.as_ptr(), b.as_ptr()) == 0 }
}

/// The same of two names in DER. A damaged name is equal to no other.
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

/// A name of its DER. Leaves nothing in OpenSSL's error queue.
pub fn decode(der: &[u8]) -> Option<X509Name> {
    let _errors = QuietErrors::new();
    let mut start = der.as_ptr();
    let length = libc::c_long::try_from(der.len()).ok()?;
    // SAFETY: reads at most `length` bytes. A new name is ours.
    unsafe {
        let new = ffi::d2i_X509_NAME(std::ptr::null_mut(), &mut start, length);
        if new.is_null() { None } else { Some(X509Name::from_ptr(new)) }
    }
}

/// A name for people, in the order of its certificate: `C=CA, O=IDO, CN=client1`. What is longer
/// than any sensible name is cut.
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

/// The first common name in a certificate's subject, which is what PostgreSQL's `cert`
/// authentication compares with the user's name; as UTF-8.
pub fn common_name(certificate: &X509) -> Result<Option<Box<[u8]>>, OutOfMemory> {
    let mut entries = certificate.subject_name().entries_by_nid(openssl::nid::Nid::COMMONNAME);
    let Some(entry) = entries.next() else { return Ok(None) };
    ossl::retry_unless_out_of_memory(|| Some(entry.data().to_string().ok()?.into_bytes().into()))
}

#[cfg(test)]
mod tests;
