// SPDX-License-Identifier: MIT OR Apache-2.0
//! The CA names of a request.

use certpick_core::choice::Reasons;
use openssl::x509::{X509, X509Name};
use testkit::certificates::{Identity, StringKind, Subject, name_in};
use testkit::handshake::everywhere;
use testkit::set::Set;

fn roots() -> [Identity; 3] {
    ["A", "B", "C"].map(Identity::root)
}

#[test]
fn the_credential_of_the_named_ca_is_sent() {
    let roots = roots();
    let clients = roots.each_ref().map(|root| root.issue("client"));
    let set = Set::of(&clients.each_ref()).freeze();
    for (version, way) in everywhere() {
        for (at, root) in roots.iter().enumerate() {
            let connection = set.handshake(version, way).trusting(&[root]).run();
            connection.assert_sent(at);
            let expected: Vec<_> =
                (0..3).map(|i| if i == at { Reasons(0) } else { Reasons::ISSUER }).collect();
            assert_eq!(connection.verdicts(), expected, "{connection}");
        }
    }
}

#[test]
fn the_order_of_the_list_decides_and_not_the_order_of_the_servers_ca_names() {
    let [a, b, c] = roots();
    let stranger = Identity::root("stranger");
    let clients = [&a, &b, &c].map(|root| root.issue("client"));
    let set = Set::of(&clients.each_ref()).freeze();
    for (version, way) in everywhere() {
        let sent = |named: &[&Identity], at: usize| {
            set.handshake(version, way).naming(named).run().assert_sent(at);
        };
        sent(&[&c, &b], 1);
        sent(&[&b, &c], 1);
        sent(&[&c, &stranger, &b, &a], 0);
        sent(&[&stranger, &c, &stranger], 2);
    }
}

#[test]
fn a_server_that_names_no_ca_accepts_every_credential() {
    let [a, b, _] = roots();
    let set = Set::of(&[&b.issue("b"), &a.issue("a")]).freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).run();
        connection.assert_sent(0);
        assert_eq!(connection.verdicts(), [Reasons(0); 2]);
        assert_eq!(connection.record().request().ca_names, 0);
    }
}

#[test]
fn if_no_ca_matches_no_certificate_is_sent_and_the_server_decides() {
    let [a, b, c] = roots();
    let set = Set::of(&[&a.issue("a"), &b.issue("b")]).freeze();
    for (version, way) in everywhere() {
        let relaxed = set.handshake(version, way).naming(&[&c]).run();
        relaxed.assert_none_suitable();
        assert_eq!(relaxed.verdicts(), [Reasons::ISSUER; 2]);

        let strict = set.handshake(version, way).naming(&[&c]).requiring().run();
        assert!(!strict.is_complete() && strict.server_failure.is_some(), "{strict}");
        assert!(strict.client_failure.is_some(), "the server's alert arrives: {strict}");
        assert!(strict.record().message().starts_with("Server requests a client certificate but"));
    }
}

/// A leaf, two intermediates and a root.
struct Chain {
    root: Identity,
    upper: Identity,
    lower: Identity,
    client: Identity,
}

impl Chain {
    fn new() -> Chain {
        let root = Identity::root("root");
        let upper = root.authority("upper");
        let lower = upper.authority("lower");
        let client = lower.issue("client");
        Chain { root, upper, lower, client }
    }
}

#[test]
fn a_ca_above_an_intermediate_is_matched_through_the_certificate_file() {
    let Chain { root, upper, lower, client } = Chain::new();
    let [leaf, low, up, top] =
        [&client, &lower, &upper, &root].map(|identity| &identity.certificate);
    let files: [&[&X509]; 5] = [
        &[leaf, low, up],
        &[leaf, up, low],
        &[up, low, leaf],
        &[low, leaf, up],
        &[top, up, leaf, low],
    ];
    for (number, file) in files.iter().enumerate() {
        let mut set = Set::of(&[&Identity::root("other").issue("other")]);
        set.add_in_order("client", &client, file);
        let set = set.freeze();
        for (version, way) in everywhere() {
            let connection = set.handshake(version, way).trusting(&[&root]).run();
            connection.assert_sent(1);
            assert_eq!(connection.received().len(), 3, "file {number}: {connection}");
        }
    }
}

#[test]
fn a_ca_above_an_intermediate_is_matched_through_the_issuer_pool() {
    let Chain { root, upper, lower, client } = Chain::new();
    // The certificates in the credential's file and in the issuer pool.
    for (own, pool) in [
        (vec![], vec![&upper.certificate, &lower.certificate]),
        (vec![&lower.certificate], vec![&upper.certificate]),
        (vec![&upper.certificate], vec![&lower.certificate]),
        (vec![], vec![&root.certificate, &lower.certificate, &upper.certificate]),
    ] {
        let mut set = Set::of(&[&Identity::root("other").issue("other")]);
        set.add("client", &client, &own);
        set.add_issuers(&pool);
        let set = set.freeze();
        for (version, way) in everywhere() {
            set.handshake(version, way).trusting(&[&root]).run().assert_sent(1);
        }
    }
}

#[test]
fn a_credential_in_memory_follows_the_same_rules() {
    let Chain { root, upper, lower, client } = Chain::new();
    let mut set = Set::new();
    set.add_from_memory(&Identity::root("other").issue("other"), &[]);
    set.add_from_memory(&client, &[&upper.certificate, &lower.certificate]);
    let set = set.freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).trusting(&[&root]).run().assert_sent(1);
    }
}

