// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules as a whole: users, `verified`, the reasons together, and the preference.

mod cover;
mod hosts;
mod syntax;

use super::*;
use NameOrigin::{Program, ServerName, VerifyName};

fn hosts(value: &str) -> Hosts {
    Hosts::parse(split(value)).unwrap_or_else(|error| panic!("{value:?}: {error}"))
}

fn rule(value: &str) -> Rule {
    Rule { hosts: Some(hosts(value)), ..Rule::default() }
}

fn for_users(value: &str) -> Rule {
    Rule { users: Some(Users::parse(split(value)).expect(value)), ..Rule::default() }
}

/// A target with a name, port 5432, and a socket with the address 10.1.2.3.
fn named(name: &str) -> Target {
    Target {
        names: vec![(name.to_owned(), Program)],
        socket_address: Some(address("10.1.2.3")),
        port: Some((5432, PortOrigin::Socket)),
        ..Target::default()
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect(text)
}

fn with_user(user: &[u8]) -> Target {
    Target { user: Some((user.into(), Program)), ..named("db.example") }
}

const PREFERRED: RuleMatch = RuleMatch { reasons: Reasons(0), is_preferred: true };
const MATCH: RuleMatch = RuleMatch { reasons: Reasons(0), is_preferred: false };
const OTHER_HOST: RuleMatch = RuleMatch { reasons: Reasons::HOST, is_preferred: false };
const OTHER_USER: RuleMatch = RuleMatch { reasons: Reasons::USER, is_preferred: false };

#[test]
fn a_rule_that_restricts_nothing_matches_everything_and_prefers_nothing() {
    let empty = Rule::default();
    assert!(empty.is_empty());
    assert_eq!(empty.matches(&Target::default()), MATCH);
    assert_eq!(empty.matches(&named("db.example")), MATCH);
    assert!(!rule("*").is_empty());
    assert!(!for_users("*").is_empty());
    assert!(!Rule { verified: true, ..Rule::default() }.is_empty());
}

#[test]
fn a_user_matches_by_bytes_with_wildcards() {
    for (pattern, user) in [
        ("app", "app"),
        ("app*", "app"),
        ("app*", "application"),
        ("*", ""),
        ("*", "a.b@c d"),
        ("a?p", "app"),
        ("*p*a*n", "application"),
        ("x,app", "app"),
        // Two bytes in UTF-8.
        ("j??rg", "jörg"),
        ("jörg", "jörg"),
    ] {
        assert_eq!(for_users(pattern).matches(&with_user(user.as_bytes())), MATCH, "{pattern}");
    }
    for (pattern, user) in [
        ("app", "App"),
        ("app", "app2"),
        ("app", ""),
        ("app?", "app"),
        ("*b", "abc"),
        ("?", ""),
        ("j?rg", "jörg"),
        ("a*b*c", "acb"),
    ] {
        assert_eq!(
            for_users(pattern).matches(&with_user(user.as_bytes())),
            OTHER_USER,
            "{pattern}"
        );
    }
    assert_eq!(for_users("a?c").matches(&with_user(b"a\xffc")), MATCH);
}

#[test]
fn an_unknown_user_matches_no_pattern() {
    assert_eq!(for_users("*").matches(&named("db.example")), OTHER_USER);
}

#[test]
fn a_match_by_user_alone_is_not_preferred() {
    assert_eq!(for_users("app").matches(&with_user(b"app")), MATCH);
}

#[test]
fn a_rule_for_verified_servers_matches_no_other_server() {
    let rule = Rule { verified: true, ..rule("db.example") };
    let reasons = Reasons::UNVERIFIED;
    let target = named("db.example");
    assert_eq!(rule.matches(&target), RuleMatch { reasons, is_preferred: false });
    assert_eq!(rule.matches(&Target { is_verified: true, ..target }), PREFERRED);
}

#[test]
fn all_reasons_are_collected() {
    let users = for_users("app").users;
    let rule = Rule { users, verified: true, ..rule("db.example") };
    let reasons = Reasons(Reasons::HOST.0 | Reasons::USER.0 | Reasons::UNVERIFIED.0);
    assert_eq!(rule.matches(&Target::default()), RuleMatch { reasons, is_preferred: false });
    let target = Target { is_verified: true, ..with_user(b"app") };
    assert_eq!(rule.matches(&target), PREFERRED);
}

#[test]
fn a_rule_of_which_a_part_does_not_match_is_not_preferred() {
    let rule = Rule { users: for_users("app").users, ..rule("db.example") };
    assert_eq!(rule.matches(&with_user(b"other")), OTHER_USER);
    assert_eq!(rule.matches(&with_user(b"app")), PREFERRED);
}

#[test]
fn a_host_that_hostaddr_overrides_is_preferred_only_if_the_rule_requires_verification() {
    let target = Target { is_host_overridden: true, ..named("db.example") };
    assert_eq!(rule("db.example").matches(&target), MATCH);
    assert_eq!(rule("other.example").matches(&target), OTHER_HOST);
    let target = Target { is_verified: true, ..target };
    assert_eq!(rule("db.example").matches(&target), MATCH);
    let verified = |host| Rule { verified: true, ..rule(host) };
    assert_eq!(verified("db.example").matches(&target), PREFERRED);
    assert_eq!(verified("*").matches(&target), MATCH);
}

#[test]
fn the_host_can_be_found_once_for_many_rules() {
    for target in [named("db.example"), named(""), Target::default()] {
        let rule = rule("db.example");
        assert_eq!(rule.matches_host(&target, target.host()), rule.matches(&target));
    }
}

#[test]
fn the_wildcards_need_few_steps_for_hostile_patterns() {
    let steps = std::cell::Cell::new(0);
    let pattern = "*a".repeat(148) + "b*";
    let text = "a".repeat(3_000);
    let is_equal = |a, b| {
        steps.set(steps.get() + 1);
        a == b
    };
    assert!(!glob::matches(pattern.as_bytes(), text.as_bytes(), is_equal, |_| true));
    assert!(steps.get() <= pattern.len() * text.len(), "{}", steps.get());
}

#[test]
fn wildcards_agree_with_a_table_of_all_prefixes() {
    fn all(letters: &[u8], max: usize) -> Vec<Vec<u8>> {
        let mut all = vec![Vec::new()];
        let mut from = 0;
        for _ in 0..max {
            let until = all.len();
            for at in from..until {
                for letter in letters {
                    all.push([all[at].as_slice(), &[*letter]].concat());
                }
            }
            from = until;
        }
        all
    }
    fn is_wild(byte: u8) -> bool {
        byte != b'.'
    }
    fn fits(pattern: &[u8], text: &[u8]) -> bool {
        let mut row = vec![false; text.len() + 1];
        row[0] = true;
        for wanted in pattern {
            let mut next = vec![*wanted == b'*' && row[0]; text.len() + 1];
            for (at, found) in text.iter().enumerate() {
                next[at + 1] = match wanted {
                    b'*' => row[at + 1] || next[at] && is_wild(*found),
                    _ => row[at] && (wanted == found || *wanted == b'?' && is_wild(*found)),
                };
            }
            row = next;
        }
        row[text.len()]
    }
    let texts = all(b"ab.", 5);
    for pattern in all(b"ab.?*", 5) {
        for text in &texts {
            let is_match = glob::matches(&pattern, text, |a, b| a == b, is_wild);
            assert_eq!(is_match, fits(&pattern, text), "{pattern:?} {text:?}");
        }
    }
}
