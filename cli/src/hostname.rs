// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a certificate is for a host, by the rule of libpq's sslmode=verify-full (PostgreSQL 15
//! and later):
//!
//! - Each dNSName of the certificate is held against the host as it was given, and each iPAddress
//!   against the host that is an address.
//! - The common name counts only where the certificate has no name of the host's own kind: no
//!   dNSName for a name, no iPAddress for an address.
//! - Letters are equal in upper and lower case. A `*` may stand for the whole leftmost label, and
//!   for that alone.

use crate::certificate::address;
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
    const NUL: &str = "a name in it holds a zero byte";
    if host.is_empty() {
        return Match::Refused("no host name is given");
    }
    let host_address = parse_address(host);
    let mut tried = Vec::new();
    let mut common_name_counts = true;
    for name in certificate.subject_alt_names().iter().flatten() {
        let is_dns = name.dnsname().is_some();
        let matched = if let Some(dns) = name.dnsname() {
            tried.push(dns.to_owned());
            if dns.contains('\0') {
                return Match::Refused(NUL);
            }
            name_matches(dns, host)
        } else if let Some(bytes) = name.ipaddress() {
            let named = address(bytes);
            tried.push(named.map_or_else(|| "an unreadable address".into(), |a| a.to_string()));
            if named.is_none() {
                return Match::Refused("an address in it has neither 4 nor 16 bytes");
            }
            named == host_address
        } else {
            continue;
        };
        if is_dns != host_address.is_some() {
            common_name_counts = false;
        }
        if matched {
            return Match::Yes(tried.pop().unwrap_or_default());
        }
    }
    if common_name_counts {
        let entry = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next();
        if let Some(entry) = entry {
            let bytes = entry.data().as_slice();
            if bytes.contains(&0) {
                return Match::Refused(NUL);
            }
            let name = String::from_utf8_lossy(bytes).into_owned();
            if name_matches(&name, host) {
                return Match::Yes(name);
            }
            tried.push(name);
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

fn name_matches(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(domain) = pattern.strip_prefix("*.") else { return false };
    // The star is not for nothing, and not for several labels.
    let Some((label, rest)) = host.split_once('.') else { return false };
    !label.is_empty() && rest.eq_ignore_ascii_case(domain)
}

#[cfg(test)]
mod tests;
