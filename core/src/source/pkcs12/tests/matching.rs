// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which keys belong to which certificates.

use super::encoding::*;
use super::*;
use testkit::certificates::{Identity, Subject};

/// Returns the names of the certificates of each credential in a file of these bags, each in one word.
fn found(bags: &[Vec<u8>]) -> Vec<String> {
    let names = credentials(&pfx(&[plain(bags)], None), "");
    names.iter().map(|names| names.join(" ")).collect()
}

/// Returns the numbers of the keys of each credential in a file of these bags.
fn keys_of(bags: &[Vec<u8>]) -> Vec<Vec<usize>> {
    let opened = open_with(&pfx(&[plain(bags)], None), "").unwrap();
    opened.iter().map(|opened| opened.keys.to_vec()).collect()
}

struct World {
    root: Identity,
    middle: Identity,
    alice: Identity,
    bob: Identity,
}

fn world() -> World {
    let root = Identity::root("root");
    let middle = root.authority("middle");
    World { alice: middle.issue("alice"), bob: middle.issue("bob"), root, middle }
}

#[test]
fn a_key_belongs_to_the_certificate_with_its_identifier() {
    let World { root, middle, alice, bob } = world();
    let certificates = [
        certificate(&root, b""),
        certificate(&bob, b"2"),
        certificate(&middle, b""),
        certificate(&alice, b"1"),
    ];
    let keys = [key_bag(&alice, b"1"), key_bag(&bob, b"2")];
    let expected = ["alice root bob middle", "bob root middle alice"];
    assert_eq!(found(&[&certificates[..], &keys].concat()), expected);
    // Each credential has only its own key.
    assert_eq!(keys_of(&[&certificates[..], &keys].concat()), [[0], [2]]);
}

#[test]
fn a_chain_may_have_the_identifier_of_its_leaf() {
    let World { root, middle, alice, bob } = world();
    let bags = [
        certificate(&middle, b"1"),
        certificate(&root, b"1"),
        certificate(&alice, b"1"),
        certificate(&bob, b"2"),
        key_bag(&bob, b"2"),
        key_bag(&alice, b"1"),
    ];
    assert_eq!(found(&bags), ["bob middle root alice", "alice middle root bob"]);
}

#[test]
fn a_renewed_certificate_is_another_credential_with_the_same_key() {
    let World { middle, alice, .. } = world();
    let subject = || Subject::new("alice").with_key(&alice.key);
    let renewed = middle.sign(subject()).to_der().unwrap();
    let bags = [certificate(&alice, b"1"), certificate_der(&renewed, b"1"), key_bag(&alice, b"1")];
    assert_eq!(found(&bags), ["alice alice", "alice alice"]);
}

#[test]
fn a_certificate_that_several_keys_claim_is_one_credential_with_the_key_that_matches() {
    let World { alice, bob, .. } = world();
    // The same identifier, and two identifiers of the same certificate.
    let same = [key_bag(&bob, b"1"), key_bag(&alice, b"1"), certificate(&alice, b"1")];
    let twice = [
        key_bag(&bob, b"1"),
        key_bag(&alice, b"2"),
        certificate(&alice, b"1"),
        certificate(&alice, b"2"),
    ];
    for bags in [&same[..], &twice] {
        assert_eq!(found(bags), ["alice"]);
        assert_eq!(keys_of(bags), [[0, 2]]);
    }
    // All have the same identifier.
    let all = [&same[..], &[certificate(&bob, b"1")]].concat();
    assert_eq!(found(&all), ["alice bob", "bob alice"]);
}

#[test]
fn a_certificate_that_is_listed_twice_counts_once() {
    let World { middle, alice, .. } = world();
    let bags = [
        key_bag(&alice, b"1"),
        certificate(&alice, b""),
        certificate(&middle, b""),
        certificate(&alice, b"1"),
        certificate(&middle, b""),
    ];
    assert_eq!(found(&bags), ["alice middle"]);
}

