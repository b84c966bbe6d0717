// SPDX-License-Identifier: MIT OR Apache-2.0
//! A certificate that OpenSSL decodes when it is first needed.
//!
//! OpenSSL decodes the public key together with the certificate, which takes most of the time that certpick
//! spends on a certificate. The server's CA names exclude most certificates of a long list, and this
//! comparison needs only issuer and subject, which are read from the DER without OpenSSL.

use super::der::{Reader, tag};
use super::extensions::decode_again;
use super::fingerprint::fingerprint;
use super::name;
use crate::error::{Cause, OutOfMemory, Problem};
use crate::ossl::{self, QuietErrors};
use foreign_types::ForeignType;
use once_cell::race::OnceBox;
use openssl::x509::X509;
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// See the module.
pub struct Certificate {
    /// Empty if the certificate was created from an X509.
    der: Box<[u8]>,
    issuer: Range<usize>,
    subject: Range<usize>,
    decoded: OnceBox<X509>,
    /// Whether it was read in OpenSSL's global library context. It may then be in the cache, and a thread
    /// with another context may decode it. The global context is then used for decoding, too, because the
    /// program may free that other context before the certificate.
    is_global: bool,
}

/// The reason for which a certificate could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The certificate is damaged. Contains OpenSSL's text.
    Damaged(String),
    /// There was not enough memory.
    NoMemory,
}

impl DecodeError {
    /// Returns the cause for the entry with this file; `None` for a certificate held in memory.
    pub fn cause(self, file: Option<&Path>) -> Cause {
        let file = file.map(Path::to_owned);
        match self {
            DecodeError::Damaged(why) => Cause::Certificate { file, why },
            DecodeError::NoMemory => Cause::Memory(file),
        }
    }
}

impl From<OutOfMemory> for DecodeError {
    fn from(_: OutOfMemory) -> DecodeError {
        DecodeError::NoMemory
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate(decoded: {})", self.decoded.get().is_some())
    }
}

impl From<X509> for Certificate {
    fn from(certificate: X509) -> Certificate {
        Certificate {
            der: Box::default(),
            issuer: 0..0,
            subject: 0..0,
            decoded: OnceBox::with_value(Box::new(certificate)),
            is_global: false,
        }
    }
}

impl Certificate {
    /// Reads the names of a certificate. Returns `None` if they cannot be read without OpenSSL, for example
    /// in BER.
    pub fn from_der(der: Vec<u8>) -> Option<Certificate> {
        let (issuer, subject) = names(&der)?;
        let is_global = ossl::has_global_context();
        let der = der.into_boxed_slice();
        Some(Certificate { der, issuer, subject, decoded: OnceBox::new(), is_global })
    }

    /// Returns the issuer in DER.
    pub fn issuer(&self) -> &[u8] {
        match self.original() {
            Some(certificate) => name::der(certificate.issuer_name()),
            None => self.der.get(self.issuer.clone()).unwrap_or_default(),
        }
    }

    /// Returns the subject in DER.
    pub fn subject(&self) -> &[u8] {
        match self.original() {
            Some(certificate) => name::der(certificate.subject_name()),
            None => self.der.get(self.subject.clone()).unwrap_or_default(),
        }
    }

    /// Returns the X509 from which the certificate was created, if any.
    fn original(&self) -> Option<&X509> {
        if self.der.is_empty() { self.decoded.get() } else { None }
    }

    /// Returns the certificate in DER.
    pub fn to_der(&self) -> Result<Vec<u8>, OutOfMemory> {
        match self.original() {
            Some(certificate) => certificate.to_der().map_err(|_| OutOfMemory),
            None => Ok(self.der.to_vec()),
        }
    }

    /// Returns the certificate. The first call decodes it.
    pub fn get(&self) -> Result<&X509, DecodeError> {
        self.decoded.get_or_try_init(|| {
            let decode = || decode(&self.der);
            let new = if self.is_global { ossl::in_global_context(decode) } else { decode() };
            new.map(Box::new)
        })
    }

