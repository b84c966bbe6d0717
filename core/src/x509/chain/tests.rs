// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use testkit::chains::{identified, issued_by, party};

#[test]
fn the_leaf_is_found_in_any_order_of_the_file() {
    let (root, outer, inner, user) = (party("root"), party("outer"), party("inner"), party("u"));
    let r = issued_by(&root, &root);
    let o = issued_by(&outer, &root);
    let i = issued_by(&inner, &outer);
    let u = issued_by(&user, &inner);
    for order in [[&u, &i, &o, &r], [&r, &o, &i, &u], [&i, &u, &r, &o], [&o, &r, &u, &i]] {
        let names: Vec<IssuerAndSubject<'_>> =
            order.iter().map(|x| IssuerAndSubject::of(x)).collect();
        assert!(*order[leaf_position(&names).unwrap()] == u);
    }
}

#[test]
fn the_first_certificate_is_the_leaf_unless_it_issued_another() {
    let (root, a, b) = (party("root"), party("a"), party("b"));
    let (first, second) = (issued_by(&a, &root), issued_by(&b, &root));
    let own = issued_by(&root, &root);
    let position = |file: &[&X509]| {
        let names: Vec<IssuerAndSubject<'_>> =
            file.iter().map(|x| IssuerAndSubject::of(x)).collect();
        leaf_position(&names).unwrap()
    };
    assert_eq!(position(&[&first, &second]), 0);
    assert_eq!(position(&[&own]), 0);
    assert_eq!(position(&[&own, &first]), 1);
    assert_eq!(position(&[]), 0);
}

#[test]
fn a_ca_certificate_that_was_signed_with_the_previous_key_of_the_ca_is_not_a_root() {
    let (old, new) = (party("CA"), party("CA"));
    let first = identified(&old, &old, &issued_by(&old, &old));
    let root = identified(&old, &old, &first);
    let rollover = identified(&new, &old, &root);
    assert!(is_root(&first).unwrap(), "it has no authority key identifier");
    assert!(is_root(&root).unwrap());
    assert!(!is_root(&rollover).unwrap());
}
