// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates that the server receives: the leaf, its intermediates in order, and no others.

use openssl::x509::X509;
use testkit::certificates::{Identity, Subject};
use testkit::connection::Connection;
use testkit::handshake::everywhere;
use testkit::set::{Frozen, Set};

/// Creates a set of one credential with these certificates in its file, in this order.
fn file(client: &Identity, certificates: &[&X509]) -> Frozen {
    let mut set = Set::new();
    set.add_in_order("client", client, certificates);
    set.freeze()
}

#[track_caller]
fn assert_received(connection: &Connection, expected: &[&X509]) {
    connection.assert_sent(0);
    let received = connection.received();
    let subjects: Vec<_> = received.iter().map(|x| x.subject_name()).collect();
    assert!(received.iter().eq(expected.iter().copied()), "{connection}: {subjects:?}");
}

#[test]
fn the_chain_is_in_order_without_root_duplicates_and_unrelated_certificates() {
    let root = Identity::root("root");
    let upper = root.authority("upper");
    let lower = upper.authority("lower");
    let client = lower.issue("client");
    let other = Identity::root("other");
    let [leaf, low, up, top] =
        [&client, &lower, &upper, &root].map(|identity| &identity.certificate);
    let (far, stranger) = (&other.certificate, &other.authority("stranger").certificate);
    let files: [&[&X509]; 7] = [
        &[leaf, low, up],
        &[leaf, up, low],
        &[leaf, low, up, top],
        &[top, up, low, leaf],
        &[leaf, low, low, up, low, up],
        &[leaf, stranger, low, far, up],
        &[leaf, top, stranger, up, far, low, top, up],
    ];
    for certificates in files {
        let set = file(&client, certificates);
        for (version, way) in everywhere() {
            // The client trusts all of them, so OpenSSL could build another chain.
            let connection = set
                .handshake(version, way)
                .client_trusting(&[top, up, low])
                .trusting(&[&root])
                .run();
            assert_received(&connection, &[leaf, low, up]);
            // The whole chain is also sent to a server that names no CA.
            let connection = set.handshake(version, way).client_trusting(&[top]).run();
            assert_received(&connection, &[leaf, low, up]);
        }
    }
}

#[test]
fn a_leaf_that_a_root_issued_is_sent_alone_even_if_the_client_trusts_the_root() {
    let root = Identity::root("root");
    let client = root.issue("client");
    for certificates in [&[&client.certificate][..], &[&client.certificate, &root.certificate][..]]
    {
        let set = file(&client, certificates);
        for (version, way) in everywhere() {
            let connection = set
                .handshake(version, way)
                .client_trusting(&[&root.certificate])
                .trusting(&[&root])
                .run();
            assert_received(&connection, &[&client.certificate]);
        }
    }
}

#[test]
fn an_intermediate_from_the_clients_trust_store_is_not_sent() {
    let root = Identity::root("root");
    let middle = root.authority("middle");
    let client = middle.issue("client");
    let set = Set::of(&[&client]).freeze();
    for (version, way) in everywhere() {
        let trusted = [&middle.certificate, &root.certificate];
        let connection = set.handshake(version, way).client_trusting(&trusted).run();
        assert_received(&connection, &[&client.certificate]);
    }
}

#[test]
fn gaps_are_filled_from_the_issuer_pool_and_its_roots_are_not_sent() {
    let root = Identity::root("root");
    let upper = root.authority("upper");
    let middle = upper.authority("middle");
    let lower = middle.authority("lower");
    let client = lower.issue("client");
    let mut set = Set::new();
    set.add("client", &client, &[&middle.certificate]);
    let stranger = Identity::root("stranger");
    set.add_issuers(&[
        &root.certificate,
        &stranger.certificate,
        &stranger.authority("strange").certificate,
        &upper.certificate,
        &lower.certificate,
        &middle.certificate,
    ]);
    let set = set.freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).trusting(&[&root]).run();
        let expected = [&client, &lower, &middle, &upper].map(|i| &i.certificate);
        assert_received(&connection, &expected);
    }
}

#[test]
fn the_cross_signed_intermediate_that_leads_to_the_named_ca_is_sent() {
    let roots = ["A", "B", "C"].map(Identity::root);
    let middle = roots[0].authority("middle");
    let client = middle.issue("client");
    let by_b = roots[1].cross_sign(&middle);
    let by_c = roots[2].cross_sign(&middle);
    let all = [&middle.certificate, &by_b, &by_c];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut certificates = vec![&client.certificate];
        certificates.extend(order.map(|i| all[i]));
        let set = file(&client, &certificates);
        for (version, way) in everywhere() {
            for (root, expected) in roots.iter().zip(all) {
                let connection = set.handshake(version, way).trusting(&[root]).run();
                assert_received(&connection, &[&client.certificate, expected]);
            }
        }
    }
}

