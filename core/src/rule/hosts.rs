// SPDX-License-Identifier: MIT OR Apache-2.0
//! Patterns for hosts.

use super::{KnownHost, PatternError, PatternFlaw, glob, parse_all};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Patterns for the host that a program connects to: names and addresses, each with an optional
/// port. In a name `*` and `?` do not match a dot; `*` alone is any name. Upper and lower case are
/// equal, and a final dot is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(pub(super) Box<[Pattern]>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// As written.
    text: Box<str>,
    pub(super) host: Host,
    pub(super) port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// `*`
    AnyName,
    /// A name without wildcards and without its final dot.
    Name(Box<str>),
    /// A name with wildcards, in lower case and without its final dot.
    Wildcards(Box<str>),
    /// An address; never an IPv4-mapped one.
    Address(IpAddr),
}

/// How a host matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    /// By `*` alone.
    AnyName,
    /// By a name or an address.
    Specific,
}

impl Hosts {
    /// Reads patterns. Returns an error if one cannot be used, and if there are none or too many.
    pub fn parse<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Hosts, PatternError> {
        parse_all(patterns, pattern).map(Hosts)
    }

    /// Returns the patterns as they were written.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|pattern| &*pattern.text)
    }

    /// Returns the best match of a pattern; `None` if none matches.
    pub(super) fn best(&self, host: KnownHost<'_>, port: Option<u16>) -> Option<Match> {
        let mut best = None;
        for pattern in &self.0 {
            if pattern.port.is_some() && pattern.port != port {
                continue;
            }
            best = best.max(pattern.host.matches(host));
            if best == Some(Match::Specific) {
                break;
            }
        }
        best
    }
}

impl Host {
    fn matches(&self, host: KnownHost<'_>) -> Option<Match> {
        let is_match = match (self, host) {
            (Host::AnyName, KnownHost::Name(_)) => return Some(Match::AnyName),
            (Host::Name(pattern), KnownHost::Name(name)) => pattern.eq_ignore_ascii_case(name),
            (Host::Wildcards(pattern), KnownHost::Name(name)) => matches_wildcards(pattern, name),
            (Host::Address(pattern), KnownHost::Address(address)) => *pattern == address,
            _ => false,
        };
        is_match.then_some(Match::Specific)
    }
}

/// Compares a pattern in lower case with a name that has no empty label. A name that is not ASCII
/// matches no wildcard: IDNA has dots that are not ASCII.
fn matches_wildcards(pattern: &str, name: &str) -> bool {
    // Nearly all patterns are `*.domain`, and nearly all names are in lower case.
    let label = pattern.strip_prefix('*').and_then(|end| name.strip_suffix(end));
    if label.is_some_and(|label| label.bytes().all(|byte| byte.is_ascii() && byte != b'.')) {
        return true;
    }
    let is_equal = |a: u8, b: u8| a == b.to_ascii_lowercase();
    name.is_ascii() && glob::matches(pattern.as_bytes(), name.as_bytes(), is_equal, |b| b != b'.')
}

/// Returns a name without its final dot. Returns `None` for a text that is not the name of a host:
/// an empty one, one with an empty label, or one with an ASCII character that patterns for names do
/// not match.
pub(super) fn name_of_host(text: &str) -> Option<&str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let has_empty_label = name.split('.').any(str::is_empty);
    let is_foreign = |byte: u8| byte.is_ascii() && !is_name_byte(byte);
    (!has_empty_label && !name.bytes().any(is_foreign)).then_some(name)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn is_wildcard(byte: u8) -> bool {
    matches!(byte, b'*' | b'?')
}

/// Reads a pattern that is not empty.
fn pattern(text: &str) -> Result<Pattern, PatternFlaw> {
    if text.contains([' ', '\t', '\n', '\x0b', '\x0c', '\r']) {
        return Err(PatternFlaw::WhiteSpace);
    } else if !text.is_ascii() {
        return Err(PatternFlaw::NotAscii);
    } else if text.contains("://") {
        return Err(PatternFlaw::Url);
    } else if text.contains('/') {
        return Err(PatternFlaw::Path);
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        bracketed(rest)?
    } else {
        match text.split_once(':') {
            None => (name_or_ipv4(text)?, None),
            Some((_, rest)) if rest.contains(':') => (bare_ipv6(text)?, None),
            Some(("", _)) => return Err(PatternFlaw::NoHost),
            Some((host, port)) => (name_or_ipv4(host)?, Some(self::port(port)?)),
        }
    };
    Ok(Pattern { text: text.into(), host, port })
}

/// Reads `IPv6]` or `IPv6]:port`.
fn bracketed(text: &str) -> Result<(Host, Option<u16>), PatternFlaw> {
    let (address, rest) = text.split_once(']').ok_or(PatternFlaw::UnclosedBracket)?;
    let address: Ipv6Addr = address.parse().map_err(|_| PatternFlaw::BracketedText)?;
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(self::port(port)?),
        None if rest.is_empty() => None,
        None => return Err(PatternFlaw::TextAfterBracket),
    };
    Ok((ipv6(address), port))
}

/// Reads a text with several colons and without brackets. `fe80::1:443` is an address, and also an
/// address with a port.
fn bare_ipv6(text: &str) -> Result<Host, PatternFlaw> {
    if let Some((address, end)) = text.rsplit_once(':') {
        if address.parse::<Ipv6Addr>().is_ok() && port(end).is_ok() {
            return Err(PatternFlaw::Ipv6Port);
        }
    }
    text.parse().map(ipv6).map_err(|_| PatternFlaw::Colons)
}

fn ipv6(address: Ipv6Addr) -> Host {
    Host::Address(address.to_canonical())
}

fn port(text: &str) -> Result<u16, PatternFlaw> {
    // `parse` accepts a sign.
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number.filter(|number| *number != 0).ok_or(PatternFlaw::Port)
}

fn name_or_ipv4(text: &str) -> Result<Host, PatternFlaw> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    } else if text == "*" {
        return Ok(Host::AnyName);
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_digit = |byte: u8| byte.is_ascii_digit() || byte == b'.' || is_wildcard(byte);
    if text.starts_with('.') {
        Err(PatternFlaw::LeadingDot)
    } else if name.split('.').any(str::is_empty) {
        Err(PatternFlaw::TwoDots)
    } else if text.bytes().all(is_digit) {
        Err(PatternFlaw::Digits)
    } else if !text.bytes().all(|byte| is_name_byte(byte) || is_wildcard(byte)) {
        Err(PatternFlaw::Character)
    } else if name.bytes().any(is_wildcard) {
        Ok(Host::Wildcards(name.to_ascii_lowercase().into()))
    } else {
        Ok(Host::Name(name.into()))
    }
}
