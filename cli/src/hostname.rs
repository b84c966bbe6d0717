// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a certificate is for a host, by the rule of libpq's sslmode=verify-full (PostgreSQL 15
//! and later):
//!
//! - Each dNSName of the certificate is held against the host as it was given, and each iPAddress
//!   against the host that is an address.
//! - The common name counts only where the certificate has no name of the host's own kind: no
//!   dNSName for a name, no iPAddress for an address. A dNSName that is empty, or no text, is one
//!   all the same.
//! - A name with a zero byte in it, or an address of another length than 4 or 16, is an error, unless
//!   a name before it matched.
//! - Letters are equal in upper and lower case. A `*` may stand for the whole leftmost label, and
//!   for that alone.

use crate::certificate::{AlternativeName, address};
use certpick_core::text::printable;
use openssl::nid::Nid;
use openssl::x509::X509;
use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The name that the host matches.
    Yes(String),
    /// All names that were held against it.
    No(Vec<String>),
    /// It cannot be told; libpq refuses such a certificate.
    Refused(&'static str),
}

/// Whether the certificate is for this host.
pub fn matches(certificate: &X509, host: &str) -> Match {
    if host.is_empty() {
        return Match::Refused("no host name is given");
    }
    let host_address = parse_address(host);
    let mut tried = Vec::new();
    let mut common_name_counts = true;
    for name in certificate.subject_alt_names().iter().flatten() {
        let (matched, is_of_hosts_kind) = match AlternativeName::of(name) {
            AlternativeName::Dns(name) => {
                tried.push(printable(name));
                (name_matches(name, host), host_address.is_none())
            }
            AlternativeName::Address(bytes) => {
                let named = address(bytes);
                tried.push(named.map_or_else(|| "an unreadable address".into(), |a| a.to_string()));
                let matched = named.map(|named| Some(named) == host_address);
                let matched = matched.ok_or("an address in it has neither 4 nor 16 bytes");
                (matched, host_address.is_some())
            }
            _ => continue,
        };
        common_name_counts &= !is_of_hosts_kind;
        match matched {
            Ok(true) => return Match::Yes(tried.pop().unwrap_or_default()),
            Ok(false) => {}
            Err(why) => return Match::Refused(why),
        }
    }
    if common_name_counts {
        let entry = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next();
        if let Some(entry) = entry {
            let name = entry.data().as_slice();
            match name_matches(name, host) {
                Ok(true) => return Match::Yes(printable(name)),
                Ok(false) => tried.push(printable(name)),
                Err(why) => return Match::Refused(why),
            }
        }
    }
    Match::No(tried)
}

/// As libpq does: whatever inet_aton(3) takes (`127.1`, for one) is an address too.
fn parse_address(host: &str) -> Option<IpAddr> {
    unsafe extern "C" {
        fn inet_aton(text: *const libc::c_char, address: *mut libc::in_addr) -> libc::c_int;
    }
    if let Ok(address) = host.parse::<Ipv6Addr>() {
        return Some(IpAddr::V6(address));
    }
    let text = CString::new(host).ok()?;
    let mut address = libc::in_addr { s_addr: 0 };
    // SAFETY: a C string, and room for the address.
    let valid = unsafe { inet_aton(text.as_ptr(), &mut address) } != 0;
    // It is in the network's byte order.
    valid.then(|| IpAddr::V4(Ipv4Addr::from(address.s_addr.to_ne_bytes())))
}

/// Compares bytes, whatever they stand for; the error is why libpq refuses the certificate.
fn name_matches(pattern: &[u8], host: &str) -> Result<bool, &'static str> {
    if pattern.contains(&0) {
        return Err("a name in it holds a zero byte");
    }
    if pattern.eq_ignore_ascii_case(host.as_bytes()) {
        return Ok(true);
    }
    let Some(domain @ [_, ..]) = pattern.strip_prefix(b"*.") else { return Ok(false) };
    // The star is not for nothing, and not for several labels.
    let Some((label, rest)) = host.split_once('.') else { return Ok(false) };
    Ok(!label.is_empty() && rest.as_bytes().eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests;
