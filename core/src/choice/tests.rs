// SPDX-License-Identifier: MIT OR Apache-2.0

use super::algorithms::{fits_scheme, fits_type};
use super::*;
use std::sync::LazyLock;

const NOW: i64 = 1_000_000;

fn candidate(issuer: u32) -> Candidate {
    Candidate {
        issuer,
        class: 0,
        not_before: NOW - 100,
        not_after: NOW + 100,
        start: NO_START,
        chain_not_after: NOW + 100,
        usage_reasons: Reasons::default(),
        common_name: None,
    }
}

/// Returns a link with these issuers.
fn link(issuer: u32, above: &[u32]) -> Link {
    let (not_before, not_after) = (NOW - 100, NOW + 100);
    Link { issuer, not_before, not_after, issuers: above.into(), is_truncated: false }
}

/// Returns a graph with one start.
fn graph(above: &[u32], links: &[Link]) -> Graph {
    Graph::new(links.to_vec(), vec![Start { issuers: above.into(), ..Start::default() }])
}

fn named(name: &str) -> Option<Box<[u8]>> {
    Some(name.as_bytes().into())
}

const RSA: Class = Class { key: KeyType::Rsa(2048), is_refused: false };

fn criteria<'a>(named: Option<&'a [bool]>, classes: &'a [Class]) -> Criteria<'a> {
    static NOTHING_ABOVE: LazyLock<Graph> = LazyLock::new(Graph::default);
    Criteria {
        count: 2,
        tls13: true,
        named,
        schemes: None,
        types: None,
        classes,
        exempt: &[],
        graph: &NOTHING_ABOVE,
        refused: &[],
        user: None,
        now: NOW,
    }
}

fn pick(candidates: &[Candidate], criteria: &Criteria<'_>, policy: &Policy) -> Option<usize> {
    judge(candidates, criteria, policy).best(candidates, criteria.user, policy)
}

fn verdicts(candidates: &[Candidate], criteria: &Criteria<'_>, policy: &Policy) -> Vec<Reasons> {
    judge(candidates, criteria, policy).all().collect()
}

/// Returns the links of the chain of the first candidate.
fn chain(candidates: &[Candidate], criteria: &Criteria<'_>, policy: &Policy) -> Vec<u32> {
    judge(candidates, criteria, policy).chain(0).unwrap().links.clone()
}

#[test]
fn the_first_credential_whose_issuer_is_named_is_chosen() {
    let all = [candidate(0), candidate(1), candidate(2), candidate(1)];
    let policy = Policy::default();
    let pick = |flags: &[bool]| pick(&all, &criteria(Some(flags), &[RSA]), &policy);
    assert_eq!(pick(&[false, true, false]), Some(1));
    assert_eq!(pick(&[false, true, true]), Some(1));
    assert_eq!(pick(&[false, false, true]), Some(2));
    assert_eq!(pick(&[false, false, false]), None);
    assert_eq!(pick(&[]), None, "a number beyond the flags is not named");
}

#[test]
fn any_certificate_of_the_chain_may_be_issued_by_a_named_ca() {
    let mut long = candidate(0);
    long.start = 0;
    let graph = graph(&[0], &[link(5, &[1]), link(2, &[])]);
    let named = [false, false, true];
    let ask = Criteria { graph: &graph, refused: &[false; 2], ..criteria(Some(&named), &[RSA]) };
    assert_eq!(pick(&[long], &ask, &Policy::default()), Some(0));
}

#[test]
fn all_reasons_against_a_credential_are_collected() {
    let mut bad = candidate(0);
    bad.not_after = NOW - 1;
    bad.not_before = NOW + 1;
    bad.usage_reasons = Reasons(Reasons::KEY_USAGE.0 | Reasons::EXTENDED_KEY_USAGE.0);
    let classes = [Class { key: KeyType::Ed25519, is_refused: true }];
    let criteria = Criteria {
        tls13: false,
        schemes: Some(&[0x0401]),
        types: Some(&[1]),
        ..criteria(Some(&[false]), &classes)
    };
    let verdict = verdicts(&[bad], &criteria, &Policy::default())[0];
    assert_eq!(verdict, Reasons(0x1 | 0x2 | 0x4 | 0x8 | 0x100 | 0x200 | 0x400 | 0x800));
}

