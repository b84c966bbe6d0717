// SPDX-License-Identifier: MIT OR Apache-2.0
//! Escapes untrusted text (from certificates, file names, settings, servers and the system) in
//! messages, explanations and reports.
//!
//! A character is escaped if it can control a terminal, begin a line, reorder the text around it,
//! or is invisible. In the Unicode Character Database (UnicodeData.txt, DerivedCoreProperties.txt,
//! PropList.txt) these are the characters
//!
//! - of the general categories Cc (C0, DEL, C1), Cf (formats; every Bidi_Control and the tags are
//!   among them), Zl and Zp (line and paragraph separators),
//! - with the property Default_Ignorable_Code_Point (zero-width and filling characters, variation
//!   selectors),
//! - with the property Noncharacter_Code_Point.
//!
//! Surrogates (Cs) cannot occur in UTF-8 and are escaped as invalid bytes.
//!
//! The escapes are Rust's: `\n`, `\r`, `\t`, a code point as in `\u{202e}`, and `\xff` for a byte
//! that is not UTF-8. Backslashes are not escaped, because libpq does not escape them in file
//! names, and so that escaping twice gives the same text. Text that contains the letters `\u{202e}`
//! therefore cannot be distinguished from text with that character. This is harmless: it still shows an
//! escape, and the result is only displayed. In a distinguished name RFC 2253 doubles the
//! backslash.

use std::fmt::{self, Write};

/// The length of an [`excerpt`] in characters, more than a reasonable name has.
const MAX_EXCERPT: usize = 500;

/// Returns `text` with escapes.
pub fn printable(text: impl AsRef<[u8]>) -> String {
    show(text.as_ref(), usize::MAX)
}

/// Returns `text` with escapes, cut off after `MAX_EXCERPT` characters.
pub fn excerpt(text: impl AsRef<[u8]>) -> String {
    show(text.as_ref(), MAX_EXCERPT)
}

/// Returns whether [`printable`] leaves `text` unchanged.
pub fn is_printable(text: &str) -> bool {
    !text.chars().any(is_escaped)
}

/// Escapes at most `max` characters and invalid bytes.
fn show(text: &[u8], max: usize) -> String {
    const CUT: &str = "...";
    let mut shown = String::with_capacity(text.len().min(max));
    let mut left = max;
    for chunk in text.utf8_chunks() {
        let (valid, invalid) = (chunk.valid(), chunk.invalid());
        let end = valid.char_indices().nth(left).map(|(end, _)| end);
        let valid = valid.get(..end.unwrap_or(valid.len())).unwrap_or_default();
        left = left.saturating_sub(valid.chars().count());
        // Writing to a `String` does not fail.
        let _ = Printable(&mut shown).write_str(valid);
        for byte in invalid.iter().take(left) {
            let _ = write!(shown, "\\x{byte:02x}");
        }
        if end.is_some() || invalid.len() > left {
            return shown + CUT;
        }
        left -= invalid.len();
    }
    shown
}

/// A writer that escapes like [`printable`].
pub struct Printable<'a, W>(pub &'a mut W);

impl<W: Write> Write for Printable<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_escaped(*c)) {
            let (before, after) = rest.split_at(at);
            self.0.write_str(before)?;
            write!(self.0, "{}", c.escape_default())?;
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        self.0.write_str(rest)
    }
}

/// Returns whether a character is escaped, by Unicode 16.
fn is_escaped(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(
        c,
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'..='\u{891}'
        | '\u{8e2}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
    ) || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests;
