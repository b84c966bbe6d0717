// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of CAs in a request.

use crate::support::certificates::{Identity, StringKind, Subject, der, name_in};
use crate::support::handshake::everywhere;
use crate::support::set::Set;
use certpick_core::choice::Reasons;
use openssl::x509::{X509, X509Name};

fn roots() -> [Identity; 3] {
    ["A", "B", "C"].map(Identity::root)
}

#[test]
fn the_credential_of_the_one_ca_that_is_named_is_sent() {
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
fn among_several_names_the_order_of_the_list_decides_and_not_that_of_the_server() {
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
fn a_server_that_names_nobody_accepts_everybody() {
    let [a, b, _] = roots();
    let set = Set::of(&[&b.issue("b"), &a.issue("a")]).freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).run();
        connection.assert_sent(0);
        assert_eq!(connection.verdicts(), [Reasons(0); 2]);
        assert_eq!(connection.asked().request().ca_names, 0);
    }
}

#[test]
fn where_all_names_are_strange_none_is_sent_and_the_server_decides() {
    let [a, b, c] = roots();
    let set = Set::of(&[&a.issue("a"), &b.issue("b")]).freeze();
    for (version, way) in everywhere() {
        let relaxed = set.handshake(version, way).naming(&[&c]).run();
        relaxed.assert_none_suitable();
        assert_eq!(relaxed.verdicts(), [Reasons::ISSUER; 2]);

        let strict = set.handshake(version, way).naming(&[&c]).insisting().run();
        assert!(!strict.is_complete() && strict.server_failure.is_some(), "{strict}");
        assert!(strict.client_failure.is_some(), "the server's alert arrives: {strict}");
        assert!(strict.asked().message().starts_with("Server requests a client certificate but"));
    }
}

/// leaf, two intermediates, root; the server knows the root alone.
struct Tall {
    root: Identity,
    upper: Identity,
    lower: Identity,
    client: Identity,
}

impl Tall {
    fn new() -> Tall {
        let root = Identity::root("root");
        let upper = root.authority("upper");
        let lower = upper.authority("lower");
        let client = lower.issue("client");
        Tall { root, upper, lower, client }
    }
}

#[test]
fn a_name_that_only_an_intermediate_was_issued_by_is_found_through_the_file() {
    let Tall { root, upper, lower, client } = Tall::new();
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
fn a_name_that_only_an_intermediate_was_issued_by_is_found_through_the_issuer_pool() {
    let Tall { root, upper, lower, client } = Tall::new();
    // In the credential's own file, in the issuer pool, behind another credential.
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
fn a_credential_that_is_held_in_memory_goes_by_the_same_rules() {
    let Tall { root, upper, lower, client } = Tall::new();
    let mut set = Set::new();
    set.add_from_memory(&Identity::root("other").issue("other"), &[]);
    set.add_from_memory(&client, &[&upper.certificate, &lower.certificate]);
    let set = set.freeze();
    for (version, way) in everywhere() {
        set.handshake(version, way).trusting(&[&root]).run().assert_sent(1);
    }
}

#[test]
fn a_chain_with_a_gap_leads_nowhere() {
    let Tall { root, upper, lower, client } = Tall::new();
    let stranger = Identity::root("stranger");
    // The root itself, an intermediate above the gap, and one that has nothing to do with it.
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
            // A server that knows the CA just above needs no more.
            set.handshake(version, way).naming(&[&lower]).run().assert_sent(0);
        }
    }
}

#[test]
fn a_stranger_in_the_file_lends_its_issuer_to_nobody() {
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
fn names_are_equal_in_any_string_type_case_and_white_space() {
    use StringKind::{Bmp, Printable, Teletex, Utf8};
    // In the certificate, in the request, equal or not.
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
        let named = [der(&name_in(named_kind, "Tests", named_words))];
        for (version, way) in everywhere() {
            let connection = set.handshake(version, way).naming_names(&named).run();
            if equal {
                connection.assert_sent(1);
            } else {
                connection.assert_none_suitable();
            }
        }
    }
}

#[test]
fn a_chain_holds_together_though_its_names_are_written_differently() {
    // What is sent says UTF8String; the leaf was issued by the same CA under a PrintableString.
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
fn names_with_the_same_parts_in_another_order_are_different() {
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
            set.handshake(version, way).naming_names(&[der(&name_of(parts))]).run()
        };
        named(&[("O", "x"), ("CN", "y")]).assert_sent(0);
        named(&[("CN", "y"), ("O", "x")]).assert_none_suitable();
        named(&[("CN", "y")]).assert_none_suitable();
        named(&[("O", "x"), ("OU", "y")]).assert_none_suitable();
    }
}
