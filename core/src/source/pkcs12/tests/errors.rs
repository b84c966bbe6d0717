// SPDX-License-Identifier: MIT OR Apache-2.0
//! The error for each reason.

use super::encoding::*;
use super::files::fixture;
use super::*;
use crate::Status;
use testkit::certificates::Identity;
use testkit::der::element;

const CERTIFICATE_FILE: &str = "could not read certificate file \"client.p12\": ";
const KEY_FILE: &str = "could not load private key file \"client.p12\": ";

#[track_caller]
fn assert_error<T>(result: Result<T, Cause>, expected: Status, text: &str) {
    let Err(error) = result else { panic!("no error") };
    assert_eq!(error.to_string(), text);
    assert_eq!(status(&error), expected);
    assert!(!format!("{error:?}").contains("not it"));
}

#[test]
fn a_wrong_or_missing_password_is_told_apart() {
    let wrong = format!("{KEY_FILE}it could not be decrypted (wrong password?)");
    let missing = format!("{KEY_FILE}it is encrypted and no password was given");
    for file in ["openssl-3.0", "openssl-3.0-3des", "openssl-3.5-pbmac1", "keytool", "nss"] {
        let content = fixture(file);
        assert_error(open_with(&content, "not it"), Status::PasswordWrong, &wrong);
        assert_error(open_with(&content, ""), Status::PasswordMissing, &missing);
    }
    // Here the password is needed only for the key.
    let content = fixture("openssl-3.0-plain-certificates");
    for password in ["", "not it", "secret"] {
        let opened = open_with(&content, password).unwrap().remove(0);
        let key = key_with(&content, password, &opened.keys, &leaf(&opened));
        match password {
            "" => assert_error(key, Status::PasswordMissing, &missing),
            "secret" => assert!(key.is_ok()),
            _ => assert_error(key, Status::PasswordWrong, &wrong),
        }
    }
}

#[test]
fn a_password_with_any_bytes_is_used() {
    let alice = Identity::self_signed("alice");
    let password = "a\0b, \"c\n";
    let derivation = Derivation::Pbkdf2(1);
    let content = pfx(
        &[encrypted(&[certificate(&alice, b""), key_bag(&alice, b"")], &derivation, password)],
        None,
    );
    assert_eq!(credentials(&content, password), [["alice"]]);
    assert!(matches!(open_with(&content, "a"), Err(Cause::PasswordWrong(..))));
}

#[test]
fn a_wrong_password_with_the_right_padding_is_wrong() {
    // One password in 256 has it.
    let alice = Identity::self_signed("alice");
    let bags = [certificate(&alice, b""), key_bag(&alice, b"")];
    let content = pfx(&[encrypted(&bags, &Derivation::Pbkdf2(1), "secret")], None);
    for number in 0..4_000 {
        let error = open_with(&content, &number.to_string()).unwrap_err();
        assert_eq!(status(&error), Status::PasswordWrong, "{number}: {error}");
    }
}

#[test]
fn a_file_with_the_null_password_is_read_without_a_password() {
    /// PBE-SHA1-3DES.
    const NID: libc::c_int = 146;
    let alice = Identity::self_signed("alice");
    let content = {
        use foreign_types::ForeignType;
        use openssl_sys as ffi;
        let (none, chain) = (std::ptr::null_mut, std::ptr::null_mut());
        // SAFETY: a valid key and certificate; no password, name, chain or MAC. The file is freed.
        unsafe {
            let (key, certificate) = (alice.key.as_ptr(), alice.certificate.as_ptr());
            let file =
                ffi::PKCS12_create(none(), none(), key, certificate, chain, NID, NID, 1, -1, 0);
            let file = openssl::pkcs12::Pkcs12::from_ptr(file);
            file.to_der().unwrap()
        }
    };
    assert_eq!(credentials(&content, ""), [["alice"]]);
    assert!(matches!(open_with(&content, "x"), Err(Cause::PasswordWrong(..))));
}

#[test]
fn a_missing_part_is_an_error() {
    let text = format!("{KEY_FILE}it holds no private key");
    assert_error(open_with(&fixture("openssl-3.5-no-key"), "secret"), Status::Key, &text);
    let text = format!("{CERTIFICATE_FILE}it holds no certificate");
    let content = fixture("openssl-3.5-no-certificate");
    assert_error(open_with(&content, "secret"), Status::Certificate, &text);
    assert_error(open_with(&pfx(&[], None), ""), Status::Certificate, &text);
    let alice = Identity::self_signed("alice");
    let text = format!("{KEY_FILE}it holds no private key");
    let content = pfx(&[plain(&[key_bag(&alice, b"")])], None);
    assert_error(key_with(&content, "", &[7], &alice.certificate), Status::Key, &text);
}

