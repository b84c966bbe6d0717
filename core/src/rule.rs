// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules: for which hosts and users a credential is, and whether only for verified servers.
//!
//! The values are plain. The caller finds out what is known about the server and the user of a
//! handshake ([`Target`]), and [`Rule::matches`] compares it with one rule. A value that is not
//! known matches no pattern.

mod cover;
mod glob;
mod hosts;
mod users;

use crate::choice::{Reasons, RuleMatch};
use crate::error::{PatternError, PatternFlaw};
pub use hosts::Hosts;
use std::net::IpAddr;
pub use users::Users;

/// The maximum number of patterns for hosts, and of those for users, in one rule.
pub const MAX_PATTERNS: usize = 10_000;
/// The maximum length of a pattern in bytes.
pub const MAX_PATTERN: usize = 300;

/// What the user has said about a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The hosts that the credential is for; `None`: any host, known or not.
    pub hosts: Option<Hosts>,
    /// The users that the credential is for; `None`: any user, known or not.
    pub users: Option<Users>,
    /// The credential is for verified servers only.
    pub verified: bool,
}

/// The origin of a name, an address literal or a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameOrigin {
    /// The program gave it to `certpick_set_peer()`.
    Program,
    /// libpq's connection.
    Libpq,
    /// The server name indication.
    ServerName,
    /// The name or address that the program has OpenSSL verify.
    VerifyName,
}

/// The origin of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortOrigin {
    /// The connected socket.
    Socket,
    /// libpq's connection.
    Libpq,
}

/// What is known about the server and the user in one handshake.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The names of the server, as given. Address literals are not among them.
    pub names: Vec<(String, NameOrigin)>,
    /// The address literals that were given in place of a name.
    pub literals: Vec<(IpAddr, NameOrigin)>,
    /// The address of the connected socket.
    pub socket_address: Option<IpAddr>,
    /// The port that the program connects to.
    pub port: Option<(u16, PortOrigin)>,
    /// The user that the program connects as.
    pub user: Option<(Box<[u8]>, NameOrigin)>,
    /// The server is verified, as `verified` requires.
    pub is_verified: bool,
    /// libpq has both `host` and `hostaddr`, so it may be connected to another host than it names.
    pub is_host_overridden: bool,
}

/// The host with which patterns are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownHost<'a> {
    /// A name, without its final dot.
    Name(&'a str),
    /// An address; never an IPv4-mapped one.
    Address(IpAddr),
}

impl Target {
    /// Returns the host on which all names and address literals agree, or the address of the socket
    /// if there are neither names nor literals. A name never agrees with a literal. Returns `None`
    /// if they disagree, if one of the names cannot be the name of a host, or if nothing is known.
    pub fn host(&self) -> Option<KnownHost<'_>> {
        match (self.names.as_slice(), self.literals.as_slice()) {
            ([(first, _), rest @ ..], []) => {
                let name = hosts::name_of_host(first)?;
                let is_same = |other: &str| other.eq_ignore_ascii_case(name);
                let agree =
                    |(other, _): &(String, _)| hosts::name_of_host(other).is_some_and(is_same);
                rest.iter().all(agree).then_some(KnownHost::Name(name))
            }
            ([], [(first, _), rest @ ..]) => {
                let address = first.to_canonical();
                let agree = |(other, _): &(IpAddr, _)| other.to_canonical() == address;
                rest.iter().all(agree).then_some(KnownHost::Address(address))
            }
            ([], []) => self.socket_address.map(|a| KnownHost::Address(a.to_canonical())),
            _ => None,
        }
    }
}

impl Rule {
    /// Returns whether the rule restricts nothing.
    pub fn is_empty(&self) -> bool {
        let Rule { hosts, users, verified } = self;
        hosts.is_none() && users.is_none() && !verified
    }

    /// Compares the rule with what is known in a handshake.
    pub fn matches(&self, target: &Target) -> RuleMatch {
        self.matches_host(target, target.host())
    }

    /// Like [`Rule::matches`], for many rules and one target. `host` is that of [`Target::host`].
    pub fn matches_host(&self, target: &Target, host: Option<KnownHost<'_>>) -> RuleMatch {
        let mut found = RuleMatch::default();
        if let Some(hosts) = &self.hosts {
            let port = target.port.map(|(port, _)| port);
            match host.and_then(|host| hosts.best(host, port)) {
                Some(best) => {
                    let is_certain =
                        !target.is_host_overridden || (self.verified && target.is_verified);
                    found.is_preferred = best == hosts::Match::Specific && is_certain;
                }
                None => found.reasons.add(Reasons::HOST),
            }
        }
        if let Some(users) = &self.users {
            if !target.user.as_ref().is_some_and(|(user, _)| users.matches(user)) {
                found.reasons.add(Reasons::USER);
            }
        }
        if self.verified && !target.is_verified {
            found.reasons.add(Reasons::UNVERIFIED);
        }
        found.is_preferred &= found.reasons.is_empty();
        found
    }
}

/// Splits a value of `certpick_selector_set_rule()` into patterns. White space around a pattern is
/// dropped. An empty pattern is kept, and is an error for [`Hosts::parse`] and [`Users::parse`].
pub fn split(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(|pattern| pattern.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']))
}

/// Parses each pattern, and checks what holds for all patterns.
fn parse_all<'a, P>(
    patterns: impl Iterator<Item = &'a str>,
    parse: impl Fn(&'a str) -> Result<P, PatternFlaw>,
) -> Result<Box<[P]>, PatternError> {
    let mut parsed = Vec::new();
    for (at, pattern) in patterns.enumerate() {
        if at >= MAX_PATTERNS {
            return Err(PatternError::TooMany(MAX_PATTERNS));
        }
        let flaw = if pattern.is_empty() {
            Some(PatternFlaw::Empty)
        } else if pattern.len() > MAX_PATTERN {
            Some(PatternFlaw::TooLong(MAX_PATTERN))
        } else if pattern.contains('\0') {
            Some(PatternFlaw::NulByte)
        } else {
            None
        };
        let pattern = flaw.map_or_else(|| parse(pattern), Err);
        parsed.push(pattern.map_err(|flaw| PatternError::Pattern { number: at + 1, flaw })?);
    }
    if parsed.is_empty() { Err(PatternError::None) } else { Ok(parsed.into()) }
}

#[cfg(test)]
mod tests;
