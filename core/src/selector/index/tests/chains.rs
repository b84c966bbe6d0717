// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the chain that is found for a leaf.

use super::super::*;
use crate::choice::{self, Class, Criteria, Policy, Reasons, Verdicts};
use std::slice::from_ref;
use testkit::certificates::Identity;
use testkit::chains::{identified, issued_by, party, valid_for};

/// An index and its filter.
pub struct Indexed {
    pub filter: Filter,
    pub index: Index,
}

impl std::ops::Deref for Indexed {
    type Target = Index;
    fn deref(&self) -> &Index {
        &self.index
    }
}

pub fn index_of(credentials: &[(&X509, &[X509])], issuers: &[&X509]) -> Indexed {
    let (filter, index) = Index::of_all(credentials, issuers).unwrap();
    Indexed { filter, index }
}

/// Builds the index of one credential with these other certificates in its file, and these issuers.
pub fn index(leaf: &X509, own: &[X509], issuers: &[X509]) -> Indexed {
    index_of(&[(leaf, own)], &issuers.iter().collect::<Vec<_>>())
}

/// The verdict on a credential, and its chain.
pub struct Answer {
    pub verdict: Reasons,
    pub chain: Vec<X509>,
    pub is_truncated: bool,
}

/// Judges a credential for a server that names these CAs, or none. The certificates of these tests are
/// valid for 10 days from 1970-01-01.
pub fn ask_at(now: i64, index: &Indexed, at: usize, cas: &[&Identity]) -> Answer {
    let mut named = vec![false; index.filter.names().len()];
    for ca in cas {
        let name = ca.certificate.subject_name();
        if let Some(number) = index.filter.names().find_der(name, name::der(name)).unwrap() {
            named[number as usize] = true;
        }
    }
    let verdicts = judge_index(index, (!cas.is_empty()).then_some(&named[..]), now);
    let links = verdicts.chain(at).map_or(&[][..], |chain| &chain.links);
    let chain = index.certificates(links).cloned().collect();
    Answer {
        verdict: verdicts.reasons(at).unwrap(),
        chain,
        is_truncated: verdicts.is_truncated(at),
    }
}

/// Judges an index of Ed25519 certificates, for a server that accepts them.
pub fn judge_index(index: &Index, named: Option<&[bool]>, now: i64) -> Verdicts {
    let keys = index.classes().iter();
    let classes: Vec<Class> = keys.map(|of| Class { key: of.key, is_refused: false }).collect();
    let criteria = Criteria {
        count: index.candidates().len(),
        tls13: true,
        named,
        schemes: Some(&[0x0807]), // ed25519
        types: None,
        classes: &classes,
        exempt: &[],
        graph: index.graph(),
        refused: &vec![false; index.links().len()],
        user: None,
        now,
    };
    choice::judge(index.candidates(), &criteria, &Policy::default())
}

pub fn ask(index: &Indexed, cas: &[&Identity]) -> Answer {
    ask_at(0, index, 0, cas)
}

#[track_caller]
fn assert_chain(index: &Indexed, cas: &[&Identity], expected: &[&X509]) {
    let answer = ask(index, cas);
    assert!(answer.verdict.is_empty(), "{:?}", answer.verdict);
    let subjects: Vec<String> = answer.chain.iter().map(|x| name::text(x.subject_name())).collect();
    assert!(answer.chain.iter().eq(expected.iter().copied()), "{subjects:?}");
    assert!(!answer.is_truncated);
}

#[test]
fn a_chain_is_in_order_without_root_duplicates_or_unrelated_certificates() {
    let (root, outer, inner, user) = (party("root"), party("outer"), party("inner"), party("u"));
    let stranger = party("stranger");
    let r = issued_by(&root, &root);
    let o = issued_by(&outer, &root);
    let i = issued_by(&inner, &outer);
    let s = issued_by(&stranger, &root);
    let u = issued_by(&user, &inner);
    let again = X509::from_der(&i.to_der().unwrap()).unwrap();
    let index = index(&u, &[r.clone(), o.clone(), s, i.clone(), again], &[]);
    assert_chain(&index, &[], &[&i, &o]);
    assert_chain(&index, &[&root], &[&i, &o]);
    assert_chain(&index, &[&inner], &[&i, &o]);
    assert!(ask(&index, &[&stranger]).verdict.contains(Reasons::ISSUER));
}

