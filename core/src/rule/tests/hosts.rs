// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hosts that a pattern matches.

use super::*;

#[track_caller]
fn assert_names(pattern: &str, matching: &[&str], others: &[&str]) {
    for name in matching {
        assert_eq!(rule(pattern).matches(&named(name)), PREFERRED, "{pattern:?} and {name:?}");
    }
    for name in others {
        assert_eq!(rule(pattern).matches(&named(name)), OTHER_HOST, "{pattern:?} and {name:?}");
    }
}

/// A target with literals, and a socket with another address.
fn literals(literals: &[&str]) -> Target {
    Target {
        literals: literals.iter().map(|literal| (address(literal), Program)).collect(),
        ..socket("192.0.2.99", 5432)
    }
}

fn socket(text: &str, port: u16) -> Target {
    Target {
        socket_address: Some(address(text)),
        port: Some((port, PortOrigin::Socket)),
        ..Target::default()
    }
}

fn names(names: &[&str]) -> Target {
    let origins = [Program, ServerName, VerifyName];
    let names = names.iter().map(|name| (*name).to_owned()).zip(origins);
    Target { names: names.collect(), ..named("") }
}

#[test]
fn a_name_matches_itself_alone() {
    assert_names(
        "db.example",
        &["db.example"],
        &[
            "db.example.org",
            "a.db.example",
            "example",
            "db",
            "xdb.example",
            "db-example",
            "dbxexample",
        ],
    );
}

#[test]
fn case_and_a_final_dot_make_no_difference() {
    let same =
        ["db7.north.example", "DB7.North.EXAMPLE", "db7.north.example.", "Db7.north.example."];
    for pattern in
        same.iter().chain(&["*.NORTH.example", "DB?.north.example.", "d*.North.example."])
    {
        assert_names(pattern, &same, &["db7.north.example..", "db7.south.example"]);
    }
}

#[test]
fn a_star_matches_any_characters_but_a_dot() {
    assert_names(
        "*.north.example",
        &["db.north.example", "x.north.example"],
        &["north.example", ".north.example", "a.b.north.example", "db.north.example.org"],
    );
    assert_names("db*", &["db", "db7", "db-north"], &["db.example", "xdb"]);
    assert_names("*db*.example", &["db.example", "adb7.example"], &["db", "a.db.example"]);
    assert_names("a.*.c", &["a.b.c", "a.bb.c"], &["a.c", "a..c", "a.b.b.c"]);
    assert_names("*.*.example", &["a.b.example"], &["a.example", "a.b.c.example"]);
}

#[test]
fn a_question_mark_matches_one_character_but_not_a_dot() {
    assert_names("db?.example", &["db7.example"], &["db.example", "db77.example", "db..example"]);
    assert_names("db?example", &["db-example"], &["db.example"]);
}

#[test]
fn a_star_alone_matches_any_name_without_preference() {
    for name in ["db", "db.example", "a.b.c.d.example.", "bücher.example"] {
        assert_eq!(rule("*").matches(&named(name)), MATCH, "{name:?}");
        assert_eq!(rule("*:5432").matches(&named(name)), MATCH, "{name:?}");
        assert_eq!(rule("*:443").matches(&named(name)), OTHER_HOST, "{name:?}");
    }
}

#[test]
fn a_star_alone_matches_nothing_if_no_name_is_known() {
    assert_eq!(rule("*").matches(&Target::default()), OTHER_HOST);
    assert_eq!(rule("*").matches(&socket("10.1.2.3", 5432)), OTHER_HOST);
    assert_eq!(rule("*").matches(&literals(&["10.1.2.3"])), OTHER_HOST);
}

#[test]
fn a_more_specific_pattern_beside_a_star_is_preferred() {
    assert_eq!(rule("*,db.example").matches(&named("db.example")), PREFERRED);
    assert_eq!(rule("db.example,*").matches(&named("db.example")), PREFERRED);
    assert_eq!(rule("*,db.example").matches(&named("other.example")), MATCH);
    assert_eq!(rule("*,db.example:443").matches(&named("db.example")), MATCH);
}