#[test]
fn without_ca_names_every_credential_suits_unless_the_policy_excludes_it() {
    let all = [candidate(0), candidate(1)];
    for (empty_ca_list, of_one, of_two) in [
        (EmptyCaList::Accept, Some(0), Some(0)),
        (EmptyCaList::Sole, Some(0), None),
        (EmptyCaList::SendNone, None, None),
    ] {
        let policy = Policy { empty_ca_list, ..Policy::default() };
        let sole = Criteria { count: 1, ..criteria(None, &[RSA]) };
        assert_eq!(pick(&all[..1], &sole, &policy), of_one);
        let one_of_two = pick(&all[..1], &criteria(None, &[RSA]), &policy);
        assert_eq!(one_of_two, of_two, "one of two credentials was judged");
        assert_eq!(pick(&all, &criteria(None, &[RSA]), &policy), of_two);
        let named = criteria(Some(&[true, true]), &[RSA]);
        assert_eq!(
            pick(&all, &named, &policy),
            Some(0),
            "the policy applies only without CA names"
        );
    }
}

#[test]
fn a_soft_reason_demotes_a_credential_and_does_not_exclude_it() {
    for flaw in
        [Reasons::EXPIRED, Reasons::NOT_YET_VALID, Reasons::KEY_USAGE, Reasons::EXTENDED_KEY_USAGE]
    {
        let mut flawed = candidate(0);
        match flaw {
            Reasons::EXPIRED => flawed.not_after = NOW - 1,
            Reasons::NOT_YET_VALID => flawed.not_before = NOW + 1,
            usage => flawed.usage_reasons = usage,
        }
        let all = [flawed, candidate(0)];
        let criteria = criteria(Some(&[true]), &[RSA]);
        let demote = Policy::default();
        assert_eq!(verdicts(&all, &criteria, &demote)[0], flaw);
        assert_eq!(pick(&all, &criteria, &demote), Some(1));
        assert_eq!(pick(&all[..1], &criteria, &demote), Some(0), "better than none");
        let exclude = Policy { flawed: Flawed::Exclude, ..demote };
        assert_eq!(pick(&all[..1], &criteria, &exclude), None);
    }
}

#[test]
fn the_validity_includes_its_first_and_last_second() {
    let mut edge = candidate(0);
    edge.not_before = NOW;
    edge.not_after = NOW;
    let criteria = criteria(None, &[RSA]);
    assert!(verdicts(&[edge], &criteria, &Policy::default())[0].is_empty());
}

#[test]
fn a_matching_user_name_outranks_the_order_but_not_a_soft_reason() {
    let mut all = [candidate(0), candidate(0), candidate(0)];
    all[1].common_name = named("alice");
    all[2].common_name = named("bob");
    let policy = Policy::default();
    let pick = |all: &[Candidate], user: Option<&str>| {
        let criteria = Criteria { user: user.map(str::as_bytes), ..criteria(None, &[RSA]) };
        pick(all, &criteria, &policy)
    };
    assert_eq!(pick(&all, None), Some(0), "no user, no preference");
    assert_eq!(pick(&all, Some("alice")), Some(1));
    assert_eq!(pick(&all, Some("bob")), Some(2));
    assert_eq!(pick(&all, Some("Bob")), Some(0), "the case matters, as in PostgreSQL");
    assert_eq!(pick(&all, Some("")), Some(0));
    all[2].not_after = NOW - 1;
    assert_eq!(pick(&all, Some("bob")), Some(0));
}

#[test]
fn a_set_without_an_order_prefers_the_longest_validity() {
    let mut all = [candidate(0), candidate(0), candidate(0)];
    all[1].chain_not_after = NOW + 200;
    all[2].chain_not_after = NOW + 200;
    let criteria = criteria(None, &[RSA]);
    let policy = Policy { order: Order::LongestValid, ..Policy::default() };
    assert_eq!(pick(&all, &criteria, &policy), Some(1));
    assert_eq!(pick(&all, &criteria, &Policy::default()), Some(0));
}

