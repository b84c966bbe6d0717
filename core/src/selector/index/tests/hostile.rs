// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of files that are crafted to cause much work. They count the signatures that were verified and the
//! pairs of certificates that were compared.

use super::super::*;
use super::chains::{Indexed, ask, ask_at, index, index_of};
use crate::choice::Reasons;
use crate::x509::chain;
use testkit::certificates::Identity;
use testkit::chains::{identified, issued_by, party};

/// Returns the number of signatures that were verified, and of pairs that were compared.
fn spent(index: &Indexed) -> (usize, usize) {
    let all = Budget::new(index.filter.count(), index.filter.ca_count());
    let Budget { verifications, comparisons } = index.budget;
    (all.verifications - verifications, all.comparisons - comparisons)
}

fn parties(count: usize, name: impl Fn(usize) -> String) -> Vec<Identity> {
    (0..count).map(|i| party(&name(i))).collect()
}

#[test]
fn two_names_that_issue_each_other_take_one_verification_for_each_certificate() {
    let (a, b, user) = (party("a"), party("b"), party("u"));
    for count in [50, 200] {
        let pairs = (0..count / 2).flat_map(|_| [issued_by(&a, &b), issued_by(&b, &a)]);
        let all: Vec<X509> = pairs.collect();
        let u = issued_by(&user, &a);
        for index in [index(&u, &all, &[]), index(&u, &[], &all)] {
            let (verifications, comparisons) = spent(&index);
            assert!(verifications <= count + 1, "{verifications} for {count}");
            assert!(comparisons <= 2 * count + 1, "{comparisons} for {count}");
            assert!(ask(&index, &[&b]).verdict.is_empty());
            assert_eq!(ask(&index, &[&user]).verdict, Reasons::ISSUER);
        }
    }
}

#[test]
fn the_number_of_keys_tried_on_a_signature_is_limited_and_reported_as_truncated() {
    let (signer, outer, user) = (party("CA"), party("outer"), party("u"));
    let others = parties(100, |_| "CA".to_owned());
    let all: Vec<X509> = others.iter().map(|ca| issued_by(ca, &outer)).collect();
    let u = issued_by(&user, &signer);
    let only_wrong = index(&u, &[], &all);
    assert_eq!(spent(&only_wrong).0, MAX_KEYS);
    let answer = ask(&only_wrong, &[&outer]);
    assert_eq!(answer.verdict, Reasons::ISSUER);
    assert!(answer.chain.is_empty() && answer.is_truncated);
    // The key in the leaf's own file is tried first.
    let right = index(&u, &[issued_by(&signer, &outer)], &all);
    assert_eq!(spent(&right).0, 1);
    let answer = ask(&right, &[&outer]);
    assert!(answer.verdict.is_empty() && !answer.is_truncated);
}

#[test]
fn a_web_of_cas_takes_one_verification_for_each_certificate() {
    let cas = parties(14, |i| format!("CA {i}"));
    let mut web = Vec::new();
    for subject in &cas {
        let others = cas.iter().filter(|ca| !std::ptr::eq(*ca, subject));
        web.extend(others.map(|issuer| issued_by(subject, issuer)));
    }
    let u = issued_by(&party("u"), &cas[0]);
    let index = index(&u, &web, &[]);
    let (verifications, comparisons) = spent(&index);
    assert!(verifications <= web.len() + 1, "{verifications}");
    assert!(comparisons <= 2 * web.len() + 1, "{comparisons}");
    for ca in &cas {
        let answer = ask(&index, &[ca]);
        assert!(answer.verdict.is_empty());
        let distinct: std::collections::HashSet<Vec<u8>> =
            answer.chain.iter().map(|x| x.to_der().unwrap()).collect();
        assert_eq!(distinct.len(), answer.chain.len(), "the chain has no duplicates");
    }
}