#[test]
fn a_text_that_is_no_host_name_matches_nothing() {
    for name in [
        "",
        ".",
        "..",
        ".example",
        "a..example",
        "db.example..",
        "db.exa\0mple",
        "db.example\0",
        "d b.example",
        "db.example\n",
        "/run/postgresql",
        "@socket",
        "db.example:5432",
        "fe80::a",
        "*.example",
        "?",
        "a/b.example",
    ] {
        for pattern in ["*", "*.example", "d*.*", "*a*", "*.exa*", "db.example"] {
            assert_eq!(rule(pattern).matches(&named(name)), OTHER_HOST, "{pattern:?} and {name:?}");
        }
    }
}

#[test]
fn wildcards_match_ascii_only() {
    // U+3002 is a dot for IDNA.
    assert_names(
        "*.example",
        &["xn--bcher-kva.example"],
        &["bücher.example", "a\u{3002}b.example"],
    );
    assert_names("d?.example", &["db.example"], &["dé.example"]);
}

#[test]
fn every_name_must_be_the_same() {
    let rule = rule("*.north.example,db.south.example");
    assert_eq!(rule.matches(&names(&["a.north.example"; 3])), PREFERRED);
    assert_eq!(rule.matches(&names(&["a.north.example", "A.North.example."])), PREFERRED);
    for other in ["b.north.example", "db.south.example", "evil.example", "", "a.north.example.x"] {
        for known in [["a.north.example", other], [other, "a.north.example"]] {
            assert_eq!(rule.matches(&names(&known)), OTHER_HOST, "{known:?}");
        }
        let known = ["a.north.example", "a.north.example", other];
        assert_eq!(rule.matches(&names(&known)), OTHER_HOST, "{known:?}");
    }
    let any = super::rule("*");
    assert_eq!(any.matches(&names(&["a.example", "b.example"])), OTHER_HOST);
}

#[test]
fn an_address_matches_the_literal_that_was_given_and_not_the_socket() {
    for (pattern, literal) in [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("[2001:db8::1]:5432", "2001:db8::1"),
        ("10.1.2.3:5432", "10.1.2.3"),
    ] {
        assert_eq!(rule(pattern).matches(&literals(&[literal])), PREFERRED, "{pattern}");
        assert_eq!(rule(pattern).matches(&literals(&[literal; 2])), PREFERRED, "{pattern}");
    }
    for pattern in ["192.0.2.99", "10.1.2.4", "10.1.2.3:443", "::10.1.2.3"] {
        assert_eq!(rule(pattern).matches(&literals(&["10.1.2.3"])), OTHER_HOST, "{pattern}");
    }
}

#[test]
fn literals_that_differ_match_nothing() {
    let rule = rule("10.1.2.3,10.1.2.4");
    assert_eq!(rule.matches(&literals(&["10.1.2.3", "10.1.2.4"])), OTHER_HOST);
}

#[test]
fn a_name_and_a_literal_disagree() {
    let target =
        Target { literals: vec![(address("10.1.2.3"), VerifyName)], ..named("db.example") };
    for pattern in ["db.example", "10.1.2.3", "db.example,10.1.2.3", "*"] {
        assert_eq!(rule(pattern).matches(&target), OTHER_HOST, "{pattern}");
    }
}

#[test]
fn an_address_matches_the_socket_only_if_no_name_is_known() {
    assert_eq!(rule("10.1.2.3").matches(&socket("10.1.2.3", 5432)), PREFERRED);
    assert_eq!(rule("10.1.2.3").matches(&socket("10.1.2.4", 5432)), OTHER_HOST);
    assert_eq!(rule("10.1.2.3").matches(&Target::default()), OTHER_HOST);
    // Its socket has the address 10.1.2.3.
    assert_eq!(rule("10.1.2.3").matches(&named("db.example")), OTHER_HOST);
    assert_eq!(rule("10.1.2.3").matches(&named("")), OTHER_HOST);
}