#[test]
fn keys_fit_signature_schemes_by_protocol_curve_and_size() {
    use Curve::{BrainpoolP256r1, BrainpoolP384r1, BrainpoolP512r1, P256, P384, P521};
    use KeyType::*;
    // scheme, key, fits in TLS 1.2, fits in TLS 1.3
    let table = [
        (0x0401, Rsa(2048), true, false),
        (0x0201, Rsa(2048), true, false),
        (0x0601, RsaPss { bits: 2048, hash: PssHash::Any, salt: 20 }, false, false),
        (0x0804, Rsa(2048), true, true),
        (0x0804, Rsa(528), true, true),
        (0x0804, Rsa(520), false, false),
        (0x0805, Rsa(784), true, true),
        (0x0805, Rsa(776), false, false),
        (0x0806, Rsa(1040), true, true),
        (0x0806, Rsa(1024), false, false),
        (0x0804, RsaPss { bits: 2048, hash: PssHash::Any, salt: 20 }, false, false),
        (0x0809, RsaPss { bits: 2048, hash: PssHash::Any, salt: 20 }, true, true),
        (0x0809, RsaPss { bits: 2048, hash: PssHash::Sha256, salt: 20 }, true, true),
        (0x080a, RsaPss { bits: 2048, hash: PssHash::Sha256, salt: 20 }, false, false),
        (0x080a, RsaPss { bits: 2048, hash: PssHash::Sha384, salt: 20 }, true, true),
        (0x080b, RsaPss { bits: 2048, hash: PssHash::Sha512, salt: 20 }, true, true),
        (0x080b, RsaPss { bits: 1024, hash: PssHash::Any, salt: 20 }, false, false),
        (0x0809, RsaPss { bits: 2048, hash: PssHash::Other, salt: 20 }, false, false),
        (0x0809, Rsa(2048), false, false),
        (0x0809, RsaPss { bits: 2048, hash: PssHash::Any, salt: 33 }, false, false),
        (0x080a, RsaPss { bits: 2048, hash: PssHash::Any, salt: 33 }, true, true),
        (0x0403, Ec(P256), true, true),
        (0x0403, Ec(P384), true, false),
        (0x0503, Ec(P384), true, true),
        (0x0603, Ec(P521), true, true),
        (0x0603, Ec(P256), true, false),
        (0x0203, Ec(P256), true, false),
        (0x0303, Ec(Curve::Other), true, false),
        (0x081a, Ec(BrainpoolP256r1), false, true),
        (0x081b, Ec(BrainpoolP384r1), false, true),
        (0x081c, Ec(BrainpoolP512r1), false, true),
        (0x081a, Ec(P256), false, false),
        (0x0807, Ed25519, true, true),
        (0x0808, Ed448, true, true),
        (0x0807, Ed448, false, false),
        (0x0402, Dsa, true, false),
        (0x0904, MlDsa44, false, true),
        (0x0905, MlDsa65, false, true),
        (0x0906, MlDsa87, false, true),
        (0x0904, MlDsa65, false, false),
        (0xeeee, KeyType::Other, true, true),
        (0x0401, KeyType::Other, false, false),
        (0xeeee, Rsa(2048), false, false),
    ];
    for (scheme, key, on12, on13) in table {
        assert_eq!(fits_scheme(key, scheme, false), on12, "{scheme:#06x} {key:?} TLS 1.2");
        assert_eq!(fits_scheme(key, scheme, true), on13, "{scheme:#06x} {key:?} TLS 1.3");
    }
}

#[test]
fn keys_fit_certificate_types() {
    let p256 = KeyType::Ec(Curve::P256);
    let table = [
        (1, KeyType::Rsa(2048), true),
        (1, KeyType::RsaPss { bits: 2048, hash: PssHash::Any, salt: 20 }, true),
        (1, p256, false),
        (2, KeyType::Dsa, true),
        (64, p256, true),
        (64, KeyType::Ed25519, true),
        (64, KeyType::Ed448, true),
        (64, KeyType::Rsa(2048), false),
        (3, KeyType::Rsa(2048), false),
        (66, p256, false),
        (22, KeyType::Other, true),
        (1, KeyType::Other, false),
    ];
    for (kind, key, expected) in table {
        assert_eq!(fits_type(key, kind), expected, "{kind} {key:?}");
    }
}

