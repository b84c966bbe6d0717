// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text from outside (certificates, file names, settings, servers, the system) as it is shown in
//! messages, explanations and reports. All of it passes through [`printable`].
//!
//! The rule: a character is shown as it is unless it can steer a terminal, begin a line, reorder
//! what stands beside it, or be there unseen. Those are, in the Unicode Character Database
//! (UnicodeData.txt, DerivedCoreProperties.txt, PropList.txt), the characters
//!
//! - of the general categories Cc (C0, DEL, C1), Cf (formats; every Bidi_Control and the tags are
//!   among them), Zl and Zp (line and paragraph separators),
//! - with the property Default_Ignorable_Code_Point (zero-width and filling characters, variation
//!   selectors),
//! - with the property Noncharacter_Code_Point.
//!
//! Surrogates (Cs) cannot occur in UTF-8, so that they are shown as invalid bytes.
//!
//! Such a character is shown by Rust's escapes, `\n`, `\r`, `\t` or its code point as in
//! `\u{202e}`, and a byte that is not UTF-8 as in `\xff`. Backslashes stay as they are, because
//! libpq shows file names so, and so that text may pass twice. Text that holds `\u{202e}` in plain
//! letters therefore looks like text with that character in it. It never looks like text without
//! an escape, which is what a forger wants, and nothing is decided by what is shown. In a
//! distinguished name it does not even look like it: RFC 2253 doubles a backslash there.

use std::fmt::{self, Write};

/// What [`excerpt`] shows: longer than any sensible name.
const MAX_EXCERPT: usize = 500;

/// Returns `text` as it is shown. See the module.
pub fn printable(text: impl AsRef<[u8]>) -> String {
    show(text.as_ref(), usize::MAX)
}

/// Returns `text` as it is shown, cut off where it is longer than any sensible name.
pub fn excerpt(text: impl AsRef<[u8]>) -> String {
    show(text.as_ref(), MAX_EXCERPT)
}

/// Returns whether [`printable`] shows `text` as it is.
pub fn is_printable(text: &str) -> bool {
    !text.chars().any(is_hidden)
}

/// `most`: how many characters, and bytes that are none, are shown of it.
fn show(text: &[u8], most: usize) -> String {
    const CUT: &str = "...";
    let mut shown = String::with_capacity(text.len().min(most));
    let mut left = most;
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

/// Hands on what is written to it as [`printable`] shows it.
pub struct Printable<'a, W>(pub &'a mut W);

impl<W: Write> Write for Printable<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            let (before, after) = rest.split_at(at);
            self.0.write_str(before)?;
            write!(self.0, "{}", c.escape_default())?;
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        self.0.write_str(rest)
    }
}

/// Whether a character is shown by an escape: the rule of the module, as of Unicode 16.
fn is_hidden(c: char) -> bool {
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
