// SPDX-License-Identifier: MIT OR Apache-2.0
//! PKCS#12 files.

use super::{Case, case};
use crate::check::made::{chmod, pkcs12, pkcs12_with, plain_pkcs12};
use crate::support::Scene;
use openssl::nid::Nid;
use testkit::certificates::Identity;

/// Writes a file of the fixtures.
fn fixture(s: &Scene, name: &str) {
    let path = format!("{}/../tests/fixtures/pkcs12/{name}", env!("CARGO_MANIFEST_DIR"));
    s.write(name, std::fs::read(path).unwrap());
}

/// Writes a.p12 with an intermediate, and the password file.
fn one(s: &Scene, password: &str) {
    let ca = Identity::root("ca");
    let middle = ca.authority("middle");
    pkcs12(s, "a.p12", &middle.issue("a"), &[&middle], "secret");
    s.write("passwords", format!("{password}\n"));
}

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "a PKCS#12 file",
            0,
            &[
                ("key_owner", "note", "key 1 is the key of O=certpick tests, CN=a"),
                ("encryption", "good", "the file is encrypted with aes-256-cbc"),
                ("key_file", "good", "\"a.p12\" can be read, with mode 0600"),
                ("password", "good", "the password decrypts the private key"),
                ("key_matches", "good", "matches the certificate"),
                ("chain", "good", "complete up to the issuer O=certpick tests, CN=ca"),
            ],
            |s| {
                one(s, "secret");
                "--sslcert a.p12 --sslpassword-file passwords"
            },
        ),
        case(
            "a PKCS#12 file with another password",
            1,
            &[
                ("encryption", "good", "the file is encrypted with aes-256-cbc"),
                ("password", "wrong", "\"a.p12\": it could not be decrypted (wrong password?)"),
            ],
            |s| {
                one(s, "wrong");
                "--sslcert a.p12 --sslpassword-file passwords"
            },
        ),
        case(
            "a PKCS#12 file without its password",
            1,
            &[("password", "wrong", "Add its password to the file of --sslpassword-file")],
            |s| {
                one(s, "");
                "--sslcert a.p12"
            },
        ),
        case(
            "the password of a PKCS#12 file is on another line",
            1,
            &[("password", "wrong", "Line 2 of the password file contains its password")],
            |s| {
                one(s, "");
                pkcs12(s, "b.p12", &Identity::root("ca").issue("b"), &[], "other");
                s.write("passwords", "other\nsecret\n");
                "--sslcert a.p12,b.p12 --sslpassword-file passwords"
            },
        ),
        case("an exposed PKCS#12 file", 1, &[("key_file", "wrong", "Run: chmod 600 a.p12")], |s| {
            one(s, "secret");
            chmod(s, "a.p12", 0o644);
            "--sslcert a.p12 --sslpassword-file passwords"
        }),
        case(
            "a key beside a PKCS#12 file",
            1,
            &[("certificate_file", "wrong", "the sslkey entry must be empty")],
            |s| {
                one(s, "secret");
                s.write("a.key", Identity::root("ca").key_pem());
                "--sslcert a.p12 --sslkey a.key --sslpassword-file passwords"
            },
        ),
        case(
            "a PKCS#12 file with the key of another certificate",
            1,
            &[
                ("key_owner", "warning", "key 1 matches none of the certificates of the file"),
                ("key_matches", "wrong", "certificate does not match private key file \"a.p12\""),
            ],
            |s| {
                let ca = Identity::root("ca");
                plain_pkcs12(s, "a.p12", &[(&ca.issue("a").certificate, &ca.issue("b").key)]);
                "--sslcert a.p12"
            },
        ),
        case(
            "a PKCS#12 file with few iterations of an old algorithm",
            0,
            &[
                ("encryption", "note", "an old algorithm, pbeWithSHA1And3-KeyTripleDES-CBC"),
                ("iterations", "warning", "by only 10 iterations"),
            ],
            |s| {
                let a = Identity::root("ca").issue("a");
                let algorithm = Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC;
                pkcs12_with(s, "a.p12", &a, &[], "secret", algorithm, 10);
                s.write("passwords", "secret\n");
                "--sslcert a.p12 --sslpassword-file passwords"
            },
        ),
        case(
            "a PKCS#12 file whose key is not encrypted",
            0,
            &[("encryption", "note", "a private key of the file is not encrypted")],
            |s| {
                let a = Identity::root("ca").issue("a");
                plain_pkcs12(s, "a.p12", &[(&a.certificate, &a.key)]);
                "--sslcert a.p12"
            },
        ),
        case(
            "a PKCS#12 file with an algorithm of the legacy provider",
            1,
            &[("encryption", "warning", "pbeWithSHA1And40BitRC2-CBC, which OpenSSL 3.0")],
            |s| {
                // On OpenSSL 1.1.1 the password is wrong, on later versions the algorithm is not available.
                fixture(s, "openssl-1.1.1.p12");
                "--sslcert openssl-1.1.1.p12"
            },
        ),
        case(
            "a PKCS#12 file with several keys",
            0,
            &[
                ("key_owner", "note", "key 1 is the key of "),
                ("key_owner", "note", "key 2 is the key of "),
                ("key_matches", "good", "matches the certificate"),
            ],
            |s| {
                fixture(s, "keytool.p12");
                s.write("passwords", "secret\n");
                "--sslcert keytool.p12 --sslpassword-file passwords"
            },
        ),
        case(
            "a truncated PKCS#12 file",
            1,
            &[("certificate_file", "wrong", "it is damaged, or not a PKCS#12 file")],
            |s| {
                one(s, "secret");
                let content = std::fs::read(s.path("a.p12")).unwrap();
                s.write("a.p12", &content[..content.len() / 2]);
                "--sslcert a.p12 --sslpassword-file passwords"
            },
        ),
        case(
            "PKCS#12 files of a directory",
            1,
            &[
                ("lists", "good", "2 certificates that have a key"),
                ("key_owner", "note", "key 1 is the key of O=certpick tests, CN=a"),
                ("key_matches", "good", "matches the certificate"),
                ("password", "wrong", "The directory is refused because of this file"),
            ],
            |s| {
                std::fs::create_dir(s.path("d")).unwrap();
                let ca = Identity::root("ca");
                pkcs12(s, "d/a.p12", &ca.issue("a"), &[], "secret");
                pkcs12(s, "d/b.pfx", &ca.issue("b"), &[], "secret");
                pkcs12(s, "d/c.p12", &ca.issue("c"), &[], "other");
                s.write("passwords", "secret\n");
                "--sslcert d --sslpassword-file passwords"
            },
        ),
    ]
}