#[test]
fn ipv4_mapped_addresses_are_ipv4_addresses() {
    for pattern in ["10.1.2.3", "::ffff:10.1.2.3", "[::ffff:a01:203]:5432"] {
        assert_eq!(rule(pattern).matches(&socket("::ffff:10.1.2.3", 5432)), PREFERRED, "{pattern}");
        assert_eq!(rule(pattern).matches(&socket("10.1.2.3", 5432)), PREFERRED, "{pattern}");
        assert_eq!(rule(pattern).matches(&literals(&["::ffff:10.1.2.3"])), PREFERRED, "{pattern}");
    }
    assert_eq!(
        rule("10.1.2.3").matches(&literals(&["10.1.2.3", "::ffff:10.1.2.3"])),
        PREFERRED,
        "two forms of one address"
    );
    assert_eq!(rule("10.1.2.3").matches(&socket("::10.1.2.3", 5432)), OTHER_HOST);
}

#[test]
fn a_port_must_be_known_and_equal() {
    let without_port = Target { port: None, ..named("db.example") };
    for pattern in ["db.example:5432", "*.example:5432", "DB.example.:5432"] {
        assert_eq!(rule(pattern).matches(&named("db.example")), PREFERRED, "{pattern}");
        assert_eq!(rule(pattern).matches(&without_port), OTHER_HOST, "{pattern}");
    }
    assert_eq!(rule("db.example:5433").matches(&named("db.example")), OTHER_HOST);
    assert_eq!(rule("db.example").matches(&without_port), PREFERRED);
    assert_eq!(rule("*:5432").matches(&without_port), OTHER_HOST);
    let libpq = Target { port: Some((5432, PortOrigin::Libpq)), ..without_port };
    assert_eq!(rule("db.example:5432").matches(&libpq), PREFERRED);
}

#[test]
fn name_and_port_must_be_those_of_one_pattern() {
    assert_eq!(rule("db.example:443,other.example:5432").matches(&named("db.example")), OTHER_HOST);
}

#[test]
fn each_of_ten_thousand_patterns_matches() {
    let patterns: Vec<_> = (0..MAX_PATTERNS).map(|n| format!("db{n}.*.example")).collect();
    let hosts = Hosts::parse(patterns.iter().map(String::as_str)).expect("as many as allowed");
    let rule = Rule { hosts: Some(hosts), ..Rule::default() };
    for n in [0, 1, 5_000, MAX_PATTERNS - 1] {
        assert_eq!(rule.matches(&named(&format!("db{n}.north.example"))), PREFERRED, "{n}");
    }
    assert_eq!(rule.matches(&named("db10000.north.example")), OTHER_HOST);
}

/// All texts of these bytes with 1 to `length` bytes.
fn texts(bytes: &[u8], length: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut longest = vec![String::new()];
    for _ in 0..length {
        longest = longest
            .iter()
            .flat_map(|text| bytes.iter().map(move |byte| format!("{text}{}", char::from(*byte))))
            .collect();
        all.extend_from_slice(&longest);
    }
    all
}

/// Tries every way in which the wildcards can match.
fn matches_simply(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], _) => name.is_empty(),
        ([b'*', rest @ ..], _) => {
            let next = name.split_first().filter(|(byte, _)| **byte != b'.');
            matches_simply(rest, name)
                || next.is_some_and(|(_, left)| matches_simply(pattern, left))
        }
        ([b'?', rest @ ..], [byte, left @ ..]) => *byte != b'.' && matches_simply(rest, left),
        ([a, rest @ ..], [b, left @ ..]) => a.eq_ignore_ascii_case(b) && matches_simply(rest, left),
        _ => false,
    }
}

#[test]
fn short_patterns_match_the_names_that_a_simple_comparison_finds() {
    let mut names = texts(b"abA.", 5);
    names.retain(|name| !name.starts_with('.') && !name.contains("..") && !name.ends_with('.'));
    let mut compared = 0;
    for pattern in texts(b"ab.*?", 5) {
        // Patterns that are errors, and `*`, which other tests cover.
        let Ok(hosts) = Hosts::parse([&*pattern].into_iter()) else { continue };
        if pattern == "*" || pattern.ends_with('.') {
            continue;
        }
        for name in &names {
            let found = hosts.best(KnownHost::Name(name), None).is_some();
            assert_eq!(
                found,
                matches_simply(pattern.as_bytes(), name.as_bytes()),
                "{pattern:?} and {name:?}"
            );
            compared += 1;
        }
    }
    assert!(compared > 500_000, "{compared}");
}
