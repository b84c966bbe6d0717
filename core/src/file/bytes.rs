// SPDX-License-Identifier: MIT OR Apache-2.0
//! The content of files, which is wiped when dropped, and searches in it by memchr(3).

use std::fmt;
use std::ops::Deref;

/// Returns the position of the first occurrence of a byte.
pub fn find_byte(byte: u8, bytes: &[u8]) -> Option<usize> {
    // SAFETY: a valid slice. The result is NULL or points into it.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), byte.into(), bytes.len()) };
    (!found.is_null()).then(|| (found as usize) - (bytes.as_ptr() as usize))
}

/// Returns the position of the first occurrence of `needle`, or `None` if `needle` is empty.
pub fn find_slice(needle: &[u8], bytes: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        let at = from + find_byte(first, bytes.get(from..)?)?;
        if bytes.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// An iterator over the lines of a text, without the line feed and a carriage return before it.
pub struct Lines<'a>(pub Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        let (line, after) = match find_byte(b'\n', rest) {
            Some(end) => (rest.get(..end)?, rest.get(end + 1..)),
            None => (rest, None),
        };
        self.0 = after;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// The content of a file, which may include a private key. It is wiped when dropped.
pub struct FileContent(Vec<u8>);

impl FileContent {
    /// Returns `length` bytes, all zero.
    pub fn zeros(length: usize) -> FileContent {
        FileContent(vec![0; length])
    }

    /// Returns the bytes, for writing.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Removes and wipes all but the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        wipe(self.0.get_mut(length..).unwrap_or_default());
        self.0.truncate(length);
    }
}

impl Deref for FileContent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Overwrites bytes with zeros. explicit_bzero(3) is faster than the crate `zeroize`, which writes single
/// bytes. This matters for the files of a long list.
fn wipe(bytes: &mut [u8]) {
    // SAFETY: a valid mutable slice.
    unsafe { libc::explicit_bzero(bytes.as_mut_ptr().cast(), bytes.len()) };
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileContent(hidden)")
    }
}

impl Drop for FileContent {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_occurrence_is_found() {
        assert_eq!(find_slice(b"ab", b"aab ab"), Some(1));
        assert_eq!(find_slice(b"ab", b"aa"), None);
        assert_eq!(find_slice(b"ab", b""), None);
        assert_eq!(find_byte(0, b"a\0\0"), Some(1));
    }

    #[test]
    fn lines_end_with_lf_or_crlf() {
        let lines = |text: &'static [u8]| Lines(Some(text)).collect::<Vec<_>>();
        assert_eq!(lines(b""), [b""]);
        assert_eq!(lines(b"a\r\n\nb\r"), [&b"a"[..], b"", b"b"]);
        assert_eq!(lines(b"a\n"), [&b"a"[..], b""]);
    }
}
