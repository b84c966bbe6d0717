// SPDX-License-Identifier: MIT OR Apache-2.0
//! The patterns that are accepted, and the errors of the others.

use super::*;

#[track_caller]
fn assert_flaw(pattern: &str, flaw: PatternFlaw) {
    let error = Hosts::parse([pattern].into_iter()).expect_err(pattern);
    assert_eq!(error, PatternError::Pattern { number: 1, flaw }, "{pattern:?}");
}

#[track_caller]
fn assert_flaws(patterns: &[&str], flaw: PatternFlaw) {
    patterns.iter().for_each(|pattern| assert_flaw(pattern, flaw));
}

#[test]
fn patterns_are_returned_as_they_were_written() {
    let written =
        ["*", "DB.example.", "*.x:1", "[::1]:65535", "::FFFF:10.1.2.3", "a_b-c", "xn--*.x", "1a"];
    let hosts = Hosts::parse(written.into_iter()).expect("patterns");
    assert!(hosts.patterns().eq(written));
    let users = Users::parse([" a b", "ü*", ","].into_iter()).expect("patterns");
    assert!(users.patterns().eq([" a b", "ü*", ","]));
}

#[test]
fn digits_dots_and_wildcards_alone_are_an_error() {
    assert_flaws(
        &[
            "10.1.*",
            "10.1.2.?",
            "*.*",
            "**",
            "?",
            "*.",
            "5",
            "10.1",
            "10.1.2.3.4",
            "10.1.2.256",
            "010.1.2.3",
            "10.1.2.3.",
            "1*",
            "10.1.*:5432",
            "*.*:443",
            "4294967295",
        ],
        PatternFlaw::Digits,
    );
}

#[test]
fn a_port_out_of_range_is_an_error() {
    assert_flaws(
        &[
            "db.example:0",
            "db.example:65536",
            "db.example:",
            "db.example:+443",
            "db.example:-1",
            "db.example:*",
            "db.example:44x",
            "db.example:4294967739",
            "[::1]:0",
            "[::1]:65536",
            "[::1]:",
            "10.1.2.3:65536",
            "*:x",
            "db.example:18446744073709552059",
        ],
        PatternFlaw::Port,
    );
    assert_flaw(":5432", PatternFlaw::NoHost);
}

#[test]
fn an_empty_pattern_is_an_error() {
    assert_flaw("", PatternFlaw::Empty);
    let flaw = PatternFlaw::Empty;
    let error = PatternError::Pattern { number: 2, flaw };
    assert_eq!(Hosts::parse(split("a,,b")), Err(error));
    assert_eq!(Users::parse(split("a, ,b")), Err(error));
    assert_eq!(Hosts::parse(split("a,")), Err(error));
    assert_eq!(Hosts::parse(split("")), Err(PatternError::Pattern { number: 1, flaw }));
}

#[test]
fn characters_that_host_names_do_not_have_are_errors() {
    assert_flaws(&["db\0.example", "\0", "*\0"], PatternFlaw::NulByte);
    assert_flaws(
        &["db example", " db", "db\t", "a\n", "db.example :1", "\r", "\x0b"],
        PatternFlaw::WhiteSpace,
    );
    assert_flaws(
        &[
            "db@example",
            "a,b",
            "db.example#",
            "\"a\"",
            "a\x1bb",
            "db]",
            "a[b]",
            "a%b",
            "{a,b}",
            "!a",
            "\\",
            "a\x7f",
        ],
        PatternFlaw::Character,
    );
    let nul = PatternError::Pattern { number: 1, flaw: PatternFlaw::NulByte };
    assert_eq!(Users::parse(["a\0b"].into_iter()), Err(nul));
}

#[test]
fn a_url_or_a_path_is_an_error() {
    assert_flaws(&["https://db.example", "redis://db:6379/", "*://*", "://"], PatternFlaw::Url);
    assert_flaws(
        &["db.example/", "/run/postgresql", "db:1/x", "10.0.0.0/8", "[::1]/64"],
        PatternFlaw::Path,
    );
}

#[test]
fn dots_at_the_wrong_place_are_errors() {
    assert_flaws(&[".example", ".", "..", ".*", ".example:1"], PatternFlaw::LeadingDot);
    assert_flaws(
        &["db.example..", "db..example", "*..example", "a..:1", "10..1"],
        PatternFlaw::TwoDots,
    );
}

#[test]
fn an_international_name_is_an_error_with_a_hint() {
    assert_flaws(&["bücher.example", "*.bücher", "a\u{3002}b", "\u{a0}"], PatternFlaw::NotAscii);
    let error = Hosts::parse(["bücher.example"].into_iter()).expect_err("not ASCII");
    assert!(error.to_string().contains("xn--"), "{error}");
}

