// SPDX-License-Identifier: MIT OR Apache-2.0
//! The text of a rule in reports.

use certpick_core::rule::Rule;

/// Longer lists of patterns are cut off. The facts in the report of `check` have all patterns.
const MAX_SHOWN: usize = 10;

/// Returns what a rule matches, for example `hosts db7, *.example; users app; verified servers only`.
pub fn description(rule: &Rule) -> String {
    let mut parts = Vec::new();
    if let Some(hosts) = &rule.hosts {
        parts.push(list("host", hosts.patterns()));
    }
    if let Some(users) = &rule.users {
        parts.push(list("user", users.patterns()));
    }
    if rule.verified {
        parts.push("verified servers only".to_owned());
    }
    parts.join("; ")
}

fn list<'a>(noun: &str, patterns: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = patterns.collect();
    let shown = all.get(..MAX_SHOWN).unwrap_or(&all).join(", ");
    match all.len() {
        1 => format!("{noun} {shown}"),
        n if n > MAX_SHOWN => format!("{noun}s {shown} and {} more", n - MAX_SHOWN),
        _ => format!("{noun}s {shown}"),
    }
}
