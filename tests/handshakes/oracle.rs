// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random credentials, requests and policies, compared with a simple implementation of the rules.

mod reference;

use certpick_core::choice::{EmptyCaList, Flawed, Order};
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use openssl::x509::extension::{ExtendedKeyUsage, KeyUsage};
use reference::{Asked, Flaw, Spec, Via};
use std::path::PathBuf;
use testkit::certificates::{Identity, Subject, name_der, pem};
use testkit::directory::Directory;
use testkit::handshake::{VERSIONS, Version, WAYS};
use testkit::keys::Kind::*;
use testkit::random::Random;
use testkit::set::Set;

/// The names of CAs: the roots, the intermediates, and a CA without credentials.
pub const NAMES: [&str; 9] = ["A", "B", "C", "D", "sub A", "sub B", "sub C", "sub D", "stranger"];

/// The flaw of each intermediate. Intermediate `i` is below root `i`.
pub const MIDDLES: [Flaw; 4] = [Flaw::None, Flaw::Expired, Flaw::Sha1, Flaw::Early];

/// Common name, root, path to the root, key, flaw, validity in days.
#[rustfmt::skip]
pub const POOL: [Spec; 32] = [
    Spec("alice", 0, Via::Direct, P256, Flaw::None, 30),
    Spec("bob",   1, Via::Direct, P256, Flaw::None, 40),
    Spec("carol", 2, Via::Direct, P256, Flaw::None, 50),
    Spec("dave",  3, Via::Direct, P256, Flaw::None, 60),
    Spec("alice", 0, Via::Chain, Ed25519, Flaw::None, 70),
    Spec("bob",   1, Via::Chain, Ed25519, Flaw::None, 80),
    Spec("carol", 2, Via::Chain, Ed25519, Flaw::None, 90),
    Spec("dave",  3, Via::Chain, Ed25519, Flaw::None, 100),
    Spec("alice", 0, Via::Bare, P384, Flaw::None, 110),
    Spec("bob",   1, Via::Bare, P384, Flaw::None, 120),
    Spec("carol", 2, Via::Bare, P384, Flaw::None, 130),
    Spec("dave",  3, Via::Bare, P384, Flaw::None, 140),
    Spec("alice", 1, Via::Direct, Rsa2048, Flaw::None, 150),
    Spec("bob",   0, Via::Chain, Rsa2048, Flaw::None, 160),
    Spec("carol", 3, Via::Direct, Rsa2048, Flaw::Expired, -5),
    Spec("dave",  2, Via::Bare, Rsa2048, Flaw::None, 170),
    Spec("alice", 2, Via::Direct, Rsa1024, Flaw::None, 180),
    Spec("bob",   0, Via::Direct, Rsa1024, Flaw::KeyUsage, 190),
    Spec("carol", 1, Via::Direct, Pss, Flaw::None, 200),
    Spec("dave",  0, Via::Chain, PssSha256, Flaw::None, 210),
    Spec("alice", 3, Via::Direct, PssSha384, Flaw::ExtendedKeyUsage, 220),
    Spec("bob",   2, Via::Direct, P521, Flaw::None, 230),
    Spec("carol", 0, Via::Direct, P521, Flaw::Early, 240),
    Spec("dave",  1, Via::Direct, Ed448, Flaw::None, 250),
    Spec("alice", 0, Via::Bare, Ed448, Flaw::Sha1, 260),
    Spec("bob",   3, Via::Direct, Ed25519, Flaw::Sha1, 270),
    Spec("carol", 0, Via::Direct, P256, Flaw::Expired, -3),
    Spec("dave",  0, Via::Direct, P256, Flaw::KeyUsage, 280),
    Spec("alice", 1, Via::Direct, Ed25519, Flaw::ExtendedKeyUsage, 290),
    Spec("bob",   0, Via::Chain, P256, Flaw::Early, 300),
    Spec("carol", 1, Via::Chain, P256, Flaw::None, 310),
    Spec("dave",  2, Via::Chain, P384, Flaw::Expired, -2),
];

const SCHEMES: [&str; 12] = [
    "rsa_pkcs1_sha256",
    "rsa_pss_rsae_sha256",
    "rsa_pss_rsae_sha384",
    "rsa_pss_rsae_sha512",
    "rsa_pss_pss_sha256",
    "rsa_pss_pss_sha384",
    "rsa_pss_pss_sha512",
    "ecdsa_secp256r1_sha256",
    "ecdsa_secp384r1_sha384",
    "ecdsa_secp521r1_sha512",
    "ed25519",
    "ed448",
];

/// The pool in files.
struct World {
    directory: Directory,
    middles: [X509; 4],
    clients: Vec<Identity>,
}

fn flawed(subject: Subject, flaw: Flaw, days: i64) -> Subject {
    match flaw {
        Flaw::None => subject.valid(-30, days),
        Flaw::Expired => subject.valid(-30, days.min(-1)),
        Flaw::Early => subject.valid(5, days),
        Flaw::KeyUsage => {
            subject.valid(-30, days).key_usage(KeyUsage::new().critical().key_encipherment())
        }
        Flaw::ExtendedKeyUsage => {
            subject.valid(-30, days).extended_key_usage(ExtendedKeyUsage::new().server_auth())
        }
        Flaw::Sha1 => subject.valid(-30, days).digest(MessageDigest::sha1()),
    }
}

