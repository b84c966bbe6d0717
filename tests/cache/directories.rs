// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory as an entry. What its files contain counts for the next handshake.

use crate::files::{Files, freeze, without_cache};
use certpick_core::list::Passwords;
use certpick_core::rule::{Hosts, Rule};
use certpick_core::source::Accepts;
use certpick_core::{Error, Secret, Selector, Status};
use openssl::x509::X509;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use testkit::certificates::{Identity, StringKind, Subject, name_in, pem};
use testkit::connection::Connection;
use testkit::directory::{effective_user, set_mode};
use testkit::handshake::{Version, Way};
use testkit::set::Frozen;

/// In days.
const YEAR: i64 = 365;

pub fn add(selector: &mut Selector, path: &Path, password: Option<&str>) -> Result<(), Error> {
    let password = password.and_then(|password| Secret::new(password.as_bytes()));
    selector.add_entry(path.to_owned(), None, password, Accepts::Any)
}

pub fn selector_of(path: &Path) -> Selector {
    let mut selector = Selector::new();
    add(&mut selector, path, None).unwrap();
    selector
}

pub fn error_of(path: &Path) -> String {
    let mut selector = Selector::new();
    let error = add(&mut selector, path, None).unwrap_err();
    assert_eq!(selector.count(), 0);
    error.to_string()
}

pub fn connect(set: &Frozen) -> Connection {
    set.handshake(Version::Tls13, Way::ClientCertCb).run()
}

/// Returns the certificates that a new selector of the directory sends.
#[track_caller]
pub fn sent(path: &Path) -> Vec<X509> {
    received(&freeze(selector_of(path), &[]))
}

#[track_caller]
pub fn received(set: &Frozen) -> Vec<X509> {
    let connection = connect(set);
    assert!(connection.is_complete(), "{connection}");
    connection.received()
}

pub fn issue(root: &Identity, name: &str, years: i64) -> Identity {
    root.issue(Subject::new(name).valid(-YEAR, years * YEAR))
}

#[test]
fn the_credential_that_is_valid_longest_comes_first() {
    let files = Files::new();
    let root = Identity::root("root");
    let [short, long, middle] = [1, 3, 2].map(|years| issue(&root, "client", years));
    files.write_identity("a", &short);
    files.write_identity("b", &long);
    files.write("c.pem", middle.bundle());
    let selector = selector_of(files.root());
    assert_eq!(selector.count(), 3);
    let set = freeze(selector, &[&long, &middle, &short]);
    let leaf = |at| set.selector.certificate(at).unwrap().clone();
    assert_eq!([0, 1, 2].map(leaf), [long.certificate, middle.certificate, short.certificate]);
    connect(&set).assert_sent(0);
}

#[test]
fn dates_in_both_encodings_of_time_are_compared() {
    let files = Files::new();
    let root = Identity::root("root");
    let [near, far] = [5, 60].map(|years| issue(&root, "client", years));
    files.write_identity("near", &near);
    files.write_identity("far", &far);
    assert_eq!(sent(files.root())[0], far.certificate);
}

#[test]
fn files_that_are_added_removed_or_renewed_count_for_the_next_handshake() {
    let files = Files::new();
    let root = Identity::root("root");
    let [first, second, third] = [1, 2, 3].map(|years| issue(&root, "client", years));
    files.write_identity("a", &first);
    let lasting = freeze(selector_of(files.root()), &[]);
    let without = freeze(without_cache(|s| add(s, files.root(), None).unwrap()), &[]);
    let assert_sent = |identity: &Identity| {
        assert_eq!(received(&lasting)[0], identity.certificate);
        assert_eq!(sent(files.root())[0], identity.certificate);
        assert_eq!(received(&without)[0], first.certificate);
    };
    for is_cacheable in [false, true] {
        if is_cacheable {
            files.wait_until_cacheable();
        }
        assert_sent(&first);
        files.write_identity("b", &second);
        assert_sent(&second);
        files.replace("a.key", third.key_pem());
        files.replace("a.crt", third.pem());
        assert_sent(&third);
        fs::remove_file(files.path("a.crt")).unwrap();
        assert_sent(&second);
        files.write_identity("a", &first);
        assert_sent(&second);
        fs::remove_file(files.path("b.key")).unwrap();
        assert_sent(&first);
        fs::remove_file(files.path("b.crt")).unwrap();
    }
    fs::remove_file(files.path("a.crt")).unwrap();
    let connection = connect(&lasting);
    let error = connection.assert_aborted(Status::File).to_string();
    assert!(error.contains("it holds no client certificate that has a private key"), "{error}");
    assert_eq!(received(&without)[0], first.certificate);
}

