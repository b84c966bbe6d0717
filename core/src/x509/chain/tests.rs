// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{AuthorityKeyIdentifier, BasicConstraints, SubjectKeyIdentifier};
use openssl::x509::{X509Name, X509NameBuilder};
use std::sync::atomic::{AtomicU32, Ordering};

/// A key with a name, to make certificates from.
pub struct Party {
    pub name: X509Name,
    pub key: PKey<Private>,
}

pub fn party(cn: &str) -> Party {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", cn).unwrap();
    Party { name: name.build(), key: PKey::generate_ed25519().unwrap() }
}

pub struct Made<'a> {
    pub subject: &'a Party,
    pub issuer: &'a Party,
    pub days: i64,
    pub key_ids: Option<&'a X509>,
}

/// A CA certificate, without key identifiers.
pub fn bare<'a>(subject: &'a Party, issuer: &'a Party) -> Made<'a> {
    Made { subject, issuer, days: 10, key_ids: None }
}

impl Made<'_> {
    pub fn make(&self) -> X509 {
        static SERIAL: AtomicU32 = AtomicU32::new(1);
        let serial = BigNum::from_u32(SERIAL.fetch_add(1, Ordering::Relaxed)).unwrap();
        let mut x = X509::builder().unwrap();
        x.set_version(2).unwrap();
        x.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        x.set_subject_name(&self.subject.name).unwrap();
        x.set_issuer_name(&self.issuer.name).unwrap();
        x.set_pubkey(&self.subject.key).unwrap();
        x.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
        x.set_not_after(&Asn1Time::from_unix(self.days * 86_400).unwrap()).unwrap();
        x.append_extension(BasicConstraints::new().ca().build().unwrap()).unwrap();
        if let Some(issuer) = self.key_ids {
            let ids = {
                let context = x.x509v3_context(Some(issuer), None);
                let mut ids = vec![SubjectKeyIdentifier::new().build(&context).unwrap()];
                if issuer.subject_key_id().is_some() {
                    let mut authority = AuthorityKeyIdentifier::new();
                    ids.push(authority.keyid(true).build(&context).unwrap());
                }
                ids
            };
            for id in ids {
                x.append_extension(id).unwrap();
            }
        }
        x.sign(&self.issuer.key, MessageDigest::null()).unwrap();
        x.build()
    }
}

pub fn issued_by(subject: &Party, issuer: &Party) -> X509 {
    bare(subject, issuer).make()
}

#[test]
fn the_leaf_is_found_at_any_position_in_its_file() {
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
