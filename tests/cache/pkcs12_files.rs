// SPDX-License-Identifier: MIT OR Apache-2.0
//! PKCS#12 files as entries and in directories.

use crate::directories::*;
use crate::files::{Files, freeze};
use certpick_core::source::Accepts;
use certpick_core::{Secret, Selector, Status};
use openssl::pkcs12::Pkcs12;
use std::fs;
use testkit::certificates::Identity;
use testkit::directory::set_mode;

fn pkcs12(identity: &Identity, password: &str) -> Vec<u8> {
    let mut builder = Pkcs12::builder();
    builder.pkey(&identity.key).cert(&identity.certificate);
    builder.build2(password).unwrap().to_der().unwrap()
}

#[test]
fn pkcs12_files_share_the_password_of_the_directory() {
    let files = Files::new();
    let root = Identity::root("root");
    let [one, two] = [1, 2].map(|years| issue(&root, "client", years));
    files.write("one.p12", pkcs12(&one, "secret"));
    files.write("two.crt", two.pem());
    files.write("two.key", two.encrypted_key_pem("secret"));
    let select = |password| {
        let mut selector = Selector::new();
        add(&mut selector, files.root(), password).map(|()| selector)
    };
    for is_cacheable in [false, true] {
        if is_cacheable {
            files.wait_until_cacheable();
        }
        for _ in 0..2 {
            let selector = select(Some("secret")).unwrap();
            assert_eq!(selector.count(), 2);
            assert_eq!(received(&freeze(selector, &[]))[0], two.certificate);
            // The certificates of the cache are only for those who know the password.
            let wrong = select(Some("wrong")).unwrap_err();
            assert_eq!(wrong.status(), Status::PasswordWrong, "{wrong}");
            let none = select(None).unwrap_err();
            assert_eq!(none.status(), Status::PasswordMissing, "{none}");
        }
    }
    fs::remove_file(files.path("two.crt")).unwrap();
    let set = freeze(select(Some("secret")).unwrap(), &[]);
    assert_eq!(received(&set)[0], one.certificate);
    files.replace("one.p12", pkcs12(&two, "secret"));
    assert_eq!(received(&set)[0], two.certificate);
    files.replace("one.p12", pkcs12(&one, "other"));
    connect(&set).assert_aborted(Status::PasswordWrong);
}

#[test]
fn a_pkcs12_file_is_an_entry_by_its_content_and_under_the_rule_for_keys() {
    let files = Files::new();
    let client = Identity::root("root").issue("client");
    let path = files.write("client", pkcs12(&client, "secret"));
    let select = |password, accepts| {
        let mut selector = Selector::new();
        let password = Secret::new(password);
        selector.add_entry(path.clone(), None, password, accepts).map(|()| selector)
    };
    set_mode(&path, 0o644);
    let error = select(b"secret", Accepts::Any).unwrap_err();
    assert_eq!(error.status(), Status::KeyPermissions, "{error}");
    set_mode(&path, 0o600);
    for accepts in [Accepts::Any, Accepts::File] {
        let selector = select(b"secret", accepts).unwrap();
        assert_eq!(received(&freeze(selector, &[]))[0], client.certificate);
        files.wait_until_cacheable();
    }
    let error = select(b"secret", Accepts::Pem).unwrap_err().to_string();
    assert!(error.contains("only PEM files are permitted"), "{error}");
    // The certificates are in the cache, but the key is not taken from it.
    set_mode(&path, 0o644);
    let connection = connect(&freeze(select(b"secret", Accepts::Any).unwrap(), &[]));
    connection.assert_aborted(Status::KeyPermissions);
    let mut selector = Selector::new();
    let key = Some(files.path("client.key"));
    let error = selector.add_entry(path.clone(), key, None, Accepts::Any).unwrap_err().to_string();
    assert!(error.contains("the sslkey entry must be empty"), "{error}");
}

#[test]
fn a_pkcs12_file_without_a_key_is_skipped_and_is_no_key() {
    let (files, client) = Files::with_client();
    let mut builder = Pkcs12::builder();
    builder.cert(&client.certificate);
    let trusted = builder.build2("secret").unwrap().to_der().unwrap();
    let path = files.write("trusted.p12", trusted);
    let mut selector = Selector::new();
    add(&mut selector, files.root(), Some("secret")).unwrap();
    assert_eq!(selector.count(), 1);
    let mut selector = Selector::new();
    selector.add_files(files.path("client.crt"), Some(path), None).unwrap();
    let error = crate::files::refused(&mut selector);
    assert!(error.ends_with("name it in sslcert and leave its sslkey entry empty"), "{error}");
}