#[test]
fn a_path_of_keys_with_the_same_name_is_followed_by_key_identifiers_without_verification() {
    // Each key is certified by the next one, and all have the same name.
    let keys = parties(60, |_| "CA".to_owned());
    let mut above = identified(&keys[59], &keys[59], &issued_by(&keys[59], &keys[59]));
    let mut all = Vec::new();
    for pair in keys.windows(2).rev() {
        above = identified(&pair[0], &pair[1], &above);
        all.push(above.clone());
    }
    let u = identified(&party("u"), &keys[0], &above);
    let index = index(&u, &[], &all);
    let (verifications, comparisons) = spent(&index);
    assert_eq!(verifications, 0);
    assert!(comparisons <= 2 * all.len(), "{comparisons}");
    assert_eq!(ask(&index, &[&keys[0]]).chain.len(), 59);
}

#[test]
fn verifications_are_limited_in_total_and_suffice_for_each_leaf() {
    // Each certificate has many possible issuers: keys of another name that did not sign it.
    let (a, top, stranger) = (party("A"), party("top"), party("B"));
    let reached = (0..100).map(|_| issued_by(&a, &stranger));
    let wrong = parties(MAX_KEYS, |_| "B".to_owned());
    let wrong = wrong.iter().map(|key| issued_by(key, &top));
    let all: Vec<X509> = reached.chain(wrong).collect();
    let leaves: Vec<X509> = (0..3).map(|_| issued_by(&party("u"), &a)).collect();
    let mut credentials: Vec<(&X509, &[X509])> =
        leaves.iter().map(|leaf| (leaf, &[][..])).collect();
    credentials[0].1 = &all;
    let index = index_of(&credentials, &[]);
    let max = Budget::new(3, all.len()).verifications;
    assert!(max < 100 * MAX_KEYS, "the test reaches the limit");
    assert_eq!(spent(&index).0, max);
    for at in 0..3 {
        let answer = ask_at(0, &index, at, &[&stranger]);
        assert!(answer.verdict.is_empty(), "leaves are processed first: {at}");
        let answer = ask_at(0, &index, at, &[&top]);
        assert!(answer.verdict == Reasons::ISSUER && answer.is_truncated);
    }
}

#[test]
fn credentials_with_cas_of_one_name_take_one_verification_each() {
    let root = party("root");
    let cas = parties(120, |_| "CA".to_owned());
    let leaves: Vec<X509> = cas.iter().map(|ca| issued_by(&party("u"), ca)).collect();
    let above: Vec<[X509; 1]> = cas.iter().map(|ca| [issued_by(ca, &root)]).collect();
    let credentials: Vec<(&X509, &[X509])> =
        leaves.iter().zip(&above).map(|(leaf, above)| (leaf, &above[..])).collect();
    let index = index_of(&credentials, &[]);
    assert_eq!(spent(&index), (120, 120));
    for (at, above) in above.iter().enumerate() {
        assert!(ask_at(0, &index, at, &[]).chain == above);
    }
}

#[test]
fn each_of_many_cross_certificates_is_found_if_the_server_names_its_issuer() {
    let (ca, user) = (party("CA"), party("u"));
    let roots = parties(300, |i| format!("root {i}"));
    let cross: Vec<X509> = roots.iter().map(|root| issued_by(&ca, root)).collect();
    let u = issued_by(&user, &ca);
    for index in [index(&u, &cross, &[]), index(&u, &[], &cross)] {
        assert_eq!(spent(&index).0, 1);
        for at in [0, 64, 65, 199, 299] {
            let answer = ask(&index, &[&roots[at]]);
            assert!(answer.verdict.is_empty() && !answer.is_truncated);
            assert!(answer.chain == [cross[at].clone()], "{at}");
        }
    }
}

#[test]
fn a_report_tries_no_more_keys_on_a_signature_than_a_handshake() {
    let (signer, top) = (party("CA"), party("top"));
    let u = issued_by(&party("u"), &signer);
    let right = issued_by(&signer, &top);
    let wrong: Vec<X509> =
        parties(MAX_KEYS, |_| "CA".to_owned()).iter().map(|ca| issued_by(ca, &top)).collect();
    let first = |wrong: &[X509]| {
        let candidates = wrong.iter().chain([&right]);
        chain::first_issued(candidates.map(|issuer| (issuer, &u)), MAX_KEYS)
    };
    assert_eq!(first(&wrong[1..]), Some(MAX_KEYS - 1));
    assert_eq!(first(&wrong), None);
}
