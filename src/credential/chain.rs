// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chains: which certificate issued which, put in order, with gaps filled from the issuer pool.
//!
//! What is sent is leaf first, then each certificate's issuer, without the root (RFC 8446, section
//! 4.4.2), without duplicates and without certificates that have nothing to do with it.

use super::settle_extensions;
use crate::error::OutOfMemory;
use crate::name;
use crate::ossl;
use foreign_types::{ForeignType, ForeignTypeRef};
use libc::c_int;
use openssl::asn1::Asn1StringRef;
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use openssl_sys as ffi;
use std::collections::HashMap;

/// The leaf of a file, whatever its place in it, and the others. `None` for an empty file.
pub fn leaf_first(mut certificates: Vec<X509>) -> Option<(X509, Vec<X509>)> {
    let leaf = leaf_position(&certificates);
    if certificates.is_empty() {
        return None;
    }
    let leaf = certificates.remove(leaf);
    Some((leaf, certificates))
}

/// Which certificate of a file is the leaf.
///
/// OpenSSL takes the first certificate of a file for the leaf, and so do we, unless it issued
/// another one of the file: then the file is out of order.
pub fn leaf_position(certificates: &[X509]) -> usize {
    let issued = |issuer: usize, other: usize| {
        issuer != other
            && match (certificates.get(issuer), certificates.get(other)) {
                (Some(issuer), Some(other)) => {
                    name::equal(other.issuer_name(), issuer.subject_name())
                }
                _ => false,
            }
    };
    if !(1..certificates.len()).any(|other| issued(0, other)) {
        return 0;
    }
    // Those whose issuers' names may be equal.
    let mut by_issuer: HashMap<Option<u64>, Vec<usize>> = HashMap::new();
    for (at, certificate) in certificates.iter().enumerate() {
        let fingerprint = name::fingerprint(name::der(certificate.issuer_name()));
        by_issuer.entry(fingerprint).or_default().push(at);
    }
    let issued_another = |(at, certificate): (usize, &X509)| {
        let fingerprint = name::fingerprint(name::der(certificate.subject_name()));
        let mut alike = [fingerprint, None].into_iter().filter_map(|f| by_issuer.get(&f)).flatten();
        match fingerprint {
            Some(_) => alike.any(|other| issued(at, *other)),
            None => (0..certificates.len()).any(|other| issued(at, other)),
        }
    };
    let mut places = certificates.iter().enumerate();
    places.position(|place| !issued_another(place)).unwrap_or(0)
}

/// Whether it is signed with its own key.
pub fn is_root(certificate: &X509) -> Result<bool, OutOfMemory> {
    let own = name::equal(certificate.subject_name(), certificate.issuer_name());
    Ok(own && may_have_issued(certificate, certificate)?)
}

/// X509_check_issued(3): names, key identifiers and keyCertSign agree.
pub fn may_have_issued(issuer: &X509, certificate: &X509) -> Result<bool, OutOfMemory> {
    settle_extensions(issuer)?;
    settle_extensions(certificate)?;
    // It asks of which kind the issuer's key is, for which OpenSSL may need memory.
    let agree = || {
        // SAFETY: two valid certificates, in which OpenSSL caches what their extensions say.
        let found = unsafe { ffi::X509_check_issued(issuer.as_ptr(), certificate.as_ptr()) };
        (found == 0).then_some(())
    };
    Ok(ossl::sure(agree)?.is_some())
}

/// Whether key identifiers on both sides tell who issued it. Otherwise CAs of the same name are told
/// apart by the signature.
pub fn is_told(issuer: &X509, certificate: &X509) -> bool {
    issuer.subject_key_id().is_some() && certificate.authority_key_id().is_some()
}

/// Whether the signature on `certificate` was made with the key of `issuer`.
pub fn verifies(issuer: &X509, certificate: &X509) -> Result<bool, OutOfMemory> {
    let verify = || {
        let good = issuer.public_key().and_then(|key| certificate.verify(&key));
        good.unwrap_or(false).then_some(())
    };
    Ok(ossl::sure(verify)?.is_some())
}

/// Whether two are one certificate.
pub fn is_same(a: &X509, b: &X509) -> bool {
    a.as_ptr() == b.as_ptr() || a == b
}

/// What [`may_have_issued`] looks at in the certificate that was issued, besides its issuer's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuedClass {
    /// The authority key identifier; empty where there is none.
    authority: Vec<u8>,
    /// The NID of the signature's algorithm.
    algorithm: c_int,
}

impl IssuedClass {
    /// `None` for a certificate that is to be looked at by itself: a damaged one, or a proxy's.
    pub fn of(certificate: &X509) -> Result<Option<IssuedClass>, OutOfMemory> {
        /// EXFLAG_INVALID and EXFLAG_PROXY of openssl/x509v3.h.
        const ODD: u32 = 0x80 | 0x400;
        const NID_AUTHORITY_KEY_IDENTIFIER: c_int = 90;
        settle_extensions(certificate)?;
        let x = certificate.as_ptr();
        // SAFETY: a valid certificate, to which the extension and its bytes belong.
        unsafe {
            let next = |last| ffi::X509_get_ext_by_NID(x, NID_AUTHORITY_KEY_IDENTIFIER, last);
            let first = next(-1);
            let is_double = first >= 0 && next(first) >= 0;
            if is_double || ffi::X509_get_extension_flags(x) & ODD != 0 {
                return Ok(None);
            }
            let mut authority = Vec::new();
            if first >= 0 {
                let value = ffi::X509_EXTENSION_get_data(ffi::X509_get_ext(x, first));
                authority.extend(Asn1StringRef::from_ptr(value.cast()).as_slice());
            }
            let algorithm = certificate.signature_algorithm().object().nid().as_raw();
            Ok(Some(IssuedClass { authority, algorithm }))
        }
    }
}

/// What tells certificates apart: SHA-256 of the whole.
pub fn digest(certificate: &X509) -> Result<Vec<u8>, OutOfMemory> {
    let digest = ossl::sure(|| certificate.digest(MessageDigest::sha256()).ok())?;
    digest.map(|digest| digest.to_vec()).ok_or(OutOfMemory)
}

/// The DER of the SubjectPublicKeyInfo.
pub fn public_key_der(certificate: &X509) -> Result<Vec<u8>, OutOfMemory> {
    let encode = || {
        // SAFETY: the key belongs to the certificate; i2d tells how many bytes it has, and then
        // writes as many.
        unsafe {
            let key = ossl::X509_get_X509_PUBKEY(certificate.as_ptr());
            let length = ossl::i2d_X509_PUBKEY(key, std::ptr::null_mut());
            let mut der = vec![0; usize::try_from(length).ok()?];
            let mut out = der.as_mut_ptr();
            (ossl::i2d_X509_PUBKEY(key, &mut out) == length).then_some(der)
        }
    };
    ossl::sure(encode)?.ok_or(OutOfMemory)
}

#[cfg(test)]
pub(crate) mod tests;
