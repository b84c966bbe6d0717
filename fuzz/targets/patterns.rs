// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules, compared with a simple second implementation. Input: flags, port and address of the
//! socket; patterns for hosts; patterns for users; names; address literals; user.

#![no_main]

use certpick_core::choice::Reasons;
use certpick_core::error::PatternError;
use certpick_core::rule::{self, Hosts, NameOrigin, PortOrigin, Rule, Target, Users};
use certpick_fuzz::naive::rules;
use certpick_fuzz::parts;
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr};

/// Compares the result of a parser with the position of the first wrong pattern. Returns whether
/// all patterns are right.
fn compare<T: std::fmt::Debug>(parsed: &Result<T, PatternError>, wrong: Option<usize>) -> bool {
    if let Err(error) = parsed {
        let text = error.to_string();
        assert!(text.starts_with(&format!("pattern {} ", wrong.map_or(0, |at| at + 1))), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
    assert_eq!(parsed.is_err(), wrong.is_some(), "{parsed:?}");
    parsed.is_ok()
}

fuzz_target!(|data: &[u8]| {
    let [fixed, hosts, users, names, literals, user] = parts::<6>(data);
    let texts = [hosts, users, names, literals].map(|part| std::str::from_utf8(part).ok());
    let [Some(hosts), Some(users), Some(names), Some(literals)] = texts else { return };
    let at = |at: usize| fixed.get(at).copied().unwrap_or(0);
    let has = |bit: u8| at(0) & 1 << bit != 0;

    let host_patterns: Vec<_> = rule::split(hosts).collect();
    assert_eq!(host_patterns, rules::split(hosts));
    let read: Vec<_> = host_patterns.iter().map(|pattern| rules::host(pattern)).collect();
    let parsed_hosts = Hosts::parse(host_patterns.iter().copied());
    let hosts_are_right = compare(&parsed_hosts, read.iter().position(Option::is_none));

    let user_patterns: Vec<_> = rule::split(users).collect();
    let is_wrong = |p: &&str| p.is_empty() || p.len() > 300 || p.contains('\0');
    let parsed_users = Users::parse(user_patterns.iter().copied());
    let users_are_right = compare(&parsed_users, user_patterns.iter().position(is_wrong));

    if let (Ok(hosts), Ok(users)) = (&parsed_hosts, &parsed_users) {
        assert!(hosts.patterns().eq(host_patterns.iter().copied()));
        assert!(users.patterns().eq(user_patterns.iter().copied()));
    }
    let rule = Rule { hosts: parsed_hosts.ok(), users: parsed_users.ok(), verified: has(0) };
    assert_eq!(rule.is_empty(), !hosts_are_right && !users_are_right && !has(0));

    let origin = NameOrigin::Program;
    let address = IpAddr::from(Ipv4Addr::new(at(3), at(4), at(5), at(6)));
    let known = rules::Known {
        names: names.lines().map(str::to_owned).collect(),
        literals: literals.split(',').filter_map(|text| text.parse().ok()).collect(),
        socket: has(3).then_some(address),
        port: has(4).then_some(u16::from_be_bytes([at(1), at(2)])),
    };
    let target = Target {
        names: known.names.iter().map(|name| (name.clone(), origin)).collect(),
        literals: known.literals.iter().map(|literal| (*literal, origin)).collect(),
        socket_address: known.socket,
        port: known.port.map(|port| (port, PortOrigin::Socket)),
        user: has(5).then(|| (user.into(), origin)),
        is_verified: has(1),
        is_host_overridden: has(2),
    };

    let mut expected = certpick_core::choice::RuleMatch::default();
    let mut is_by_host = false;
    if hosts_are_right {
        let patterns: Vec<_> = read.into_iter().flatten().collect();
        match rules::host_fits(&patterns, &known) {
            None => expected.reasons.add(Reasons::HOST),
            Some(is_specific) => is_by_host = is_specific,
        }
    }
    if users_are_right && !(has(5) && user_patterns.iter().any(|p| rules::user_fits(p, user))) {
        expected.reasons.add(Reasons::USER);
    }
    if has(0) && !has(1) {
        expected.reasons.add(Reasons::UNVERIFIED);
    }
    let is_certain = !has(2) || has(0) && has(1);
    expected.is_preferred = expected.reasons.is_empty() && is_by_host && is_certain;
    assert_eq!(rule.matches(&target), expected, "{rule:?} {target:?}");
});
