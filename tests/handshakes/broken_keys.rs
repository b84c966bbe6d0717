// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unusable keys: the handshake is aborted, the error names the entry and the file, and no other
//! credential is sent.

use certpick_core::Status;
use certpick_core::choice::Reasons;
use openssl::symm::Cipher;
use std::fs;
use testkit::certificates::{Identity, Subject};
use testkit::connection::Connection;
use testkit::directory::{is_root, set_mode};
use testkit::handshake::everywhere;
use testkit::keys::{Kind, key};
use testkit::set::{Frozen, Set};

const PERMISSIONS: &str = "private key file \"KEY\" has group or world access; file must have \
     permissions u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r (0640) \
     or less if owned by root";

/// The kind of the key file.
enum File {
    Bytes(Vec<u8>, u32),
    Missing,
    Directory,
    Fifo,
    DanglingLink,
}

use File::{Bytes, DanglingLink, Directory, Fifo, Missing};

/// The key file, the password, the status, and the message with KEY for the file. A message that ends
/// with `*` continues with OpenSSL's text.
type Row = (File, Option<&'static str>, Status, &'static str);

fn table(client: &Identity) -> Vec<Row> {
    let pem = client.key_pem();
    let cipher = Cipher::aes_256_cbc();
    let encrypted = client.encrypted_key_pem("right");
    let encrypted_der = client.key.private_key_to_pkcs8_passphrase(cipher, b"right").unwrap();
    let ec = client.key.ec_key().unwrap();
    let encrypted_traditional = ec.private_key_to_pem_passphrase(cipher, b"right").unwrap();
    let public = client.key.public_key_to_pem().unwrap();
    let another = key(Kind::P256).private_key_to_pem_pkcs8().unwrap();
    let other_kind = key(Kind::Ed25519).private_key_to_pem_pkcs8().unwrap();
    let truncated = pem[..pem.len() / 2].to_vec();
    let good = |bytes: &[u8]| Bytes(bytes.to_vec(), 0o600);
    let open = |mode| Bytes(pem.clone(), mode);

    let missing =
        "could not load private key file \"KEY\": it is encrypted and no password was given";
    let wrong = "could not load private key file \"KEY\": *";
    let absent = "certificate present, but not private key file \"KEY\"";
    let mismatch = "certificate does not match private key file \"KEY\": key values mismatch";
    let kind_mismatch = "certificate does not match private key file \"KEY\": *";
    let irregular = "private key file \"KEY\" is not a regular file";
    let undecodable = "could not load private key file \"KEY\": *";
    let mut table = vec![
        (open(0o644), None, Status::KeyPermissions, PERMISSIONS),
        (open(0o604), None, Status::KeyPermissions, PERMISSIONS),
        (open(0o660), None, Status::KeyPermissions, PERMISSIONS),
        (open(0o601), None, Status::KeyPermissions, PERMISSIONS),
        (open(0o610), None, Status::KeyPermissions, PERMISSIONS),
        // The mode is checked before the file is read.
        (Bytes(encrypted.clone(), 0o644), None, Status::KeyPermissions, PERMISSIONS),
        (good(&encrypted), None, Status::PasswordMissing, missing),
        (good(&encrypted_der), None, Status::PasswordMissing, missing),
        (good(&encrypted_traditional), None, Status::PasswordMissing, missing),
        (good(&encrypted), Some("wr0ng,secret"), Status::PasswordWrong, wrong),
        (good(&encrypted_der), Some("wr0ng,secret"), Status::PasswordWrong, wrong),
        (good(&encrypted_traditional), Some("wr0ng,secret"), Status::PasswordWrong, wrong),
        (Missing, None, Status::File, absent),
        (DanglingLink, None, Status::File, absent),
        (Directory, None, Status::File, irregular),
        (Fifo, None, Status::File, irregular),
        (good(&another), None, Status::KeyMismatch, mismatch),
        (good(&other_kind), None, Status::KeyMismatch, kind_mismatch),
        (good(b""), None, Status::Key, "could not load private key file \"KEY\": it is empty"),
        (
            good(&client.pem()),
            None,
            Status::Key,
            "could not load private key file \"KEY\": it holds no private key",
        ),
        (
            good(&public),
            None,
            Status::Key,
            "could not load private key file \"KEY\": it holds no private key",
        ),
        (good(&truncated), None, Status::Key, undecodable),
        (good(b"neither PEM nor DER"), None, Status::Key, undecodable),
        (good(&[0x30, 0x82, 0xff, 0xff]), None, Status::Key, undecodable),
        (good(&vec![b'x'; (1 << 20) + 1]), None, Status::File, undecodable),
    ];
    if !is_root() {
        table.push((open(0o640), None, Status::KeyPermissions, PERMISSIONS));
    }
    table
}