#[test]
fn a_missing_link_ends_the_chain() {
    let (root, outer, inner, user) = (party("root"), party("outer"), party("inner"), party("u"));
    let (o, u) = (issued_by(&outer, &root), issued_by(&user, &inner));
    let index = index(&u, &[], &[o]);
    assert_chain(&index, &[&inner], &[]);
    assert_eq!(ask(&index, &[&root]).verdict, Reasons::ISSUER);
}

#[test]
fn signatures_distinguish_cas_of_the_same_name_without_key_identifiers() {
    let (root, one, other, user) = (party("root"), party("CA"), party("CA"), party("u"));
    let (wrong, right) = (issued_by(&other, &root), issued_by(&one, &root));
    let u = issued_by(&user, &one);
    assert_chain(&index(&u, &[wrong, right.clone()], &[]), &[&root], &[&right]);
}

#[test]
fn key_identifiers_distinguish_cas_of_the_same_name() {
    let (root, one, other, user) = (party("root"), party("CA"), party("CA"), party("u"));
    let r = issued_by(&root, &root);
    let root_ids = identified(&root, &root, &r);
    let (wrong, right) = (identified(&other, &root, &root_ids), identified(&one, &root, &root_ids));
    let u = identified(&user, &one, &right);
    let index = index(&u, &[wrong, right.clone()], &[]);
    assert_chain(&index, &[&root], &[&right]);
    assert_eq!(
        index.budget.verifications,
        Budget::new(1, 2).verifications,
        "no signature was verified"
    );
}

#[test]
fn a_second_certificate_for_the_issuers_key_is_found_even_without_an_identifier() {
    let (old, new, ca, user) = (party("old root"), party("new root"), party("CA"), party("u"));
    let r = issued_by(&old, &old);
    let by_old = identified(&ca, &old, &r);
    let bridge = issued_by(&ca, &new);
    let u = identified(&user, &ca, &by_old);
    let index = index(&u, &[by_old.clone(), bridge.clone()], &[]);
    assert_chain(&index, &[&old], &[&by_old]);
    assert_chain(&index, &[&new], &[&bridge]);
}

#[test]
fn a_cross_signed_chain_leads_to_the_named_ca_or_else_uses_the_leafs_own_file() {
    let (old, new, ca, user) = (party("old root"), party("new root"), party("CA"), party("u"));
    let by_old = issued_by(&ca, &old);
    let by_new = issued_by(&ca, &new);
    let u = issued_by(&user, &ca);
    for (own, other) in [(&by_old, &by_new), (&by_new, &by_old)] {
        let index = index(&u, from_ref(own), from_ref(other));
        assert_chain(&index, &[], &[own]);
        assert_chain(&index, &[&ca], &[own]);
        assert_chain(&index, &[&old], &[&by_old]);
        assert_chain(&index, &[&new], &[&by_new]);
    }
    // The leaf's own file is preferred even if another chain is shorter.
    let (inner, outer) = (party("inner"), party("outer"));
    let u_below = issued_by(&user, &inner);
    let own = [issued_by(&inner, &outer), issued_by(&outer, &new)];
    let shorter = issued_by(&inner, &new);
    let index_of_both = index(&u_below, &own, &[shorter]);
    assert_chain(&index_of_both, &[], &own.each_ref());
    assert_chain(&index_of_both, &[&new], &own.each_ref());
    // The other certificate is in the file of another credential, which comes first in the list.
    let stranger = issued_by(&party("v"), &party("w"));
    let others = [by_old.clone()];
    let index = index_of(&[(&stranger, &others[..]), (&u, from_ref(&by_new))], &[]);
    assert!(ask_at(0, &index, 1, &[]).chain == [by_new]);
}

