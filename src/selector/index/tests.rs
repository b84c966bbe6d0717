// SPDX-License-Identifier: MIT OR Apache-2.0

mod chains;
mod hostile;

use super::*;
use crate::credential::outline::tests::{
    as_authority, as_client, certificate, common_name, ec_key,
};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509Builder;

const ENDS: &str = "20300101000000Z";

fn without_identifiers(_: &mut X509Builder, _: Option<&X509>) {}

struct Authority(X509, PKey<Private>);

impl Authority {
    fn new(name: &str, issuer: Option<&Authority>) -> Authority {
        let key = ec_key(Nid::X9_62_PRIME256V1);
        let issuer = issuer.map(|i| (&i.0, &i.1));
        Authority(certificate(&common_name(name), &key, issuer, ENDS, as_authority), key)
    }

    fn issue(&self, name: &str, curve: Nid, extend: fn(&mut X509Builder, Option<&X509>)) -> X509 {
        let issuer = Some((&self.0, &self.1));
        certificate(&common_name(name), &ec_key(curve), issuer, ENDS, extend)
    }
}

#[test]
fn an_index_of_outlines_is_the_index_of_the_certificates() {
    let root = Authority::new("root", None);
    let other = Authority::new("other", None);
    let middle = Authority::new("middle", Some(&root));
    // Of the same name, and below another root: one that it did not issue, and a spelling of it.
    let stranger = Authority::new("middle", Some(&other));
    let spelled = Authority::new("MIDDLE", Some(&other));
    let mut leaves = Vec::new();
    for (issuer, curve) in [
        (&root, Nid::X9_62_PRIME256V1),
        (&middle, Nid::X9_62_PRIME256V1),
        (&middle, Nid::SECP384R1),
        (&stranger, Nid::X9_62_PRIME256V1),
        (&middle, Nid::X9_62_PRIME256V1),
        (&spelled, Nid::SECP521R1),
        (&other, Nid::BRAINPOOL_P256R1),
    ] {
        leaves.push(issuer.issue("alice", curve, as_client));
        leaves.push(issuer.issue("bob", curve, without_identifiers));
    }
    let companions = [middle.0.clone(), root.0.clone()];
    let issuers = [&stranger.0, &spelled.0];

    let index = |outlined: bool| {
        let leaf = |x: &X509| match outlined {
            true => Leaf::outlined(x.to_der().unwrap()).unwrap_or_else(|| x.clone().into()),
            false => x.clone().into(),
        };
        let leaves: Vec<Leaf> = leaves.iter().map(leaf).collect();
        let credentials: Vec<(&Leaf, &[X509])> =
            leaves.iter().enumerate().map(|(i, l)| (l, &companions[..2 * (i % 2)])).collect();
        let index = Index::build(&credentials, &issuers).unwrap();
        let links: Vec<Vec<u8>> = index.links().iter().map(|(x, _)| x.to_der().unwrap()).collect();
        let strengths: Vec<Strength> = index.traits().iter().map(|of| of.strength).collect();
        let outlines = leaves.iter().filter(|l| l.outline().is_some()).count();
        let seen = format!("{:?} {:?}", index.candidates(), index.graph());
        (seen, links, strengths, outlines)
    };
    let (by_outline, by_openssl) = (index(true), index(false));
    assert_eq!(by_outline.0, by_openssl.0);
    assert_eq!(by_outline.1, by_openssl.1);
    assert_eq!(by_outline.2, by_openssl.2);
    assert!(by_outline.3 > 5 && by_openssl.3 == 0);
    assert_eq!(by_outline.1.len(), 3, "the intermediates, without the root");
}
