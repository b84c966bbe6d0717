// SPDX-License-Identifier: MIT OR Apache-2.0
//! A second opinion on rules. A pattern is tried in every form that a host may have, and must have
//! exactly one. Wildcards are compared by a table of all prefixes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host in a pattern.
#[derive(Clone, Debug, PartialEq)]
enum Host {
    AnyName,
    Name(Vec<char>),
    Address(IpAddr),
    /// An IPv6 address without brackets before a port, which is an error.
    Unclear,
}

/// A pattern for hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Host, Option<u16>);

/// What is known in a handshake.
#[derive(Debug)]
pub struct Known {
    pub names: Vec<String>,
    pub literals: Vec<IpAddr>,
    pub socket: Option<IpAddr>,
    pub port: Option<u16>,
}

/// The patterns of a value with commas.
pub fn split(value: &str) -> Vec<String> {
    let mut patterns = vec![String::new()];
    for c in value.chars() {
        match (c, patterns.last_mut()) {
            (',', _) => patterns.push(String::new()),
            (c, Some(last)) => last.push(c),
            _ => {}
        }
    }
    for pattern in &mut patterns {
        while pattern.ends_with(is_space) {
            pattern.pop();
        }
        while pattern.starts_with(is_space) {
            pattern.remove(0);
        }
    }
    patterns
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// A pattern for hosts. `None`: it is an error.
pub fn host(text: &str) -> Option<Pattern> {
    let mut readings: Vec<_> = forms(text).into_iter().map(|host| Pattern(host, None)).collect();
    for (at, _) in text.char_indices().filter(|(_, c)| *c == ':') {
        let Some(port) = port(&text[at + 1..]) else { continue };
        for host in forms(&text[..at]) {
            let is_bare =
                matches!(host, Host::Address(_)) && text[..at].parse::<Ipv6Addr>().is_ok();
            readings.push(Pattern(if is_bare { Host::Unclear } else { host }, Some(port)));
        }
    }
    match &readings[..] {
        [Pattern(Host::Unclear, _)] => None,
        [one] if text.len() <= 300 => Some(one.clone()),
        _ => None,
    }
}

fn port(text: &str) -> Option<u16> {
    let mut port = 0u32;
    for c in text.chars() {
        port = (port * 10 + c.to_digit(10)?).min(1_000_000);
    }
    if (1..=65_535).contains(&port) { Some(port as u16) } else { None }
}

/// What a text without a port may be.
fn forms(text: &str) -> Vec<Host> {
    let mut forms = Vec::new();
    if text == "*" {
        forms.push(Host::AnyName);
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        forms.push(Host::Address(address.into()));
    }
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    for text in [Some(text), bracketed].into_iter().flatten() {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            forms.push(Host::Address(unmapped(address.into())));
        }
    }
    let has_letter = text.contains(|c: char| !c.is_ascii_digit() && !".*?".contains(c));
    let without_wildcards = text.replace(['*', '?'], "x");
    if has_letter && is_name(&without_wildcards) && without_wildcards.is_ascii() {
        forms.push(Host::Name(normal(text)));
    }
    forms
}

fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.octets() {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d] => {
                Ipv4Addr::new(a, b, c, d).into()
            }
            _ => address,
        },
        IpAddr::V4(_) => address,
    }
}

/// Labels of letters, digits, `-`, `_` and characters that are not ASCII, and perhaps a final dot.
fn is_name(text: &str) -> bool {
    let mut length = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_dot = c == '.';
        if is_dot && length == 0 {
            return false;
        }
        if is_dot && chars.peek().is_none() {
            return true;
        }
        if !is_dot && c.is_ascii() && !c.is_ascii_alphanumeric() && c != '-' && c != '_' {
            return false;
        }
        length = if is_dot { 0 } else { length + 1 };
    }
    length > 0
}

/// Lower case, without a final dot.
fn normal(name: &str) -> Vec<char> {
    let mut chars: Vec<char> = name.chars().map(|c| c.to_ascii_lowercase()).collect();
    if chars.last() == Some(&'.') {
        chars.pop();
    }
    chars
}

/// Whether wildcards fit, where `*` and `?` stand only for what `is_wild` accepts.
fn fits<T: Copy + PartialEq>(
    pattern: &[T],
    text: &[T],
    [star, mark]: [T; 2],
    is_wild: impl Fn(T) -> bool,
) -> bool {
    // table[p][t]: the first p of the pattern fit the first t of the text.
    let mut table = vec![vec![false; text.len() + 1]; pattern.len() + 1];
    table[0][0] = true;
    for p in 1..=pattern.len() {
        for t in 0..=text.len() {
            let wanted = pattern[p - 1];
            let last = if t > 0 { Some(text[t - 1]) } else { None };
            table[p][t] = if wanted == star {
                table[p - 1][t] || last.is_some_and(|c| is_wild(c) && table[p][t - 1])
            } else {
                last.is_some_and(|c| {
                    (c == wanted && wanted != mark || wanted == mark && is_wild(c))
                        && table[p - 1][t - 1]
                })
            };
        }
    }
    table[pattern.len()][text.len()]
}

/// Whether a pattern for users fits.
pub fn user_fits(pattern: &str, user: &[u8]) -> bool {
    fits(pattern.as_bytes(), user, [b'*', b'?'], |_| true)
}

/// How the host fits: not, by `*` alone, or by more.
pub fn host_fits(patterns: &[Pattern], known: &Known) -> Option<bool> {
    let names: Vec<_> = known.names.iter().map(|name| normal(name)).collect();
    let mut addresses: Vec<_> = known.literals.iter().copied().map(unmapped).collect();
    if names.is_empty() && addresses.is_empty() {
        addresses.extend(known.socket.map(unmapped));
    }
    let is_odd = known.names.iter().any(|name| !is_name(name));
    let differ =
        names.iter().any(|name| *name != names[0]) || addresses.iter().any(|a| *a != addresses[0]);
    let is_mixed = !names.is_empty() && !addresses.is_empty();
    if is_odd || differ || is_mixed || names.is_empty() && addresses.is_empty() {
        return None;
    }
    let mut best = None;
    for Pattern(host, port) in patterns {
        if port.is_some() && *port != known.port {
            continue;
        }
        let fit = match (host, names.first()) {
            (Host::AnyName, Some(_)) => Some(false),
            (Host::Name(pattern), Some(name)) => {
                let is_fit =
                    known.names[0].is_ascii() && fits(pattern, name, ['*', '?'], |c| c != '.');
                is_fit.then_some(true)
            }
            (Host::Address(address), None) => (*address == addresses[0]).then_some(true),
            _ => None,
        };
        best = best.max(fit);
    }
    best
}