#[test]
fn a_switched_link_is_followed() {
    let files = Files::new();
    let root = Identity::root("root");
    let identities = [1, 1, 1].map(|years| issue(&root, "client", years));
    fs::create_dir(files.path("live")).unwrap();
    for name in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{name}"), files.path("live").join(name)).unwrap();
    }
    let mut lasting = None;
    for (at, identity) in identities.iter().enumerate() {
        let version = format!("live/..version-{at}");
        fs::create_dir(files.path(&version)).unwrap();
        files.write(format!("{version}/tls.crt"), identity.pem());
        files.write(format!("{version}/tls.key"), identity.key_pem());
        symlink(format!("..version-{at}"), files.path("live/..new")).unwrap();
        fs::rename(files.path("live/..new"), files.path("live/..data")).unwrap();
        let live = files.path("live");
        let set = lasting.get_or_insert_with(|| freeze(selector_of(&live), &[]));
        assert_eq!(received(set)[0], identity.certificate);
        assert_eq!(sent(&live)[0], identity.certificate);
        files.wait_until_cacheable();
        assert_eq!(sent(&live)[0], identity.certificate);
    }
}

#[test]
fn a_leaf_in_two_files_counts_once_with_its_longest_chain() {
    let files = Files::new();
    let root = Identity::root("root");
    let ca = root.authority("ca");
    let client = ca.issue("client");
    files.write("cert.pem", client.pem());
    files.write("chain.pem", ca.pem());
    files.write("fullchain.pem", pem(&[&client.certificate, &ca.certificate]));
    files.write("privkey.pem", client.key_pem());
    let selector = selector_of(files.root());
    assert_eq!(selector.count(), 1);
    let names = received(&freeze(selector, &[&client]));
    assert_eq!(names, [client.certificate, ca.certificate]);
}

#[test]
fn a_ca_certificate_is_not_sent_though_it_has_a_key() {
    let files = Files::new();
    let root = Identity::root(Subject::new("root").valid(-YEAR, 9 * YEAR));
    let client = issue(&root, "client", 1);
    files.write_identity("ca", &root);
    files.write_identity("client", &client);
    assert_eq!(sent(files.root()), [client.certificate]);
    // Version 1 has no basic constraints.
    let old = Subject::new("old").version(0).bare().valid(-YEAR, 9 * YEAR);
    let old = Identity::self_signed(old);
    let client = issue(&old, "client", 1);
    files.write_identity("ca", &old);
    files.write_identity("client", &client);
    assert_eq!(sent(files.root()), [client.certificate]);
    // The issuer in the client's certificate has another encoding.
    let name = |kind| Subject::named(name_in(kind, "certpick", "Old CA"));
    let old = Identity::self_signed(name(StringKind::Bmp).version(0).bare().valid(-YEAR, 9 * YEAR));
    let renewed = Identity::self_signed(name(StringKind::Printable).with_key(&old.key).bare());
    let client = issue(&renewed, "client", 1);
    files.write_identity("ca", &old);
    files.write_identity("client", &client);
    assert_eq!(sent(files.root()), [client.certificate]);
}

#[test]
fn the_key_is_the_one_that_matches() {
    let files = Files::new();
    let root = Identity::root("root");
    let (client, other) = (root.issue("client"), root.issue("other"));
    files.write("a.pem", client.pem());
    files.write("a.key", other.key_pem());
    files.write("a-key.pem", client.key_pem());
    assert_eq!(sent(files.root())[0], client.certificate);
    files.write("a-key.pem", other.key_pem());
    let connection = connect(&freeze(selector_of(files.root()), &[]));
    connection.assert_aborted(Status::KeyMismatch);
    // A file that cannot be used is not passed over.
    files.write("a-key.pem", client.key_pem());
    files.write_with_mode("a.key", other.key_pem(), 0o644);
    let connection = connect(&freeze(selector_of(files.root()), &[]));
    let error = connection.assert_aborted(Status::KeyPermissions).to_string();
    assert!(error.starts_with("entry 1: private key file \""), "{error}");
    assert!(error.contains("/a.key\" has group or world access"), "{error}");
}

