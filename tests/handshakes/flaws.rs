// SPDX-License-Identifier: MIT OR Apache-2.0
//! Soft reasons, which demote a credential and do not exclude it.

use certpick_core::choice::{Flawed, Reasons};
use openssl::x509::extension::{ExtendedKeyUsage, KeyUsage};
use testkit::certificates::{Identity, Subject};
use testkit::connection::Connection;
use testkit::handshake::{Version, Way, everywhere};
use testkit::keys::Kind;
use testkit::set::Set;

/// A credential and its intermediates.
type Credential = (Identity, Vec<Identity>);

/// Returns a credential below `root` with each flaw.
fn flaws(root: &Identity) -> Vec<(&'static str, Credential, Reasons)> {
    let client = || Subject::new("client");
    let no_signature = client().key_usage(KeyUsage::new().critical().key_encipherment());
    let for_servers = client().extended_key_usage(ExtendedKeyUsage::new().server_auth());
    let below = |subject: Subject| {
        let middle = root.authority(subject);
        (middle.issue("client"), vec![middle])
    };
    let above_that = {
        let upper = root.authority(Subject::new("upper").expired());
        let lower = upper.authority("lower");
        (lower.issue("client"), vec![lower, upper])
    };
    let both = client()
        .key_usage(KeyUsage::new().key_agreement())
        .extended_key_usage(ExtendedKeyUsage::new().code_signing())
        .expired();
    let alone = |subject| (root.issue(subject), vec![]);
    let three = Reasons::KEY_USAGE.0 | Reasons::EXTENDED_KEY_USAGE.0 | Reasons::EXPIRED.0;
    vec![
        ("expired", alone(client().expired()), Reasons::EXPIRED),
        ("not yet valid", alone(client().not_yet_valid()), Reasons::NOT_YET_VALID),
        ("expired intermediate", below(Subject::new("old").expired()), Reasons::EXPIRED),
        ("early intermediate", below(Subject::new("new").not_yet_valid()), Reasons::NOT_YET_VALID),
        ("expired second intermediate", above_that, Reasons::EXPIRED),
        ("no digitalSignature", alone(no_signature), Reasons::KEY_USAGE),
        ("no clientAuth", alone(for_servers), Reasons::EXTENDED_KEY_USAGE),
        ("three at once", alone(both), Reasons(three)),
    ]
}

fn set_of(credentials: &[&Credential]) -> Set {
    let mut set = Set::new();
    for (identity, chain) in credentials {
        let chain: Vec<_> = chain.iter().map(|ca| &ca.certificate).collect();
        set.add(&format!("{}", set.count()), identity, &chain);
    }
    set
}

#[test]
fn a_flawed_credential_is_sent_only_if_every_suitable_one_is_flawed() {
    let root = Identity::root("root");
    let good = (
        root.issue(
            Subject::new("good")
                .key_usage(KeyUsage::new().critical().digital_signature())
                .extended_key_usage(ExtendedKeyUsage::new().server_auth().client_auth()),
        ),
        vec![],
    );
    for (what, flawed, reason) in flaws(&root) {
        let both = set_of(&[&flawed, &good]).freeze();
        let alone = set_of(&[&flawed]).freeze();
        for (version, way) in everywhere() {
            let connection = both.handshake(version, way).naming(&[&root]).run();
            connection.assert_sent(1);
            assert_eq!(connection.verdicts(), [reason, Reasons(0)], "{what}: {connection}");

            let connection = alone.handshake(version, way).naming(&[&root]).run();
            connection.assert_sent(0);
            assert_eq!(connection.verdict(0), reason, "{what}: {connection}");
        }
    }
}

#[test]
fn dates_before_1970_and_after_2038_are_compared() {
    let root = Identity::root("root");
    for (from, to, reason) in [
        ("19500101000000Z", "99991231235959Z", Reasons(0)),
        ("19691231235959Z", "20380119031408Z", Reasons(0)),
        ("19500101000000Z", "19691231235959Z", Reasons::EXPIRED),
        ("21060207062816Z", "99991231235959Z", Reasons::NOT_YET_VALID),
    ] {
        let client = root.issue(Subject::new("client").valid_between(from, to));
        let connection = Set::of(&[&client]).freeze().handshake(Version::Tls13, Way::CertCb).run();
        connection.assert_sent(0);
        assert_eq!(connection.verdict(0), reason, "{from} {to}: {connection}");
    }
}

