// SPDX-License-Identifier: MIT OR Apache-2.0
//! No text and no `Debug` output of anything that holds a password, or has seen one, shows it.

use crate::support::certificates::{Identity, pem};
use crate::support::handshake::everywhere;
use crate::support::set::{Frozen, Set};
use certpick_core::list::{self, Passwords};
use certpick_core::{Selector, Status};
use openssl::symm::Cipher;
use std::fmt::Debug;

const PASSWORD: &str = "Xyzzy, \"q\"";
/// As it stands in a list.
const QUOTED: &str = "\"Xyzzy, \"\"q\"\"\"";

/// Neither the password nor its bytes as numbers, in a row or one on each line.
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

/// A set whose second key takes that password; it is given in a list.
fn set(passwords: &str, sealed_with: &str) -> (Result<Frozen, certpick_core::Error>, Identity) {
    let [a, b] = ["A", "B"].map(Identity::root);
    let (first, second) = (a.issue("first"), b.issue("second"));
    let files = Set::new();
    let cipher = Cipher::aes_256_cbc();
    let sealed = second.key.private_key_to_pem_pkcs8_passphrase(cipher, sealed_with.as_bytes());
    files.write("1.key", &first.key.private_key_to_pem_pkcs8().unwrap());
    files.write("2.key", &sealed.unwrap());
    let names = |end: &str| {
        let path = |n: u8| files.path(&format!("{n}.{end}")).to_str().unwrap().to_owned();
        format!("{},{}", path(1), path(2))
    };
    files.write("1.crt", &pem(&[&first.certificate]));
    files.write("2.crt", &pem(&[&second.certificate]));
    let mut selector = Selector::new();
    let lists = Passwords::List(Some(passwords.as_bytes()));
    assert_debug_hides(&lists);
    let added = selector.add_lists(names("crt").as_bytes(), Some(names("key").as_bytes()), &lists);
    assert_debug_hides(&selector);
    let leaves = vec![first.certificate.clone(), second.certificate.clone()];
    // Before the files go.
    let keys = selector.validation().and_then(|v| v.run());
    if let Err(error) = &keys {
        assert_debug_hides(error);
        assert_hides(&error.to_string());
    }
    (added.map(|()| Frozen::within(files, selector, leaves)), b)
}

#[test]
fn nothing_shows_a_password_that_opens_its_key_and_none_that_does_not() {
    let given = format!(",{QUOTED}");
    for (sealed_with, status) in [(PASSWORD, None), ("another", Some(Status::PasswordWrong))] {
        let (set, root) = set(&given, sealed_with);
        let set = set.unwrap();
        assert_debug_hides(&set.selector);
        for (version, way) in everywhere() {
            let connection = set.handshake(version, way).naming(&[&root]).run();
            match status {
                None => connection.assert_sent(1),
                Some(status) => assert_debug_hides(connection.assert_aborted(status)),
            }
            let decision = connection.asked();
            assert_debug_hides(decision);
            assert_hides(&decision.explanation());
            assert_hides(&decision.message());
        }
    }
}

#[test]
fn nothing_shows_a_password_of_a_list_that_is_refused() {
    for list in [
        format!(",{QUOTED},"),
        format!(",{QUOTED}x"),
        format!(",\"{PASSWORD}"),
        format!("{QUOTED} {QUOTED},"),
        PASSWORD.to_owned() + ",,",
    ] {
        let (refused, _) = set(&list, PASSWORD);
        let error = refused.err().unwrap_or_else(|| panic!("{list} is taken"));
        assert_eq!(error.status(), Status::List, "{list}");
        assert_debug_hides(&error);
        assert_hides(&error.to_string());
    }
}

#[test]
fn nothing_shows_a_password_before_it_belongs_to_a_selector() {
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
fn what_looks_for_passwords_finds_them() {
    let bytes = PASSWORD.as_bytes();
    for shown in
        [format!("{bytes:?}"), format!("{bytes:#?}"), format!("{bytes:02x?}"), PASSWORD.into()]
    {
        let found = std::panic::catch_unwind(|| assert_hides(&shown));
        assert!(found.is_err(), "{shown}");
    }
}
