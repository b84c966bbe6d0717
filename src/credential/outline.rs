// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the choice must know of a certificate, read from its DER without OpenSSL.
//!
//! It is only done for certificates of the usual kinds in flawless DER: of these OpenSSL would say
//! the same. All others have no outline, and OpenSSL decodes them. Whether an EC key's point is on
//! its curve is not looked at: a certificate with such a key is refused when it is to be sent.

pub(super) mod der;

use crate::choice::{Curve, Key, Reasons};
use der::{Reader, bits, integer, object, positive, tag};
use std::ops::Range;

/// Object identifiers, as they are encoded.
mod oid {
    pub const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    pub const KEY_USAGE: &[u8] = &[0x55, 29, 15];
    pub const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 29, 37];
    pub const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 29, 35];
    pub const PROXY: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 14];
    pub const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
    pub const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    pub const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    pub const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    pub const P384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
    pub const P521: &[u8] = &[0x2b, 0x81, 4, 0, 35];
    pub const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
    pub const ED448: &[u8] = &[0x2b, 0x65, 0x71];
    /// sha256, sha384 and sha512WithRSAEncryption differ in their last byte.
    pub const RSA_SIGNATURE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1];
    /// ecdsa-with-SHA256, -SHA384 and -SHA512 likewise.
    pub const ECDSA_SIGNATURE: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3];
}

/// See the module.
#[derive(Debug)]
pub struct Outline {
    /// The public key; OpenSSL's estimate of its strength depends on nothing else.
    pub key: Key,
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970, inclusive.
    pub not_after: i64,
    /// What the key usages say against it.
    pub lasting: Reasons,
    /// The first common name in the subject.
    pub common_name: Option<Box<[u8]>>,
    issuer: Range<usize>,
    subject: Range<usize>,
    algorithm: Range<usize>,
    authority: Range<usize>,
}

impl Outline {
    /// Of a whole certificate.
    pub fn read(der: &[u8]) -> Option<Outline> {
        let mut file = Reader(der);
        let mut certificate = Reader(file.take(tag::SEQUENCE)?);
        file.end()?;
        let mut body = Reader(certificate.take(tag::SEQUENCE)?);
        let outer_algorithm = certificate.whole(tag::SEQUENCE)?;
        bits(certificate.take(tag::BIT_STRING)?)?;
        certificate.end()?;

        // Version 3 alone has extensions.
        let (tag::VERSION, [tag::INTEGER, 1, 2]) = body.any()? else { return None };
        integer(body.take(tag::INTEGER)?)?;
        let algorithm = body.whole(tag::SEQUENCE)?;
        if algorithm != outer_algorithm {
            return None;
        }
        signature_algorithm(algorithm)?;
        let issuer = body.whole(tag::SEQUENCE)?;
        name(issuer)?;
        let mut validity = Reader(body.take(tag::SEQUENCE)?);
        let (not_before, not_after) = (time(validity.any()?)?, time(validity.any()?)?);
        validity.end()?;
        let subject = body.whole(tag::SEQUENCE)?;
        let common_name = name(subject)?;
        let key = public_key(body.take(tag::SEQUENCE)?)?;
        let mut extensions = Reader(body.take(tag::EXTENSIONS)?);
        body.end()?;
        let list = extensions.take(tag::SEQUENCE)?;
        extensions.end()?;
        let Extensions { lasting, authority } = Extensions::read(list)?;

        // One that is signed by itself is judged otherwise.
        let is_own_issuer = crate::name::fingerprint(issuer)? == crate::name::fingerprint(subject)?;
        let within = |part: &[u8]| {
            let start = (part.as_ptr() as usize).checked_sub(der.as_ptr() as usize)?;
            Some(start..start.checked_add(part.len())?)
        };
        let outline = Outline {
            key,
            not_before,
            not_after,
            lasting,
            common_name: common_name.map(Into::into),
            issuer: within(issuer)?,
            subject: within(subject)?,
            algorithm: within(algorithm)?,
            authority: authority.map_or(Some(0..0), within)?,
        };
        (!is_own_issuer).then_some(outline)
    }

