// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules that match at least as widely as others.

use super::*;

fn all_rules() -> Vec<Rule> {
    let host_lists = [
        None,
        Some("*"),
        Some("*:5432"),
        Some("db.example"),
        Some("DB.example."),
        Some("db.example:5432"),
        Some("*.example"),
        Some("??.example"),
        Some("d?.example"),
        Some("d*.example"),
        Some("?*.example"),
        Some("db.*"),
        Some("*.e*"),
        Some("*, db.example"),
        Some("10.1.2.3"),
        Some("10.1.2.3:5432"),
        Some("10.1.2.3, db.example"),
        Some("db"),
    ];
    let user_lists =
        [None, Some("*"), Some("app"), Some("a??"), Some("a*"), Some("?*p"), Some("App")];
    let mut all = Vec::new();
    for host_list in host_lists {
        for user_list in user_lists {
            for verified in [false, true] {
                let users = user_list.and_then(|list| for_users(list).users);
                all.push(Rule { hosts: host_list.map(hosts), users, verified });
            }
        }
    }
    all
}

fn all_targets() -> Vec<Target> {
    let mut all = vec![Target::default()];
    for name in ["db.example", "dc.example", "d.example", "x.example", "db.org", "db", "a.b.c"] {
        all.push(named(name));
    }
    all.push(Target { names: Vec::new(), ..named("") });
    all.push(Target { port: None, ..named("db.example") });
    all.push(Target { port: Some((1, PortOrigin::Socket)), ..named("db.example") });
    let users = [None, Some("app"), Some("ap"), Some("abp"), Some("App"), Some("")];
    let with = |target: &Target, user: Option<&str>, bits: usize| Target {
        user: user.map(|user| (user.as_bytes().into(), Program)),
        is_verified: bits & 1 != 0,
        is_host_overridden: bits & 2 != 0,
        ..target.clone()
    };
    let mut targets = Vec::new();
    for target in &all {
        for user in users {
            targets.extend((0..4).map(|bits| with(target, user, bits)));
        }
    }
    targets
}

#[test]
fn a_rule_that_covers_another_matches_and_is_preferred_wherever_that_one_is() {
    let (rules, targets) = (all_rules(), all_targets());
    let matches: Vec<Vec<RuleMatch>> =
        rules.iter().map(|rule| targets.iter().map(|t| rule.matches(t)).collect()).collect();
    let mut covered = 0;
    for (wide, wide_matches) in rules.iter().zip(&matches) {
        for (narrow, narrow_matches) in rules.iter().zip(&matches) {
            if !wide.covers(narrow) {
                continue;
            }
            covered += 1;
            for (target, (a, b)) in targets.iter().zip(wide_matches.iter().zip(narrow_matches)) {
                if b.reasons.is_empty() {
                    assert!(a.reasons.is_empty(), "{wide:?} {narrow:?} {target:?}");
                    assert!(a.is_preferred || !b.is_preferred, "{wide:?} {narrow:?} {target:?}");
                }
            }
        }
    }
    assert!(covered > 2 * rules.len(), "{covered}");
}

#[test]
fn wider_patterns_are_recognized() {
    for (wide, narrow) in [
        ("db.example", "DB.Example."),
        ("db.example", "db.example:5432"),
        ("*.example", "db.example"),
        ("*.example", "*.Example:5432"),
        ("d*.example", "d?.example"),
        ("d?.example", "d?.example"),
        ("db.*", "db.?x*"),
        ("a, b, c", "c, a"),
        ("*", "*"),
        ("*, a", "*"),
        ("10.1.2.3", "10.1.2.3:1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
    ] {
        assert!(rule(wide).covers(&rule(narrow)), "{wide:?} and {narrow:?}");
    }
    for (wide, narrow) in [("a*", "a?c"), ("*", "x*?"), ("a??", "a?c"), ("a", "a")] {
        assert!(for_users(wide).covers(&for_users(narrow)), "{wide:?} and {narrow:?}");
    }
}

#[test]
fn patterns_that_may_miss_a_host_or_are_not_preferred_do_not_cover() {
    for (wide, narrow) in [
        ("*", "db.example"),
        ("db.example:5432", "db.example"),
        ("*.example", "*.*.example"),
        ("*.example", "*.org"),
        ("d?.example", "d*.example"),
        ("db.example", "*.example"),
        ("db.example", "db.example, 10.1.2.3"),
        ("*", "10.1.2.3"),
    ] {
        assert!(!rule(wide).covers(&rule(narrow)), "{wide:?} and {narrow:?}");
    }
    assert!(!Rule::default().covers(&rule("db.example")));
    assert!(!rule("*").covers(&Rule::default()));
    assert!(!for_users("?").covers(&for_users("*")));
    assert!(!for_users("*").covers(&Rule::default()));
}

#[test]
fn a_rule_that_is_not_verified_does_not_cover_one_that_libpq_prefers_with_hostaddr() {
    let verified = |from: &Rule| Rule { verified: true, ..from.clone() };
    let named = rule("db.example");
    assert!(!named.covers(&verified(&named)) && !verified(&named).covers(&named));
    assert!(rule("*").covers(&verified(&rule("*"))));
    assert!(Rule::default().covers(&verified(&Rule::default())));
}