#[test]
fn other_files_are_ignored_and_broken_ones_are_errors() {
    let (files, client) = Files::with_client();
    let other = Identity::root("root").issue("other");
    files.write("lonely.crt", other.pem());
    files.write("damaged.crt", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n");
    files.write("request.pem", "-----BEGIN CERTIFICATE REQUEST-----\n");
    files.write("alone.pem", other.key_pem());
    files.write("alone.key", other.key_pem());
    files.write("README.txt", "text");
    files.write(".hidden.crt", "");
    files.write(".hidden.key", "");
    files.fifo("fifo.crt");
    symlink("not-there", files.path("dangling.crt")).unwrap();
    fs::create_dir(files.path("sub.crt")).unwrap();
    files.write_identity("sub.crt/inner", &other);
    assert_eq!(sent(files.root()), [client.certificate]);
    for (name, bytes) in [
        ("broken.crt", &b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"[..]),
        ("empty.crt", b""),
        ("broken.p12", b"x"),
    ] {
        files.write(name, bytes);
        if let Some(stem) = name.strip_suffix(".crt") {
            files.write(format!("{stem}.key"), other.key_pem());
        }
        let error = error_of(files.root());
        assert!(error.starts_with("entry 1: could not "), "{error}");
        assert!(error.contains(&format!("{name}\"")), "{error}");
        fs::remove_file(files.path(name)).unwrap();
    }
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    let (files, _) = Files::with_client();
    let start = format!("entry 1: could not read directory \"{}\": ", files.root().display());
    for mode in [0o720, 0o702, 0o1777] {
        set_mode(files.root(), mode);
        let error = error_of(files.root());
        assert!(error.starts_with(&start) && error.contains("write access"), "{error}");
    }
    set_mode(files.root(), 0o755);
    assert_eq!(selector_of(files.root()).count(), 1);
    if effective_user() == 0 {
        std::os::unix::fs::chown(files.root(), Some(12345), None).unwrap();
        let error = error_of(files.root());
        assert!(error.starts_with(&start) && error.contains("owned by another user"), "{error}");
    }
}

#[test]
fn keys_may_be_in_another_directory() {
    let files = Files::new();
    let client = Identity::root("root").issue("client");
    for name in ["issued", "private"] {
        fs::create_dir(files.path(name)).unwrap();
    }
    files.write("issued/alice.crt", client.pem());
    files.write("private/alice.key", client.key_pem());
    let mut selector = Selector::new();
    let (issued, private) = (files.path("issued"), files.path("private"));
    selector.add_entry(issued.clone(), Some(private), None, Accepts::Any).unwrap();
    assert_eq!(received(&freeze(selector, &[]))[0], client.certificate);
    let mut selector = Selector::new();
    let key = files.path("private/alice.key");
    let error = selector.add_entry(issued, Some(key), None, Accepts::Any).unwrap_err();
    assert!(
        error.to_string().contains("the sslkey entry must be empty or the name of a directory")
    );
}

#[test]
fn errors_count_entries_and_verdicts_count_credentials() {
    let files = Files::new();
    let root = Identity::root("root");
    fs::create_dir(files.path("many")).unwrap();
    for name in ["many/a", "many/b", "c"] {
        files.write_identity(name, &root.issue(name));
    }
    files.write_with_mode("c.key", "", 0o644);
    let list = format!("{},{}", files.path("many").display(), files.path("c.crt").display());
    let keys = format!(",{}", files.path("c.key").display());
    let mut selector = Selector::new();
    selector
        .add_lists(list.as_bytes(), Some(keys.as_bytes()), &Passwords::List(None), Accepts::Any)
        .unwrap();
    assert_eq!(selector.count(), 3);
    let error = selector.validation().unwrap().run().unwrap_err().to_string();
    assert!(error.starts_with("entry 2: private key file \""), "{error}");
    let list = format!("{list},/no/such/file");
    let error = selector
        .add_lists(list.as_bytes(), None, &Passwords::List(None), Accepts::Any)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("entry 4: certificate file \""), "{error}");
}

#[test]
fn the_rule_of_an_entry_is_that_of_files_that_are_added_later() {
    let files = Files::new();
    let root = Identity::root("root");
    files.write_identity("a", &issue(&root, "client", 1));
    let mut selector = selector_of(files.root());
    let hosts = Hosts::parse(&mut ["db.example"].into_iter()).unwrap();
    *selector.rule_mut(0).unwrap() = Rule { hosts: Some(hosts), ..Rule::default() };
    let set = freeze(selector, &[]);
    let connect = |host: &str| {
        set.handshake(Version::Tls13, Way::ClientCertCb).naming(&[&root]).host(host).run()
    };
    connect("db.example").assert_sent(0);
    connect("other.example").assert_none_suitable();
    let new = issue(&root, "client", 2);
    files.write_identity("b", &new);
    assert_eq!(connect("db.example").received()[0], new.certificate);
    connect("other.example").assert_none_suitable();
}

#[test]
fn a_uri_beside_a_directory_is_an_error_that_does_not_show_it() {
    let (files, _) = Files::with_client();
    for key in ["pkcs11:object=a;pin-value=4455", "./x pkcs11:pin-value=4455"] {
        let mut selector = Selector::new();
        let (directory, key) = (files.root().to_owned(), Some(key.into()));
        let error = selector.add_entry(directory, key, None, Accepts::Any).unwrap_err().to_string();
        assert!(!error.contains("4455"), "{error}");
    }
}

#[test]
fn a_file_that_becomes_something_else_is_not_sent() {
    let (files, client) = Files::with_client();
    let other = Identity::root("root").issue("other");
    let path = files.write("entry", client.bundle());
    let set = freeze(selector_of(&path), &[]);
    assert_eq!(received(&set)[0], client.certificate);
    fs::remove_file(&path).unwrap();
    // A file that is gone can still be sent.
    assert_eq!(received(&set)[0], client.certificate);
    files.fifo("entry");
    connect(&set).assert_aborted(Status::File);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    files.write_identity("entry/b", &other);
    assert_eq!(received(&set)[0], other.certificate);
}