    /// The issuer's name in DER. `der` is what the outline was read from, here and below.
    pub fn issuer<'a>(&self, der: &'a [u8]) -> &'a [u8] {
        der.get(self.issuer.clone()).unwrap_or_default()
    }

    /// The subject's name in DER.
    pub fn subject<'a>(&self, der: &'a [u8]) -> &'a [u8] {
        der.get(self.subject.clone()).unwrap_or_default()
    }

    /// The AlgorithmIdentifier of its signature.
    pub fn algorithm<'a>(&self, der: &'a [u8]) -> &'a [u8] {
        der.get(self.algorithm.clone()).unwrap_or_default()
    }

    /// The value of the authority key identifier; empty where it has none.
    pub fn authority<'a>(&self, der: &'a [u8]) -> &'a [u8] {
        der.get(self.authority.clone()).unwrap_or_default()
    }
}

fn signature_algorithm(whole: &[u8]) -> Option<()> {
    let mut algorithm = Reader(Reader(whole).take(tag::SEQUENCE)?);
    let oid = algorithm.take(tag::OID)?;
    match oid.split_last() {
        Some((11..=13, oid::RSA_SIGNATURE)) => {
            (algorithm.any()? == (tag::NULL, &[])).then_some(())?;
        }
        Some((2..=4, oid::ECDSA_SIGNATURE)) => {}
        _ if oid == oid::ED25519 || oid == oid::ED448 => {}
        _ => return None,
    }
    algorithm.end()
}

/// A name that OpenSSL reads; its first common name.
fn name(whole: &[u8]) -> Option<Option<&[u8]>> {
    let mut sets = Reader(Reader(whole).take(tag::SEQUENCE)?);
    let mut common_name = None;
    while !sets.is_empty() {
        let mut attributes = Reader(sets.take(tag::SET)?);
        // OpenSSL puts several in an order of their own.
        let mut attribute = Reader(attributes.take(tag::SEQUENCE)?);
        attributes.end()?;
        let oid = object(attribute.take(tag::OID)?)?;
        let (tag, value) = attribute.any()?;
        attribute.end()?;
        let is_text = match tag {
            tag::UTF8_STRING => std::str::from_utf8(value).is_ok(),
            tag::PRINTABLE_STRING | tag::IA5_STRING => value.is_ascii(),
            _ => false,
        };
        if !is_text || value.contains(&0) {
            return None;
        }
        if oid == oid::COMMON_NAME && common_name.is_none() {
            common_name = Some(value);
        }
    }
    Some(common_name)
}

