// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a rule matches at least as widely as another.
//!
//! The answer is certain only if it is yes: some wider patterns are not recognized. Each pattern of the
//! narrower rule must have one pattern that is at least as wide.

use super::hosts::{Host, Hosts, Pattern};
use super::{Rule, Users};

impl Rule {
    /// Returns whether this rule matches every handshake that `other` matches, and is preferred in each
    /// one in which `other` is preferred.
    pub fn covers(&self, other: &Rule) -> bool {
        if self == other {
            return true;
        }
        // With both host and hostaddr in libpq, only a verified rule is preferred.
        let is_as_preferred = self.verified == other.verified
            || !self.verified && !other.hosts.as_ref().is_some_and(Hosts::has_specific);
        let covers_hosts = match (&self.hosts, &other.hosts) {
            (None, None) => true,
            // A rule without hosts is never preferred.
            (None, Some(hosts)) => !hosts.has_specific(),
            (Some(_), None) => false,
            (Some(wide), Some(hosts)) => wide.covers(hosts),
        };
        let covers_users = match (&self.users, &other.users) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(users)) => wide.covers(users),
        };
        is_as_preferred && covers_hosts && covers_users
    }

    /// Returns how many comparisons of patterns [`Rule::covers`] may need.
    pub fn comparisons(&self, other: &Rule) -> usize {
        let hosts = |rule: &Rule| rule.hosts.as_ref().map_or(0, |hosts| hosts.patterns().count());
        let users = |rule: &Rule| rule.users.as_ref().map_or(0, |users| users.patterns().count());
        hosts(self) * hosts(other) + users(self) * users(other)
    }
}

impl Hosts {
    fn covers(&self, other: &Hosts) -> bool {
        other.0.iter().all(|narrow| self.0.iter().any(|wide| wide.covers(narrow)))
    }

    /// Returns whether a pattern is other than `*`.
    fn has_specific(&self) -> bool {
        self.0.iter().any(|pattern| pattern.host != Host::AnyName)
    }
}

impl Pattern {
    fn covers(&self, narrow: &Pattern) -> bool {
        let covers_port = self.port.is_none() || self.port == narrow.port;
        // `*` matches any name, but is not preferred as other patterns are.
        let covers_host = match (&self.host, &narrow.host) {
            (Host::Wildcards(wide), Host::Name(name) | Host::Wildcards(name)) => {
                let is_equal = |a: u8, b: u8| a.eq_ignore_ascii_case(&b);
                wide == name || covers(wide.as_bytes(), name.as_bytes(), is_equal, |b| b != b'.')
            }
            (Host::Name(wide), Host::Name(name)) => wide.eq_ignore_ascii_case(name),
            (wide, narrow) => wide == narrow,
        };
        covers_port && covers_host
    }
}

impl Users {
    fn covers(&self, other: &Users) -> bool {
        let is_covered = |narrow: &str| {
            self.0.iter().any(|wide| {
                **wide == *narrow
                    || covers(wide.as_bytes(), narrow.as_bytes(), |a, b| a == b, |_| true)
            })
        };
        other.patterns().all(is_covered)
    }
}

/// Returns whether a pattern matches the text of another, whose wildcards may stand only where the wider
/// pattern has `*`, or where both have `?`.
fn covers(
    wide: &[u8],
    narrow: &[u8],
    is_equal: impl Fn(u8, u8) -> bool,
    is_wild: impl Fn(u8) -> bool,
) -> bool {
    // `?` would match a `*`, which stands for any number of bytes.
    let is_clear = !wide.contains(&b'?') || !narrow.contains(&b'*');
    let is_equal = |a, b| is_equal(a, b) && b != b'*' && b != b'?';
    is_clear && super::glob::matches(wide, narrow, is_equal, is_wild)
}
