// SPDX-License-Identifier: MIT OR Apache-2.0
//! The notAfter of a certificate, and whether it is a CA certificate, read from its DER without OpenSSL,
//! which would decode the public key as well.

use super::certificate::{Certificate, DecodeError};
use super::der::{Reader, tag};
use super::extensions::cache_extensions;
use crate::error::OutOfMemory;
use foreign_types::ForeignType;

/// notAfter: year, month, day, hour, minute and second as digits, which sort like times.
pub type NotAfter = [u8; 14];

/// notAfter, and whether it is a CA certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The end of the validity. Zeros if only OpenSSL can read the certificate.
    pub not_after: NotAfter,
    /// Whether the basic constraints identify a CA certificate.
    pub is_ca: bool,
}

/// Returns notAfter and whether it is a CA certificate. If only OpenSSL can read the certificate, notAfter is
/// zeros, so that the certificate comes last.
pub fn of(certificate: &Certificate) -> Result<Outline, OutOfMemory> {
    const EXFLAG_CA: u32 = 0x10;
    if let Some(outline) = read(&certificate.to_der()?) {
        return Ok(outline);
    }
    let is_ca = match certificate.get() {
        Ok(x) => {
            cache_extensions(x)?;
            // SAFETY: a valid certificate, whose extensions OpenSSL has cached.
            unsafe { openssl_sys::X509_get_extension_flags(x.as_ptr()) & EXFLAG_CA != 0 }
        }
        Err(DecodeError::NoMemory) => return Err(OutOfMemory),
        Err(DecodeError::Damaged(_)) => false,
    };
    Ok(Outline { not_after: [b'0'; 14], is_ca })
}

/// Like [`of`], for a certificate in DER (RFC 5280, section 4.1). Returns `None` if it cannot be read.
pub fn read(der: &[u8]) -> Option<Outline> {
    let mut certificate = Reader(Reader(der).get(tag::SEQUENCE)?);
    let mut body = Reader(certificate.get(tag::SEQUENCE)?);
    if body.get_any()?.0 == tag::VERSION {
        body.get(tag::INTEGER)?;
    }
    let _algorithm = body.get(tag::SEQUENCE)?;
    let _issuer = body.get(tag::SEQUENCE)?;
    let mut validity = Reader(body.get(tag::SEQUENCE)?);
    let _not_before = validity.get_any()?;
    let (kind, time) = validity.get_any()?;
    let mut is_ca = false;
    while let Some((found, content)) = body.get_any() {
        if found == tag::EXTENSIONS {
            is_ca = has_ca_constraint(content)?;
        }
    }
    Some(Outline { not_after: digits(kind, time)?, is_ca })
}

/// Returns the digits of a UTCTime or a GeneralizedTime in the form that RFC 5280, section 4.1.2.5, requires.
fn digits(kind: u8, time: &[u8]) -> Option<NotAfter> {
    let time = time.strip_suffix(b"Z")?;
    let mut all = [b'0'; 14];
    match (kind, time) {
        (tag::GENERALIZED_TIME, _) if time.len() == 14 => all.copy_from_slice(time),
        (tag::UTC_TIME, [decade, ..]) if time.len() == 12 => {
            let century = if *decade >= b'5' { b"19" } else { b"20" };
            let (first, rest) = all.split_at_mut(2);
            first.copy_from_slice(century);
            rest.copy_from_slice(time);
        }
        _ => return None,
    }
    all.iter().all(u8::is_ascii_digit).then_some(all)
}

/// Returns whether an Extensions element has basic constraints with `cA` set.
fn has_ca_constraint(extensions: &[u8]) -> Option<bool> {
    /// 2.5.29.19
    const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
    let mut extensions = Reader(Reader(extensions).get(tag::SEQUENCE)?);
    while !extensions.is_empty() {
        let mut extension = Reader(extensions.get(tag::SEQUENCE)?);
        if extension.get(tag::OBJECT_IDENTIFIER)? != BASIC_CONSTRAINTS {
            continue;
        }
        let value = match extension.get_any()? {
            (tag::BOOLEAN, _) => extension.get(tag::OCTET_STRING)?,
            (tag::OCTET_STRING, value) => value,
            _ => return None,
        };
        let mut constraints = Reader(Reader(value).get(tag::SEQUENCE)?);
        return Some(matches!(constraints.get_any(), Some((tag::BOOLEAN, [value])) if *value != 0));
    }
    Some(false)
}
