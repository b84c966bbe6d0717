// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys of every kind, and the signature algorithms and certificate types that a server accepts.

use certpick_core::choice::Reasons;
use openssl::hash::MessageDigest;
use testkit::certificates::{Identity, Subject};
use testkit::handshake::{VERSIONS, Version, WAYS, Way, everywhere, max_level_of_sha1};
use testkit::keys::Kind::{self, *};
use testkit::set::{Frozen, Set};

const RSA: &[Kind] = &[Rsa1024, Rsa2048];
const EC: &[Kind] = &[P256, P384, P521];
const EDWARDS: &[Kind] = &[Ed25519, Ed448];

/// The signature algorithms of a request, and the kinds of key that can sign with one of them in
/// TLS 1.2 and in TLS 1.3. None: a request of TLS 1.3 cannot have only these.
type Row = (&'static str, &'static [Kind], Option<&'static [Kind]>);

const TABLE: [Row; 16] = [
    ("rsa_pkcs1_sha256", RSA, None),
    ("rsa_pkcs1_sha512", RSA, None),
    ("rsa_pkcs1_sha256:ed448", &[Rsa1024, Rsa2048, Ed448], Some(&[Ed448])),
    ("rsa_pss_rsae_sha256", RSA, Some(RSA)),
    ("rsa_pss_rsae_sha384", RSA, Some(RSA)),
    // 1024 bits are too few for two hashes of SHA-512 and two bytes.
    ("rsa_pss_rsae_sha512", &[Rsa2048], Some(&[Rsa2048])),
    ("rsa_pss_pss_sha256", &[Pss, PssSha256], Some(&[Pss, PssSha256])),
    ("rsa_pss_pss_sha384", &[Pss, PssSha384], Some(&[Pss, PssSha384])),
    ("rsa_pss_pss_sha512", &[Pss], Some(&[Pss])),
    // TLS 1.2 specifies only the hash, TLS 1.3 also the curve.
    ("ecdsa_secp256r1_sha256", EC, Some(&[P256])),
    ("ecdsa_secp384r1_sha384", EC, Some(&[P384])),
    ("ecdsa_secp521r1_sha512", EC, Some(&[P521])),
    ("ed25519", &[Ed25519], Some(&[Ed25519])),
    ("ed448", &[Ed448], Some(&[Ed448])),
    ("ed25519:ed448", EDWARDS, Some(EDWARDS)),
    (
        "rsa_pss_pss_sha384:ecdsa_secp384r1_sha384:ed25519",
        &[Pss, PssSha384, P256, P384, P521, Ed25519],
        Some(&[Pss, PssSha384, P384, Ed25519]),
    ),
];

/// Returns the rows for each version: algorithms, version, kinds of key.
fn rows() -> impl Iterator<Item = (&'static str, Version, &'static [Kind])> {
    TABLE.into_iter().flat_map(|(schemes, on_12, on_13)| {
        let on_13 = on_13.map(|kinds| (schemes, Version::Tls13, kinds));
        [Some((schemes, Version::Tls12, on_12)), on_13].into_iter().flatten()
    })
}

fn one_of_each_kind(root: &Identity) -> [Identity; 10] {
    Kind::ALL.map(|kind| root.issue(Subject::new(&format!("{kind:?}")).kind(kind)))
}

fn expected(kinds: &[Kind], reason: Reasons) -> Vec<Reasons> {
    Kind::ALL.map(|kind| if kinds.contains(&kind) { Reasons(0) } else { reason }).to_vec()
}

#[test]
fn the_first_key_that_can_sign_is_sent_and_the_other_keys_have_a_reason() {
    let root = Identity::root("root");
    let set = Set::of(&one_of_each_kind(&root).each_ref()).freeze();
    for (schemes, version, kinds) in rows() {
        for way in WAYS {
            let connection =
                set.handshake(version, way).level(1).signing(schemes).trusting(&[&root]).run();
            let verdicts = expected(kinds, Reasons::SIGNATURE_ALGORITHM);
            // The server derives the certificate types from its algorithms.
            let without_types = |r: Reasons| Reasons(r.0 & !Reasons::CERTIFICATE_TYPE.0);
            let actual: Vec<_> = connection.verdicts().into_iter().map(without_types).collect();
            assert_eq!(actual, verdicts, "{connection}");
            let first = Kind::ALL.iter().position(|kind| kinds.contains(kind)).unwrap();
            connection.assert_sent(first);
        }
    }
}

#[test]
fn a_single_credential_is_sent_exactly_if_openssl_would_send_it() {
    let root = Identity::root("root");
    let empty = Set::new().freeze();
    for (kind, identity) in Kind::ALL.into_iter().zip(one_of_each_kind(&root)) {
        let set = Set::of(&[&identity]).freeze();
        for (at, (schemes, version, kinds)) in rows().enumerate() {
            let ask = |set: &Frozen, way| {
                let handshake = set.handshake(version, way).level(1).signing(schemes);
                handshake.own(&identity).run()
            };
            // The program's own certificate, without certpick.
            let by_openssl = !ask(&empty, Way::None).received().is_empty();
            let handshake = set.handshake(version, WAYS[at % 3]).level(1).signing(schemes);
            let connection = handshake.run();
            assert_eq!(connection.choice().is_some(), by_openssl, "{kind:?}: {connection}");
            assert_eq!(by_openssl, kinds.contains(&kind), "{kind:?}: {connection}");
        }
    }
}

#[test]
fn a_server_without_restrictions_receives_every_kind_of_key() {
    let root = Identity::root("root");
    for identity in one_of_each_kind(&root) {
        let set = Set::of(&[&identity]).freeze();
        for (version, way) in everywhere() {
            set.handshake(version, way).level(1).trusting(&[&root]).run().assert_sent(0);
        }
    }
}

#[test]
fn sha_1_is_used_only_in_tls_1_2_and_at_low_security_levels() {
    let max = max_level_of_sha1();
    let root = Identity::root("root");
    let kinds = [Rsa2048, P256, Ed25519];
    let identities = kinds.map(|kind| root.issue(Subject::new("client").kind(kind)));
    let set = Set::of(&identities.each_ref()).freeze();
    for way in WAYS {
        let ask = |version, level, schemes: &str| {
            set.handshake(version, way).level(level).signing(schemes).run()
        };
        ask(Version::Tls12, 0, "RSA+SHA1").assert_sent(0);
        ask(Version::Tls12, 0, "ECDSA+SHA1").assert_sent(1);
        ask(Version::Tls12, max, "RSA+SHA1").assert_sent(0);
        ask(Version::Tls12, max + 1, "RSA+SHA1").assert_none_suitable();
        ask(Version::Tls13, 0, "RSA+SHA1:ed25519").assert_sent(2);
        ask(Version::Tls13, 0, "ECDSA+SHA1:ed25519").assert_sent(2);
    }
}

#[test]
fn a_key_on_a_curve_without_a_tls_1_3_algorithm_is_not_sent_in_tls_1_3() {
    let root = Identity::root("root");
    let koblitz = root.issue(Subject::new("client").kind(Koblitz));
    let set = Set::of(&[&koblitz, &root.issue("client")]).freeze();
    for way in WAYS {
        let connection = set.handshake(Version::Tls13, way).run();
        connection.assert_sent(1);
        assert_eq!(connection.verdict(0), Reasons::SIGNATURE_ALGORITHM, "{connection}");
    }
}

#[test]
fn the_signature_algorithms_of_the_client_count_too() {
    let root = Identity::root("root");
    let identities = [P256, Rsa2048, Ed25519].map(|k| root.issue(Subject::new("x").kind(k)));
    let set = Set::of(&identities.each_ref()).freeze();
    for (version, way) in everywhere() {
        let schemes = "rsa_pss_rsae_sha256:ed25519:ecdsa_secp256r1_sha256";
        let ask =
            |own: &str| set.handshake(version, way).signing(schemes).client_signing(own).run();
        let connection = ask("ed25519");
        connection.assert_sent(2);
        let none = Reasons::SIGNATURE_ALGORITHM;
        assert_eq!(connection.verdicts(), [none, none, Reasons(0)], "{connection}");
        ask("rsa_pss_rsae_sha256:ed25519").assert_sent(1);
        ask("ed448").assert_none_suitable();
    }
}

#[test]
fn certificate_types_exclude_keys_in_tls_1_2() {
    let root = Identity::root("root");
    let set = Set::of(&one_of_each_kind(&root).each_ref()).freeze();
    let of_rsa: &[Kind] = &[Rsa1024, Rsa2048, Pss, PssSha256, PssSha384];
    let of_ecdsa: &[Kind] = &[P256, P384, P521, Ed25519, Ed448];
    // rsa_sign, dss_sign, rsa_fixed_dh, ecdsa_sign, rsa_fixed_ecdh
    let table: [(&[u8], &[Kind]); 6] = [
        (&[1], of_rsa),
        (&[64], of_ecdsa),
        (&[64, 1], &Kind::ALL),
        (&[2, 64], of_ecdsa),
        (&[2], &[]),
        (&[3, 65], &[]),
    ];
    for (types, kinds) in table {
        for way in WAYS {
            let ask = |version| set.handshake(version, way).level(1).types(types).run();
            let connection = ask(Version::Tls12);
            let verdicts = expected(kinds, Reasons::CERTIFICATE_TYPE);
            assert_eq!(connection.verdicts(), verdicts, "{connection}");
            match Kind::ALL.iter().position(|kind| kinds.contains(kind)) {
                Some(first) => connection.assert_sent(first),
                None => connection.assert_none_suitable(),
            }
            // TLS 1.3 has no certificate types.
            ask(Version::Tls13).assert_sent(0);
        }
    }
}

#[test]
fn the_ca_and_the_signature_algorithm_must_both_match() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let kinds = [P256, Ed25519];
    let of = |root: &Identity| kinds.map(|kind| root.issue(Subject::new("client").kind(kind)));
    let ([a_ec, a_ed], [b_ec, b_ed]) = (of(&a), of(&b));
    let set = Set::of(&[&a_ec, &a_ed, &b_ec, &b_ed]).freeze();
    for version in VERSIONS {
        for (root, schemes, at) in [
            (&a, "ecdsa_secp256r1_sha256", 0),
            (&a, "ed25519", 1),
            (&b, "ecdsa_secp256r1_sha256", 2),
            (&b, "ed25519", 3),
        ] {
            for way in WAYS {
                set.handshake(version, way)
                    .signing(schemes)
                    .trusting(&[root])
                    .run()
                    .assert_sent(at);
            }
        }
    }
}

