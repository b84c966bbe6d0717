// SPDX-License-Identifier: MIT OR Apache-2.0
//! Policies, requests without a suitable credential, and programs with their own certificate.

use certpick_core::choice::{EmptyCaList, NoneSuitable, Reasons};
use certpick_core::decision::Outcome;
use certpick_core::{Error, Status, hook};
use foreign_types::ForeignType;
use openssl::ssl::{Ssl, SslContext, SslMethod};
use testkit::certificates::{Identity, Subject};
use testkit::handshake::{Way, everywhere};
use testkit::keys::Kind;
use testkit::set::Set;

const NONE_SUITABLE: &str = "Server requests a client certificate but no suitable certificate is \
     found from sslcert list provided";

#[test]
fn the_policy_decides_if_the_server_names_no_ca() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let clients = [a.issue("client"), b.issue("client")];
    // The policy, and whether one is sent of one credential and of two.
    for (policy, of_one, of_two) in [
        (EmptyCaList::Accept, true, true),
        (EmptyCaList::Sole, true, false),
        (EmptyCaList::SendNone, false, false),
    ] {
        for (count, sends) in [(1, of_one), (2, of_two)] {
            let mut set = Set::of(&clients.iter().take(count).collect::<Vec<_>>());
            set.policy().empty_ca_list = policy;
            let set = set.freeze();
            for (version, way) in everywhere() {
                let connection = set.handshake(version, way).run();
                if sends {
                    connection.assert_sent(0);
                    assert_eq!(connection.verdicts(), vec![Reasons(0); count], "{connection}");
                } else {
                    connection.assert_none_suitable();
                    assert_eq!(connection.verdicts(), vec![Reasons::POLICY; count], "{connection}");
                }
                // The policy does not apply if the server names a CA.
                set.handshake(version, way).naming(&[&a]).run().assert_sent(0);
            }
        }
    }
}

#[test]
fn a_policy_can_abort_if_no_credential_is_suitable() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let mut set = Set::of(&[&a.issue("client")]);
    set.policy().none_suitable = NoneSuitable::Abort;
    let set = set.freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).naming(&[&b]).run();
        let error = connection.assert_aborted(Status::NoneSuitable);
        assert_eq!(*error, Error::NoneSuitable);
        assert_eq!(connection.record().message(), NONE_SUITABLE);
        assert_eq!(connection.verdict(0), Reasons::ISSUER);
        set.handshake(version, way).naming(&[&a]).run().assert_sent(0);
    }
}

#[test]
fn without_a_suitable_credential_the_message_says_so_and_an_optional_request_succeeds() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let set = Set::of(&[&a.issue("client")]).freeze();
    for (version, way) in everywhere() {
        let optional = set.handshake(version, way).naming(&[&b]).run();
        optional.assert_none_suitable();
        assert_eq!(optional.record().message(), NONE_SUITABLE);

        let required = set.handshake(version, way).naming(&[&b]).requiring().run();
        assert_eq!(required.record().outcome(), Outcome::NoneSuitable, "{required}");
        assert_eq!(required.record().message(), NONE_SUITABLE);
        assert!(
            required.server_failure.is_some() && required.client_failure.is_some(),
            "{required}"
        );
    }
}

#[test]
fn a_selector_without_credentials_sends_no_certificate() {
    let set = Set::new().freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).run();
        connection.assert_none_suitable();
        assert_eq!(connection.verdict(0), Reasons(0), "there is no such credential");
        assert_eq!(connection.record().choice(), None);
    }
}

#[test]
fn without_a_request_there_is_no_decision() {
    let set = Set::of(&[&Identity::root("A").issue("client")]).freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).not_requesting().run();
        assert!(connection.is_complete() && connection.decision().is_none(), "{connection}");
    }
}

#[test]
fn the_programs_own_certificate_never_replaces_one_that_did_not_match() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let set = Set::of(&[&a.issue("client")]).freeze();
    let own = b.issue("own");
    for (version, way) in everywhere() {
        let ask = |named: &Identity| set.handshake(version, way).own(&own).naming(&[named]).run();
        if way == Way::ClientCertCb {
            // OpenSSL does not call client_cert_cb if a certificate is set.
            let connection = ask(&a);
            assert!(connection.decision().is_none(), "{connection}");
            assert_eq!(connection.received(), std::slice::from_ref(&own.certificate));
        } else {
            ask(&a).assert_sent(0);
            // The connection checks that the server received no certificate.
            ask(&b).assert_none_suitable();
        }
    }
}

#[test]
fn the_programs_own_certificate_is_replaced_if_the_server_cannot_use_it() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let set = Set::of(&[&a.issue("client")]).freeze();
    let own = b.issue(Subject::new("own").kind(Kind::Ed25519));
    for (version, way) in everywhere() {
        let ask = |named: &Identity| {
            let handshake = set.handshake(version, way).own(&own).naming(&[named]);
            handshake.signing("ecdsa_secp256r1_sha256").run()
        };
        ask(&a).assert_sent(0);
        ask(&b).assert_none_suitable();
    }
}

#[test]
fn select_outside_the_callback_or_on_a_server_is_an_error() {
    let set = Set::of(&[&Identity::root("A").issue("client")]).freeze();
    for method in [SslMethod::tls_client(), SslMethod::tls_server()] {
        let context = SslContext::builder(method).unwrap().build();
        let ssl = Ssl::new(&context).unwrap();
        // SAFETY: a valid SSL.
        let result = unsafe { hook::select(ssl.as_ptr(), &set.selector) };
        assert!(matches!(result, Err(Error::Argument(_))), "{result:?}");
        // SAFETY: likewise.
        assert!(unsafe { hook::decision(ssl.as_ptr()) }.is_none());
    }
}