/// Seconds since 1970 of YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ.
fn time((tag, text): (u8, &[u8])) -> Option<i64> {
    let text = text.strip_suffix(b"Z")?;
    let mut numbers = text.chunks_exact(2).map(|digits| match digits {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some(i64::from((a - b'0') * 10 + (b - b'0'))),
        _ => None,
    });
    let mut next = || numbers.next().flatten();
    let year = match (tag, text.len()) {
        (tag::UTC_TIME, 12) => next().map(|year| if year < 50 { 2000 + year } else { 1900 + year }),
        (tag::GENERALIZED_TIME, 14) => Some(next()? * 100 + next()?),
        _ => None,
    }?;
    let (month, day, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 31,
    };
    if !(1..=12).contains(&month)
        || !(1..=days).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    // Years that begin in March have the leap day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719,468 days from 1 March of the year 0 to 1970.
    let days = before_year + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn public_key(content: &[u8]) -> Option<Key> {
    let mut info = Reader(content);
    let mut algorithm = Reader(info.take(tag::SEQUENCE)?);
    let key = bits(info.take(tag::BIT_STRING)?)?;
    info.end()?;
    let kind = algorithm.take(tag::OID)?;
    let kind = match kind {
        oid::RSA => {
            (algorithm.any()? == (tag::NULL, &[])).then_some(())?;
            rsa(key)
        }
        oid::EC => ec(algorithm.take(tag::OID)?, key),
        oid::ED25519 => (key.len() == 32).then_some(Key::Ed25519),
        oid::ED448 => (key.len() == 57).then_some(Key::Ed448),
        _ => None,
    };
    algorithm.end()?;
    kind
}

fn rsa(key: &[u8]) -> Option<Key> {
    let mut outer = Reader(key);
    let mut numbers = Reader(outer.take(tag::SEQUENCE)?);
    outer.end()?;
    let modulus = positive(numbers.take(tag::INTEGER)?)?;
    positive(numbers.take(tag::INTEGER)?)?;
    numbers.end()?;
    let bits = u32::try_from(modulus.len()).ok()?.checked_mul(8)?;
    let bits = bits.checked_sub(modulus.first()?.leading_zeros())?;
    (1024..=8192).contains(&bits).then_some(Key::Rsa(bits))
}

/// An uncompressed point.
fn ec(curve: &[u8], key: &[u8]) -> Option<Key> {
    let (curve, length) = match curve {
        oid::P256 => (Curve::P256, 32),
        oid::P384 => (Curve::P384, 48),
        oid::P521 => (Curve::P521, 66),
        _ => return None,
    };
    (key.first() == Some(&4) && key.len() == 1 + 2 * length).then_some(Key::Ec(curve))
}

/// What the extensions say, as far as it matters.
struct Extensions<'a> {
    lasting: Reasons,
    authority: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    fn read(list: &'a [u8]) -> Option<Extensions<'a>> {
        let mut list = Reader(list);
        let mut lasting = Reasons::default();
        let (mut usage, mut purposes, mut authority) = (None, None, None);
        while !list.is_empty() {
            let mut extension = Reader(list.take(tag::SEQUENCE)?);
            let oid = object(extension.take(tag::OID)?)?;
            let value = match extension.any()? {
                (tag::BOOLEAN, [0xff]) => extension.take(tag::OCTET_STRING)?,
                (tag::OCTET_STRING, value) => value,
                _ => return None,
            };
            extension.end()?;
            let known = match oid {
                oid::KEY_USAGE => &mut usage,
                oid::EXTENDED_KEY_USAGE => &mut purposes,
                oid::AUTHORITY_KEY_IDENTIFIER => &mut authority,
                oid::PROXY => return None,
                _ => continue,
            };
            // One that is there twice is none.
            if known.replace(value).is_some() {
                return None;
            }
        }
        if !usage.map_or(Some(true), may_sign)? {
            lasting.add(Reasons::KEY_USAGE);
        }
        if !purposes.map_or(Some(true), is_client)? {
            lasting.add(Reasons::EXTENDED_KEY_USAGE);
        }
        Some(Extensions { lasting, authority })
    }
}

/// The bit digitalSignature of RFC 5280, section 4.2.1.3.
fn may_sign(value: &[u8]) -> Option<bool> {
    let mut outer = Reader(value);
    let content = outer.take(tag::BIT_STRING)?;
    outer.end()?;
    match content {
        [0..=7, first, rest @ ..] if rest.len() <= 1 => Some(first & 0x80 != 0),
        _ => None,
    }
}

/// Whether clientAuth is among the purposes.
fn is_client(value: &[u8]) -> Option<bool> {
    let mut outer = Reader(value);
    let mut purposes = Reader(outer.take(tag::SEQUENCE)?);
    outer.end()?;
    let mut found = false;
    while !purposes.is_empty() {
        found |= object(purposes.take(tag::OID)?)? == oid::CLIENT_AUTH;
    }
    Some(found)
}

#[cfg(any(test, fuzzing))]
pub(crate) mod compare;
#[cfg(test)]
pub(crate) mod tests;
