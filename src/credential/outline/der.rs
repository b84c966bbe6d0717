// SPDX-License-Identifier: MIT OR Apache-2.0
//! DER as such (X.690): elements one after the other, and what their content must look like.

/// Tags of X.690.
pub mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const NULL: u8 = 0x05;
    pub const OID: u8 = 0x06;
    pub const UTF8_STRING: u8 = 0x0c;
    pub const PRINTABLE_STRING: u8 = 0x13;
    pub const IA5_STRING: u8 = 0x16;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
    pub const VERSION: u8 = 0xa0;
    pub const EXTENSIONS: u8 = 0xa3;
}

/// Elements of DER, one after the other.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next element: its tag and content.
    pub fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, content, rest) = crate::name::element(self.0)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element, which has this tag.
    pub fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The next element with its tag and length.
    pub fn whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        let start = self.0;
        self.take(tag)?;
        start.get(..start.len() - self.0.len())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// An integer in its shortest form.
pub fn integer(content: &[u8]) -> Option<&[u8]> {
    match content {
        [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => None,
        _ => Some(content),
    }
}

/// A positive integer without the zero that keeps it positive.
pub fn positive(content: &[u8]) -> Option<&[u8]> {
    match integer(content)? {
        [0, rest @ ..] if !rest.is_empty() => Some(rest),
        [0x01..=0x7f, ..] => Some(content),
        _ => None,
    }
}

/// The bytes of a bit string of whole bytes.
pub fn bits(content: &[u8]) -> Option<&[u8]> {
    match content {
        [0, bytes @ ..] if !bytes.is_empty() => Some(bytes),
        _ => None,
    }
}

/// The bytes of an object identifier whose numbers are in their shortest form.
pub fn object(content: &[u8]) -> Option<&[u8]> {
    let mut starts = true;
    for byte in content {
        // No number begins with zeros.
        if starts && *byte == 0x80 {
            return None;
        }
        starts = byte & 0x80 == 0;
    }
    (starts && !content.is_empty()).then_some(content)
}
