// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fingerprints of distinguished names.
//!
//! A fingerprint is a hash of what the canonical form of OpenSSL's X509_NAME keeps: attribute types,
//! and of the values the ASCII letters and digits, in lower case, and all characters that are not ASCII.
//! Names that X509_NAME_cmp(3) finds equal have the same fingerprint.

use super::der::element;
use crate::hash::Fnv;

/// The hash of a name.
pub type Fingerprint = u64;

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
pub(super) fn last_value(der: &[u8]) -> Option<(u8, &[u8])> {
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
        // A string in parts (constructed) would have to be put together first.
        _ if tag & 0x20 != 0 => return None,
        // All others are compared as they are.
        _ => value.iter().for_each(|byte| add_folded(&mut hash, *byte)),
    }
    Some(hash.0)
}

/// Adds a byte in its folded form, if it has one.
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
