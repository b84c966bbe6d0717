// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use crate::hash;
use crate::x509::der::split_first;
use crate::x509::fingerprint::{ending, last_value, short_last_value};
use openssl::x509::X509Name;
use testkit::der::{BMP, CN, O, PRINTABLE, T61, UTF8, attribute, common_name, element, name as dn};

const IA5: u8 = 0x16;
const VISIBLE: u8 = 0x1a;
const UNIVERSAL: u8 = 0x1c;

fn wide(text: &str, bytes: usize) -> Vec<u8> {
    text.chars().flat_map(|c| (c as u32).to_be_bytes()[4 - bytes..].to_vec()).collect()
}

/// Returns several encodings of several names. X509_NAME_cmp decides which are equal.
fn specimens() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for text in ["Root CA 1", "root ca 1", "  ROOT   CA\t1 ", "rootca1", "Root CA 2", "", " "] {
        for tag in [UTF8, PRINTABLE, T61, IA5] {
            all.push(common_name(tag, text.as_bytes()));
        }
        all.push(common_name(BMP, &wide(text, 2)));
        all.push(common_name(UNIVERSAL, &wide(text, 4)));
    }
    for text in ["Zoë Łódź", "ZOË ŁÓDŹ", "zoë łódź"] {
        all.push(common_name(UTF8, text.as_bytes()));
        all.push(common_name(BMP, &wide(text, 2)));
        all.push(common_name(UNIVERSAL, &wide(text, 4)));
    }
    for tag in [T61, PRINTABLE, IA5, VISIBLE] {
        all.push(common_name(tag, b"Zo\xeb"));
    }
    for text in ["Łódź", "Łodź", "東京", "東京 2", "\u{1f511}"] {
        all.push(common_name(UTF8, text.as_bytes()));
        all.push(common_name(UNIVERSAL, &wide(text, 4)));
    }
    all.push(common_name(UTF8, "Zoë".as_bytes()));
    // A NumericString is compared without changes.
    all.push(common_name(0x12, b"12 3"));
    all.push(common_name(0x12, b"12  3"));
    all.push(common_name(UTF8, b"12 3"));
    all.push(dn(&[]));
    let (a, b) = (attribute(O, UTF8, b"Acme"), attribute(CN, PRINTABLE, b"CA"));
    all.push(dn(&[std::slice::from_ref(&a), std::slice::from_ref(&b)]));
    all.push(dn(&[std::slice::from_ref(&b), std::slice::from_ref(&a)]));
    all.push(dn(&[&[a.clone(), b.clone()]]));
    all.push(dn(&[&[b, a]]));
    all.push(common_name(UTF8, "x".repeat(300).as_bytes()));
    all.push(common_name(PRINTABLE, "X".repeat(300).as_bytes()));
    all
}

#[test]
fn names_that_openssl_finds_equal_have_the_same_fingerprint() {
    let all: Vec<(Vec<u8>, X509Name)> = specimens()
        .into_iter()
        .filter_map(|der| X509Name::from_der(&der).ok().map(|name| (der, name)))
        .collect();
    assert!(all.len() > 40, "OpenSSL reads most of them: {}", all.len());
    let (mut equal_pairs, mut different_pairs) = (0, 0);
    for (der_a, a) in &all {
        assert_eq!(der(a), der_a, "the encoding is unchanged");
        for (der_b, b) in &all {
            let same = fingerprint(der_a).unwrap() == fingerprint(der_b).unwrap();
            if equal(a, b) {
                assert!(same, "{} and {}", text(a), text(b));
                assert_eq!(ending(der_a), ending(der_b));
                assert!(der_a != der_b || hash::bytes(der_a) == hash::bytes(der_b));
                equal_pairs += usize::from(der_a != der_b);
            } else {
                different_pairs += usize::from(!same);
            }
        }
    }
    assert!(equal_pairs > 50, "pairs of equal names: {equal_pairs}");
    assert!(different_pairs > 500, "pairs with different fingerprints: {different_pairs}");
    for (der, _) in &all {
        let short = short_last_value(der);
        assert!(short.is_none() || short == last_value(der), "{der:02x?}");
    }
    let ending = |text: &str| ending(&common_name(UTF8, text.as_bytes()));
    assert_ne!(ending("An example CA 1"), ending("An example CA 2"));
    let print = |text: &str| fingerprint(&common_name(UTF8, text.as_bytes()));
    assert_ne!(print("東京"), print("京都"), "without ASCII letters");
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
    assert_eq!((fingerprint(&with_empty), ending(&with_empty)), (None, None));
    let in_parts = attribute(CN, 0x2c, &element(UTF8, b"a"));
    assert_eq!(fingerprint(&dn(&[&[in_parts]])), None);
}

#[test]
fn names_are_printed_in_order_without_control_characters() {
    let shown = |der: Vec<u8>| text(&X509Name::from_der(&der).unwrap());
    let name = dn(&[&[attribute(O, UTF8, b"Acme, Inc.")], &[attribute(CN, UTF8, b"CA 1")]]);
    assert_eq!(shown(name), r"O=Acme\, Inc., CN=CA 1");
    assert_eq!(shown(common_name(UTF8, "Łódź".as_bytes())), "CN=Łódź");
    let escaped = shown(common_name(UTF8, "a\n\x1b[31mb\u{9b}1m\0c".as_bytes()));
    assert!(!escaped.chars().any(char::is_control), "{escaped:?}");
    assert_eq!(shown(dn(&[])), "(an empty name)");
    let long = shown(common_name(UTF8, "y".repeat(5000).as_bytes()));
    assert!(long.len() < 600 && long.ends_with("..."), "{}", long.len());
}

#[test]
fn consecutive_names_are_split() {
    let (a, b) = (common_name(UTF8, b"a"), common_name(UTF8, b"b"));
    let both = [a.clone(), b.clone()].concat();
    let (first, rest) = split_first(&both).unwrap();
    assert_eq!((first, rest), (&a[..], &b[..]));
    assert_eq!(split_first(&both[..3]), None);
    assert_eq!(split_first(b""), None);
}