#[test]
fn cas_that_certify_each_other_do_not_make_an_endless_chain() {
    let (a, b, user) = (party("a"), party("b"), party("u"));
    let a_by_b = issued_by(&a, &b);
    let b_by_a = issued_by(&b, &a);
    let u = issued_by(&user, &a);
    assert_chain(&index(&u, &[a_by_b.clone(), b_by_a.clone()], &[]), &[], &[&a_by_b, &b_by_a]);
}

#[test]
fn the_chain_to_a_named_ca_is_the_shortest_one() {
    let (root, x, y, user) = (party("root"), party("x"), party("y"), party("u"));
    let y_by_x = issued_by(&y, &x);
    let x_by_y = issued_by(&x, &y);
    let x_by_root = issued_by(&x, &root);
    let u = issued_by(&user, &x);
    let index = index(&u, &[y_by_x, x_by_y, x_by_root.clone()], &[]);
    assert_chain(&index, &[&root], &[&x_by_root]);
}

#[test]
fn a_renewed_intermediate_combines_with_each_of_its_cross_signed_issuers() {
    let (inner, outer, user) = (party("inner"), party("outer"), party("u"));
    let expired = valid_for(1, &inner, &outer);
    let renewed = issued_by(&inner, &outer);
    let roots: Vec<Identity> = (0..3).map(|i| party(&format!("root {i}"))).collect();
    let bridges: Vec<X509> = roots.iter().map(|root| issued_by(&outer, root)).collect();
    let u = issued_by(&user, &inner);
    let own = [&[expired.clone(), renewed.clone()][..], &bridges].concat();
    let index = index(&u, &own, &[]);
    for (root, bridge) in roots.iter().zip(&bridges) {
        let answer = ask_at(2 * 86_400, &index, 0, &[root]);
        assert!(answer.verdict.is_empty(), "{:?}", answer.verdict);
        assert!(answer.chain == [renewed.clone(), bridge.clone()]);
    }
}

#[test]
fn a_credential_is_valid_until_the_last_of_its_chains_expires() {
    let (root, inner, outer) = (party("root"), party("inner"), party("outer"));
    let u = valid_for(100, &party("u"), &inner);
    let end = |own: &[X509]| index(&u, own, &[]).candidates()[0].chain_not_after / 86_400;
    let short = valid_for(20, &inner, &outer);
    let long = valid_for(70, &inner, &outer);
    let top = valid_for(50, &outer, &root);
    assert_eq!(end(&[]), 100);
    assert_eq!(end(from_ref(&short)), 20);
    assert_eq!(end(&[short.clone(), long.clone()]), 70);
    assert_eq!(end(&[short.clone(), long, top.clone()]), 50);
    assert_eq!(end(&[short, top, valid_for(60, &inner, &root)]), 60);
    // CAs that certify each other have no root.
    assert_eq!(end(&[valid_for(30, &inner, &outer), valid_for(40, &outer, &inner)]), 30);
}

#[test]
fn a_chain_ends_at_openssls_verification_depth_and_is_reported_as_truncated() {
    let mut below = party("CA 0");
    let mut all = Vec::new();
    for i in 1..2_000 {
        let next = party(&format!("CA {i}"));
        all.push(issued_by(&below, &next));
        below = next;
    }
    let leaf = all.remove(0);
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    let walk = move || {
        let index = index(&leaf, &[], &all);
        (ask(&index, &[]), index.links().len())
    };
    let (answer, links) = thread.spawn(walk).unwrap().join().unwrap();
    assert_eq!(answer.chain.len(), choice::MAX_DEPTH);
    assert_eq!(links, choice::MAX_DEPTH, "the search for issuers stops there, too");
    assert!(answer.is_truncated);
}
