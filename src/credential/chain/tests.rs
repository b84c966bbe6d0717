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
struct Party {
    name: X509Name,
    key: PKey<Private>,
}

fn party(cn: &str) -> Party {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", cn).unwrap();
    Party { name: name.build(), key: PKey::generate_ed25519().unwrap() }
}

struct Made<'a> {
    subject: &'a Party,
    issuer: &'a Party,
    days: i64,
    key_ids: Option<&'a X509>,
}

/// A CA certificate, without key identifiers.
fn bare<'a>(subject: &'a Party, issuer: &'a Party) -> Made<'a> {
    Made { subject, issuer, days: 10, key_ids: None }
}

impl Made<'_> {
    fn make(&self) -> X509 {
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

fn issued_by(subject: &Party, issuer: &Party) -> X509 {
    bare(subject, issuer).make()
}

fn pool(certificates: &[&X509]) -> (Pool, Vec<Option<u32>>) {
    let clock = Clock::new().unwrap();
    let mut pool = Pool::default();
    let ids = certificates.iter().map(|x| pool.add(x, &clock).unwrap()).collect();
    pool.link().unwrap();
    (pool, ids)
}

/// The chains above a leaf, by the subjects.
fn above(pool: &Pool, leaf: &X509) -> Vec<Vec<String>> {
    let subject = |id: &u32| name::text(pool.certificate(*id).unwrap().subject_name());
    let paths = pool.paths(&pool.issuers_of(leaf).unwrap(), &[]);
    paths.iter().map(|path| path.iter().map(subject).collect()).collect()
}

#[test]
fn the_leaf_is_found_wherever_it_stands_in_its_file() {
    let (root, outer, inner, user) = (party("root"), party("outer"), party("inner"), party("u"));
    let r = issued_by(&root, &root);
    let o = issued_by(&outer, &root);
    let i = issued_by(&inner, &outer);
    let u = issued_by(&user, &inner);
    for order in [[&u, &i, &o, &r], [&r, &o, &i, &u], [&i, &u, &r, &o], [&o, &r, &u, &i]] {
        let file = order.iter().map(|x| (*x).clone()).collect();
        let (leaf, others) = leaf_first(file).unwrap();
        assert!(leaf == u);
        assert_eq!(others.len(), 3);
    }
}

#[test]
fn the_first_certificate_is_the_leaf_unless_it_issued_another() {
    let (root, a, b) = (party("root"), party("a"), party("b"));
    let (first, second) = (issued_by(&a, &root), issued_by(&b, &root));
    let (leaf, _) = leaf_first(vec![first.clone(), second]).unwrap();
    assert!(leaf == first);
    let own = issued_by(&root, &root);
    let (leaf, others) = leaf_first(vec![own.clone()]).unwrap();
    assert!(leaf == own && others.is_empty());
    assert!(leaf_first(Vec::new()).is_none());
}

#[test]
fn a_chain_is_in_order_without_root_duplicates_or_strangers() {
    let (root, outer, inner, user) = (party("root"), party("outer"), party("inner"), party("u"));
    let stranger = party("stranger");
    let r = issued_by(&root, &root);
    let o = issued_by(&outer, &root);
    let i = issued_by(&inner, &outer);
    let s = issued_by(&stranger, &root);
    let u = issued_by(&user, &inner);
    let again = X509::from_der(&i.to_der().unwrap()).unwrap();
    let (pool, ids) = pool(&[&r, &o, &s, &i, &again]);
    assert_eq!(ids[0], None, "a root is not kept");
    assert_eq!(ids[3], ids[4], "a duplicate is the same");
    assert_eq!(above(&pool, &u), [["CN=inner", "CN=outer"]]);
    assert_eq!(above(&pool, &r), [[""; 0]]);
}

#[test]
fn a_missing_link_ends_the_chain() {
    let (root, outer, inner, user) = (party("root"), party("outer"), party("inner"), party("u"));
    let (o, u) = (issued_by(&outer, &root), issued_by(&user, &inner));
    let (pool, _) = pool(&[&o]);
    assert_eq!(above(&pool, &u), [[""; 0]]);
}

#[test]
fn cas_of_the_same_name_are_told_apart_by_signature_where_key_identifiers_are_missing() {
    let (root, one, other, user) = (party("root"), party("CA"), party("CA"), party("u"));
    let (wrong, right) = (issued_by(&other, &root), issued_by(&one, &root));
    let u = issued_by(&user, &one);
    let (pool, ids) = pool(&[&wrong, &right]);
    assert_eq!(pool.issuers_of(&u).unwrap(), [ids[1].unwrap()]);
}

#[test]
fn key_identifiers_tell_cas_of_the_same_name_apart() {
    let (root, one, other, user) = (party("root"), party("CA"), party("CA"), party("u"));
    let r = issued_by(&root, &root);
    let with_ids = |subject, issuer, of| Made { key_ids: Some(of), ..bare(subject, issuer) }.make();
    let root_ids = with_ids(&root, &root, &r);
    let (wrong, right) = (with_ids(&other, &root, &root_ids), with_ids(&one, &root, &root_ids));
    let u = with_ids(&user, &one, &right);
    let (pool, ids) = pool(&[&wrong, &right]);
    assert_eq!(pool.issuers_of(&u).unwrap(), [ids[1].unwrap()]);
}

#[test]
fn of_cross_signed_cas_there_is_a_path_to_each_and_the_files_own_comes_first() {
    let (old, new, ca, user) = (party("old root"), party("new root"), party("CA"), party("u"));
    let by_old = issued_by(&ca, &old);
    let by_new = issued_by(&ca, &new);
    let u = issued_by(&user, &ca);
    let (pool, ids) = pool(&[&by_old, &by_new]);
    let (old, new) = (ids[0].unwrap(), ids[1].unwrap());
    assert_eq!(pool.paths(&pool.issuers_of(&u).unwrap(), &[]), [[old], [new]]);
    assert_eq!(pool.paths(&pool.issuers_of(&u).unwrap(), &[new]), [[new], [old]]);
}

#[test]
fn a_member_knows_when_it_is_valid() {
    let (root, ca) = (party("root"), party("CA"));
    let (pool, ids) = pool(&[&Made { days: 100, ..bare(&ca, &root) }.make()]);
    assert_eq!(pool.validity(ids[0].unwrap()), Some((0, 100 * 86_400)));
    assert_eq!(pool.validity(99), None);
}

#[test]
fn cas_that_signed_each_other_do_not_make_an_endless_chain() {
    let (a, b, user) = (party("a"), party("b"), party("u"));
    let a_by_b = issued_by(&a, &b);
    let b_by_a = issued_by(&b, &a);
    let u = issued_by(&user, &a);
    let (pool, _) = pool(&[&a_by_b, &b_by_a]);
    assert_eq!(above(&pool, &u), [["CN=a", "CN=b"]]);
}

#[test]
fn there_is_a_direct_way_to_each_ca() {
    let (root, x, y, user) = (party("root"), party("x"), party("y"), party("u"));
    let y_by_x = issued_by(&y, &x);
    let x_by_y = issued_by(&x, &y);
    let x_by_root = issued_by(&x, &root);
    let u = issued_by(&user, &x);
    let (pool, ids) = pool(&[&y_by_x, &x_by_y, &x_by_root]);
    let direct = vec![ids[2].unwrap()];
    assert!(pool.paths(&pool.issuers_of(&u).unwrap(), &[]).contains(&direct));
}

#[test]
fn a_web_of_cross_signed_cas_has_a_bounded_number_of_chains() {
    let parties: Vec<Party> = (0..12).map(|i| party(&format!("ca {i}"))).collect();
    let mut web = Vec::new();
    for subject in &parties {
        for issuer in parties.iter().filter(|p| !std::ptr::eq(*p, subject)) {
            web.push(issued_by(subject, issuer));
        }
    }
    let (pool, _) = pool(&web.iter().collect::<Vec<_>>());
    let user = party("u");
    let u = issued_by(&user, &parties[0]);
    let paths = pool.paths(&pool.issuers_of(&u).unwrap(), &[]);
    assert!((11..=MOST_PATHS).contains(&paths.len()), "{}", paths.len());
    for path in paths {
        let distinct: HashSet<u32> = path.iter().copied().collect();
        assert_eq!(distinct.len(), path.len(), "no certificate twice");
    }
}

#[test]
fn a_very_long_chain_does_not_exhaust_the_stack() {
    let ca = party("CA 0");
    let mut previous = ca;
    let mut all = Vec::new();
    for i in 1..2_000 {
        let next = party(&format!("CA {i}"));
        all.push(issued_by(&previous, &next));
        previous = next;
    }
    let leaf = all.remove(0);
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    let walk = move || {
        let (pool, _) = pool(&all.iter().collect::<Vec<_>>());
        pool.paths(&pool.issuers_of(&leaf).unwrap(), &[])
    };
    let paths = thread.spawn(walk).unwrap().join().unwrap();
    assert_eq!(paths[0].len(), MOST_DEPTH);
}
