// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes of files: searched by the C library's memchr(3), and wiped.

use std::fmt;
use std::ops::Deref;

/// Where a byte is first.
pub fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    // SAFETY: a valid slice, within which the result is.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), byte.into(), bytes.len()) };
    (!found.is_null()).then(|| (found as usize) - (bytes.as_ptr() as usize))
}

/// Where a text, which is not empty, is first.
pub fn find_text(text: &[u8], bytes: &[u8]) -> Option<usize> {
    let first = *text.first()?;
    let mut from = 0;
    loop {
        let at = from + find(first, bytes.get(from..)?)?;
        if bytes.get(at..)?.starts_with(text) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The lines of a text, without their ends.
pub struct Lines<'a>(pub Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let (line, after) = match find(b'\n', rest) {
            Some(end) => (rest.get(..end)?, rest.get(end + 1..)),
            None => (rest, None),
        };
        self.0 = after;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// What a file held, which may be a private key: wiped when dropped.
pub struct Wiped(Vec<u8>);

impl Wiped {
    /// So many bytes, all zero.
    pub fn zeros(length: usize) -> Wiped {
        Wiped(vec![0; length])
    }

    /// The bytes, to be filled.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Leaves the first ones.
    pub fn truncate(&mut self, length: usize) {
        wipe(self.0.get_mut(length..).unwrap_or_default());
        self.0.truncate(length);
    }
}

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Overwrites bytes that may be a secret. Unlike the crate `zeroize`, explicit_bzero(3) does not write
/// them one by one, which matters for the files of a long list.
fn wipe(bytes: &mut [u8]) {
    // SAFETY: a slice that may be written to.
    unsafe { libc::explicit_bzero(bytes.as_mut_ptr().cast(), bytes.len()) };
}

impl fmt::Debug for Wiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wiped(hidden)")
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_occurrence_is_found() {
        assert_eq!(find_text(b"ab", b"aab ab"), Some(1));
        assert_eq!(find_text(b"ab", b"aa"), None);
        assert_eq!(find_text(b"ab", b""), None);
        assert_eq!(find(0, b"a\0\0"), Some(1));
    }

    #[test]
    fn lines_end_with_a_line_feed_and_an_optional_carriage_return() {
        let lines = |text: &'static [u8]| Lines(Some(text)).collect::<Vec<_>>();
        assert_eq!(lines(b""), [b""]);
        assert_eq!(lines(b"a\r\n\nb\r"), [&b"a"[..], b"", b"b"]);
        assert_eq!(lines(b"a\n"), [&b"a"[..], b""]);
    }
}
