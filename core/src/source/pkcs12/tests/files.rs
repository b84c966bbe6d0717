// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that other programs have written (tests/fixtures/pkcs12/README.md).

use super::*;
use std::path::PathBuf;

pub fn fixture(name: &str) -> Vec<u8> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/pkcs12");
    let path: PathBuf = directory.join(format!("{name}.p12"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

const NOT_ASCII: &str = "pässwörd€";
const ALICE: &[&str] = &["alice middle root"];
const TWO: &[&str] = &["alice middle root bob", "bob alice middle root"];

#[test]
fn files_of_many_programs_are_read() {
    let table: [(&str, &str, &[&str]); 27] = [
        ("openssl-1.1.1-aes", "secret", ALICE),
        ("openssl-1.1.1-3des", NOT_ASCII, ALICE),
        ("openssl-1.1.1-empty", "", ALICE),
        ("openssl-1.1.1-plain", "", ALICE),
        ("openssl-1.1.1-plain-certificates", "secret", ALICE),
        ("openssl-1.1.1-no-mac", "secret", ALICE),
        ("openssl-3.0", "secret", ALICE),
        ("openssl-3.0-aes", "secret", ALICE),
        ("openssl-3.0-3des", NOT_ASCII, ALICE),
        ("openssl-3.0-empty", "", ALICE),
        ("openssl-3.0-plain", "", ALICE),
        ("openssl-3.0-plain-certificates", "secret", ALICE),
        ("openssl-3.0-no-mac", "secret", ALICE),
        ("openssl-3.5", "secret", ALICE),
        ("openssl-3.5-aes", "secret", ALICE),
        ("openssl-3.5-3des", NOT_ASCII, ALICE),
        ("openssl-3.5-empty", "", ALICE),
        ("openssl-3.5-plain", "", ALICE),
        ("openssl-3.5-plain-certificates", "secret", ALICE),
        ("openssl-3.5-no-mac", "secret", ALICE),
        ("openssl-3.5-pbmac1", "secret", ALICE),
        ("keytool", "secret", TWO),
        ("cryptography", "secret", ALICE),
        ("cryptography-plain", "", ALICE),
        // The leaf is the last certificate in the files of NSS.
        ("nss", "secret", ALICE),
        ("nss-3des", NOT_ASCII, &["bob middle root"]),
        ("gnutls", "secret", &["alice middle"]),
    ];
    for (file, password, expected) in table {
        let found: Vec<String> =
            credentials(&fixture(file), password).iter().map(|names| names.join(" ")).collect();
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn the_password_of_an_unencrypted_file_is_ignored() {
    assert_eq!(credentials(&fixture("cryptography-plain"), "unused").len(), 1);
}

/// In one test, because the legacy provider is that of the process.
#[test]
fn legacy_encryption_needs_the_legacy_provider() {
    let files = [("openssl-1.1.1", 1), ("keytool-legacy", 2)];
    #[cfg(ossl3)]
    let _provider = {
        for (file, _) in files {
            let error = open_with(&fixture(file), "secret").unwrap_err();
            assert_eq!(status(&error), crate::Status::Certificate, "{file}");
            assert_eq!(
                error.to_string(),
                "could not read certificate file \"client.p12\": OpenSSL supports its encryption \
                 only with the legacy provider; load that provider, or convert the file: openssl \
                 pkcs12 -legacy"
            );
        }
        openssl::provider::Provider::try_load(None, "legacy", true).unwrap()
    };
    for (file, count) in files {
        assert_eq!(credentials(&fixture(file), "secret").len(), count, "{file}");
    }
}
