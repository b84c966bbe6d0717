// SPDX-License-Identifier: MIT OR Apache-2.0
//! DER as such (X.690): elements one after the other.

/// Tags of X.690.
pub mod tag {
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const SEQUENCE: u8 = 0x30;
    /// The field `version` of a TBSCertificate.
    pub const VERSION: u8 = 0xa0;
}

/// Elements of DER, one after the other.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next element: its tag and content.
    pub fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, content, rest) = element(self.0)?;
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
