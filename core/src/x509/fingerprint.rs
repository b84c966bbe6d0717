// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fingerprints of distinguished names.
//!
//! A fingerprint is a hash of the attribute types and of the letters and digits of the values: ASCII in lower
//! case, and all characters that are not ASCII. The canonical form of X509_NAME keeps these characters, so
//! names that are equal for X509_NAME_cmp(3) have the same fingerprint.

use super::der::parse_element;
use crate::hash::Fnv;

/// The hash of a name.
pub type Fingerprint = u64;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// The bit of a tag for a constructed encoding. DER has no constructed strings.
const CONSTRUCTED: u8 = 0x20;

/// The tags of string types.
mod string {
    pub const UTF8: u8 = 0x0c;
    pub const PRINTABLE: u8 = 0x13;
    pub const T61: u8 = 0x14;
    pub const IA5: u8 = 0x16;
    pub const VISIBLE: u8 = 0x1a;
    pub const UNIVERSAL: u8 = 0x1c;
    pub const BMP: u8 = 0x1e;
}

/// Returns the fingerprint of a name. Returns `None` for BER, which OpenSSL also decodes (indefinite
/// lengths, constructed strings).
pub fn fingerprint(der: &[u8]) -> Option<Fingerprint> {
    let mut hash = Fnv::default();
    let (SEQUENCE, mut sets, []) = parse_element(der)? else { return None };
    while !sets.is_empty() {
        let (SET, attributes, rest) = parse_element(sets)? else { return None };
        sets = rest;
        hash.add_u64(set_hash(attributes)?);
    }
    Some(hash.0)
}

/// Returns a hash of the last letters and digits of a name's last attribute, which distinguishes most names
/// at little cost. Returns `None` for BER, for an empty name, and if the last set has several attributes.
pub fn suffix_hash(der: &[u8]) -> Option<Fingerprint> {
    let (tag, value) = short_last_value(der).or_else(|| last_value(der))?;
    let mut suffix = Suffix::default();
    match tag {
        string::UNIVERSAL => value.rchunks_exact(4).all(|character| suffix.add_wide(character)),
        string::BMP => value.rchunks_exact(2).all(|character| suffix.add_wide(character)),
        _ if tag & CONSTRUCTED != 0 => return None,
        _ => value.iter().rev().all(|byte| suffix.add(*byte)),
    };
    Some(suffix.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ suffix.0 >> 32)
}

/// Returns the tag and content of the last attribute's value, or `None` if its set has several attributes.
pub(super) fn last_value(der: &[u8]) -> Option<(u8, &[u8])> {
    let (SEQUENCE, mut sets, []) = parse_element(der)? else { return None };
    let attribute = loop {
        let (SET, attributes, rest) = parse_element(sets)? else { return None };
        if rest.is_empty() {
            break attributes;
        }
        sets = rest;
    };
    let (SEQUENCE, attribute, []) = parse_element(attribute)? else { return None };
    let (_oid_tag, _oid, value) = parse_element(attribute)?;
    let (tag, value, []) = parse_element(value)? else { return None };
    Some((tag, value))
}

/// Like [`last_value`], but faster, and only for a name with lengths below 128.
pub(super) fn short_last_value(der: &[u8]) -> Option<(u8, &[u8])> {
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
        // All of them must end at the end of the name.
        let is_complete = usize::from(*of_value) == value.len()
            && usize::from(*inner) + 2 == length
            && after.len() == length
            && sets.len() == usize::from(*of_name);
        return is_complete.then_some((*tag, value));
    }
    None
}

/// The last letters and digits of a text, at most six.
#[derive(Default)]
struct Suffix(u64);

impl Suffix {
    /// Adds a character, from the end of the text to its start. Returns whether it accepts another one. A
    /// character that is not ASCII ends the suffix, because its length depends on the encoding.
    fn add(&mut self, byte: u8) -> bool {
        let folded = FOLDED.get(usize::from(byte)).copied().unwrap_or(0);
        if byte < 0x80 && folded != 0 {
            self.0 = self.0 << 8 | u64::from(folded);
        }
        byte < 0x80 && self.0 >> 40 == 0
    }

    fn add_wide(&mut self, character: &[u8]) -> bool {
        match character {
            [leading @ .., byte] if leading.iter().all(|byte| *byte == 0) => self.add(*byte),
            _ => false,
        }
    }
}

/// Returns the hash of a set, which does not depend on the order of the attributes: the canonical form sorts
/// them. Returns `None` for an empty set, which the canonical form omits.
fn set_hash(mut attributes: &[u8]) -> Option<u64> {
    if attributes.is_empty() {
        return None;
    }
    let mut sum = 0u64;
    while !attributes.is_empty() {
        let (SEQUENCE, attribute, rest) = parse_element(attributes)? else { return None };
        attributes = rest;
        let (_oid_tag, oid, value) = parse_element(attribute)?;
        let (tag, value, []) = parse_element(value)? else { return None };
        sum = sum.wrapping_add(attribute_hash(oid, tag, value)?);
    }
    Some(sum)
}

fn attribute_hash(oid: &[u8], tag: u8, value: &[u8]) -> Option<u64> {
    let mut hash = Fnv::default();
    hash.add_u64(oid.iter().fold(0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte)));
    // The canonical form is in UTF-8. OpenSSL decodes T61String as Latin-1, and also the bytes of an ASCII
    // string that are not ASCII.
    match tag {
        string::UTF8 => value.iter().for_each(|byte| add_folded(&mut hash, *byte)),
        string::PRINTABLE | string::T61 | string::IA5 | string::VISIBLE => {
            value.iter().for_each(|byte| add_char(&mut hash, char::from(*byte)));
        }
        string::BMP => {
            for unit in value.chunks(2) {
                let [high, low] = unit else { return None };
                add_char(&mut hash, char::from_u32(u16::from_be_bytes([*high, *low]).into())?);
            }
        }
        string::UNIVERSAL => {
            for unit in value.chunks(4) {
                add_char(&mut hash, char::from_u32(u32::from_be_bytes(unit.try_into().ok()?))?);
            }
        }
        _ if tag & CONSTRUCTED != 0 => return None,
        // OpenSSL compares values of other types byte by byte.
        _ => value.iter().for_each(|byte| add_folded(&mut hash, *byte)),
    }
    Some(hash.0)
}

/// Adds a byte, unless `FOLDED` omits it.
fn add_folded(hash: &mut Fnv, byte: u8) {
    let folded = FOLDED.get(usize::from(byte)).copied().unwrap_or(0);
    if folded != 0 {
        hash.add(folded);
    }
}

fn add_char(hash: &mut Fnv, character: char) {
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        add_folded(hash, byte);
    }
}

/// Maps ASCII letters to lower case, digits and bytes that are not ASCII to themselves, and other bytes to 0.
static FOLDED: [u8; 256] = folded();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler
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