#[test]
fn the_chain_to_the_named_root_is_sent_if_roots_are_cross_signed() {
    let [old, new] = ["old", "new"].map(Identity::root);
    let middle = new.authority("middle");
    let client = middle.issue("client");
    let bridge = old.cross_sign(&new);
    let set = file(&client, &[&client.certificate, &middle.certificate, &new.certificate, &bridge]);
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).trusting(&[&old]).run();
        assert_received(&connection, &[&client.certificate, &middle.certificate, &bridge]);
        // If the new root is named, the cross certificate has no effect.
        let connection = set.handshake(version, way).trusting(&[&new]).run();
        connection.assert_sent(0);
        assert_eq!(connection.received()[1], middle.certificate, "{connection}");
    }
}

#[test]
fn cas_that_certify_each_other_do_not_make_an_endless_chain() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let (a_by_b, b_by_a) = (b.cross_sign(&a), a.cross_sign(&b));
    let client = a.issue("client");
    let set = file(&client, &[&client.certificate, &a_by_b, &b_by_a]);
    for (version, way) in everywhere() {
        set.handshake(version, way).trusting(&[&a]).run().assert_sent(0);
        let connection = set.handshake(version, way).trusting(&[&b]).run();
        connection.assert_sent(0);
        let received = connection.received();
        assert_eq!(received[1], a_by_b, "{connection}");
        assert!(received.len() <= 3, "{connection}");
    }
}

#[test]
fn the_valid_certificate_of_a_renewed_intermediate_is_sent() {
    let root = Identity::root("root");
    let middle = root.authority("middle");
    let renewal = |subject: Subject| root.authority(subject.with_key(&middle.key)).certificate;
    let expired = renewal(Subject::new("middle").expired());
    let future = renewal(Subject::new("middle").valid(50, 500));
    let client = middle.issue("client");
    for others in [[&expired, &future], [&future, &expired]] {
        let certificates = [&client.certificate, others[0], others[1], &middle.certificate];
        let set = file(&client, &certificates);
        for (version, way) in everywhere() {
            let connection = set.handshake(version, way).trusting(&[&root]).run();
            assert_received(&connection, &[&client.certificate, &middle.certificate]);
        }
    }
}

#[test]
fn cas_with_the_same_name_are_distinguished_by_their_keys() {
    // Two intermediates with the same name and different keys, as after a CA was created again.
    let root = Identity::root("root");
    let middles = [root.authority("middle"), root.authority("middle")];
    for (at, middle) in middles.iter().enumerate() {
        let client = middle.issue("client");
        let [first, second] = [&middles[1 - at].certificate, &middle.certificate];
        for certificates in [[first, second], [second, first]] {
            let set = file(&client, &[&client.certificate, certificates[0], certificates[1]]);
            for (version, way) in everywhere() {
                let connection = set.handshake(version, way).trusting(&[&root]).run();
                assert_received(&connection, &[&client.certificate, &middle.certificate]);
            }
        }
    }
}

#[test]
fn each_credential_of_a_list_is_sent_with_its_own_intermediates() {
    let root = Identity::root("root");
    let middles = ["one", "two", "three"].map(|name| root.authority(name));
    let mut set = Set::new();
    let clients = middles.each_ref().map(|middle| {
        let client = middle.issue("client");
        set.add(&format!("{}", set.count()), &client, &[&middle.certificate]);
        client
    });
    let set = set.freeze();
    for (version, way) in everywhere() {
        for at in 0..3 {
            let connection = set.handshake(version, way).naming(&[&middles[at]]).run();
            connection.assert_sent(at);
            let expected = [&clients[at].certificate, &middles[at].certificate];
            assert!(connection.received().iter().eq(expected), "{connection}");
        }
    }
}

#[test]
fn the_one_of_200_cross_certificates_that_leads_to_the_named_ca_is_sent() {
    const COUNT: usize = 200;
    let roots: Vec<_> = (0..COUNT).map(|i| Identity::root(format!("root {i}").as_str())).collect();
    let upper = roots[0].authority("upper");
    let lower = upper.authority("lower");
    let client = lower.issue("client");
    let cross: Vec<X509> = roots.iter().map(|root| root.cross_sign(&upper)).collect();
    let mut own = vec![&client.certificate, &lower.certificate];
    let in_file = file(&client, &own.iter().copied().chain(&cross).collect::<Vec<_>>());
    let mut set = Set::new();
    set.add_in_order("client", &client, &own);
    set.add_issuers(&cross.iter().collect::<Vec<_>>());
    let in_pool = set.freeze();
    for (version, way) in everywhere() {
        for set in [&in_file, &in_pool] {
            for at in [0, 63, 64, 65, COUNT - 1] {
                let connection = set.handshake(version, way).trusting(&[&roots[at]]).run();
                own.truncate(2);
                own.push(&cross[at]);
                assert_received(&connection, &own);
            }
        }
    }
}