#[test]
fn ipv6_addresses_have_brackets_if_there_is_a_port() {
    for (pattern, port) in [
        ("2001:db8::1", None),
        ("::1", None),
        ("::", None),
        ("1:2:3:4:5:6:7:8", None),
        ("fe80::a:b", None),
        ("fe80::1:70000", Some(PatternFlaw::Colons)),
        ("[fe80::1:443]", None),
        ("[fe80::1]:443", None),
        ("fe80::1:443", Some(PatternFlaw::Ipv6Port)),
        ("::1:5432", Some(PatternFlaw::Ipv6Port)),
        ("2001:db8::1:2", Some(PatternFlaw::Ipv6Port)),
        ("1:2:3:4:5:6:7:8:443", Some(PatternFlaw::Ipv6Port)),
        ("::ffff:10.1.2.3:443", Some(PatternFlaw::Ipv6Port)),
        ("db:example:443", Some(PatternFlaw::Colons)),
        ("fe80::1%eth0", Some(PatternFlaw::Colons)),
        ("fe80::*", Some(PatternFlaw::Colons)),
        ("::1]", Some(PatternFlaw::Colons)),
        ("::1]:443", Some(PatternFlaw::Colons)),
    ] {
        match port {
            None => assert!(Hosts::parse([pattern].into_iter()).is_ok(), "{pattern}"),
            Some(flaw) => assert_flaw(pattern, flaw),
        }
    }
    let error = Hosts::parse(["fe80::1:443"].into_iter()).expect_err("unclear");
    assert!(error.to_string().ends_with("write [address] or [address]:port"), "{error}");
}

#[test]
fn brackets_must_close_around_an_ipv6_address() {
    assert_flaws(&["[", "[::1", "[::1:443", "[db.example"], PatternFlaw::UnclosedBracket);
    assert_flaws(
        &[
            "[]",
            "[10.1.2.3]",
            "[db.example]",
            "[::1%1]",
            "[[::1]]",
            "[*]",
            "[::*]:1",
            "[::1:1:1:1:1:1:1:1]",
        ],
        PatternFlaw::BracketedText,
    );
    assert_flaws(
        &["[::1]443", "[::1].", "[::1]]", "[::1]*", "[::1][::1]"],
        PatternFlaw::TextAfterBracket,
    );
}

#[test]
fn the_length_of_a_pattern_is_limited() {
    let longest = "a".repeat(MAX_PATTERN);
    let longer = format!("{longest}a");
    assert!(Hosts::parse([&*longest].into_iter()).is_ok());
    assert!(Users::parse([&*longest].into_iter()).is_ok());
    let flaw = PatternFlaw::TooLong(MAX_PATTERN);
    assert_flaw(&longer, flaw);
    let error = Users::parse(["a", &*longer].into_iter()).expect_err("too long");
    assert_eq!(error, PatternError::Pattern { number: 2, flaw });
}

#[test]
fn the_number_of_patterns_is_limited() {
    let most = std::iter::repeat_n("a", MAX_PATTERNS);
    assert!(Hosts::parse(most.clone()).is_ok());
    assert!(Users::parse(most).is_ok());
    let too_many = std::iter::repeat_n("a", MAX_PATTERNS + 1);
    assert_eq!(Hosts::parse(too_many.clone()), Err(PatternError::TooMany(MAX_PATTERNS)));
    assert_eq!(Users::parse(too_many), Err(PatternError::TooMany(MAX_PATTERNS)));
    // An endless list is not read to its end.
    assert_eq!(Hosts::parse(std::iter::repeat("a")), Err(PatternError::TooMany(MAX_PATTERNS)));
    assert_eq!(Users::parse(std::iter::repeat("a")), Err(PatternError::TooMany(MAX_PATTERNS)));
}

#[test]
fn a_list_without_patterns_is_an_error() {
    assert_eq!(Hosts::parse(std::iter::empty()), Err(PatternError::None));
    assert_eq!(Users::parse(std::iter::empty()), Err(PatternError::None));
}

#[test]
fn a_value_is_split_at_commas_and_white_space_around_patterns_is_dropped() {
    assert!(split("a, b c\t,\n,d").eq(["a", "b c", "", "d"]));
    assert!(split("").eq([""]));
    assert!(split("a").eq(["a"]));
}

#[test]
fn an_error_names_the_position_and_the_cause_and_shows_nothing_of_the_pattern() {
    let error = Hosts::parse(["db.example", "sec ret"].into_iter()).expect_err("white space");
    assert_eq!(error.to_string(), "pattern 2 contains white space");
    let error = Hosts::parse(["db.example", "10.1.*"].into_iter()).expect_err("digits");
    let text = "pattern 2 has only digits, dots and wildcards, and is not an IPv4 address; addresses \
                have no wildcards";
    assert_eq!(error.to_string(), text);
    let error = Hosts::parse(std::iter::repeat("a")).expect_err("too many");
    assert_eq!(error.to_string(), "there are more than 10000 patterns");
}
