// SPDX-License-Identifier: MIT OR Apache-2.0
//! Distinguished names: finding equal ones quickly, and showing them.
//!
//! Whether two names are equal is X509_NAME_cmp's word alone. To find the few that are worth
//! asking about, each name has a fingerprint that is the same for all names that X509_NAME_cmp
//! finds equal: a hash over what its canonical form keeps (attribute types, and of the values the
//! ASCII letters and digits, in lower case, and all that is not ASCII).

use crate::error::OutOfMemory;
use crate::ossl;
use crate::ossl::QuietErrors;
use crate::text::excerpt;
use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::x509::{X509, X509Name, X509NameRef};
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
    let (a, b) = (ossl::sure(|| decode(a))?, ossl::sure(|| decode(b))?);
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

/// A hash of bytes as they are.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hash = Fnv::default();
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk() {
        hash.add_u64(u64::from_le_bytes(*word));
        rest = after;
    }
    // What is left, with some of what was before it.
    match bytes.last_chunk() {
        Some(word) => hash.add_u64(u64::from_le_bytes(*word)),
        None => bytes.iter().for_each(|byte| hash.add(*byte)),
    }
    // A map looks at the lowest and the highest bits.
    let mixed = hash.0 ^ (hash.0 >> 32);
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Tags of strings.
mod string {
    pub const UTF8: u8 = 0x0c;
    pub const PRINTABLE: u8 = 0x13;
    pub const T61: u8 = 0x14;
    pub const IA5: u8 = 0x16;
    pub const VISIBLE: u8 = 0x1a;
    pub const UNIVERSAL: u8 = 0x1c;
    pub const BMP: u8 = 0x1e;
}

/// The fingerprint of a name's DER; `None` for an encoding that OpenSSL reads and DER does not
/// know (indefinite lengths, strings in parts).
pub fn fingerprint(der: &[u8]) -> Option<Fingerprint> {
    let mut hash = Fnv::default();
    let (SEQUENCE, mut sets, []) = element(der)? else { return None };
    while !sets.is_empty() {
        let (SET, attributes, rest) = element(sets)? else { return None };
        sets = rest;
        hash.add_u64(set_hash(attributes)?);
    }
    Some(hash.0)
}

/// How the text of a name ends: the last letters and digits of its last attribute, which tell most
/// names apart at little cost. `None` for an odd encoding, a name of no set, or several attributes in
/// the last one.
pub fn ending(der: &[u8]) -> Option<Fingerprint> {
    let (tag, value) = short_last_value(der).or_else(|| last_value(der))?;
    let mut end = Ending::default();
    match tag {
        string::UNIVERSAL => value.rchunks_exact(4).all(|character| end.take_wide(character)),
        string::BMP => value.rchunks_exact(2).all(|character| end.take_wide(character)),
        _ if tag & 0x20 != 0 => return None,
        _ => value.iter().rev().all(|byte| end.take(*byte)),
    };
    Some(end.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ end.0 >> 32)
}

/// The last attribute's value, if it is alone in its set.
fn last_value(der: &[u8]) -> Option<(u8, &[u8])> {
    let (SEQUENCE, mut sets, []) = element(der)? else { return None };
    let attribute = loop {
        let (SET, attributes, rest) = element(sets)? else { return None };
        if rest.is_empty() {
            break attributes;
        }
        sets = rest;
    };
    let (SEQUENCE, attribute, []) = element(attribute)? else { return None };
    let (_oid_tag, _oid, value) = element(attribute)?;
    let (tag, value, []) = element(value)? else { return None };
    Some((tag, value))
}

/// The same of a name of which all lengths are below 128, at less cost.
fn short_last_value(der: &[u8]) -> Option<(u8, &[u8])> {
    const OID: u8 = 0x06;
    let [SEQUENCE, of_name @ 0..=0x7f, sets @ ..] = der else { return None };
    let mut rest = sets;
    while let [SET, length @ 0..=0x7f, after @ ..] = rest {
        let length = usize::from(*length);
        if after.len() > length {
            rest = after.get(length..)?;
            continue;
        }
        let [SEQUENCE, inner, OID, of_oid @ 0..=0x7f, oid @ ..] = after else { return None };
        let [tag, of_value @ 0..=0x7f, value @ ..] = oid.get(usize::from(*of_oid)..)? else {
            return None;
        };
        // Each of them ends where the name does.
        let is_whole = usize::from(*of_value) == value.len()
            && usize::from(*inner) + 2 == length
            && after.len() == length
            && sets.len() == usize::from(*of_name);
        return is_whole.then_some((*tag, value));
    }
    None
}