impl World {
    fn new() -> World {
        let roots: Vec<_> = NAMES[..4].iter().map(|name| Identity::root(*name)).collect();
        let middles: Vec<_> = (0..4)
            .map(|i| {
                let subject = Subject::new(NAMES[4 + i]);
                roots[i].authority(flawed(subject, MIDDLES[i], reference::middle_days(i)))
            })
            .collect();
        let directory = Directory::new();
        let mut clients = Vec::new();
        for (number, Spec(name, root, via, kind, flaw, days)) in POOL.iter().enumerate() {
            let issuer = if *via == Via::Direct { &roots[*root] } else { &middles[*root] };
            let client = issuer.issue(flawed(Subject::new(name).kind(*kind), *flaw, *days));
            let mut file = vec![&client.certificate];
            if *via == Via::Chain {
                file.extend([&roots[*root].certificate, &middles[*root].certificate]);
            }
            directory.write(format!("{number}.pem"), [pem(&file), client.key_pem()].concat());
            clients.push(client);
        }
        let middles = [0, 1, 2, 3].map(|i: usize| middles[i].certificate.clone());
        World { directory, middles, clients }
    }

    fn file(&self, number: usize) -> PathBuf {
        self.directory.path(format!("{number}.pem"))
    }
}

/// Returns a random request and policy.
fn asked(random: &mut Random) -> Asked {
    let version = *random.pick(&VERSIONS);
    let count = 1 + random.below(4);
    let mut schemes = random.some(&SCHEMES, count);
    if version == Version::Tls13 && schemes == ["rsa_pkcs1_sha256"] {
        // A request of TLS 1.3 cannot have only this algorithm.
        schemes.push("ecdsa_secp256r1_sha256");
    }
    if random.once_in(2) {
        schemes.clear();
    }
    let named = random.below(6);
    Asked {
        version,
        names: random.some(&NAMES, named),
        schemes,
        types: random.pick(&[&[][..], &[], &[], &[1], &[64], &[1, 64]]).to_vec(),
        level: u32::try_from(random.below(4)).unwrap(),
        user: random.pick(&[None, None, Some("alice"), Some("bob"), Some("nobody")]).to_owned(),
        empty_ca_list: *random.pick(&[
            EmptyCaList::Accept,
            EmptyCaList::Accept,
            EmptyCaList::Sole,
            EmptyCaList::SendNone,
        ]),
        flawed: *random.pick(&[Flawed::Demote, Flawed::Demote, Flawed::Exclude]),
        order: *random.pick(&[Order::Given, Order::Given, Order::LongestValid]),
    }
}

fn one_round(world: &World, random: &mut Random, title: &str) -> Option<usize> {
    let asked = asked(random);
    let all: Vec<usize> = (0..POOL.len()).collect();
    let count = random.below(9);
    let chosen = random.some(&all, count);
    let count = *random.pick(&[0, 0, 0, 1, 2]);
    let pool = random.some(&[0, 1, 2, 3], count);

    let mut set = Set::new();
    for number in &chosen {
        set.add_files(&world.clients[*number], world.file(*number), None, None);
    }
    if !pool.is_empty() {
        set.add_issuers(&pool.iter().map(|i| &world.middles[*i]).collect::<Vec<_>>());
    }
    let policy = set.policy();
    policy.empty_ca_list = asked.empty_ca_list;
    policy.flawed = asked.flawed;
    policy.order = asked.order;
    let set = set.freeze();

    let names: Vec<_> = asked.names.iter().map(|n| name_der(n)).collect();
    let way = *random.pick(&WAYS);
    let mut handshake = set.handshake(asked.version, way).level(asked.level).naming_der(&names);
    if !asked.schemes.is_empty() {
        handshake = handshake.signing(&asked.schemes.join(":"));
    }
    if !asked.types.is_empty() {
        handshake = handshake.types(&asked.types);
    }
    if let Some(user) = asked.user {
        handshake = handshake.user(user);
    }
    let connection = handshake.run();

    let specs: Vec<&Spec> = chosen.iter().map(|number| &POOL[*number]).collect();
    let expected = reference::decide(&specs, &pool, &asked);
    let title = format!("{title}: {asked:?}, pool {pool:?}, {specs:?}\n{connection}");
    assert_eq!(connection.verdicts(), expected.verdicts, "{title}");
    assert_eq!(connection.choice(), expected.choice, "{title}");
    if let Some(at) = expected.choice {
        let mut sent = vec![world.clients[chosen[at]].certificate.clone()];
        sent.extend(expected.middle.map(|i| world.middles[i].clone()));
        assert_eq!(connection.received(), sent, "{title}");
    }
    expected.choice
}

#[test]
fn random_choices_agree_with_a_simple_implementation_of_the_rules() {
    const ROUNDS: usize = 600;
    let world = World::new();
    let mut random = Random::new(0x00c0_ffee);
    let mut sent = [0; 2];
    for round in 0..ROUNDS {
        let choice = one_round(&world, &mut random, &format!("round {round}"));
        sent[usize::from(choice.is_some())] += 1;
    }
    // The test means little unless both results are frequent.
    assert!(sent.iter().all(|n| *n > ROUNDS / 5), "{sent:?}");
}
