// SPDX-License-Identifier: MIT OR Apache-2.0
//! A certificate that OpenSSL decodes when it is first needed.
//!
//! OpenSSL decodes the public key together with the certificate, which costs far more than all else
//! that is done with a certificate of a list. Most certificates of a long list are ruled out by the
//! CA names of the server, for which issuer and subject are enough.

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
    /// Empty where the certificate was made of an X509.
    der: Box<[u8]>,
    issuer: Range<usize>,
    subject: Range<usize>,
    decoded: OnceBox<X509>,
    /// Read under OpenSSL's global library context, so that it may be in the cache. It is decoded
    /// under the same: another thread's own context may be freed before it.
    is_global: bool,
}

/// Why a certificate could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// It is damaged, in OpenSSL's words.
    Damaged(String),
    /// There was not enough memory.
    NoMemory,
}

impl Undecodable {
    /// In the terms of an entry; no file for a certificate held in memory.
    pub fn cause(self, file: Option<&Path>) -> Cause {
        let file = file.map(Path::to_owned);
        match self {
            Undecodable::Damaged(why) => Cause::Certificate { file, why },
            Undecodable::NoMemory => Cause::Memory(file),
        }
    }
}

impl From<OutOfMemory> for Undecodable {
    fn from(_: OutOfMemory) -> Undecodable {
        Undecodable::NoMemory
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
    /// Reads the names of a certificate. `None` where they cannot be read without OpenSSL, as in BER.
    pub fn of_der(der: Vec<u8>) -> Option<Certificate> {
        let (issuer, subject) = names(&der)?;
        let is_global = ossl::has_global_context();
        let der = der.into_boxed_slice();
        Some(Certificate { der, issuer, subject, decoded: OnceBox::new(), is_global })
    }

    /// The issuer's name in DER.
    pub fn issuer(&self) -> &[u8] {
        match self.made_of() {
            Some(certificate) => name::der(certificate.issuer_name()),
            None => self.der.get(self.issuer.clone()).unwrap_or_default(),
        }
    }

    /// The subject's name in DER.
    pub fn subject(&self) -> &[u8] {
        match self.made_of() {
            Some(certificate) => name::der(certificate.subject_name()),
            None => self.der.get(self.subject.clone()).unwrap_or_default(),
        }
    }

    /// The X509 that it was made of, if it was made of one.
    fn made_of(&self) -> Option<&X509> {
        if self.der.is_empty() { self.decoded.get() } else { None }
    }

    /// The certificate, decoded when it is first asked for.
    pub fn get(&self) -> Result<&X509, Undecodable> {
        self.decoded.get_or_try_init(|| {
            let decode = || decode(&self.der);
            let new = if self.is_global { ossl::in_global_context(decode) } else { decode() };
            new.map(Box::new)
        })
    }

    /// Whether two are one certificate.
    pub fn is_same(&self, other: &Certificate) -> bool {
        match (self.made_of(), other.made_of()) {
            (Some(a), Some(b)) => a.as_ptr() == b.as_ptr() || a == b,
            (None, None) => self.der == other.der,
            _ => false,
        }
    }

    /// How much memory it takes, about, once it is decoded: OpenSSL takes several times the DER.
    pub fn bytes(&self) -> usize {
        2048 + 4 * self.made_of().map_or(self.der.len(), der_length)
    }
}

/// Where issuer and subject are in a certificate (RFC 5280, section 4.1).
fn names(der: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let mut file = Reader(der);
    let mut certificate = Reader(file.take(tag::SEQUENCE)?);
    file.end()?;
    let mut body = Reader(certificate.take(tag::SEQUENCE)?);
    certificate.take(tag::SEQUENCE)?;
    certificate.take(tag::BIT_STRING)?;
    certificate.end()?;

    let serial = match body.any()? {
        (tag::VERSION, _) => body.any()?,
        first => first,
    };
    if serial.0 != tag::INTEGER {
        return None;
    }
    let _algorithm = body.take(tag::SEQUENCE)?;
    let issuer = body.whole(tag::SEQUENCE)?;
    let _validity = body.take(tag::SEQUENCE)?;
    let subject = body.whole(tag::SEQUENCE)?;
    let _key = body.take(tag::SEQUENCE)?;
    while !body.is_empty() {
        body.any()?;
    }
    fingerprint(issuer)?;
    let within = |part: &[u8]| {
        let start = (part.as_ptr() as usize).checked_sub(der.as_ptr() as usize)?;
        Some(start..start.checked_add(part.len())?)
    };
    Some((within(issuer)?, within(subject)?))
}

/// How long a certificate's DER is.
fn der_length(certificate: &X509) -> usize {
    // SAFETY: a valid certificate; with no place to write to, only the length is given.
    let length = unsafe { openssl_sys::i2d_X509(certificate.as_ptr(), std::ptr::null_mut()) };
    usize::try_from(length).unwrap_or(0)
}

/// Decodes a certificate.
fn decode(der: &[u8]) -> Result<X509, Undecodable> {
    let errors = QuietErrors::new();
    let mut start = der.as_ptr();
    let Ok(length) = libc::c_long::try_from(der.len()) else {
        return Err(Undecodable::Damaged(Problem::TooLong.into()));
    };
    // SAFETY: reads at most `length` bytes. A new certificate is ours.
    unsafe {
        let new = openssl_sys::d2i_X509(std::ptr::null_mut(), &mut start, length);
        match new.is_null() {
            true if errors.is_out_of_memory() => Err(Undecodable::NoMemory),
            true => Err(Undecodable::Damaged(errors.reason())),
            false => Ok(with_key(X509::from_ptr(new))?),
        }
    }
}

/// A certificate that OpenSSL has read, with its whole public key: where there is no memory to decode
/// that, OpenSSL leaves it out as if it were of an unknown kind, or takes it to be of no strength.
pub fn with_key(certificate: X509) -> Result<X509, OutOfMemory> {
    let has_key = |x: &X509| {
        let _errors = QuietErrors::new();
        // SAFETY: a valid certificate, whose key is only looked at.
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
