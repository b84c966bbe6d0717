// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists, and the index of their certificates.

use crate::files::{Files, Sent, freeze, without_cache};
use certpick_core::Selector;
use certpick_core::choice::{Flawed, NoneSuitable, Reasons};
use testkit::certificates::{Identity, Subject};
use testkit::handshake::{Version, Way};

/// Connects to a server of each CA. Returns the certificates and keys.
fn sent_to(selector: Selector, roots: &[&Identity], clients: &[&Identity]) -> Vec<Sent> {
    let set = freeze(selector, clients);
    let connect = |(at, root): (usize, &&Identity)| {
        let connection = set.handshake(Version::Tls13, Way::CertCb).trusting(&[root]).run();
        connection.assert_sent(at);
        Sent::of(&connection)
    };
    roots.iter().enumerate().map(connect).collect()
}

#[test]
fn only_the_entries_that_changed_are_read_again() {
    let files = Files::new();
    let roots = ["A", "B", "C"].map(Identity::root);
    let mut clients = roots.each_ref().map(|root| root.issue("client"));
    let names = ["a", "b", "c"];
    for (name, client) in names.iter().zip(&clients) {
        files.write_identity(name, client);
    }
    files.wait_until_cacheable();
    let sent = |clients: &[Identity; 3]| {
        sent_to(files.list(&names), &roots.each_ref(), &clients.each_ref())
    };
    let first = sent(&clients);
    for (now, before) in sent(&clients).iter().zip(&first) {
        now.assert_shared(before);
    }
    clients[1] = roots[1].issue("client");
    files.write_identity("b", &clients[1]);
    files.wait_until_cacheable();
    let second = sent(&clients);
    for at in 0..3 {
        assert_eq!(second[at].shares_certificate(&first[at]), at != 1);
        assert_eq!(second[at].shares_key(&first[at]), at != 1);
    }
    for (now, before) in sent(&clients).iter().zip(&second) {
        now.assert_shared(before);
    }
}

#[test]
fn similar_lists_are_not_confused() {
    let files = Files::new();
    let roots = ["A", "B"].map(Identity::root);
    let clients = roots.each_ref().map(|root| root.issue("client"));
    files.write_identity("a", &clients[0]);
    files.write_identity("b", &clients[1]);
    files.wait_until_cacheable();
    let [a, b] = clients.each_ref();
    for _ in 0..2 {
        sent_to(files.list(&["a", "b"]), &[&roots[0], &roots[1]], &[a, b]);
        sent_to(files.list(&["b", "a"]), &[&roots[1], &roots[0]], &[b, a]);
        sent_to(files.list(&["a"]), &[&roots[0]], &[a]);
        sent_to(files.list(&["b"]), &[&roots[1]], &[b]);
        let mut both = files.list(&["a"]);
        files.add(&mut both, "b", None);
        sent_to(both, &[&roots[0], &roots[1]], &[a, b]);
    }
}

#[test]
fn counts_that_do_not_agree_are_an_error_despite_the_cache() {
    let files = Files::new();
    let root = Identity::root("root");
    for name in ["a", "b"] {
        files.write_identity(name, &root.issue(name));
    }
    files.wait_until_cacheable();
    files.list(&["a", "b"]);
    let path = |name: &str| files.path(name).to_str().unwrap().to_owned();
    let certificates = format!("{},{}", path("a.crt"), path("b.crt"));
    let keys = format!("{},{}", path("a.key"), path("b.key"));
    let add = |keys: &str, passwords: &'static [u8]| {
        let mut selector = Selector::new();
        let passwords = certpick_core::list::Passwords::List(Some(passwords));
        let added = selector.add_lists(certificates.as_bytes(), Some(keys.as_bytes()), &passwords);
        added.map_err(|error| error.to_string())
    };
    for _ in 0..2 {
        assert_eq!(add(&keys, b","), Ok(()));
        let error = add(&keys, b",,").unwrap_err();
        assert_eq!(error, "could not match 3 sslpassword to 2 sslkey values");
        let error = add(&format!("{keys},{keys}"), b",").unwrap_err();
        assert_eq!(error, "could not match 2 sslcert to 4 sslkey values");
    }
}

#[test]
fn a_policy_belongs_to_one_selector_although_the_index_is_shared() {
    let files = Files::new();
    let root = Identity::root("root");
    let expired = root.issue(Subject::new("client").expired());
    files.write_identity("client", &expired);
    files.wait_until_cacheable();
    let select = |flawed, none_suitable| {
        let mut selector = files.selector("client");
        selector.policy_mut().flawed = flawed;
        selector.policy_mut().none_suitable = none_suitable;
        let set = freeze(selector, &[&expired]);
        set.handshake(Version::Tls13, Way::CertCb).run()
    };
    for _ in 0..2 {
        select(Flawed::Demote, NoneSuitable::SendNone).assert_sent(0);
        select(Flawed::Exclude, NoneSuitable::SendNone).assert_none_suitable();
        select(Flawed::Exclude, NoneSuitable::Abort)
            .assert_aborted(certpick_core::Status::NoneSuitable);
        assert_eq!(select(Flawed::Demote, NoneSuitable::SendNone).verdict(0), Reasons::EXPIRED);
    }
}

#[test]
fn issuers_fill_gaps_only_for_the_selectors_that_have_them() {
    let files = Files::new();
    let root = Identity::root("root");
    let middle = root.authority("middle");
    let client = middle.issue("client");
    files.write_identity("client", &client);
    files.write("issuers.pem", middle.pem());
    files.wait_until_cacheable();
    let select = |with_issuers: bool, use_cache: bool| {
        let mut selector = match use_cache {
            true => files.selector("client"),
            false => without_cache(|s| files.add(s, "client", None)),
        };
        if with_issuers {
            selector.add_issuers(&files.path("issuers.pem")).unwrap();
        }
        freeze(selector, &[&client]).handshake(Version::Tls13, Way::CertCb).naming(&[&root]).run()
    };
    for use_cache in [true, false, true] {
        select(false, use_cache).assert_none_suitable();
        let connection = select(true, use_cache);
        connection.assert_sent(0);
        assert_eq!(connection.received(), [client.certificate.clone(), middle.certificate.clone()]);
    }
    // A new certificate of the intermediate, and then an unrelated intermediate.
    let renewed = root.authority(Subject::new("middle").with_key(&middle.key));
    files.replace("issuers.pem", renewed.pem());
    for _ in 0..2 {
        let received = select(true, true).received();
        assert_eq!(received, [client.certificate.clone(), renewed.certificate.clone()]);
        files.wait_until_cacheable();
    }
    files.replace("issuers.pem", Identity::root("other").authority("elsewhere").pem());
    select(true, true).assert_none_suitable();
}