/// Creates a set whose second credential has this key file.
fn set_with(file: &File, client: &Identity, others: [&Identity; 2], password: Option<&str>) -> Set {
    let mut set = Set::new();
    set.add("first", others[0], &[]);
    let certificate = set.write("client.crt", client.pem());
    let key = set.path("client.key");
    match file {
        Bytes(bytes, mode) => drop(set.write_with_mode("client.key", bytes, *mode)),
        Missing => {}
        Directory => fs::create_dir(&key).unwrap(),
        Fifo => drop(set.fifo("client.key")),
        DanglingLink => std::os::unix::fs::symlink("nowhere", &key).unwrap(),
    }
    set.add_files(client, certificate, Some(key), password);
    set.add("third", others[1], &[]);
    set
}

#[track_caller]
fn assert_message(connection: &Connection, set: &Frozen, status: Status, message: &str) {
    let error = connection.assert_aborted(status).to_string();
    let key = set.path("client.key");
    let expected = format!("entry 2: {}", message.replace("KEY", key.to_str().unwrap()));
    match expected.strip_suffix('*') {
        Some(start) => assert!(error.starts_with(start) && error.len() > start.len(), "{error}"),
        None => assert_eq!(error, expected),
    }
    assert_eq!(connection.record().message(), error);
}

#[test]
fn an_unusable_key_aborts_the_handshake_and_no_other_credential_is_sent() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let client = a.issue("client");
    let (other, same_ca) = (b.issue("other"), a.issue("same CA"));
    for (file, password, status, message) in table(&client) {
        let set = set_with(&file, &client, [&other, &same_ca], password).freeze();
        for (version, way) in everywhere() {
            let connection = set.handshake(version, way).naming(&[&a]).run();
            assert_message(&connection, &set, status, message);
            let verdicts = [Reasons::ISSUER, Reasons::KEY, Reasons(0)];
            assert_eq!(connection.verdicts(), verdicts, "{connection}");
            assert_eq!(connection.choice(), None);
            let texts = [connection.record().explanation(), format!("{:?}", connection.record())];
            for text in texts {
                assert!(!text.contains("wr0ng,secret"), "{text}");
            }
        }
    }
}

#[test]
fn an_unusable_key_of_a_credential_that_is_not_chosen_has_no_effect() {
    let [a, b, c] = ["A", "B", "C"].map(Identity::root);
    let client = a.issue("client");
    let (other, third) = (b.issue("other"), c.issue("third"));
    for (file, password, ..) in table(&client) {
        let set = set_with(&file, &client, [&other, &third], password).freeze();
        for (version, way) in everywhere() {
            set.handshake(version, way).trusting(&[&b]).run().assert_sent(0);
            let connection = set.handshake(version, way).trusting(&[&c]).run();
            connection.assert_sent(2);
            assert_eq!(connection.verdict(1), Reasons::ISSUER, "its key was not read");
            // All are suitable, and the first one is sent.
            set.handshake(version, way).run().assert_sent(0);
        }
    }
}

#[test]
fn the_key_of_an_excluded_or_demoted_credential_is_not_read() {
    let root = Identity::root("root");
    let weak = root.issue(Subject::new("weak").kind(Kind::Rsa1024));
    let expired = root.issue(Subject::new("expired").expired());
    let mut set = Set::new();
    for (name, identity) in [("weak", &weak), ("expired", &expired)] {
        let certificate = set.write(format!("{name}.crt"), identity.pem());
        let key = set.path("no.key");
        set.add_files(identity, certificate, Some(key), None);
    }
    set.add("good", &root.issue("good"), &[]);
    let set = set.freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).naming(&[&root]).run();
        connection.assert_sent(2);
        let verdicts = [Reasons::SECURITY_LEVEL, Reasons::EXPIRED, Reasons(0)];
        assert_eq!(connection.verdicts(), verdicts, "{connection}");
    }
}

#[test]
fn a_corrected_key_is_used_in_the_next_handshake() {
    let root = Identity::root("root");
    let client = root.issue("client");
    let pem = client.key_pem();
    for (version, way) in everywhere() {
        let mut set = Set::new();
        set.add_with_key("client", &client, (&pem, 0o644), None);
        let set = set.freeze();
        let ask = || set.handshake(version, way).naming(&[&root]).run();
        ask().assert_aborted(Status::KeyPermissions);
        set_mode(set.path("client.key"), 0o600);
        ask().assert_sent(0);
    }
}

#[test]
fn a_certificate_file_that_contains_the_key_must_obey_the_key_file_rule() {
    let root = Identity::root("root");
    let client = root.issue("client");
    let mut set = Set::new();
    let path = set.write_with_mode("both.pem", client.bundle(), 0o644);
    set.add_files(&client, path.clone(), None, None);
    let set = set.freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).run();
        let error = connection.assert_aborted(Status::KeyPermissions).to_string();
        let start = format!("entry 1: private key file \"{}\" has group or world", path.display());
        assert!(error.starts_with(&start), "{error}");
    }
}
