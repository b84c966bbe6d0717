// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests after the handshake, resumed sessions, and several connections.

use certpick_core::choice::Reasons;
use certpick_core::decision::Outcome;
use testkit::certificates::Identity;
use testkit::handshake::{VERSIONS, Version, WAYS, Way, everywhere};
use testkit::set::Set;

#[test]
fn a_resumed_session_has_no_request() {
    let root = Identity::root("root");
    let set = Set::of(&[&root.issue("client")]).freeze();
    for (version, way) in everywhere() {
        let pair = set.handshake(version, way).trusting(&[&root]).prepare();
        let first = pair.connect(None);
        first.assert_sent(0);
        assert!(!first.was_resumed());

        let second = pair.connect(Some(&first.session()));
        assert!(second.is_complete() && second.was_resumed(), "{second}");
        assert!(second.decision().is_none() && second.received().is_empty(), "{second}");

        // Without the session, the server requests a certificate again.
        let third = pair.connect(None);
        third.assert_sent(0);
        assert!(!third.was_resumed());
    }
}

#[test]
fn a_second_request_with_another_ca_gets_another_certificate() {
    let [a, b, c] = ["A", "B", "C"].map(Identity::root);
    let middle = b.authority("middle");
    let mut set = Set::new();
    set.add("a", &a.issue("a"), &[]);
    set.add("b", &middle.issue("b"), &[&middle.certificate]);
    let set = set.freeze();
    for way in [Way::CertCb, Way::Select] {
        let handshake = set.handshake(Version::Tls13, way).post_handshake();
        let mut connection = handshake.naming(&[&a]).run();
        connection.assert_sent(0);
        assert_eq!(connection.received().len(), 1);

        connection.request_again(&[b.name()]);
        connection.assert_sent(1);
        assert_eq!(connection.verdicts(), [Reasons::ISSUER, Reasons(0)]);
        assert_eq!(connection.received()[1..], *std::slice::from_ref(&middle.certificate));

        connection.request_again(&[c.name()]);
        assert_eq!(connection.record().outcome(), Outcome::NoneSuitable, "{connection}");

        connection.request_again(&[a.name(), b.name()]);
        connection.assert_sent(0);
        assert_eq!(connection.verdicts(), [Reasons(0); 2]);
    }
}

#[test]
fn a_later_request_is_a_new_choice_with_client_cert_cb_too() {
    // OpenSSL does not call client_cert_cb if a certificate is set.
    let [a, b] = ["A", "B"].map(Identity::root);
    let set = Set::of(&[&a.issue("a"), &b.issue("b")]).freeze();
    let handshake = set.handshake(Version::Tls13, Way::ClientCertCb).post_handshake();
    let mut connection = handshake.naming(&[&a]).run();
    connection.assert_sent(0);
    connection.request_again(&[b.name()]);
    connection.assert_sent(1);
    connection.request_again(&[a.name()]);
    connection.assert_sent(0);
}

#[test]
fn the_first_request_may_come_after_the_handshake() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let set = Set::of(&[&a.issue("a"), &b.issue("b")]).freeze();
    for way in WAYS {
        let handshake = set.handshake(Version::Tls13, way).post_handshake();
        let mut connection = handshake.requesting_later().run();
        assert!(connection.is_complete() && connection.decision().is_none(), "{connection}");
        connection.request_again(&[b.name()]);
        connection.assert_sent(1);
    }
}

#[test]
fn a_second_request_is_a_new_choice_after_no_certificate_was_sent() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let set = Set::of(&[&a.issue("a")]).freeze();
    for way in WAYS {
        let handshake = set.handshake(Version::Tls13, way).post_handshake();
        let mut connection = handshake.naming(&[&b]).run();
        connection.assert_none_suitable();
        connection.request_again(&[a.name()]);
        connection.assert_sent(0);
    }
}

#[test]
fn each_connection_of_one_selector_has_its_own_decision() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let set = Set::of(&[&a.issue("a"), &b.issue("b")]).freeze();
    for way in WAYS {
        let ask = |version, root: &Identity| set.handshake(version, way).naming(&[root]).run();
        let connections = VERSIONS.map(|version| [ask(version, &b), ask(version, &a)]);
        for [to_b, to_a] in &connections {
            to_b.assert_sent(1);
            to_a.assert_sent(0);
            assert_eq!(to_b.verdicts(), [Reasons::ISSUER, Reasons(0)]);
            assert_eq!(to_a.verdicts(), [Reasons(0), Reasons::ISSUER]);
        }
    }
}

#[test]
fn connections_of_one_ssl_ctx_with_different_users_send_different_certificates() {
    let root = Identity::root("root");
    let set = Set::of(&["alice", "bob"].map(|n| root.issue(n)).each_ref()).freeze();
    for (version, way) in everywhere() {
        let mut pair = set.handshake(version, way).user("bob").prepare();
        pair.connect(None).assert_sent(1);
        pair.set_user("alice");
        pair.connect(None).assert_sent(0);
    }
}

#[test]
fn threads_can_share_a_selector() {
    let roots = ["A", "B", "C", "D"].map(Identity::root);
    let clients = roots.each_ref().map(|root| root.issue("client"));
    let set = Set::of(&clients.each_ref()).freeze();
    std::thread::scope(|scope| {
        for (at, root) in roots.iter().enumerate() {
            let set = &set;
            scope.spawn(move || {
                for (version, way) in everywhere() {
                    set.handshake(version, way).trusting(&[root]).run().assert_sent(at);
                }
            });
        }
    });
}
