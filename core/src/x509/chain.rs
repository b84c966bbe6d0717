// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chains: which certificate issued which, put in order, with gaps filled from the issuer pool.
//!
//! What is sent is leaf first, then each certificate's issuer, without the root (RFC 8446, section
//! 4.4.2), without duplicates and without certificates that have nothing to do with it.

use super::extensions::cache_extensions;
use super::fingerprint::fingerprint;
use super::name;
use crate::error::OutOfMemory;
use crate::hash::Map;
use crate::ossl;
use foreign_types::{ForeignType, ForeignTypeRef};
use libc::c_int;
use openssl::asn1::Asn1StringRef;
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use openssl_sys as ffi;

/// The names of a certificate in DER.
#[derive(Clone, Copy)]
pub struct IssuerAndSubject<'a> {
    /// The issuer's.
    pub issuer: &'a [u8],
    /// The subject's.
    pub subject: &'a [u8],
}

impl<'a> IssuerAndSubject<'a> {
    /// Of a certificate that OpenSSL has decoded.
    pub fn of(certificate: &'a X509) -> IssuerAndSubject<'a> {
        let issuer = name::der(certificate.issuer_name());
        IssuerAndSubject { issuer, subject: name::der(certificate.subject_name()) }
    }
}

/// Which certificate of a file is the leaf.
///
/// OpenSSL takes the first certificate of a file for the leaf, and so does certpick, unless the first
/// one issued another one of the file: then the file is out of order.
pub fn leaf_position(certificates: &[IssuerAndSubject<'_>]) -> Result<usize, OutOfMemory> {
    let Some(first) = certificates.first() else { return Ok(0) };
    let mut is_ordered = true;
    for other in certificates.iter().skip(1) {
        is_ordered &= !name::equal_der(other.issuer, first.subject)?;
    }
    if is_ordered {
        return Ok(0);
    }
    // Those whose issuers' names may be equal.
    let mut by_issuer: Map<Option<u64>, Vec<usize>> = Map::default();
    for (at, certificate) in certificates.iter().enumerate() {
        by_issuer.entry(fingerprint(certificate.issuer)).or_default().push(at);
    }
    let all: Vec<usize> = (0..certificates.len()).collect();
    for (at, certificate) in certificates.iter().enumerate() {
        let of_subject = fingerprint(certificate.subject);
        let alike: Vec<&usize> = match of_subject {
            Some(_) => {
                [of_subject, None].iter().filter_map(|f| by_issuer.get(f)).flatten().collect()
            }
            None => all.iter().collect(),
        };
        let mut has_issued = false;
        for other in alike.into_iter().filter(|other| **other != at) {
            let Some(other) = certificates.get(*other) else { continue };
            has_issued |= name::equal_der(other.issuer, certificate.subject)?;
        }
        if !has_issued {
            return Ok(at);
        }
    }
    Ok(0)
}

/// Whether it is signed with its own key.
pub fn is_root(certificate: &X509) -> Result<bool, OutOfMemory> {
    let own = name::equal(certificate.subject_name(), certificate.issuer_name());
    Ok(own && may_have_issued(certificate, certificate)?)
}

/// X509_check_issued(3): names, key identifiers and keyCertSign agree.
pub fn may_have_issued(issuer: &X509, certificate: &X509) -> Result<bool, OutOfMemory> {
    cache_extensions(issuer)?;
    cache_extensions(certificate)?;
    // It asks of which kind the issuer's key is, for which OpenSSL may need memory.
    let agree = || {
        // SAFETY: two valid certificates, in which OpenSSL caches what their extensions say.
        let found = unsafe { ffi::X509_check_issued(issuer.as_ptr(), certificate.as_ptr()) };
        (found == 0).then_some(())
    };
    Ok(ossl::retry_unless_out_of_memory(agree)?.is_some())
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
    Ok(ossl::retry_unless_out_of_memory(verify)?.is_some())
}

/// Returns the number of the first pair of which the first certificate issued the second one: by names and
/// key identifiers or, if one of the latter is missing, by the signature. At most `max_verifications`
/// signatures are verified.
pub fn first_issued<'a>(
    pairs: impl IntoIterator<Item = (&'a X509, &'a X509)>,
    max_verifications: usize,
) -> Option<usize> {
    let mut verifications = max_verifications;
    let mut has_issued = |(issuer, certificate): (&X509, &X509)| {
        if !may_have_issued(issuer, certificate).ok()? {
            return Some(false);
        }
        if is_told(issuer, certificate) {
            return Some(true);
        }
        verifications = verifications.checked_sub(1)?;
        verifies(issuer, certificate).ok()
    };
    // `None` ends the search.
    let answers = pairs.into_iter().map_while(&mut has_issued);
    answers.enumerate().find(|(_, has_issued)| *has_issued).map(|(at, _)| at)
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
        cache_extensions(certificate)?;
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
    let digest =
        ossl::retry_unless_out_of_memory(|| certificate.digest(MessageDigest::sha256()).ok())?;
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
    ossl::retry_unless_out_of_memory(encode)?.ok_or(OutOfMemory)
}

#[cfg(test)]
pub(crate) mod tests;
