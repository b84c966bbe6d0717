// SPDX-License-Identifier: MIT OR Apache-2.0
//! Distinguished names: finding equal ones quickly, and showing them.
//!
//! Whether two names are equal is X509_NAME_cmp's word alone. To find the few that are worth
//! asking about, each name has a fingerprint that is the same for all names that X509_NAME_cmp
//! finds equal: a hash over what its canonical form keeps (attribute types, and the ASCII letters
//! and digits of the values, in lower case).

use crate::ossl;
use foreign_types::ForeignTypeRef;
use openssl::x509::{X509, X509NameRef};
use openssl_sys as ffi;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Hash of a name; equal names have equal fingerprints.
pub type Fingerprint = u64;

/// A map by fingerprint, which is a hash already.
pub type ByFingerprint<V> = HashMap<Fingerprint, V, BuildHasherDefault<Identity>>;

/// Takes a fingerprint as the hash that it is.
#[derive(Default)]
pub struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

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

/// The fingerprint of a name's DER; `None` for an encoding that OpenSSL reads and DER does not
/// know (indefinite lengths, strings in parts).
pub fn fingerprint(der: &[u8]) -> Option<Fingerprint> {
    const SEQUENCE: u8 = 0x30;
    const SET: u8 = 0x31;
    let mut hash = Fnv::default();
    let (SEQUENCE, mut sets, []) = element(der)? else { return None };
    while !sets.is_empty() {
        let (SET, mut attributes, rest) = element(sets)? else { return None };
        sets = rest;
        // The canonical form sorts a set anew, so the order within one must not count.
        let mut sum = 0u64;
        while !attributes.is_empty() {
            let (SEQUENCE, attribute, rest) = element(attributes)? else { return None };
            attributes = rest;
            let (_oid_tag, oid, value) = element(attribute)?;
            let (tag, value, []) = element(value)? else { return None };
            sum = sum.wrapping_add(attribute_hash(oid, tag, value)?);
        }
        hash.add_u64(sum);
    }
    Some(hash.0)
}

fn attribute_hash(oid: &[u8], tag: u8, value: &[u8]) -> Option<u64> {
    const UNIVERSAL_STRING: u8 = 0x1c;
    const BMP_STRING: u8 = 0x1e;
    let mut hash = Fnv::default();
    for byte in oid {
        hash.add(*byte);
    }
    match tag {
        BMP_STRING => {
            for unit in value.chunks(2) {
                if let [0, low] = unit {
                    hash.add_folded(*low);
                }
            }
        }
        UNIVERSAL_STRING => {
            for unit in value.chunks(4) {
                if let [0, 0, 0, low] = unit {
                    hash.add_folded(*low);
                }
            }
        }
        // A string in parts (constructed) would have to be put together first.
        _ if tag & 0x20 != 0 => return None,
        // All others have the ASCII characters as single bytes.
        _ => {
            for byte in value {
                hash.add_folded(*byte);
            }
        }
    }
    Some(hash.0)
}

/// One DER element with a tag of one byte and a definite length: tag, content, what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = der else { return None };
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |n, d| (n << 8) | usize::from(*d)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The first element of several, whole, and the others.
pub fn split_first(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, _, rest) = element(der)?;
    der.split_at_checked(der.len() - rest.len())
}

/// FNV-1a, 64 bits. The names in the map are the user's own, so nobody else can fill a bucket.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    fn add_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    fn add_folded(&mut self, byte: u8) {
        if byte.is_ascii_alphanumeric() {
            self.add(byte.to_ascii_lowercase());
        }
    }
}

/// A name for people, in the order of its certificate: `C=CA, O=IDO, CN=client1`. Control
/// characters are escaped, and what is longer than any sensible name is cut.
pub fn text(name: &X509NameRef) -> String {
    // ASN1_STRFLGS_ESC_2253 | ESC_CTRL | UTF8_CONVERT | DUMP_UNKNOWN | DUMP_DER and
    // XN_FLAG_SEP_CPLUS_SPC of openssl/asn1.h and openssl/x509.h.
    const FLAGS: libc::c_ulong = 0x1 | 0x2 | 0x10 | 0x100 | 0x200 | (2 << 16);
    let printed = ossl::print(|bio| {
        // SAFETY: a valid BIO and a valid name.
        unsafe { ossl::X509_NAME_print_ex(bio, name.as_ptr(), 0, FLAGS) >= 0 }
    });
    let shown = printable(&String::from_utf8_lossy(&printed));
    if shown.is_empty() { "(an empty name)".to_owned() } else { shown }
}

/// `text` without characters that would steer a terminal, and not beyond bounds.
pub fn printable(text: &str) -> String {
    const MOST: usize = 500;
    let mut shown = String::with_capacity(text.len().min(MOST));
    for (i, c) in text.chars().enumerate() {
        if i == MOST {
            shown.push_str("...");
            break;
        }
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The first common name in a certificate's subject, which is what PostgreSQL's `cert`
/// authentication compares with the user's name; as UTF-8.
pub fn common_name(certificate: &X509) -> Option<Box<[u8]>> {
    let entry = certificate.subject_name().entries_by_nid(openssl::nid::Nid::COMMONNAME).next()?;
    let text = entry.data().to_string().ok()?;
    Some(text.into_bytes().into())
}

#[cfg(test)]
mod tests;