#[test]
fn a_key_that_does_not_match_is_an_error_after_all_candidates() {
    let (alice, bob) = (Identity::self_signed("alice"), Identity::self_signed("bob"));
    let derivation = Derivation::Pbkdf2(1);
    let content =
        pfx(&[plain(&[key_bag(&bob, b""), shrouded(&alice, b"", &derivation, "other")])], None);
    let error = key_with(&content, "secret", &[0, 2], &alice.certificate).unwrap_err();
    assert_eq!(status(&error), Status::KeyMismatch);
    let error = key_with(&content, "secret", &[2, 0], &alice.certificate).unwrap_err();
    assert_eq!(status(&error), Status::PasswordWrong);
    let content =
        pfx(&[plain(&[shrouded(&alice, b"", &derivation, "other"), key_bag(&bob, b"")])], None);
    assert!(key_with(&content, "other", &[2, 0], &alice.certificate).is_ok());
    assert!(key_with(&content, "secret", &[0, 2], &bob.certificate).is_ok());
}

#[test]
fn damage_is_an_error() {
    let alice = Identity::self_signed("alice");
    let damaged = format!("{CERTIFICATE_FILE}it is damaged, or not a PKCS#12 file");
    let plain_alice = || plain(&[certificate(&alice, b""), key_bag(&alice, b"")]);
    let files = [
        b"\x30\x06\x02\x01\x03\x30\x01\x00".to_vec(),
        // Without bags; with a bag of a wrong type; without a certificate's DER.
        pfx(&[element(0x30, b"")], None),
        pfx(&[plain(&[element(0x31, b"")])], None),
        pfx(&[plain(&[bag(3, &element(0x30, b""), b"")])], None),
        // A MacData without content, with 0 and with -1 iterations.
        pfx(&[plain_alice()], Some(element(0x30, b""))),
        pfx(&[plain_alice()], Some(mac(&integer(0)))),
        pfx(&[plain_alice()], Some(mac(&element(2, b"\xff")))),
        // An encryption without parameters, and with 0 and -1 iterations.
        pfx(&[sealed(sequence(&[oid("1.2.840.113549.1.5.13")]), b"")], None),
        pfx(&[sealed(triple_des(integer(0)), &[0; 16])], None),
        pfx(&[sealed(triple_des(element(2, b"\x80\0")), &[0; 16])], None),
    ];
    for content in files {
        assert!(is_pkcs12(&content));
        assert_error(open_with(&content, ""), Status::Certificate, &damaged);
    }
    let content = pfx(&[plain(&[certificate_der(b"\x30\x00", b""), key_bag(&alice, b"")])], None);
    let text = format!("{CERTIFICATE_FILE}certificate 1 in it is damaged");
    assert_error(open_with(&content, ""), Status::Certificate, &text);
    let content = pfx(&[plain(&[bag(1, &element(0x30, b"\x02\x01\x00"), b"")])], None);
    let text = format!("{KEY_FILE}its private key is damaged");
    assert_error(key_with(&content, "", &[0], &alice.certificate), Status::Key, &text);
}

#[test]
fn an_unknown_encryption_is_an_error() {
    let text = format!(
        "{CERTIFICATE_FILE}its encryption is not supported; export it again: openssl pkcs12 -export"
    );
    let unknown = |oid_text: &str| {
        let parameters = sequence(&[element(4, b"salt"), integer(1)]);
        sequence(&[oid(oid_text), parameters])
    };
    // An algorithm, a key derivation function and a cipher.
    let kdf = sequence(&[unknown("1.2.3.4"), unknown("1.2.3.5")]);
    let algorithms = [unknown("1.2.3.4"), sequence(&[oid("1.2.840.113549.1.5.13"), kdf]), {
        let pbkdf2 = unknown("1.2.840.113549.1.5.12");
        sequence(&[oid("1.2.840.113549.1.5.13"), sequence(&[pbkdf2, unknown("1.2.3.5")])])
    }];
    for algorithm in algorithms {
        let content = pfx(&[sealed(algorithm, &[0; 16])], None);
        assert_error(open_with(&content, "x"), Status::Certificate, &text);
    }
}

#[test]
fn pem_wins_and_other_files_are_not_recognized() {
    let alice = Identity::self_signed("alice");
    assert!(is_pkcs12(&fixture("openssl-3.0")));
    assert!(is_pkcs12(&fixture("nss")));
    assert!(is_pkcs12(&fixture("openssl-3.0")[..10]));
    let with_pem = [fixture("openssl-3.0"), alice.pem()].concat();
    let others = [
        b"".to_vec(),
        b"\x30".to_vec(),
        b"\x30\x82\x01".to_vec(),
        b"\x30\x88\0\0\0\0\0\0\0\x10\x02\x01\x03\x30".to_vec(),
        with_pem,
        alice.pem(),
        alice.certificate.to_der().unwrap(),
        alice.key.private_key_to_der().unwrap(),
        alice.key.private_key_to_pkcs8().unwrap(),
    ];
    for other in others {
        assert!(!is_pkcs12(&other), "{other:?}");
    }
}

#[test]
fn a_certificate_that_only_openssl_reads_is_a_leaf() {
    let alice = Identity::self_signed("alice");
    let der = alice.certificate.to_der().unwrap();
    let (_, content, _) = crate::x509::der::parse_element(&der).unwrap();
    let ber = indefinite(0x30, content);
    assert!(Certificate::from_der(ber.clone()).is_none());
    let bags = [certificate_der(&ber, b""), certificate_der(&ber, b""), key_bag(&alice, b"")];
    assert_eq!(credentials(&pfx(&[plain(&bags)], None), ""), [["alice"]]);
}
