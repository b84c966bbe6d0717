// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that are cut off, changed, or made to take long.

use super::encoding::*;
use super::files::fixture;
use super::*;
use crate::source::pem::MAX_CERTIFICATES;
use encryption::MAX_ITERATIONS;
use testkit::certificates::Identity;
use testkit::der::element;
use testkit::random::Random;

/// Asserts that the iterations are refused. The encrypted bytes of these files are damaged, so that an
/// attempt to decrypt them would be another error.
#[track_caller]
fn assert_refused(contents: &[Vec<u8>], mac: Option<Vec<u8>>) {
    let content = pfx(contents, mac);
    let text = "its encryption takes more than 10000000 iterations; export it again with fewer: openssl pkcs12 -export -iter";
    for password in ["secret", ""] {
        let error = open_with(&content, password).unwrap_err().to_string();
        assert!(error.ends_with(text), "{error}");
    }
    let alice = Identity::self_signed("alice");
    let error = key_with(&content, "secret", &[0, 1, 2], &alice.certificate).unwrap_err();
    assert!(error.to_string().ends_with(text), "{error}");
}

fn shrouded_bag(derivation: &Derivation) -> Vec<u8> {
    bag(2, &sequence(&[derivation.pbes2(), element(4, &[0; 16])]), b"")
}

#[test]
fn the_sum_of_all_iterations_is_bounded_before_any_is_done() {
    let many = Derivation::Pbkdf2(600_000);
    let content = || sealed(many.pbes2(), &[0; 16]);
    assert_refused(&vec![content(); 20], None);
    assert_refused(&[plain(&vec![shrouded_bag(&many); 20])], None);
    // In nested bags, and in several contents.
    let nested = bag(6, &sequence(&vec![shrouded_bag(&many); 6]), b"");
    assert_refused(&[content(), plain(&[nested.clone(), nested.clone()]), plain(&[nested])], None);
    assert_refused(&[content()], Some(mac(&integer(9_400_001))));
    assert_refused(&[content()], Some(pbmac1(9_400_001)));
    assert_refused(&[plain(&[])], Some(mac(&integer(MAX_ITERATIONS + 1))));
}

#[test]
fn a_large_number_of_iterations_is_refused_in_each_algorithm() {
    for iterations in [MAX_ITERATIONS + 1, 0x7fff_ffff, 0xffff_ffff, 0x1_0000_0001, u64::MAX] {
        assert_refused(&[sealed(Derivation::Pbkdf2(iterations).pbes2(), &[0; 16])], None);
        assert_refused(&[sealed(triple_des(integer(iterations)), &[0; 16])], None);
        assert_refused(&[], Some(pbmac1(iterations)));
    }
    let long = element(2, &[1; 40]);
    assert_refused(&[sealed(triple_des(long.clone()), &[0; 16])], None);
    assert_refused(&[], Some(mac(&long)));
    // These fit into OpenSSL's limit of memory, and would take hours.
    for (n, r, p) in [(2, 1, 1 << 28), (1 << 17, 1, 1 << 17), (1 << 40, 1, 1), (2, 1 << 63, 2)] {
        assert_refused(&[sealed(Derivation::Scrypt(n, r, p).pbes2(), &[0; 16])], None);
    }
}

#[test]
fn the_maximum_of_iterations_is_accepted() {
    let alice = Identity::self_signed("alice");
    let bags = [certificate(&alice, b""), key_bag(&alice, b"")];
    let content = || encrypted(&bags, &Derivation::Pbkdf2(1_000), "secret");
    let with = |mac| credentials(&pfx(&[content()], Some(mac)), "secret");
    assert_eq!(with(mac(&integer(MAX_ITERATIONS - 1_000))), [["alice"]]);
    assert_eq!(with(pbmac1(MAX_ITERATIONS - 1_000)), [["alice"]]);
    assert_eq!(with(mac(b"")), [["alice"]]);
    // Each part counts once. The key is not decrypted.
    let key = shrouded_bag(&Derivation::Pbkdf2(MAX_ITERATIONS));
    assert!(open_with(&pfx(&[plain(&[certificate(&alice, b""), key])], None), "").is_ok());
}

#[test]
fn keys_in_an_encrypted_content_count() {
    let many = Derivation::Pbkdf2(6_000_000);
    let bags = [shrouded_bag(&many), shrouded_bag(&many)];
    let content = pfx(&[encrypted(&bags, &Derivation::Pbkdf2(1), "secret")], None);
    let error = open_with(&content, "secret").unwrap_err().to_string();
    assert!(error.contains("more than 10000000 iterations;"), "{error}");
}

