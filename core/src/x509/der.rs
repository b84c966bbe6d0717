// SPDX-License-Identifier: MIT OR Apache-2.0
//! A reader for DER (X.690), to find fields of a structure that OpenSSL only decodes as a whole, such as the
//! names in a certificate.

/// Tags of X.690.
pub mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const OBJECT_IDENTIFIER: u8 = 0x06;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const UTF8_STRING: u8 = 0x0c;
    pub const VISIBLE_STRING: u8 = 0x1a;
    pub const SEQUENCE: u8 = 0x30;
    /// The field `version` of a TBSCertificate.
    pub const VERSION: u8 = 0xa0;
    /// The field `extensions` of a TBSCertificate.
    pub const EXTENSIONS: u8 = 0xa3;
}

/// A reader of consecutive elements. The functions are named like BoringSSL's for CBS.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// Returns the tag and the content of the next element.
    pub fn get_any(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, content, rest) = parse_element(self.0)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// Returns the content of the next element, or `None` if it does not have this tag.
    pub fn get(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.get_any().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// Like [`Reader::get`], but returns the element with its tag and length.
    pub fn get_element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let start = self.0;
        self.get(tag)?;
        start.get(..start.len() - self.0.len())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Parses one element with a tag of one byte and a definite length. Returns its tag, its content, and the
/// bytes after it.
#[inline]
pub fn parse_element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    match der {
        [tag, length @ 0..=0x7f, rest @ ..] if tag & 0x1f != 0x1f => {
            let (content, rest) = rest.split_at_checked(usize::from(*length))?;
            Some((*tag, content, rest))
        }
        _ => parse_long_element(der),
    }
}

fn parse_long_element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
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

/// Returns the first element with its tag and length, and the bytes after it.
pub fn split_first_element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, _, rest) = parse_element(der)?;
    der.split_at_checked(der.len() - rest.len())
}
