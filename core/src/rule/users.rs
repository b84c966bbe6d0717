// SPDX-License-Identifier: MIT OR Apache-2.0
//! Patterns for users.

use super::{PatternError, glob, parse_all};

/// Patterns for the user that a program connects as. `*` stands for any bytes, `?` for one byte;
/// all other bytes stand for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users(pub(super) Box<[Box<str>]>);

impl Users {
    /// Reads patterns. Returns an error if one cannot be used, and if there are none or too many.
    pub fn parse<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Users, PatternError> {
        parse_all(patterns, |pattern| Ok(pattern.into())).map(Users)
    }

    /// Returns the patterns as they were written.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|pattern| &**pattern)
    }

    /// Returns whether one of the patterns matches.
    pub(super) fn matches(&self, user: &[u8]) -> bool {
        let is_match =
            |pattern: &str| glob::matches(pattern.as_bytes(), user, |a, b| a == b, |_| true);
        self.0.iter().any(|pattern| is_match(pattern))
    }
}
