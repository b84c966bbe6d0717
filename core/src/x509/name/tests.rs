// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use crate::hash;
use crate::x509::der::split_first_element;
use crate::x509::fingerprint::{last_value, short_last_value, suffix_hash};
use openssl::x509::X509Name;

const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const T61: u8 = 0x14;
const IA5: u8 = 0x16;
const VISIBLE: u8 = 0x1a;
const UNIVERSAL: u8 = 0x1c;
const BMP: u8 = 0x1e;
const CN: &[u8] = &[0x55, 4, 3];
const O: &[u8] = &[0x55, 4, 10];

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        n @ 0..=0x7f => out.push(n as u8),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend_from_slice(content);
    out
}

fn attribute(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[tlv(6, oid), tlv(tag, value)].concat())
}

/// A name of sets of attributes.
fn dn(sets: &[&[Vec<u8>]]) -> Vec<u8> {
    let sets: Vec<u8> = sets.iter().flat_map(|s| tlv(0x31, &s.concat())).collect();
    tlv(0x30, &sets)
}

fn cn(tag: u8, value: &[u8]) -> Vec<u8> {
    dn(&[&[attribute(CN, tag, value)]])
}

fn wide(text: &str, bytes: usize) -> Vec<u8> {
    text.chars().flat_map(|c| (c as u32).to_be_bytes()[4 - bytes..].to_vec()).collect()
}

/// Several encodings of several names; X509_NAME_cmp says which are equal.
fn specimens() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for text in ["Root CA 1", "root ca 1", "  ROOT   CA\t1 ", "rootca1", "Root CA 2", "", " "] {
        for tag in [UTF8, PRINTABLE, T61, IA5] {
            all.push(cn(tag, text.as_bytes()));
        }
        all.push(cn(BMP, &wide(text, 2)));
        all.push(cn(UNIVERSAL, &wide(text, 4)));
    }
    for text in ["Zoë Łódź", "ZOË ŁÓDŹ", "zoë łódź"] {
        all.push(cn(UTF8, text.as_bytes()));
        all.push(cn(BMP, &wide(text, 2)));
        all.push(cn(UNIVERSAL, &wide(text, 4)));
    }
    for tag in [T61, PRINTABLE, IA5, VISIBLE] {
        all.push(cn(tag, b"Zo\xeb"));
    }
    for text in ["Łódź", "Łodź", "東京", "東京 2", "\u{1f511}"] {
        all.push(cn(UTF8, text.as_bytes()));
        all.push(cn(UNIVERSAL, &wide(text, 4)));
    }
    all.push(cn(UTF8, "Zoë".as_bytes()));
    // OpenSSL compares a NumericString byte by byte.
    all.push(cn(0x12, b"12 3"));
    all.push(cn(0x12, b"12  3"));
    all.push(cn(UTF8, b"12 3"));
    all.push(dn(&[]));
    let (a, b) = (attribute(O, UTF8, b"Acme"), attribute(CN, PRINTABLE, b"CA"));
    all.push(dn(&[std::slice::from_ref(&a), std::slice::from_ref(&b)]));
    all.push(dn(&[std::slice::from_ref(&b), std::slice::from_ref(&a)]));
    all.push(dn(&[&[a.clone(), b.clone()]]));
    all.push(dn(&[&[b, a]]));
    all.push(cn(UTF8, "x".repeat(300).as_bytes()));
    all.push(cn(PRINTABLE, "X".repeat(300).as_bytes()));
    all
}

#[test]
fn names_that_openssl_finds_equal_have_the_same_fingerprint() {
    let all: Vec<(Vec<u8>, X509Name)> = specimens()
        .into_iter()
        .filter_map(|der| X509Name::from_der(&der).ok().map(|name| (der, name)))
        .collect();
    assert!(all.len() > 40, "OpenSSL reads most of them: {}", all.len());
    let (mut equal_pairs, mut told_apart) = (0, 0);
    for (der_a, a) in &all {
        assert_eq!(der(a), der_a, "the bytes as they came");
        for (der_b, b) in &all {
            let same = fingerprint(der_a).unwrap() == fingerprint(der_b).unwrap();
            if equal(a, b) {
                assert!(same, "{} and {}", text(a), text(b));
                assert_eq!(suffix_hash(der_a), suffix_hash(der_b));
                assert!(der_a != der_b || hash::bytes(der_a) == hash::bytes(der_b));
                equal_pairs += usize::from(der_a != der_b);
            } else {
                told_apart += usize::from(!same);
            }
        }
    }
    assert!(equal_pairs > 50, "the table has equal names: {equal_pairs}");
    assert!(told_apart > 500, "the fingerprint distinguishes few names: {told_apart}");
    for (der, _) in &all {
        let short = short_last_value(der);
        assert!(short.is_none() || short == last_value(der), "{der:02x?}");
    }
    let suffix_hash = |text: &str| suffix_hash(&cn(UTF8, text.as_bytes()));
    assert_ne!(suffix_hash("An example CA 1"), suffix_hash("An example CA 2"));
    let print = |text: &str| fingerprint(&cn(UTF8, text.as_bytes()));
    assert_ne!(print("東京"), print("京都"), "also those without a letter of ASCII");
}

#[test]
fn an_encoding_that_is_not_der_has_no_fingerprint() {
    for odd in [
        &b""[..],
        &[0x30],
        &[0x30, 0x80, 0, 0],
        &[0x30, 0x02, 0x31],
        &[0x31, 0],
        &[0x30, 0, 0],
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        &[0x3f, 0x81, 0],
    ] {
        assert_eq!(fingerprint(odd), None, "{odd:?}");
    }
    // X509_NAME_cmp ignores an empty set.
    let a = attribute(CN, UTF8, b"a");
    let with_empty = dn(&[std::slice::from_ref(&a), &[]]);
    let without = dn(&[std::slice::from_ref(&a)]);
    if let (Some(x), Some(y)) = (decode(&with_empty), decode(&without)) {
        assert!(equal(&x, &y));
    }
    assert_eq!((fingerprint(&with_empty), suffix_hash(&with_empty)), (None, None));
    let in_parts = attribute(CN, 0x2c, &tlv(UTF8, b"a"));
    assert_eq!(fingerprint(&dn(&[&[in_parts]])), None);
}

#[test]
fn a_name_is_printed_in_the_certificates_order_without_control_characters() {
    let shown = |der: Vec<u8>| text(&X509Name::from_der(&der).unwrap());
    let name = dn(&[&[attribute(O, UTF8, b"Acme, Inc.")], &[attribute(CN, UTF8, b"CA 1")]]);
    assert_eq!(shown(name), r"O=Acme\, Inc., CN=CA 1");
    assert_eq!(shown(cn(UTF8, "Łódź".as_bytes())), "CN=Łódź");
    let steering = shown(cn(UTF8, "a\n\x1b[31mb\u{9b}1m\0c".as_bytes()));
    assert!(!steering.chars().any(char::is_control), "{steering:?}");
    assert_eq!(shown(dn(&[])), "(an empty name)");
    let long = shown(cn(UTF8, "y".repeat(5000).as_bytes()));
    assert!(long.len() < 600 && long.ends_with("..."), "{}", long.len());
}

#[test]
fn a_sequence_of_names_is_split_into_elements() {
    let (a, b) = (cn(UTF8, b"a"), cn(UTF8, b"b"));
    let both = [a.clone(), b.clone()].concat();
    let (first, rest) = split_first_element(&both).unwrap();
    assert_eq!((first, rest), (&a[..], &b[..]));
    assert_eq!(split_first_element(&both[..3]), None);
    assert_eq!(split_first_element(b""), None);
}