/// The last letters and digits of a text, up to six.
#[derive(Default)]
struct Ending(u64);

impl Ending {
    /// Takes the next character from the end; whether there may be more. One that is not ASCII, which
    /// has another length in UTF-8, ends it.
    fn take(&mut self, byte: u8) -> bool {
        let folded = FOLDED.get(usize::from(byte)).copied().unwrap_or(0);
        if byte < 0x80 && folded != 0 {
            self.0 = self.0 << 8 | u64::from(folded);
        }
        byte < 0x80 && self.0 >> 40 == 0
    }

    fn take_wide(&mut self, character: &[u8]) -> bool {
        match character {
            [leading @ .., byte] if leading.iter().all(|byte| *byte == 0) => self.take(*byte),
            _ => false,
        }
    }
}

/// The canonical form sorts a set anew, so the order within one must not count; an empty one it
/// drops.
fn set_hash(mut attributes: &[u8]) -> Option<u64> {
    if attributes.is_empty() {
        return None;
    }
    let mut sum = 0u64;
    while !attributes.is_empty() {
        let (SEQUENCE, attribute, rest) = element(attributes)? else { return None };
        attributes = rest;
        let (_oid_tag, oid, value) = element(attribute)?;
        let (tag, value, []) = element(value)? else { return None };
        sum = sum.wrapping_add(attribute_hash(oid, tag, value)?);
    }
    Some(sum)
}

fn attribute_hash(oid: &[u8], tag: u8, value: &[u8]) -> Option<u64> {
    let mut hash = Fnv::default();
    hash.add_u64(oid.iter().fold(0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte)));
    // The canonical form is in UTF-8. OpenSSL takes T61String, and whatever is not ASCII in a string
    // of ASCII, for Latin-1.
    match tag {
        string::UTF8 => value.iter().for_each(|byte| hash.add_folded(*byte)),
        string::PRINTABLE | string::T61 | string::IA5 | string::VISIBLE => {
            value.iter().for_each(|byte| hash.add_char(char::from(*byte)));
        }
        string::BMP => {
            for unit in value.chunks(2) {
                let [high, low] = unit else { return None };
                hash.add_char(char::from_u32(u16::from_be_bytes([*high, *low]).into())?);
            }
        }
        string::UNIVERSAL => {
            for unit in value.chunks(4) {
                hash.add_char(char::from_u32(u32::from_be_bytes(unit.try_into().ok()?))?);
            }
        }
        // A string in parts (constructed) would have to be put together first.
        _ if tag & 0x20 != 0 => return None,
        // All others are compared as they are.
        _ => value.iter().for_each(|byte| hash.add_folded(*byte)),
    }
    Some(hash.0)
}

/// One DER element with a tag of one byte and a definite length: tag, content, what follows.
#[inline]
pub fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    match der {
        [tag, length @ 0..=0x7f, rest @ ..] if tag & 0x1f != 0x1f => {
            let (content, rest) = rest.split_at_checked(usize::from(*length))?;
            Some((*tag, content, rest))
        }
        _ => long_element(der),
    }
}

fn long_element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
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
        let folded = FOLDED.get(usize::from(byte)).copied().unwrap_or(0);
        if folded != 0 {
            self.add(folded);
        }
    }
    fn add_char(&mut self, character: char) {
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            self.add_folded(byte);
        }
    }
}

/// Letters and digits of ASCII in lower case, and all that is not ASCII; 0 for all else.
static FOLDED: [u8; 256] = folded();

#[allow(clippy::indexing_slicing)] // the compiler's evaluation would stop
const fn folded() -> [u8; 256] {
    let mut folded = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte >= 128 || (byte as u8).is_ascii_alphanumeric() {
            folded[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    folded
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
    ossl::sure(|| Some(entry.data().to_string().ok()?.into_bytes().into()))
}

#[cfg(test)]
mod tests;
