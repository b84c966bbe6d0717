// SPDX-License-Identifier: MIT OR Apache-2.0
//! Host name verification by the rule of libpq's sslmode=verify-full (PostgreSQL 15 and later):
//!
//! - Each dNSName is compared with the host, and each iPAddress if the host is an address.
//! - The common name is compared only if the certificate has no alternative name of the host's
//!   type: no dNSName for a name, no iPAddress for an address. A dNSName that is empty or not text
//!   counts, too.
//! - A name that contains a NUL, or an address whose length is neither 4 nor 16, is an error unless
//!   an earlier name matched.
//! - The comparison ignores case. A `*` can replace the whole leftmost label and nothing else.

use crate::certificate::{AlternativeName, address};
use crate::report::{Finding, Level};
use certpick_core::text::{excerpt, printable};
use openssl::nid::Nid;
use openssl::x509::X509;
use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The name that matched.
    Yes(String),
    /// All names that were compared.
    No(Vec<String>),
    /// libpq rejects the certificate for this reason.
    Refused(&'static str),
}

/// Returns the result as a finding: good, or `level` if the name does not match.
pub fn finding(certificate: &X509, host: &str, level: Level) -> Finding {
    const KEY: &str = "host";
    let shown = excerpt(host);
    let text = match matches(certificate, host) {
        Match::Yes(name) => {
            let text = format!("the certificate is valid for host {shown}, which matches {name}");
            return Finding::new(KEY, Level::Good, text);
        }
        Match::No(names) if names.is_empty() => {
            format!("the certificate is not valid for host {shown}: it contains no host name")
        }
        Match::No(names) => {
            format!("the certificate is not valid for host {shown}, only for {}", names.join(", "))
        }
        Match::Refused(reason) => {
            format!("the certificate cannot be verified for host {shown}: {reason}")
        }
    };
    Finding::new(KEY, level, text)
}

/// Verifies a host name.
pub fn matches(certificate: &X509, host: &str) -> Match {
    if host.is_empty() {
        return Match::Refused("the host name is empty");
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
                tried.push(named.map_or_else(|| "an invalid address".into(), |a| a.to_string()));
                let matched = named.map(|named| Some(named) == host_address);
                let matched =
                    matched.ok_or("it contains an address whose length is neither 4 nor 16 bytes");
                (matched, host_address.is_some())
            }
            _ => continue,
        };
        common_name_counts &= !is_of_hosts_kind;
        match matched {
            Ok(true) => return Match::Yes(tried.pop().unwrap_or_default()),
            Ok(false) => {}
            Err(reason) => return Match::Refused(reason),
        }
    }
    if common_name_counts {
        let entry = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next();
        if let Some(entry) = entry {
            let name = entry.data().as_slice();
            match name_matches(name, host) {
                Ok(true) => return Match::Yes(printable(name)),
                Ok(false) => tried.push(printable(name)),
                Err(reason) => return Match::Refused(reason),
            }
        }
    }
    Match::No(tried)
}

/// Parses an address as libpq does, which accepts every form of inet_aton(3), such as `127.1`.
fn parse_address(host: &str) -> Option<IpAddr> {
    unsafe extern "C" {
        fn inet_aton(text: *const libc::c_char, address: *mut libc::in_addr) -> libc::c_int;
    }
    if let Ok(address) = host.parse::<Ipv6Addr>() {
        return Some(IpAddr::V6(address));
    }
    let text = CString::new(host).ok()?;
    let mut address = libc::in_addr { s_addr: 0 };
    // SAFETY: the text is NUL-terminated, and inet_aton writes one in_addr.
    let valid = unsafe { inet_aton(text.as_ptr(), &mut address) } != 0;
    // s_addr is in network byte order.
    valid.then(|| IpAddr::V4(Ipv4Addr::from(address.s_addr.to_ne_bytes())))
}

/// Compares bytes. The error is the reason for which libpq rejects the certificate.
fn name_matches(pattern: &[u8], host: &str) -> Result<bool, &'static str> {
    if pattern.contains(&0) {
        return Err("it contains a name with a NUL byte");
    }
    if pattern.eq_ignore_ascii_case(host.as_bytes()) {
        return Ok(true);
    }
    let Some(domain @ [_, ..]) = pattern.strip_prefix(b"*.") else { return Ok(false) };
    // The wildcard matches exactly one label, which is not empty.
    let Some((label, rest)) = host.split_once('.') else { return Ok(false) };
    Ok(!label.is_empty() && rest.as_bytes().eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests;
