// SPDX-License-Identifier: MIT OR Apache-2.0
//! Texts and `Debug` output contain no password.

use certpick_core::list::{self, Passwords};
use certpick_core::source::Accepts;
use certpick_core::{Selector, Status};
use std::fmt::Debug;
use testkit::certificates::Identity;
use testkit::directory::Directory;
use testkit::handshake::everywhere;
use testkit::set::Frozen;

const PASSWORD: &str = "Xyzzy, \"q\"";
/// The password as an entry of a list.
const QUOTED: &str = "\"Xyzzy, \"\"q\"\"\"";

/// Checks for the password as text, and as numbers in one line or in several.
#[track_caller]
fn assert_hides(text: &str) {
    let start = &PASSWORD.as_bytes()[..5];
    let [decimal, hexadecimal] =
        [format!("{start:?}"), format!("{start:x?}")].map(|row| row.replace(['[', ']'], ""));
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for secret in ["Xyzzy", &decimal, &hexadecimal] {
        assert!(!flat.contains(secret), "{text}");
    }
}

#[track_caller]
fn assert_debug_hides(value: &dyn Debug) {
    assert_hides(&format!("{value:?}"));
    assert_hides(&format!("{value:#?}"));
    assert_hides(&format!("{value:02x?}"));
}

/// Creates a set of two credentials. The second key is encrypted.
fn set(passwords: &str, key_password: &str) -> (Result<Frozen, certpick_core::Error>, Identity) {
    let [a, b] = ["A", "B"].map(Identity::root);
    let (first, second) = (a.issue("first"), b.issue("second"));
    let files = Directory::new();
    files.write("1.key", first.key_pem());
    files.write("2.key", second.encrypted_key_pem(key_password));
    let names = |end: &str| {
        let path = |n: u8| files.path(format!("{n}.{end}")).to_str().unwrap().to_owned();
        format!("{},{}", path(1), path(2))
    };
    files.write("1.crt", first.pem());
    files.write("2.crt", second.pem());
    let mut selector = Selector::new();
    let lists = Passwords::List(Some(passwords.as_bytes()));
    assert_debug_hides(&lists);
    let added = selector.add_lists(
        names("crt").as_bytes(),
        Some(names("key").as_bytes()),
        &lists,
        Accepts::Any,
    );
    assert_debug_hides(&selector);
    let leaves = vec![first.certificate.clone(), second.certificate.clone()];
    let keys = selector.validation().and_then(|v| v.run());
    if let Err(error) = &keys {
        assert_debug_hides(error);
        assert_hides(&error.to_string());
    }
    (added.map(|()| Frozen::new(files, selector, leaves)), b)
}

#[test]
fn no_text_contains_a_right_or_wrong_password() {
    let given = format!(",{QUOTED}");
    for (key_password, status) in [(PASSWORD, None), ("another", Some(Status::PasswordWrong))] {
        let (set, root) = set(&given, key_password);
        let set = set.unwrap();
        assert_debug_hides(&set.selector);
        for (version, way) in everywhere() {
            let connection = set.handshake(version, way).naming(&[&root]).run();
            match status {
                None => connection.assert_sent(1),
                Some(status) => assert_debug_hides(connection.assert_aborted(status)),
            }
            let decision = connection.record();
            assert_debug_hides(decision);
            assert_hides(&decision.explanation());
            assert_hides(&decision.message());
        }
    }
}

#[test]
fn no_text_contains_a_password_of_an_invalid_list() {
    for list in [
        format!(",{QUOTED},"),
        format!(",{QUOTED}x"),
        format!(",\"{PASSWORD}"),
        format!("{QUOTED} {QUOTED},"),
        PASSWORD.to_owned() + ",,",
    ] {
        let (refused, _) = set(&list, PASSWORD);
        let error = refused.err().unwrap_or_else(|| panic!("{list} is accepted"));
        assert_eq!(error.status(), Status::List, "{list}");
        assert_debug_hides(&error);
        assert_hides(&error.to_string());
    }
}

#[test]
fn no_debug_output_contains_a_password_before_it_belongs_to_a_selector() {
    let lines = format!("\n{PASSWORD}\n");
    for passwords in [Passwords::List(Some(QUOTED.as_bytes())), Passwords::Lines(lines.as_bytes())]
    {
        assert_debug_hides(&passwords);
    }
    let entries = list::entries(b"1.crt,2.crt", None, &Passwords::Lines(lines.as_bytes())).unwrap();
    assert!(entries.iter().any(|entry| entry.password.is_some()));
    assert_debug_hides(&entries);
}

#[test]
fn the_search_for_passwords_finds_them() {
    let bytes = PASSWORD.as_bytes();
    for shown in
        [format!("{bytes:?}"), format!("{bytes:#?}"), format!("{bytes:02x?}"), PASSWORD.into()]
    {
        let found = std::panic::catch_unwind(|| assert_hides(&shown));
        assert!(found.is_err(), "{shown}");
    }
}
