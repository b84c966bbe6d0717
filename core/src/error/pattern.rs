// SPDX-License-Identifier: MIT OR Apache-2.0
//! The errors in the patterns of a rule.

use std::fmt;

/// An error in the patterns for hosts or users. The text shows nothing of a pattern, because it may
/// come from a file that is not a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// There is no pattern.
    None,
    /// There are more patterns than this maximum.
    TooMany(usize),
    /// One pattern cannot be used.
    Pattern {
        /// Counted from 1.
        number: usize,
        /// The cause.
        flaw: PatternFlaw,
    },
}

/// The cause for which a pattern cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternFlaw {
    /// It is empty.
    Empty,
    /// It has more bytes than this maximum.
    TooLong(usize),
    /// It contains a NUL byte.
    NulByte,
    /// It contains white space.
    WhiteSpace,
    /// It contains a character that is not ASCII.
    NotAscii,
    /// It contains `://`.
    Url,
    /// It contains a slash.
    Path,
    /// It contains another character that host names do not have.
    Character,
    /// It begins with a bracket that is not closed.
    UnclosedBracket,
    /// The text in its brackets is not an IPv6 address.
    BracketedText,
    /// The text after its closing bracket is not a port.
    TextAfterBracket,
    /// It contains several colons and is not an IPv6 address.
    Colons,
    /// It has no brackets, and its end can be a port of an IPv6 address.
    Ipv6Port,
    /// Its port is not a number, or out of range.
    Port,
    /// It has a port alone.
    NoHost,
    /// It begins with a dot.
    LeadingDot,
    /// It contains two dots in a row.
    TwoDots,
    /// It has only digits, dots and wildcards, and is not an IPv4 address.
    Digits,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatternError::None => f.write_str("there is no pattern; at least one is needed"),
            PatternError::TooMany(max) => write!(f, "there are more than {max} patterns"),
            PatternError::Pattern { number, flaw } => write!(f, "pattern {number} {flaw}"),
        }
    }
}

impl fmt::Display for PatternFlaw {
    /// Writes a predicate of "pattern N".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PatternFlaw::Empty => "is empty",
            PatternFlaw::TooLong(max) => return write!(f, "is longer than {max} bytes"),
            PatternFlaw::NulByte => "contains a NUL byte",
            PatternFlaw::WhiteSpace => "contains white space",
            PatternFlaw::NotAscii => {
                "contains a character that is not ASCII; write the A-label, which begins with xn--"
            }
            PatternFlaw::Url => "is a URL; write its host, or its host and port, as host:port",
            PatternFlaw::Path => "contains a slash; write a host without a path",
            PatternFlaw::Character => "contains a character that host names do not have",
            PatternFlaw::UnclosedBracket => "has no closing bracket",
            PatternFlaw::BracketedText => "has brackets around text that is not an IPv6 address",
            PatternFlaw::TextAfterBracket => {
                "has text after its closing bracket that is not a colon and a port"
            }
            PatternFlaw::Colons => {
                "contains several colons and is not an IPv6 address; write an IPv6 address with a \
                 port as [address]:port"
            }
            PatternFlaw::Ipv6Port => {
                "is an IPv6 address that may end in a port; write [address] or [address]:port"
            }
            PatternFlaw::Port => "has a port that is not a number from 1 to 65535",
            PatternFlaw::NoHost => "has no host before its port",
            PatternFlaw::LeadingDot => {
                "begins with a dot; write *.example for the hosts of the domain example"
            }
            PatternFlaw::TwoDots => "contains two dots in a row",
            PatternFlaw::Digits => {
                "has only digits, dots and wildcards, and is not an IPv4 address; addresses have \
                 no wildcards"
            }
        })
    }
}

impl std::error::Error for PatternError {}
