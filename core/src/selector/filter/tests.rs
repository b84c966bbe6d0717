// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests that the filter excludes no credential that is suitable.

use super::*;
use crate::selector::Index;
use crate::selector::index::tests::chains::judge_index;
use openssl::x509::X509;
use testkit::certificates::Identity;
use testkit::chains::{issued_by, party};
use testkit::random::Random;

/// Returns each credential of an index with its verdict and the DER of its chain.
fn judge(filter: &Filter, index: &Index, named: &[u32]) -> Vec<(usize, u32, Vec<Vec<u8>>)> {
    let mut flags = vec![false; filter.names().len()];
    named.iter().for_each(|number| flags[*number as usize] = true);
    let verdicts = judge_index(index, Some(&flags), 0);
    let answer = |(place, credential): (usize, usize)| {
        let links = verdicts.chain(place).map_or(&[][..], |chain| &chain.links);
        let sent = index.certificates(links).map(|x| x.to_der().unwrap()).collect();
        (credential, verdicts.reasons(place).unwrap().0, sent)
    };
    index.survivors().iter().enumerate().map(answer).collect()
}

/// Builds the index of the survivors as a selector does.
fn index_of_rest(
    filter: &Filter,
    survivors: Survivors,
    credentials: &[(&X509, &[X509])],
    issuers: &[&X509],
) -> Index {
    let certificate = |origin| match origin {
        Origin::Extra { credential, position } => &credentials[credential].1[position],
        Origin::Issuer { position, .. } => issuers[position],
    };
    let above = filter.above(&survivors).into_iter();
    let above: Vec<(u32, &X509)> =
        above.map(|number| (number, certificate(filter.ca(number).unwrap().origins[0]))).collect();
    let leaves = survivors.iter().map(|at| credentials[at].0.clone()).collect();
    Index::build(filter, survivors, leaves, &above).unwrap()
}

#[test]
fn a_choice_among_the_survivors_equals_the_choice_among_all() {
    let mut random = Random::new(1);
    let (mut excluded, mut suitable) = (0, 0);
    for _ in 0..60 {
        // With few names there are cycles, roots, cross-signed CAs and several CAs with the same name.
        let names = ["A", "a", "B", "C", "D", "E", "F"];
        let cas: Vec<Identity> = (0..8).map(|_| party(names[random.below(names.len())])).collect();
        let mut any_ca = || issued_by(&cas[random.below(8)], &cas[random.below(8)]);
        let pool: Vec<X509> = (0..10).map(|_| any_ca()).collect();
        let issuers: Vec<X509> = (0..4).map(|_| any_ca()).collect();
        let leaf = |random: &mut Random| issued_by(&party("u"), &cas[random.below(8)]);
        let leaves: Vec<X509> = (0..12).map(|_| leaf(&mut random)).collect();
        let own: Vec<std::ops::Range<usize>> = leaves
            .iter()
            .map(|_| {
                let start = random.below(10);
                start..(start + random.below(4)).min(10)
            })
            .collect();
        let credentials: Vec<(&X509, &[X509])> =
            leaves.iter().zip(&own).map(|(leaf, own)| (leaf, &pool[own.clone()])).collect();
        let issuers: Vec<&X509> = issuers.iter().collect();
        let (filter, whole) = Index::of_all(&credentials, &issuers).unwrap();
        for _ in 0..6 {
            let known = filter.names().len();
            let named: Vec<u32> =
                (0..random.below(3)).map(|_| random.below(known) as u32).collect();
            let survivors = filter.survivors(Some(&named), EmptyCaList::Accept);
            let rest = index_of_rest(&filter, survivors.clone(), &credentials, &issuers);
            let of_rest = judge(&filter, &rest, &named);
            let (left, ruled_out): (Vec<_>, Vec<_>) = judge(&filter, &whole, &named)
                .into_iter()
                .partition(|(credential, ..)| survivors.position(*credential).is_some());
            assert_eq!(left, of_rest);
            assert!(ruled_out.iter().all(|(_, verdict, _)| verdict & 1 != 0), "{ruled_out:?}");
            excluded += ruled_out.len();
            suitable += of_rest.iter().filter(|(_, verdict, _)| *verdict == 0).count();
        }
    }
    assert!(excluded > 500 && suitable > 500, "{excluded} {suitable}");
}

#[test]
fn without_ca_names_the_policy_determines_the_survivors() {
    let (ca, u) = (party("CA"), party("u"));
    let leaf = issued_by(&u, &ca);
    let one = Index::of_all(&[(&leaf, &[])], &[]).unwrap().0;
    let two = Index::of_all(&[(&leaf, &[]), (&leaf, &[])], &[]).unwrap().0;
    let none = Survivors::Some(Box::default());
    assert_eq!(two.survivors(None, EmptyCaList::Accept), Survivors::All(2));
    assert_eq!(two.survivors(None, EmptyCaList::Sole), none);
    assert_eq!(one.survivors(None, EmptyCaList::Sole), Survivors::All(1));
    assert_eq!(one.survivors(None, EmptyCaList::SendNone), none);
    assert_eq!(two.survivors(Some(&[]), EmptyCaList::Accept), none, "the server named other CAs");
}