#[test]
fn without_identifiers_the_leaf_is_found_by_names() {
    let World { root, middle, alice, bob } = world();
    let chain = [certificate(&middle, b""), certificate(&root, b"")];
    for id in [&b""[..], b"unknown"] {
        let one = [&chain[..], &[certificate(&alice, b""), key_bag(&alice, id)]].concat();
        assert_eq!(found(&one), ["alice middle root"], "{id:?}");
        // Two keys, of which each leaf gets the one that matches.
        let clients = [certificate(&alice, b""), certificate(&bob, b"")];
        for keys in [[&alice, &bob], [&bob, &alice]] {
            let keys = keys.map(|identity| key_bag(identity, id));
            let two = [&chain[..], &clients, &keys].concat();
            assert_eq!(found(&two), ["alice middle root bob", "bob middle root alice"]);
            // The keys are probably in the order of the certificates.
            assert_eq!(keys_of(&two), [[0, 2], [2, 0]]);
        }
    }
    // In both orders, and for a leaf that is its own issuer.
    let self_signed = Identity::self_signed("alone");
    assert_eq!(found(&[key_bag(&self_signed, b""), certificate(&self_signed, b"")]), ["alone"]);
    // The first certificate is the leaf unless it has issued another.
    let unrelated = Identity::root("unrelated");
    let bags = [certificate(&alice, b""), certificate(&unrelated, b""), key_bag(&alice, b"")];
    assert_eq!(found(&bags), ["alice unrelated"]);
}

#[test]
fn a_key_without_a_certificate_is_no_credential() {
    let World { root, middle, alice, bob } = world();
    let bags = [
        key_bag(&bob, b"2"),
        key_bag(&alice, b"1"),
        certificate(&root, b""),
        certificate(&alice, b"1"),
        certificate(&middle, b""),
        certificate(&Identity::root("unrelated"), b""),
    ];
    assert_eq!(found(&bags), ["alice root middle unrelated"]);
    // A key without an identifier may belong to a remaining leaf.
    let bags = [
        key_bag(&bob, b""),
        key_bag(&alice, b"1"),
        certificate(&middle, b""),
        certificate(&alice, b"1"),
        certificate(&bob, b""),
    ];
    assert_eq!(found(&bags), ["alice middle bob", "bob middle alice"]);
}

#[test]
fn keys_and_certificates_may_be_in_any_content_and_in_nested_bags() {
    let World { middle, alice, bob, .. } = world();
    let derivation = Derivation::Pbkdf2(2);
    let nested = |bags: &[Vec<u8>]| bag(6, &sequence(bags), b"");
    let scrypt = Derivation::Scrypt(16, 8, 1);
    // A key in an encrypted content, once encrypted itself, and one in a plain content.
    let contents = [
        encrypted(&[nested(&[nested(&[key_bag(&alice, b"1")])])], &derivation, "secret"),
        plain(&[nested(&[certificate(&middle, b"")]), shrouded(&bob, b"2", &scrypt, "secret")]),
        encrypted(&[certificate(&bob, b"2"), certificate(&alice, b"1")], &scrypt, "secret"),
    ];
    let expected = [["alice", "middle", "bob"], ["bob", "middle", "alice"]];
    assert_eq!(credentials(&pfx(&contents, None), "secret"), expected);
}

#[test]
fn a_key_is_loaded_without_decrypting_the_certificates_again() {
    let World { alice, .. } = world();
    let derivation = Derivation::Pbkdf2(2);
    let file = |password: &str| {
        let certificates = encrypted(&[certificate(&alice, b"1")], &derivation, password);
        pfx(&[certificates, plain(&[shrouded(&alice, b"1", &derivation, "secret")])], None)
    };
    let opened = open_with(&file("secret"), "secret").unwrap();
    // Another password for the certificates would be an error if they were decrypted.
    let other = file("another");
    assert!(open_with(&other, "secret").is_err());
    assert!(key_with(&other, "secret", &opened[0].keys, &alice.certificate).is_ok());
}

#[test]
fn indefinite_lengths_and_segments_are_read() {
    let World { middle, alice, .. } = world();
    let data = "1.2.840.113549.1.7.1";
    let in_segments = |tag: u8, bytes: &[u8]| {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let second = indefinite(0x24, &testkit::der::element(4, second));
        indefinite(tag, &[testkit::der::element(4, first), second].concat())
    };
    let content = |bags: &[Vec<u8>]| {
        let bags = in_segments(0x24, &indefinite(0x30, &bags.concat()));
        indefinite(0x30, &[oid(data), indefinite(0xa0, &bags)].concat())
    };
    let derivation = Derivation::Pbkdf2(1);
    let contents = [
        content(&[key_bag(&alice, b"1"), certificate(&middle, b"")]),
        encrypted(&[certificate(&alice, b"1")], &derivation, "secret"),
    ];
    let safe = in_segments(0x24, &indefinite(0x30, &contents.concat()));
    let safe = indefinite(0x30, &[oid(data), indefinite(0xa0, &safe)].concat());
    let file = indefinite(0x30, &[integer(3), safe].concat());
    assert_eq!(credentials(&file, "secret"), [["alice", "middle"]]);
}
