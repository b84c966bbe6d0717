// SPDX-License-Identifier: MIT OR Apache-2.0
//! Policies, and what happens where nothing is sent or the program has a certificate of its own.

use crate::support::certificates::{Identity, Subject};
use crate::support::handshake::{Way, everywhere};
use crate::support::keys::Kind;
use crate::support::set::Set;
use certpick_core::choice::{EmptyCaList, NoneSuitable, Reasons};
use certpick_core::decision::Outcome;
use certpick_core::{Error, Status, hook};
use foreign_types::ForeignType;
use openssl::ssl::{Ssl, SslContext, SslMethod};

const NONE_SUITABLE: &str = "Server requests a client certificate but no suitable certificate is \
     found from sslcert list provided";

#[test]
fn where_the_server_names_no_ca_the_policy_decides() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let clients = [a.issue("client"), b.issue("client")];
    // The policy, what is sent of one credential and of two.
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
                // It has nothing to say where a CA is named.
                set.handshake(version, way).naming(&[&a]).run().assert_sent(0);
            }
        }
    }
}

#[test]
fn a_policy_can_abort_where_none_suits() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let mut set = Set::of(&[&a.issue("client")]);
    set.policy().none_suitable = NoneSuitable::Abort;
    let set = set.freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).naming(&[&b]).run();
        let error = connection.assert_aborted(Status::NoneSuitable);
        assert_eq!(*error, Error::NoneSuitable);
        assert_eq!(connection.asked().message(), NONE_SUITABLE);
        assert_eq!(connection.verdict(0), Reasons::ISSUER);
        set.handshake(version, way).naming(&[&a]).run().assert_sent(0);
    }
}

#[test]
fn where_none_suits_the_message_says_so_and_a_server_that_does_not_insist_goes_on() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let set = Set::of(&[&a.issue("client")]).freeze();
    for (version, way) in everywhere() {
        let relaxed = set.handshake(version, way).naming(&[&b]).run();
        relaxed.assert_none_suitable();
        assert_eq!(relaxed.asked().message(), NONE_SUITABLE);

        let strict = set.handshake(version, way).naming(&[&b]).insisting().run();
        assert_eq!(strict.asked().outcome(), Outcome::NoneSuitable, "{strict}");
        assert_eq!(strict.asked().message(), NONE_SUITABLE);
        assert!(strict.server_failure.is_some() && strict.client_failure.is_some(), "{strict}");
    }
}

#[test]
fn a_selector_without_credentials_sends_none() {
    let set = Set::new().freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).run();
        connection.assert_none_suitable();
        assert_eq!(connection.verdict(0), Reasons(0), "there is no such credential");
        assert_eq!(connection.asked().choice(), None);
    }
}

#[test]
fn where_the_server_does_not_ask_nothing_is_decided() {
    let set = Set::of(&[&Identity::root("A").issue("client")]).freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).not_asking().run();
        assert!(connection.is_complete() && connection.decision().is_none(), "{connection}");
    }
}

#[test]
fn a_certificate_of_the_programs_own_never_stands_in_for_one_that_did_not_match() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let set = Set::of(&[&a.issue("client")]).freeze();
    let own = b.issue("own");
    for (version, way) in everywhere() {
        let ask = |named: &Identity| set.handshake(version, way).own(&own).naming(&[named]).run();
        if way == Way::ClientCertCb {
            // OpenSSL does not ask where a certificate is set already.
            let connection = ask(&a);
            assert!(connection.decision().is_none(), "{connection}");
            assert_eq!(connection.received(), std::slice::from_ref(&own.certificate));
        } else {
            ask(&a).assert_sent(0);
            // The helper sees that the server received nothing.
            ask(&b).assert_none_suitable();
        }
    }
}

#[test]
fn a_certificate_of_the_programs_own_that_the_server_cannot_use_is_replaced() {
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
fn a_program_that_selects_at_the_wrong_time_or_for_a_server_hears_of_it() {
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