#[test]
fn the_number_of_parts_and_their_depth_are_bounded() {
    let alice = Identity::self_signed("alice");
    let error = |content: &[u8]| open_with(content, "").unwrap_err().to_string();
    let several = |kind: Vec<u8>, count: usize| plain(&vec![kind; count]);
    let one = certificate(&alice, b"");
    // An element has at most 65,535 bytes in these tests.
    let contents = [vec![several(one.clone(), 101); 9], vec![several(one.clone(), 92)]].concat();
    let with = |contents: &[Vec<u8>]| long_pfx(contents);
    let text = format!("it holds more than {MAX_CERTIFICATES} certificates");
    assert!(error(&with(&contents)).ends_with(&text));
    let keys = vec![several(key_bag(&alice, b""), 129), several(key_bag(&alice, b""), 128)];
    assert!(error(&with(&keys)).ends_with("it holds more than 256 private keys"));
    let crl = several(bag(4, b"", b""), 2_000);
    assert!(error(&with(&vec![crl.clone(); 5])).ends_with("it has more than 10000 parts"));
    assert!(error(&with(&vec![crl; 4])).ends_with("it holds no certificate"));
    // Algorithms in algorithms.
    let pbes2 = oid("1.2.840.113549.1.5.13");
    let mut nested = Vec::new();
    while nested.len() < 50_000 {
        nested = sequence(&[pbes2.clone(), sequence(&[nested])]);
    }
    assert!(error(&pfx(&[sealed(nested, &[])], None)).contains("its encryption is not supported;"));

    let deep = |depth: usize| {
        let inner = sequence(&[certificate(&alice, b""), key_bag(&alice, b"")]);
        let nest = |bags: Vec<u8>, _| sequence(&[bag(6, &bags, b"")]);
        let bags = (0..depth).fold(inner, nest);
        let data = element(0xa0, &element(4, &bags));
        pfx(&[sequence(&[oid("1.2.840.113549.1.7.1"), data])], None)
    };
    assert_eq!(credentials(&deep(8), "").len(), 1);
    assert!(error(&deep(9)).ends_with("it is damaged, or not a PKCS#12 file"));
    let endless = [b"\x30\x80\x02\x01\x03\x30\x80".to_vec(), b"\x30\x80".repeat(100_000)].concat();
    assert!(is_pkcs12(&endless));
    assert!(error(&endless).ends_with("it is damaged, or not a PKCS#12 file"));
}

#[test]
fn the_algorithms_of_a_bounded_number_of_contents_are_described() {
    let one = |iterations: u64| sealed(triple_des(integer(iterations)), &[]);
    let length = one(1 << 20).len();
    let count = (16 << 20) / length as u64 - 100;
    let content = long_pfx(&(0..count).map(|at| one((1 << 20) + at)).collect::<Vec<_>>());
    assert!(content.len() > 15 << 20 && content.len() as u64 <= crate::source::pem::MAX_BYTES);
    let found = inspect(&content, Path::new(NAME), secret("secret").as_ref());
    assert_eq!((found.encryption.len(), found.keys.len()), (MAX_PARTS, 0));
    assert!(open_with(&content, "secret").is_err());
}

/// A PFX with more than 65,535 bytes, by indefinite lengths.
fn long_pfx(contents: &[Vec<u8>]) -> Vec<u8> {
    let contents = indefinite(0x30, &contents.concat());
    let segments: Vec<u8> = contents.chunks(60_000).flat_map(|part| element(4, part)).collect();
    let safe = indefinite(0xa0, &indefinite(0x24, &segments));
    let safe = indefinite(0x30, &[oid("1.2.840.113549.1.7.1"), safe].concat());
    indefinite(0x30, &[integer(3), safe].concat())
}

#[test]
fn a_file_that_is_cut_off_is_an_error() {
    for (file, password) in
        [("openssl-3.0", "secret"), ("nss", "secret"), ("cryptography-plain", "")]
    {
        let content = fixture(file);
        for length in 0..content.len() {
            assert!(open_with(&content[..length], password).is_err(), "{file} {length}");
        }
    }
}

#[test]
fn changed_files_are_read_or_an_error() {
    let root = Identity::root("root");
    let (alice, bob) = (root.issue("alice"), root.issue("bob"));
    let one = Derivation::Pbkdf2(1);
    let bags = [certificate(&alice, b"1"), certificate(&root, b""), key_bag(&bob, b"2")];
    let rest =
        [bag(6, &sequence(&[shrouded(&alice, b"1", &one, "")]), b""), certificate(&bob, b"2")];
    let plain = pfx(&[plain(&[&bags[..], &rest].concat())], Some(mac(&integer(1))));
    let sealed = pfx(&[encrypted(&bags, &one, ""), super::encoding::plain(&rest)], None);
    let mut random = Random::new(16);
    let mut usable = 0;
    for file in [plain, sealed] {
        assert_eq!(credentials(&file, "").len(), 2);
        for _ in 0..3_000 {
            let mut changed = file.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(changed.len());
                match random.below(4) {
                    0 => changed[at] = u8::try_from(random.below(256)).unwrap(),
                    1 => changed[at] ^= 1 << random.below(8),
                    2 => drop(changed.remove(at)),
                    _ => changed.insert(at, changed[at]),
                }
            }
            for opened in open_with(&changed, "").unwrap_or_default() {
                let Ok(leaf) = opened.bundle.leaf.get() else { continue };
                if let Ok(key) = key_with(&changed, "", &opened.keys, leaf) {
                    assert!(key.public_eq(&leaf.public_key().unwrap()));
                    usable += 1;
                }
            }
        }
    }
    assert!(usable > 100, "{usable}");
}
