// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that cannot be used: the handshake is aborted with words about the entry and its file, and
//! no other credential stands in.

use crate::support::certificates::{Identity, Subject};
use crate::support::connection::Connection;
use crate::support::handshake::everywhere;
use crate::support::keys::{Kind, key};
use crate::support::set::{Frozen, Set};
use certpick_core::Status;
use certpick_core::choice::Reasons;
use openssl::symm::Cipher;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const PERMISSIONS: &str = "private key file \"KEY\" has group or world access; file must have \
     permissions u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r (0640) \
     or less if owned by root";

/// What stands in the place of the key's file.
enum Place {
    Bytes(Vec<u8>, u32),
    Nothing,
    Directory,
    Fifo,
    DanglingLink,
}

use Place::{Bytes, DanglingLink, Directory, Fifo, Nothing};

/// The key's place, the password, the status and the words, in which KEY is the file; words that
/// end with `*` go on in OpenSSL's.
type Row = (Place, Option<&'static str>, Status, &'static str);

fn table(client: &Identity) -> Vec<Row> {
    let pem = client.key.private_key_to_pem_pkcs8().unwrap();
    let cipher = Cipher::aes_256_cbc();
    let sealed = client.key.private_key_to_pem_pkcs8_passphrase(cipher, b"right").unwrap();
    let sealed_der = client.key.private_key_to_pkcs8_passphrase(cipher, b"right").unwrap();
    let ec = client.key.ec_key().unwrap();
    let sealed_old = ec.private_key_to_pem_passphrase(cipher, b"right").unwrap();
    let public = client.key.public_key_to_pem().unwrap();
    let another = key(Kind::P256).private_key_to_pem_pkcs8().unwrap();
    let of_another_kind = key(Kind::Ed25519).private_key_to_pem_pkcs8().unwrap();
    let cut = pem[..pem.len() / 2].to_vec();
    let good = |bytes: &[u8]| Bytes(bytes.to_vec(), 0o600);
    let open = |mode| Bytes(pem.clone(), mode);

    let missing =
        "could not load private key file \"KEY\": it is encrypted and no password was given";
    let wrong = "could not load private key file \"KEY\": *";
    let absent = "certificate present, but not private key file \"KEY\"";
    let mismatch = "certificate does not match private key file \"KEY\": key values mismatch";
    let other_kind = "certificate does not match private key file \"KEY\": *";
    let irregular = "private key file \"KEY\" is not a regular file";
    let undecodable = "could not load private key file \"KEY\": *";
    let mut table = vec![
        (open(0o644), None, Status::KeyPermissions, PERMISSIONS),
        (open(0o604), None, Status::KeyPermissions, PERMISSIONS),
        (open(0o660), None, Status::KeyPermissions, PERMISSIONS),
        (open(0o601), None, Status::KeyPermissions, PERMISSIONS),
        (open(0o610), None, Status::KeyPermissions, PERMISSIONS),
        // Before anything is read: nothing about its content.
        (Bytes(sealed.clone(), 0o644), None, Status::KeyPermissions, PERMISSIONS),
        (good(&sealed), None, Status::PasswordMissing, missing),
        (good(&sealed_der), None, Status::PasswordMissing, missing),
        (good(&sealed_old), None, Status::PasswordMissing, missing),
        (good(&sealed), Some("wr0ng,secret"), Status::PasswordWrong, wrong),
        (good(&sealed_der), Some("wr0ng,secret"), Status::PasswordWrong, wrong),
        (good(&sealed_old), Some("wr0ng,secret"), Status::PasswordWrong, wrong),
        (Nothing, None, Status::File, absent),
        (DanglingLink, None, Status::File, absent),
        (Directory, None, Status::File, irregular),
        (Fifo, None, Status::File, irregular),
        (good(&another), None, Status::KeyMismatch, mismatch),
        (good(&of_another_kind), None, Status::KeyMismatch, other_kind),
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
        (good(&cut), None, Status::Key, undecodable),
        (good(b"neither PEM nor DER"), None, Status::Key, undecodable),
        (good(&[0x30, 0x82, 0xff, 0xff]), None, Status::Key, undecodable),
        (good(&vec![b'x'; (1 << 20) + 1]), None, Status::File, undecodable),
    ];
    let probe = tempfile::NamedTempFile::new().unwrap();
    if probe.as_file().metadata().unwrap().uid() != 0 {
        table.push((open(0o640), None, Status::KeyPermissions, PERMISSIONS));
    }
    table
}

