// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selectors that share a decrypted key, and those that do not.

use crate::files::{Files, connect, freeze, refused, without_cache};
use certpick_core::{Secret, Selector, Status};
use openssl::symm::Cipher;
use testkit::certificates::{Identity, Subject};
use testkit::ffi::{Encryption, encrypt};
use testkit::handshake::{Version, Way};
use testkit::keys::Kind;
use testkit::passwords::Program;

/// Returns key files of every format, encrypted or not, and damaged ones.
fn forms(client: &Identity) -> Vec<(&'static str, Vec<u8>)> {
    let key = &client.key;
    let cipher = Cipher::aes_256_cbc();
    let encrypted = encrypt(key, Encryption::Pbkdf2(799), cipher, b"right");
    let (pem, plain) = (client.encrypted_key_pem("right"), client.key_pem());
    let traditional = key.rsa().unwrap().private_key_to_pem_passphrase(cipher, b"right").unwrap();
    // The key that OpenSSL finds may depend on the password.
    let two = [&pem[..], &plain].concat();
    let truncated = pem[..pem.len() / 2].to_vec();
    vec![
        ("PKCS#8", pem),
        ("PKCS#8 DER", encrypted),
        ("traditional", traditional),
        ("plain", plain),
        ("plain DER", key.private_key_to_der().unwrap()),
        ("two", two),
        ("truncated", truncated),
        ("empty", Vec::new()),
    ]
}

/// Validates the key. Returns the error's text.
fn validate(selector: &mut Selector) -> Result<(), String> {
    selector.validation().and_then(|v| v.run()).map_err(|error| error.to_string())
}

#[test]
fn each_password_has_the_same_result_and_error_as_without_the_cache() {
    let files = Files::new();
    let client = Identity::root("root").issue(Subject::new("client").kind(Kind::Rsa2048));
    let passwords = [None, Some("right"), Some("wrong"), Some("righ"), Some("right "), Some("")];
    for (form, bytes) in forms(&client) {
        files.write("client.crt", client.pem());
        files.write("client.key", &bytes);
        files.wait_until_cacheable();
        // The result does not depend on the order of the passwords.
        for first in passwords {
            certpick::capi::certpick_cache_clear();
            let _ = validate(&mut files.selector_with("client", first));
            for second in passwords.into_iter().cycle().take(2 * passwords.len()) {
                let expected = validate(&mut without_cache(|s| files.add(s, "client", second)));
                let seen = validate(&mut files.selector_with("client", second));
                assert_eq!(seen, expected, "{form}: {first:?}, then {second:?}");
            }
        }
    }
}

#[test]
fn the_right_password_gets_the_key_that_is_already_decrypted() {
    let files = Files::new();
    let client = Identity::root("root").issue(Subject::new("client").kind(Kind::Rsa2048));
    for (form, bytes) in forms(&client).into_iter().take(5) {
        files.write("client.crt", client.pem());
        files.write("client.key", &bytes);
        files.wait_until_cacheable();
        let select = || connect(files.selector_with("client", Some("right")), &client);
        let first = select();
        assert!(select().shares_key(&first), "{form}");
        if !form.starts_with("plain") {
            let wrong = refused(&mut files.selector_with("client", Some("wrong")));
            assert!(wrong.ends_with(" (wrong password?)"), "{form}: {wrong}");
            refused(&mut files.selector("client"));
        }
        assert!(select().shares_key(&first), "{form}: after a wrong password");
    }
}

#[test]
fn a_key_without_a_password_is_shared_for_any_password() {
    let (files, client) = Files::with_client();
    let first = connect(files.selector_with("client", Some("one")), &client);
    for password in [None, Some("another")] {
        connect(files.selector_with("client", password), &client).assert_shared(&first);
    }
}

#[test]
fn a_key_whose_password_came_from_a_callback_belongs_to_one_selector() {
    let (files, client) = Files::with_client();
    files.write("client.key", client.encrypted_key_pem("right"));
    files.wait_until_cacheable();
    let with_callback = |program: &Program| {
        let mut selector = files.selector("client");
        selector.set_password_callback(Some(program.callback()));
        selector
    };
    let program = Program::new(Some("right"));
    let ask = || connect(with_callback(&program), &client);
    let first = ask();
    assert!(!ask().shares_key(&first));
    assert_eq!(program.take_files().len(), 2, "each selector calls it");
    let missing = refused(&mut files.selector("client"));
    assert!(missing.ends_with("it is encrypted and no password was given"), "{missing}");
    let given = connect(files.selector_with("client", Some("right")), &client);
    assert!(!given.shares_key(&first));

    // A selector with a callback does not share the key that a password has decrypted.
    assert!(!ask().shares_key(&given));
    assert_eq!(program.take_files().len(), 1);
    let wrong = Program::new(Some("wrong"));
    let selector = freeze(with_callback(&wrong), &[&client]);
    let connection = selector.handshake(Version::Tls12, Way::ClientCertCb).run();
    connection.assert_aborted(Status::PasswordWrong);
    assert_eq!(wrong.take_files().len(), 1);
}

#[test]
fn a_list_may_have_one_file_with_different_passwords() {
    let (files, client) = Files::with_client();
    files.write("client.key", client.encrypted_key_pem("right"));
    files.wait_until_cacheable();
    for _ in 0..2 {
        let mut selector = Selector::new();
        for password in ["right", "wrong", "right"] {
            let [certificate, key] = ["client.crt", "client.key"].map(|name| files.path(name));
            selector.add_files(certificate, Some(key), Secret::new(password.as_bytes())).unwrap();
        }
        let error = refused(&mut selector);
        assert!(error.starts_with("entry 2: "), "{error}");
    }
}
