// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys: every format and every place of the file, and every kind of encryption.

use certpick_core::Status;
use openssl::pkey::{Id, PKey, Private};
use openssl::symm::Cipher;
use testkit::certificates::{Identity, Subject};
use testkit::der::pem;
use testkit::directory::is_root;
use testkit::ffi::{Encryption, encrypt};
use testkit::handshake::{VERSIONS, Version, WAYS, Way, everywhere};
use testkit::keys::Kind;
use testkit::passwords::Program;
use testkit::set::{Frozen, Set};

const PASSWORD: &str = "dUmmyP^#+, \"q\" ü";

/// Returns a key in every format without encryption.
fn plain_forms(key: &PKey<Private>) -> Vec<(&'static str, Vec<u8>)> {
    let pkcs8 = key.private_key_to_pkcs8().unwrap();
    let text = key.private_key_to_pem_pkcs8().unwrap();
    let windows = String::from_utf8(text.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    let attributes = [b"Bag Attributes\n    friendlyName: x\nKey Attributes\n", &text[..]].concat();
    let mut forms = vec![
        ("PKCS#8 PEM", text),
        ("PKCS#8 DER", pkcs8),
        ("PEM with CRLF", windows),
        ("PEM behind text", attributes),
    ];
    // RSA-PSS has only PKCS#8.
    if let (Id::RSA, Ok(rsa)) = (key.id(), key.rsa()) {
        forms.push(("traditional RSA PEM", rsa.private_key_to_pem().unwrap()));
        forms.push(("traditional RSA DER", rsa.private_key_to_der().unwrap()));
    }
    if let Ok(ec) = key.ec_key() {
        let text = ec.private_key_to_pem().unwrap();
        // `openssl ecparam -genkey` writes the curve, here prime256v1, before the key.
        let curve = pem("EC PARAMETERS", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07").into_bytes();
        forms.push(("EC PEM behind its parameters", [curve, text.clone()].concat()));
        forms.push(("traditional EC PEM", text));
        forms.push(("traditional EC DER", ec.private_key_to_der().unwrap()));
    }
    forms
}

/// Returns a key in every format with encryption.
fn encrypted_forms(key: &PKey<Private>, password: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (aes128, aes256) = (Cipher::aes_128_cbc(), Cipher::aes_256_cbc());
    let triple_des = Cipher::des_ede3_cbc();
    // NIDs of hmacWithSHA1, hmacWithSHA256, hmacWithSHA512 and PBE-SHA1-3DES (openssl/obj_mac.h).
    let ways = [
        (Encryption::Pbkdf2(163), triple_des),
        (Encryption::Pbkdf2(799), aes128),
        (Encryption::Pbkdf2(799), aes256),
        (Encryption::Pbkdf2(801), aes256),
        (Encryption::Scrypt, aes256),
        (Encryption::Pbes1(146), triple_des),
    ];
    let mut forms = Vec::new();
    for (how, cipher) in ways {
        let der = encrypt(key, how, cipher, password);
        let bits = cipher.key_len() * 8;
        forms.push((
            format!("PKCS#8 PEM, {how:?} {bits}"),
            pem("ENCRYPTED PRIVATE KEY", &der).into_bytes(),
        ));
        forms.push((format!("PKCS#8 DER, {how:?} {bits}"), der));
    }
    for cipher in [aes128, triple_des] {
        let name = format!("traditional PEM, {} bits", cipher.key_len() * 8);
        if let Ok(rsa) = key.rsa() {
            forms.push((name, rsa.private_key_to_pem_passphrase(cipher, password).unwrap()));
        } else if let Ok(ec) = key.ec_key() {
            forms.push((name, ec.private_key_to_pem_passphrase(cipher, password).unwrap()));
        }
    }
    forms
}

fn with_key(client: &Identity, key: &[u8], password: Option<&str>) -> Frozen {
    let mut set = Set::new();
    set.add_with_key("client", client, (key, 0o600), password);
    set.freeze()
}

#[test]
fn the_format_of_a_key_is_recognised_by_its_content() {
    let root = Identity::root("root");
    for kind in [Kind::Rsa2048, Kind::P256, Kind::Ed25519, Kind::PssSha256] {
        let client = root.issue(Subject::new("client").kind(kind));
        for (at, (form, bytes)) in plain_forms(&client.key).into_iter().enumerate() {
            // A password that is not needed has no effect.
            for password in [None, Some(PASSWORD)] {
                for version in VERSIONS {
                    let set = with_key(&client, &bytes, password);
                    let connection = set.handshake(version, WAYS[at % 3]).run();
                    assert_eq!(connection.choice(), Some(0), "{kind:?} {form}: {connection}");
                }
            }
        }
    }
}

#[test]
fn an_encrypted_key_of_any_format_is_decrypted_with_its_password() {
    let root = Identity::root("root");
    for kind in [Kind::Rsa2048, Kind::P256, Kind::Ed25519] {
        let client = root.issue(Subject::new("client").kind(kind));
        for (at, (form, bytes)) in
            encrypted_forms(&client.key, PASSWORD.as_bytes()).iter().enumerate()
        {
            let way = WAYS[at % 3];
            for version in VERSIONS {
                let set = with_key(&client, bytes, Some(PASSWORD));
                let connection = set.handshake(version, way).run();
                assert_eq!(connection.choice(), Some(0), "{kind:?} {form}: {connection}");
            }
            let ask =
                |password| with_key(&client, bytes, password).handshake(Version::Tls12, way).run();
            for wrong in ["dUmmyP^#+, \"q\"", "x", &PASSWORD[1..]] {
                let error = ask(Some(wrong)).assert_aborted(Status::PasswordWrong).to_string();
                assert!(error.ends_with(" (wrong password?)"), "{kind:?} {form}: {error}");
            }
            ask(None).assert_aborted(Status::PasswordMissing);
            ask(Some("")).assert_aborted(Status::PasswordMissing);
        }
    }
}

#[test]
fn each_encrypted_key_of_a_list_has_its_own_password() {
    let roots = ["A", "B", "C"].map(Identity::root);
    let mut set = Set::new();
    for (root, password) in roots.iter().zip(["", "password", "dUmmyP^#+"]) {
        let client = root.issue("client");
        let key = match password {
            "" => client.key_pem(),
            _ => client.encrypted_key_pem(password),
        };
        set.add_with_key(&set.count().to_string(), &client, (&key, 0o600), Some(password));
    }
    let set = set.freeze();
    for (version, way) in everywhere() {
        for (at, root) in roots.iter().enumerate() {
            set.handshake(version, way).trusting(&[root]).run().assert_sent(at);
        }
    }
}

#[test]
fn a_password_may_be_as_long_as_openssl_allows() {
    let client = Identity::root("root").issue("client");
    for (length, fits) in [(1, true), (1000, true), (5000, false)] {
        let password = "p".repeat(length);
        let (how, cipher) = (Encryption::Pbkdf2(799), Cipher::aes_256_cbc());
        let key = encrypt(&client.key, how, cipher, password.as_bytes());
        let key = pem("ENCRYPTED PRIVATE KEY", &key);
        let set = with_key(&client, key.as_bytes(), Some(&password));
        let connection = set.handshake(Version::Tls13, Way::CertCb).run();
        if fits {
            connection.assert_sent(0);
        } else {
            let error = connection.assert_aborted(Status::PasswordWrong).to_string();
            assert!(error.contains("the password is longer than"), "{error}");
        }
    }
}

#[test]
fn a_key_may_be_anywhere_in_the_certificate_file() {
    let root = Identity::root("root");
    let middle = root.authority("middle");
    for kind in [Kind::Rsa2048, Kind::P256] {
        let client = middle.issue(Subject::new("client").kind(kind));
        let (leaf, above) = (client.pem(), middle.pem());
        let plain = client.key_pem();
        let mut keys = vec![(plain, None)];
        for (form, bytes) in encrypted_forms(&client.key, PASSWORD.as_bytes()) {
            if form.contains("PEM") {
                keys.push((bytes, Some(PASSWORD)));
            }
        }
        for (at, (key, password)) in keys.iter().enumerate() {
            let orders = [
                [&leaf, &above, key],
                [key, &leaf, &above],
                [&leaf, key, &above],
                [&above, key, &leaf],
            ];
            for parts in orders {
                let mut set = Set::new();
                let path = set.write("both.pem", parts.map(|p| &p[..]).concat());
                set.add_files(&client, path, None, *password);
                let connection =
                    set.freeze().handshake(VERSIONS[at % 2], WAYS[at % 3]).trusting(&[&root]).run();
                connection.assert_sent(0);
            }
        }
    }
}

#[test]
fn a_private_key_file_is_accepted_directly_and_through_a_symbolic_link() {
    let client = Identity::root("root").issue("client");
    let key = client.key_pem();
    let mut modes = vec![0o600, 0o400, 0o700];
    if is_root() {
        modes.extend([0o640, 0o440]);
    }
    for mode in modes {
        let mut set = Set::new();
        set.add_with_key("direct", &client, (&key, mode), None);
        set.freeze().handshake(Version::Tls13, Way::CertCb).run().assert_sent(0);

        let mut set = Set::new();
        set.write_with_mode("real.key", &key, mode);
        std::os::unix::fs::symlink("real.key", set.path("link.key")).unwrap();
        let certificate = set.write("client.crt", client.pem());
        let link = set.path("link.key");
        set.add_files(&client, certificate, Some(link), None);
        set.freeze().handshake(Version::Tls13, Way::CertCb).run().assert_sent(0);
    }
}

#[test]
fn the_callback_is_called_once_and_only_for_the_chosen_key() {
    let [a, b] = ["A", "B"].map(Identity::root);
    for (version, way) in everywhere() {
        let client = a.issue(Subject::new("client").kind(Kind::P256));
        for (form, key) in encrypted_forms(&client.key, PASSWORD.as_bytes()) {
            let program = Program::new(Some(PASSWORD));
            let mut set = Set::new();
            set.add_with_key("other", &b.issue("other"), (&key, 0o600), None);
            set.add_with_key("client", &client, (&key, 0o600), None);
            set.set_password_callback(program.callback());
            let path = set.path("client.key").into_os_string().into_encoded_bytes();
            let set = set.freeze();
            for _ in 0..2 {
                let connection = set.handshake(version, way).naming(&[&a]).run();
                assert_eq!(connection.choice(), Some(1), "{form}: {connection}");
            }
            assert_eq!(program.take_files(), [path], "{form}");
        }
    }
}

#[test]
fn the_callback_is_not_called_if_no_password_is_missing() {
    let client = Identity::root("root").issue("client");
    let encrypted = client.encrypted_key_pem("right");
    let plain = client.key_pem();
    for (key, password, status) in [
        (&plain, None, Status::Ok),
        (&plain, Some("any"), Status::Ok),
        (&encrypted, Some("right"), Status::Ok),
        (&encrypted, Some("wrong"), Status::PasswordWrong),
    ] {
        let program = Program::new(Some("right"));
        let mut set = Set::new();
        set.add_with_key("client", &client, (key, 0o600), password);
        set.set_password_callback(program.callback());
        let connection = set.freeze().handshake(Version::Tls13, Way::ClientCertCb).run();
        match status {
            Status::Ok => connection.assert_sent(0),
            status => drop(connection.assert_aborted(status).clone()),
        }
        assert!(program.take_files().is_empty());
    }
}

#[test]
fn a_callback_without_the_right_password_is_an_error() {
    let client = Identity::root("root").issue("client");
    for (form, key) in encrypted_forms(&client.key, PASSWORD.as_bytes()) {
        for (answer, status) in [
            (None, Status::PasswordMissing),
            (Some(""), Status::PasswordMissing),
            (Some("wrong"), Status::PasswordWrong),
        ] {
            let program = Program::new(answer);
            let mut set = Set::new();
            set.add_with_key("client", &client, (&key, 0o600), None);
            set.set_password_callback(program.callback());
            let connection = set.freeze().handshake(Version::Tls13, Way::CertCb).run();
            connection.assert_aborted(status);
            assert_eq!(program.take_files().len(), 1, "{form}");
        }
    }
}