#[test]
fn only_rsa_and_ecdsa_keys_are_sent_before_tls_1_2() {
    let root = Identity::root("root");
    let empty = Set::new().freeze();
    for (kind, identity) in Kind::ALL.into_iter().zip(one_of_each_kind(&root)) {
        let set = Set::of(&[&identity]).freeze();
        let ask = |set: &Frozen, way| {
            set.handshake(Version::Tls11, way).level(0).own(&identity).naming(&[&root]).run()
        };
        let by_openssl = !ask(&empty, Way::None).received().is_empty();
        assert_eq!(by_openssl, RSA.contains(&kind) || EC.contains(&kind), "{kind:?}");
        for way in WAYS {
            let connection = set.handshake(Version::Tls11, way).level(0).naming(&[&root]).run();
            assert_eq!(connection.choice().is_some(), by_openssl, "{kind:?}: {connection}");
        }
    }
}

#[test]
fn a_certificate_that_openssl_omits_is_recorded_as_not_sent() {
    // OpenSSL enforces signature_algorithms_cert when it sends the certificate. No callback sees it.
    let root = Identity::root("root");
    let with_sha384 = Subject::new("client").digest(MessageDigest::sha384());
    let clients = [root.issue("client"), root.issue(with_sha384)];
    const ECDSA_SHA256: u16 = 0x0403;
    const ECDSA_SHA384: u16 = 0x0503;
    for (at, fits, other) in [(0, ECDSA_SHA256, ECDSA_SHA384), (1, ECDSA_SHA384, ECDSA_SHA256)] {
        let set = Set::of(&[&clients[at]]).freeze();
        for way in WAYS {
            let ask =
                |scheme| set.handshake(Version::Tls13, way).certificates_signed_by(&[scheme]).run();
            ask(fits).assert_sent(0);
            let connection = ask(other);
            connection.assert_none_suitable();
            assert_eq!(connection.verdict(0), Reasons::SIGNATURE_ALGORITHM, "{connection}");
        }
    }
}
