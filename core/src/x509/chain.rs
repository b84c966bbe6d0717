// SPDX-License-Identifier: MIT OR Apache-2.0
//! Relations between certificates: the leaf of a file, and the issuer of a certificate.

use super::extensions::cache_extensions;
use super::fingerprint::{Fingerprint, fingerprint};
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
#[allow(missing_docs)]
pub struct IssuerAndSubject<'a> {
    pub issuer: &'a [u8],
    pub subject: &'a [u8],
}

impl<'a> IssuerAndSubject<'a> {
    /// Returns the names of a decoded certificate.
    pub fn of(certificate: &'a X509) -> IssuerAndSubject<'a> {
        let issuer = name::der(certificate.issuer_name());
        IssuerAndSubject { issuer, subject: name::der(certificate.subject_name()) }
    }
}

/// Returns the position of the leaf (the end-entity certificate) in a file.
///
/// The leaf is the first certificate, as in SSL_CTX_use_certificate_chain_file(3). If the subject of the
/// first certificate is the issuer of another one, the file is out of order, and the leaf is the first
/// certificate whose subject is the issuer of no other one.
pub fn leaf_position(certificates: &[IssuerAndSubject<'_>]) -> Result<usize, OutOfMemory> {
    let Some(first) = certificates.first() else { return Ok(0) };
    let mut is_ordered = true;
    for other in certificates.iter().skip(1) {
        is_ordered &= !name::equal_der(other.issuer, first.subject)?;
    }
    if is_ordered {
        return Ok(0);
    }
    Ok(leaf_positions(certificates, 1)?.first().copied().unwrap_or(0))
}

/// Returns the positions of the certificates whose subject is the issuer of no other one, at most `max` of
/// them; that of the first certificate if there are none.
pub fn leaf_positions(
    certificates: &[IssuerAndSubject<'_>],
    max: usize,
) -> Result<Vec<usize>, OutOfMemory> {
    let mut issuers = Issuers::default();
    for (at, certificate) in certificates.iter().enumerate() {
        issuers.add(at, certificate.issuer);
    }
    let mut leaves = Vec::new();
    for (at, certificate) in certificates.iter().enumerate() {
        if leaves.len() == max {
            break;
        }
        if !issuers.contain(at, certificate.subject)? {
            leaves.push(at);
        }
    }
    if leaves.is_empty() {
        leaves.push(0);
    }
    Ok(leaves)
}

/// Returns for each certificate whether its subject is the issuer of another one. Self-issued certificates
/// count as issued by themselves alone, so that a renewed one does not make the previous one an issuer.
pub fn have_issued(certificates: &[IssuerAndSubject<'_>]) -> Result<Vec<bool>, OutOfMemory> {
    let mut issuers = Issuers::default();
    for (at, certificate) in certificates.iter().enumerate() {
        if !name::equal_der(certificate.issuer, certificate.subject)? {
            issuers.add(at, certificate.issuer);
        }
    }
    let all = certificates.iter().enumerate();
    all.map(|(at, certificate)| issuers.contain(at, certificate.subject)).collect()
}

/// The issuers of certificates with their positions, by fingerprint. Equal names have the same fingerprint,
/// or none.
#[derive(Default)]
struct Issuers<'a>(Map<Option<Fingerprint>, Vec<(usize, &'a [u8])>>);

impl<'a> Issuers<'a> {
    fn add(&mut self, at: usize, issuer: &'a [u8]) {
        self.0.entry(fingerprint(issuer)).or_default().push((at, issuer));
    }

    /// Returns whether `name` is the issuer of a certificate that is not at this position.
    fn contain(&self, at: usize, name: &[u8]) -> Result<bool, OutOfMemory> {
        let found = fingerprint(name);
        let candidates: Vec<_> = match found {
            Some(_) => [found, None].iter().filter_map(|key| self.0.get(key)).collect(),
            None => self.0.values().collect(),
        };
        for (_, issuer) in candidates.into_iter().flatten().filter(|(other, _)| *other != at) {
            if name::equal_der(issuer, name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Returns whether a certificate is self-issued, with matching key identifiers. The signature is not
/// verified.
pub fn is_root(certificate: &X509) -> Result<bool, OutOfMemory> {
    let is_self_issued = name::equal(certificate.subject_name(), certificate.issuer_name());
    Ok(is_self_issued
        && !has_other_issuer_key(certificate)
        && may_have_issued(certificate, certificate)?)
}

/// Returns whether a certificate identifies its issuer by another key than its own. X509_check_issued(3) does
/// not notice this for a certificate and itself in OpenSSL 4.0 before 4.0.3, so that a CA certificate that was
/// signed with the CA's previous key would count as a root.
fn has_other_issuer_key(certificate: &X509) -> bool {
    match (certificate.subject_key_id(), certificate.authority_key_id()) {
        (Some(own), Some(issuer)) => own.as_slice() != issuer.as_slice(),
        _ => false,
    }
}

/// Returns whether names, key identifiers and keyCertSign agree (X509_check_issued(3)).
pub fn may_have_issued(issuer: &X509, certificate: &X509) -> Result<bool, OutOfMemory> {
    cache_extensions(issuer)?;
    cache_extensions(certificate)?;
    // OpenSSL may allocate memory to determine the type of the issuer's key.
    let agree = || {
        // SAFETY: two valid certificates, in which OpenSSL caches their extensions.
        let found = unsafe { ffi::X509_check_issued(issuer.as_ptr(), certificate.as_ptr()) };
        (found == 0).then_some(())
    };
    Ok(ossl::retry_unless_out_of_memory(agree)?.is_some())
}

/// Returns whether both certificates have a key identifier, so that [`may_have_issued`] compares them. If
/// not, only the signature distinguishes CAs with the same name.
pub fn is_identified_by_key_id(issuer: &X509, certificate: &X509) -> bool {
    issuer.subject_key_id().is_some() && certificate.authority_key_id().is_some()
}

/// Returns whether the key of `issuer` verifies the signature on `certificate`.
pub fn verifies(issuer: &X509, certificate: &X509) -> Result<bool, OutOfMemory> {
    let verify = || {
        let good = issuer.public_key().and_then(|key| certificate.verify(&key));
        good.unwrap_or(false).then_some(())
    };
    Ok(ossl::retry_unless_out_of_memory(verify)?.is_some())
}

/// Returns the index of the first pair whose first certificate issued the second one. Names and key
/// identifiers decide or, if one of the latter is missing, the signature. At most `max_verifications`
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
        if is_identified_by_key_id(issuer, certificate) {
            return Some(true);
        }
        verifications = verifications.checked_sub(1)?;
        verifies(issuer, certificate).ok()
    };
    // `None` ends the search.
    pairs.into_iter().map_while(&mut has_issued).position(|has_issued| has_issued)
}

/// The fields of the issued certificate that [`may_have_issued`] compares, apart from the issuer's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IssuedClass {
    /// The DER of the authority key identifier; empty if there is none.
    authority: Vec<u8>,
    /// The NID of the signature's algorithm.
    algorithm: c_int,
}

impl IssuedClass {
    /// Returns `None` for a damaged certificate or a proxy certificate, for which OpenSSL compares more.
    pub fn of(certificate: &X509) -> Result<Option<IssuedClass>, OutOfMemory> {
        /// EXFLAG_INVALID and EXFLAG_PROXY of openssl/x509v3.h.
        const INVALID_OR_PROXY: u32 = 0x80 | 0x400;
        const NID_AUTHORITY_KEY_IDENTIFIER: c_int = 90;
        cache_extensions(certificate)?;
        let x = certificate.as_ptr();
        // SAFETY: a valid certificate, to which the extension and its bytes belong.
        unsafe {
            let next = |last| ffi::X509_get_ext_by_NID(x, NID_AUTHORITY_KEY_IDENTIFIER, last);
            let first = next(-1);
            let is_double = first >= 0 && next(first) >= 0;
            if is_double || ffi::X509_get_extension_flags(x) & INVALID_OR_PROXY != 0 {
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

/// Returns the SHA-256 digest of a certificate.
pub fn digest(certificate: &X509) -> Result<Vec<u8>, OutOfMemory> {
    let digest =
        ossl::retry_unless_out_of_memory(|| certificate.digest(MessageDigest::sha256()).ok())?;
    digest.map(|digest| digest.to_vec()).ok_or(OutOfMemory)
}

/// Returns the SubjectPublicKeyInfo in DER.
pub fn public_key_der(certificate: &X509) -> Result<Vec<u8>, OutOfMemory> {
    let encode = || {
        // SAFETY: the key belongs to the certificate. The first call returns the length, and the second
        // one writes that number of bytes.
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