    /// Returns whether both are the same certificate.
    pub fn is_same(&self, other: &Certificate) -> bool {
        match (self.original(), other.original()) {
            (Some(a), Some(b)) => a.as_ptr() == b.as_ptr() || a == b,
            (None, None) => self.der == other.der,
            _ => false,
        }
    }

    /// Returns an estimate of the memory that the decoded certificate takes, several times its DER.
    pub fn bytes(&self) -> usize {
        2048 + 4 * self.original().map_or(self.der.len(), der_length)
    }
}

/// Returns the positions of issuer and subject in a certificate (RFC 5280, section 4.1).
fn names(der: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let mut file = Reader(der);
    let mut certificate = Reader(file.get(tag::SEQUENCE)?);
    let mut body = Reader(certificate.get(tag::SEQUENCE)?);
    certificate.get(tag::SEQUENCE)?;
    certificate.get(tag::BIT_STRING)?;
    if !file.is_empty() || !certificate.is_empty() {
        return None;
    }

    let serial = match body.get_any()? {
        (tag::VERSION, _) => body.get_any()?,
        first => first,
    };
    if serial.0 != tag::INTEGER {
        return None;
    }
    let _algorithm = body.get(tag::SEQUENCE)?;
    let issuer = body.get_element(tag::SEQUENCE)?;
    let _validity = body.get(tag::SEQUENCE)?;
    let subject = body.get_element(tag::SEQUENCE)?;
    let _key = body.get(tag::SEQUENCE)?;
    while !body.is_empty() {
        body.get_any()?;
    }
    fingerprint(issuer)?;
    let within = |part: &[u8]| {
        let start = (part.as_ptr() as usize).checked_sub(der.as_ptr() as usize)?;
        Some(start..start.checked_add(part.len())?)
    };
    Some((within(issuer)?, within(subject)?))
}

fn der_length(certificate: &X509) -> usize {
    // SAFETY: a valid certificate. Without an output buffer, i2d_X509(3) only returns the length.
    let length = unsafe { openssl_sys::i2d_X509(certificate.as_ptr(), std::ptr::null_mut()) };
    usize::try_from(length).unwrap_or(0)
}

/// Decodes a certificate.
pub fn decode(der: &[u8]) -> Result<X509, DecodeError> {
    let errors = QuietErrors::new();
    let mut start = der.as_ptr();
    let Ok(length) = libc::c_long::try_from(der.len()) else {
        return Err(DecodeError::Damaged(Problem::TooLong.into()));
    };
    // SAFETY: reads at most `length` bytes. We own the new certificate.
    unsafe {
        let new = openssl_sys::d2i_X509(std::ptr::null_mut(), &mut start, length);
        match new.is_null() {
            true if errors.is_out_of_memory() => Err(DecodeError::NoMemory),
            true => Err(DecodeError::Damaged(errors.reason())),
            false => Ok(with_key(X509::from_ptr(new))?),
        }
    }
}

/// Decodes a certificate again if its public key is missing or has a strength of 0 bits, which may be due to
/// an allocation failure. Fails if OpenSSL runs out of memory again. If the result is the same, it is a
/// property of the key.
pub fn with_key(certificate: X509) -> Result<X509, OutOfMemory> {
    let has_key = |x: &X509| {
        let _errors = QuietErrors::new();
        // SAFETY: a valid certificate, and its key, which is only read.
        unsafe {
            let key = ossl::X509_get0_pubkey(x.as_ptr());
            !key.is_null() && openssl_sys::EVP_PKEY_security_bits(key) > 0
        }
    };
    if has_key(&certificate) {
        return Ok(certificate);
    }
    let again = ossl::retry_unless_out_of_memory(|| decode_again(&certificate).filter(has_key))?;
    Ok(again.unwrap_or(certificate))
}

#[cfg(any(test, fuzzing))]
pub(crate) mod compare;
#[cfg(test)]
pub(crate) mod tests;