#[test]
fn a_policy_can_exclude_flawed_credentials() {
    let root = Identity::root("root");
    let other = Identity::root("other");
    for (what, flawed, reason) in flaws(&root) {
        let mut set = set_of(&[&flawed, &(other.issue("good"), vec![])]);
        set.policy().flawed = Flawed::Exclude;
        let set = set.freeze();
        for (version, way) in everywhere() {
            let connection = set.handshake(version, way).naming(&[&root]).run();
            connection.assert_none_suitable();
            assert_eq!(connection.verdict(0), reason, "{what}: {connection}");
            set.handshake(version, way).run().assert_sent(1);
        }
    }
}

#[test]
fn flawed_credentials_keep_the_order_of_the_list() {
    let root = Identity::root("root");
    let subjects = [
        Subject::new("a").not_yet_valid(),
        Subject::new("b").expired().key_usage(KeyUsage::new().key_agreement()),
        Subject::new("c").expired(),
    ];
    let identities = subjects.map(|subject| root.issue(subject));
    let set = Set::of(&identities.each_ref()).freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).run().assert_sent(0);
    }
}

#[test]
fn a_flawed_credential_is_sent_if_the_others_are_excluded() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let expired = Subject::new("client").expired();
    let set = Set::of(&[&b.issue("fresh"), &a.issue(expired)]).freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).naming(&[&a]).run();
        connection.assert_sent(1);
        assert_eq!(connection.verdicts(), [Reasons::ISSUER, Reasons::EXPIRED]);
    }
}

#[test]
fn all_reasons_are_recorded_and_not_only_the_first() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let worst = Subject::new("worst")
        .kind(Kind::Rsa1024)
        .expired()
        .key_usage(KeyUsage::new().key_encipherment())
        .extended_key_usage(ExtendedKeyUsage::new().server_auth());
    let set = Set::of(&[&b.issue(worst)]).freeze();
    for (version, way) in everywhere() {
        let connection =
            set.handshake(version, way).naming(&[&a]).signing("ed25519").types(&[64]).run();
        connection.assert_none_suitable();
        let mut expected = Reasons::default();
        for reason in [
            Reasons::ISSUER,
            Reasons::SIGNATURE_ALGORITHM,
            Reasons::SECURITY_LEVEL,
            Reasons::EXPIRED,
            Reasons::KEY_USAGE,
            Reasons::EXTENDED_KEY_USAGE,
        ] {
            expected.add(reason);
        }
        if version == testkit::handshake::Version::Tls12 {
            expected.add(Reasons::CERTIFICATE_TYPE);
        }
        assert_eq!(connection.verdict(0), expected, "{connection}");
    }
}

#[test]
fn an_expired_certificate_outside_the_chain_is_not_a_flaw() {
    let root = Identity::root("root");
    let middle = root.authority("middle");
    let renewed = |subject: Subject| root.authority(subject.with_key(&middle.key)).certificate;
    let unneeded = [
        renewed(Subject::new("middle").expired()),
        renewed(Subject::new("middle").valid(50, 500)),
        root.authority(Subject::new("stranger").expired()).certificate,
        Identity::root(Subject::new("root").expired()).certificate,
    ];
    for other in &unneeded {
        for order in [[other, &middle.certificate], [&middle.certificate, other]] {
            let mut set = Set::new();
            set.add("client", &middle.issue("client"), &order);
            set.add("second", &root.issue("second"), &[]);
            let set = set.freeze();
            for (version, way) in everywhere() {
                let connection = set.handshake(version, way).naming(&[&root]).run();
                assert_eq!(connection.verdict(0), Reasons(0), "{connection}");
                connection.assert_sent(0);
            }
        }
    }
}

#[test]
fn an_expired_intermediate_is_a_flaw_if_only_it_leads_to_the_named_ca() {
    // Two roots certify one intermediate. The certificate of the first one has expired.
    let [old, new] = ["old", "new"].map(Identity::root);
    let middle = new.authority("middle");
    let expired = Subject::new("middle").with_key(&middle.key).expired();
    let expired = old.authority(expired).certificate;
    let client = middle.issue("client");
    for order in [[&expired, &middle.certificate], [&middle.certificate, &expired]] {
        let mut set = Set::new();
        set.add("client", &client, &order);
        set.add("old", &old.issue("old"), &[]);
        set.add("new", &new.issue("new"), &[]);
        let set = set.freeze();
        for (version, way) in everywhere() {
            let asked = |root: &Identity| -> Connection {
                set.handshake(version, way).naming(&[root]).run()
            };
            let connection = asked(&new);
            assert_eq!(connection.verdict(0), Reasons(0), "{connection}");
            connection.assert_sent(0);
            let connection = asked(&old);
            assert_eq!(connection.verdict(0), Reasons::EXPIRED, "{connection}");
            connection.assert_sent(1);
        }
    }
}
