// SPDX-License-Identifier: MIT OR Apache-2.0
//! A reader for BER (X.690), which NSS and Bouncy Castle write: lengths may be indefinite, and a string may
//! consist of segments. OpenSSL's reader of PKCS#12 files decodes all parts at once, and in OpenSSL 4 its
//! structures cannot be read.

use crate::file::bytes::FileContent;
use crate::x509::der::{parse_element, tag};
use std::ops::Deref;

/// The maximum depth of nested indefinite lengths and of nested segments.
const MAX_DEPTH: usize = 16;
/// The bit of tags whose content consists of elements.
const CONSTRUCTED: u8 = 0x20;

/// A reader of consecutive elements, like the one for DER in `x509::der`. Its functions are not inlined, so
/// that the library stays small.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// Returns the tag and the content of the next element.
    #[inline(never)]
    pub fn get_any(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, content, rest) = parse(self.0, MAX_DEPTH)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// Returns the content of the next element, or `None` if it does not have this tag.
    #[inline(never)]
    pub fn get(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.get_any().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// Like [`Reader::get`], but returns the element with its tag and length.
    #[inline(never)]
    pub fn get_element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let start = self.0;
        self.get(tag)?;
        start.get(..start.len() - self.0.len())
    }

    /// Returns the content of an OCTET STRING whose primitive form has this tag.
    #[inline(never)]
    pub fn get_octets(&mut self, primitive: u8) -> Option<Octets<'a>> {
        let (tag, content) = self.get_any()?;
        if tag == primitive {
            return Some(Octets::Slice(content));
        }
        if tag != primitive | CONSTRUCTED {
            return None;
        }
        let mut joined = FileContent::zeros(content.len());
        let length = join(content, joined.bytes_mut(), MAX_DEPTH)?;
        joined.truncate(length);
        Some(Octets::Joined(joined))
    }

    /// Returns the value of a positive INTEGER; `u64::MAX` if it is larger.
    #[inline(never)]
    pub fn get_positive(&mut self) -> Option<u64> {
        let digits = self.get(tag::INTEGER)?;
        if digits.first().is_none_or(|first| *first >= 0x80) {
            return None;
        }
        let value = digits.iter().fold(0u64, |value, digit| {
            value.checked_mul(0x100).map_or(u64::MAX, |value| value | u64::from(*digit))
        });
        (value > 0).then_some(value)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn parse(ber: &[u8], depth: usize) -> Option<(u8, &[u8], &[u8])> {
    let [tag, 0x80, body @ ..] = ber else { return parse_element(ber) };
    if tag & CONSTRUCTED == 0 || tag & 0x1f == 0x1f {
        return None;
    }
    let depth = depth.checked_sub(1)?;
    let mut rest = body;
    loop {
        if let [0, 0, after @ ..] = rest {
            return Some((*tag, body.get(..body.len() - rest.len())?, after));
        }
        (_, _, rest) = parse(rest, depth)?;
    }
}

/// Copies the segments to `target`. Returns the number of bytes.
fn join(segments: &[u8], target: &mut [u8], depth: usize) -> Option<usize> {
    const SEGMENTED: u8 = tag::OCTET_STRING | CONSTRUCTED;
    let depth = depth.checked_sub(1)?;
    let (mut segments, mut length) = (Reader(segments), 0);
    while !segments.is_empty() {
        let rest = target.get_mut(length..)?;
        match segments.get_any()? {
            (tag::OCTET_STRING, content) => {
                rest.get_mut(..content.len())?.copy_from_slice(content);
                length += content.len();
            }
            (SEGMENTED, content) => length += join(content, rest, depth)?,
            _ => return None,
        }
    }
    Some(length)
}

/// The content of an OCTET STRING, which may contain a private key.
pub enum Octets<'a> {
    Slice(&'a [u8]),
    Joined(FileContent),
}

impl Deref for Octets<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Octets::Slice(bytes) => bytes,
            Octets::Joined(bytes) => bytes,
        }
    }
}