/// A set whose second credential has this key; the others are sound and of the same CA.
fn set_with(
    place: &Place,
    client: &Identity,
    others: [&Identity; 2],
    password: Option<&str>,
) -> Set {
    let mut set = Set::new();
    set.add("first", others[0], &[]);
    let certificate = set.write("client.crt", &client.pem());
    let key = set.path("client.key");
    match place {
        Bytes(bytes, mode) => drop(set.write_with_mode("client.key", bytes, *mode)),
        Nothing => {}
        Directory => fs::create_dir(&key).unwrap(),
        Fifo => {
            let name = std::ffi::CString::new(key.to_str().unwrap()).unwrap();
            // SAFETY: a C string.
            assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        }
        DanglingLink => std::os::unix::fs::symlink("nowhere", &key).unwrap(),
    }
    set.add_files(client, certificate, Some(key), password);
    set.add("third", others[1], &[]);
    set
}

#[track_caller]
fn assert_words(connection: &Connection, set: &Frozen, status: Status, words: &str) {
    let error = connection.assert_aborted(status).to_string();
    let key = set.path("client.key");
    let expected = format!("entry 2: {}", words.replace("KEY", key.to_str().unwrap()));
    match expected.strip_suffix('*') {
        Some(start) => assert!(error.starts_with(start) && error.len() > start.len(), "{error}"),
        None => assert_eq!(error, expected),
    }
    assert_eq!(connection.asked().message(), error);
}

#[test]
fn a_key_that_cannot_be_used_aborts_the_handshake_and_no_other_credential_stands_in() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let client = a.issue("client");
    let (other, same_ca) = (b.issue("other"), a.issue("same CA"));
    for (place, password, status, words) in table(&client) {
        let set = set_with(&place, &client, [&other, &same_ca], password).freeze();
        for (version, way) in everywhere() {
            let connection = set.handshake(version, way).naming(&[&a]).run();
            assert_words(&connection, &set, status, words);
            let verdicts = [Reasons::ISSUER, Reasons::KEY, Reasons(0)];
            assert_eq!(connection.verdicts(), verdicts, "{connection}");
            assert_eq!(connection.choice(), None);
            let told = [connection.asked().explanation(), format!("{:?}", connection.asked())];
            for text in told {
                assert!(!text.contains("wr0ng,secret"), "{text}");
            }
        }
    }
}

#[test]
fn a_broken_key_of_a_credential_that_is_not_chosen_does_no_harm() {
    let [a, b, c] = ["A", "B", "C"].map(Identity::root);
    let client = a.issue("client");
    let (other, third) = (b.issue("other"), c.issue("third"));
    for (place, password, ..) in table(&client) {
        let set = set_with(&place, &client, [&other, &third], password).freeze();
        for (version, way) in everywhere() {
            set.handshake(version, way).trusting(&[&b]).run().assert_sent(0);
            let connection = set.handshake(version, way).trusting(&[&c]).run();
            connection.assert_sent(2);
            assert_eq!(connection.verdict(1), Reasons::ISSUER, "its key was not looked at");
            // All suit, and the first one is sent.
            set.handshake(version, way).run().assert_sent(0);
        }
    }
}

#[test]
fn what_is_excluded_or_comes_behind_is_not_asked_for_its_key() {
    let root = Identity::root("root");
    let weak = root.issue(Subject::new("weak").kind(Kind::Rsa1024));
    let expired = root.issue(Subject::new("expired").expired());
    let mut set = Set::new();
    for (name, identity) in [("weak", &weak), ("expired", &expired)] {
        let certificate = set.write(&format!("{name}.crt"), &identity.pem());
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
fn a_key_that_has_been_put_right_is_used_at_the_next_handshake() {
    let root = Identity::root("root");
    let client = root.issue("client");
    let pem = client.key.private_key_to_pem_pkcs8().unwrap();
    for (version, way) in everywhere() {
        let mut set = Set::new();
        set.add_with_key("client", &client, (&pem, 0o644), None);
        let set = set.freeze();
        let ask = || set.handshake(version, way).naming(&[&root]).run();
        ask().assert_aborted(Status::KeyPermissions);
        let key = set.path("client.key");
        fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        ask().assert_sent(0);
    }
}

#[test]
fn a_key_in_the_certificates_own_file_must_obey_the_rule_for_keys() {
    let root = Identity::root("root");
    let client = root.issue("client");
    let both = [client.pem(), client.key.private_key_to_pem_pkcs8().unwrap()].concat();
    let mut set = Set::new();
    let path = set.write_with_mode("both.pem", &both, 0o644);
    set.add_files(&client, path.clone(), None, None);
    let set = set.freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).run();
        let error = connection.assert_aborted(Status::KeyPermissions).to_string();
        let start = format!("entry 1: private key file \"{}\" has group or world", path.display());
        assert!(error.starts_with(&start), "{error}");
    }
}