#[test]
fn a_ca_above_a_gap_in_the_chain_does_not_match() {
    let Chain { root, upper, lower, client } = Chain::new();
    let stranger = Identity::root("stranger");
    // The root, the intermediate above the gap, and an unrelated certificate.
    for file in [
        vec![],
        vec![&root.certificate],
        vec![&upper.certificate],
        vec![&stranger.certificate, &upper.certificate],
    ] {
        let mut set = Set::new();
        set.add("client", &client, &file);
        let set = set.freeze();
        for (version, way) in everywhere() {
            let connection = set.handshake(version, way).naming(&[&root]).run();
            connection.assert_none_suitable();
            assert_eq!(connection.verdict(0), Reasons::ISSUER);
            // The CA that issued the leaf matches.
            set.handshake(version, way).naming(&[&lower]).run().assert_sent(0);
        }
    }
}

#[test]
fn the_issuer_of_an_unrelated_certificate_in_the_file_does_not_match() {
    let [a, b, _] = roots();
    let stranger = b.authority("stranger");
    let mut set = Set::new();
    set.add("client", &a.issue("client"), &[&stranger.certificate]);
    let set = set.freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).naming(&[&b]).run();
        connection.assert_none_suitable();
        assert_eq!(connection.verdict(0), Reasons::ISSUER);
    }
}

#[test]
fn the_subject_of_a_client_certificate_is_not_its_issuer() {
    let client = Identity::root("A").issue("client");
    let set = Set::of(&[&client]).freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).naming(&[&client]).run().assert_none_suitable();
    }
}

#[test]
fn a_self_signed_client_certificate_is_its_own_issuer() {
    let client = Identity::root("self");
    let set = Set::of(&[&Identity::root("A").issue("a"), &client]).freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).naming(&[&client]).run();
        connection.assert_sent(1);
        assert_eq!(connection.received().len(), 1);
    }
}

#[test]
fn ca_names_match_regardless_of_string_type_case_and_white_space() {
    use StringKind::{Bmp, Printable, Teletex, Utf8};
    // The name in the certificate, the name in the request, and whether they are equal.
    let table = [
        ((Utf8, "Root One"), (Printable, "Root One"), true),
        ((Printable, "Root One"), (Utf8, "Root One"), true),
        ((Teletex, "Root One"), (Printable, "Root One"), true),
        ((Bmp, "Root One"), (Utf8, "Root One"), true),
        ((Utf8, "Root One"), (Bmp, "Root One"), true),
        ((Utf8, "Root One"), (Printable, "ROOT one"), true),
        ((Utf8, "Root One"), (Utf8, "  Root   One "), true),
        ((Printable, " root  ONE"), (Bmp, "Root One  "), true),
        ((Utf8, "Röot"), (Bmp, "röot"), true),
        ((Utf8, "Röot"), (Utf8, "RÖot"), false),
        ((Utf8, "Root One"), (Utf8, "RootOne"), false),
        ((Utf8, "Root One"), (Utf8, "Root-One"), false),
        ((Utf8, "Root One"), (Printable, "Root Two"), false),
        ((Utf8, "Root One"), (Utf8, "Root One1"), false),
    ];
    for ((kind, words), (named_kind, named_words), equal) in table {
        let root = Identity::root(Subject::named(name_in(kind, "tests", words)));
        let set = Set::of(&[&Identity::root("other").issue("other"), &root.issue("client")]);
        let set = set.freeze();
        let named = [name_in(named_kind, "Tests", named_words).to_der().unwrap()];
        for (version, way) in everywhere() {
            let connection = set.handshake(version, way).naming_der(&named).run();
            if equal {
                connection.assert_sent(1);
            } else {
                connection.assert_none_suitable();
            }
        }
    }
}

#[test]
fn a_chain_is_found_although_its_names_have_different_string_types() {
    // The intermediate has its name in a UTF8String, and the leaf has its issuer's in a PrintableString.
    let root = Identity::root("root");
    let subject = |kind| Subject::named(name_in(kind, "Tests", "Sub  CA"));
    let utf8 = root.authority(subject(StringKind::Utf8));
    let printable = root.authority(subject(StringKind::Printable).with_key(&utf8.key));
    let client = printable.issue("client");
    let mut set = Set::new();
    set.add("client", &client, &[&utf8.certificate]);
    let set = set.freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).trusting(&[&root]).run().assert_sent(0);
    }
}

#[test]
fn names_with_the_same_attributes_in_another_order_do_not_match() {
    let name_of = |parts: &[(&str, &str)]| {
        let mut builder = X509Name::builder().unwrap();
        for (field, value) in parts {
            builder.append_entry_by_text(field, value).unwrap();
        }
        builder.build()
    };
    let root = Identity::root(Subject::named(name_of(&[("O", "x"), ("CN", "y")])));
    let set = Set::of(&[&root.issue("client")]).freeze();
    for (version, way) in everywhere() {
        let named = |parts: &[(&str, &str)]| {
            set.handshake(version, way).naming_der(&[name_of(parts).to_der().unwrap()]).run()
        };
        named(&[("O", "x"), ("CN", "y")]).assert_sent(0);
        named(&[("CN", "y"), ("O", "x")]).assert_none_suitable();
        named(&[("CN", "y")]).assert_none_suitable();
        named(&[("O", "x"), ("OU", "y")]).assert_none_suitable();
    }
}