#[test]
fn one_fitting_scheme_or_type_is_enough_and_an_empty_list_fits_no_key() {
    let classes = [Class { key: KeyType::Ed25519, is_refused: false }];
    let policy = Policy::default();
    let verdict = |schemes, types| {
        let criteria = Criteria { schemes, types, ..criteria(None, &classes) };
        verdicts(&[candidate(0)], &criteria, &policy)[0]
    };
    assert!(verdict(Some(&[0x0804, 0x0807][..]), None).is_empty());
    assert_eq!(verdict(Some(&[][..]), None), Reasons::SIGNATURE_ALGORITHM);
    assert!(verdict(Some(&[0x0807]), Some(&[1, 64][..])).is_empty());
    assert_eq!(verdict(Some(&[0x0807]), Some(&[1][..])), Reasons::CERTIFICATE_TYPE);
    assert_eq!(verdict(None, None), Reasons::SIGNATURE_ALGORITHM, "TLS 1.1 has no Ed25519");
}

#[test]
fn a_candidate_whose_class_is_unknown_is_not_sent() {
    let mut stray = candidate(0);
    stray.class = 7;
    assert_eq!(pick(&[stray], &criteria(None, &[RSA]), &Policy::default()), None);
}

#[test]
fn the_best_of_several_chains_is_judged_and_sent() {
    let mut two = candidate(0);
    two.start = 0;
    let all = [two];
    let policy = Policy::default();
    let mut renewed = link(0, &[]);
    renewed.not_before = NOW + 1;
    let above = graph(&[0, 1], &[renewed.clone(), link(0, &[])]);
    let ask = criteria(Some(&[true, true]), &[RSA]);
    let ask = Criteria { graph: &above, refused: &[false; 2], ..ask };
    assert!(verdicts(&all, &ask, &policy)[0].is_empty(), "the other chain is valid");
    assert_eq!(chain(&all, &ask, &policy), [1]);

    // A chain to the named CA is preferred, although the other chain is valid.
    renewed.issuer = 1;
    let above = graph(&[0, 1], &[link(0, &[]), renewed]);
    let ask = Criteria { named: Some(&[false, true]), graph: &above, ..ask };
    assert_eq!(verdicts(&all, &ask, &policy)[0], Reasons::NOT_YET_VALID);
    assert_eq!(chain(&all, &ask, &policy), [1]);

    // If the security level refuses that chain, no suitable one is left.
    let ask = Criteria { refused: &[false, true], ..ask };
    let refused = Reasons(Reasons::NOT_YET_VALID.0 | Reasons::SECURITY_LEVEL.0);
    assert_eq!(verdicts(&all, &ask, &policy)[0], refused);
}

#[test]
fn a_very_long_search_stops_and_is_reported_as_truncated() {
    // All CAs certify each other. Only the issuer of the last one is named.
    const COUNT: u32 = 1_200;
    let everyone: Vec<u32> = (0..COUNT).collect();
    let mut links: Vec<Link> = (0..COUNT).map(|_| link(0, &everyone)).collect();
    links.push(link(1, &[]));
    links[COUNT as usize - 1].issuers = [COUNT].into();
    let refused = vec![false; links.len()];
    let deep: Vec<u32> = (0..COUNT - 1).collect();
    links.iter_mut().take(COUNT as usize - 2).for_each(|link| link.issuers = deep.clone().into());
    let above = graph(&[0], &links);
    let mut leaf = candidate(0);
    leaf.start = 0;
    let all = [leaf, candidate(1)];
    let ask = criteria(Some(&[false, true]), &[RSA]);
    let ask = Criteria { graph: &above, refused: &refused, ..ask };
    let policy = Policy::default();
    assert_eq!(verdicts(&all, &ask, &policy), [Reasons::ISSUER, Reasons::default()]);
    let verdicts = judge(&all, &ask, &policy);
    assert!(verdicts.is_truncated(0) && !verdicts.is_truncated(1));
}

#[test]
fn a_leaf_that_the_security_callback_accepts_is_exempt_from_the_refusal_of_its_class() {
    let classes = [Class { is_refused: true, ..RSA }];
    let all = [candidate(0), candidate(0)];
    let ask = Criteria { exempt: &[1], ..criteria(None, &classes) };
    let policy = Policy::default();
    assert_eq!(verdicts(&all, &ask, &policy), [Reasons::SECURITY_LEVEL, Reasons::default()]);
    assert_eq!(pick(&all, &ask, &policy), Some(1));
}
