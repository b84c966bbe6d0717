// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use openssl::symm::Cipher;
use testkit::directory::Directory;
use testkit::keys::{Kind, key};

fn secret(text: &str) -> Option<Secret> {
    Secret::new(text.as_bytes())
}

#[test]
fn every_format_of_key_is_read() {
    let dir = Directory::new();
    let key = key(Kind::P256);
    let cipher = Cipher::aes_256_cbc();
    let ec = key.ec_key().unwrap();
    let forms: Vec<(&str, Vec<u8>, Option<&str>)> = vec![
        ("PKCS#8 PEM", key.private_key_to_pem_pkcs8().unwrap(), None),
        ("traditional PEM", ec.private_key_to_pem().unwrap(), None),
        ("PKCS#8 DER", key.private_key_to_pkcs8().unwrap(), None),
        ("traditional DER", ec.private_key_to_der().unwrap(), None),
        (
            "encrypted PKCS#8 PEM",
            key.private_key_to_pem_pkcs8_passphrase(cipher, b"a, \"b").unwrap(),
            Some("a, \"b"),
        ),
        (
            "encrypted traditional PEM",
            ec.private_key_to_pem_passphrase(cipher, b"dUmmyP^#+").unwrap(),
            Some("dUmmyP^#+"),
        ),
        (
            "encrypted PKCS#8 DER",
            key.private_key_to_pkcs8_passphrase(cipher, b"secret").unwrap(),
            Some("secret"),
        ),
    ];
    for (form, bytes, password) in forms {
        let path = dir.write("key", &bytes);
        let loaded = load(&path, &path, password.and_then(secret).as_ref(), None);
        assert!(loaded.unwrap().public_eq(&key), "{form}");
        let Some(password) = password else { continue };
        let missing = load(&path, &path, None, None).unwrap_err();
        assert_eq!(missing, Cause::PasswordMissing(path.clone()), "{form}");
        let wrong = load(&path, &path, secret("not it").as_ref(), None).unwrap_err();
        assert!(matches!(wrong, Cause::PasswordWrong(..)), "{form}: {wrong:?}");
        let words = format!("{missing} {wrong} {wrong:?}");
        assert!(!words.contains("not it") && !words.contains(password), "{words}");
    }
}

#[test]
fn an_unusable_key_file_has_libpqs_message() {
    let dir = Directory::new();
    let words = |path: &Path| load(path, path, None, None).unwrap_err().to_string();
    let name = |path: &Path| path.display().to_string();

    let gone = dir.path("gone");
    let expected = format!("certificate present, but not private key file \"{}\"", name(&gone));
    assert_eq!(words(&gone), expected);
    let below = dir.write("file", b"").join("key");
    let expected = format!("certificate present, but not private key file \"{}\"", name(&below));
    assert_eq!(words(&below), expected);
    let expected = format!("private key file \"{}\" is not a regular file", name(dir.root()));
    assert_eq!(words(dir.root()), expected);

    let no_key = "it holds no private key in PEM or DER";
    let table: [(&[u8], &str); 7] = [
        (b"", "it is empty"),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "it holds no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ""),
        (b"\0\0\0\0", no_key),
        // Truncated; DER that begins like a token's file; DER that begins like a certificate.
        (b"\x30\x10\x02\x01\x00", no_key),
        (b"\x30\x04\x1a\x02ab", no_key),
        (b"\x30\x06\x30\x00\x30\x00\x03\x00", no_key),
    ];
    for (bytes, why) in table {
        let path = dir.write("bad", bytes);
        let words = words(&path);
        let start = format!("could not load private key file \"{}\": {why}", name(&path));
        assert!(words.starts_with(&start) && words.len() > start.len() - why.len(), "{words}");
    }
    let open = dir.write_with_mode("open", b"", 0o644);
    assert!(words(&open).ends_with(
        "has group or world access; file must have permissions u=rw (0600) or less if owned by \
         the current user, or permissions u=rw,g=r (0640) or less if owned by root"
    ));
}

#[test]
fn a_password_that_is_too_long_for_openssl_is_an_error_with_the_limit() {
    let dir = Directory::new();
    let pem =
        key(Kind::P256).private_key_to_pem_pkcs8_passphrase(Cipher::aes_128_cbc(), b"x").unwrap();
    let path = dir.write("key", &pem);
    let words =
        load(&path, &path, secret(&"y".repeat(5000)).as_ref(), None).unwrap_err().to_string();
    assert!(words.contains("longer than the 1024 bytes"), "{words}");
    assert!(!words.contains("yyy"));
}

#[test]
fn a_key_with_an_empty_password_is_not_decrypted_without_a_password() {
    let dir = Directory::new();
    let (key, cipher) = (key(Kind::P256), Cipher::aes_128_cbc());
    let forms = [
        key.private_key_to_pem_pkcs8_passphrase(cipher, b"").unwrap(),
        key.private_key_to_pkcs8_passphrase(cipher, b"").unwrap(),
        key.ec_key().unwrap().private_key_to_pem_passphrase(cipher, b"").unwrap(),
    ];
    for bytes in forms {
        let path = dir.write("key", &bytes);
        let missing = load(&path, &path, None, None).unwrap_err();
        assert_eq!(missing, Cause::PasswordMissing(path));
    }
}
