// SPDX-License-Identifier: MIT OR Apache-2.0
//! Validity, usage and strength of each certificate.

use super::{Case, case};
use crate::check::made::{bundle, extension, pair};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{ExtendedKeyUsage, KeyUsage};
use testkit::certificates::{Identity, Subject};
use testkit::keys::Kind;

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "a good certificate",
            0,
            &[
                ("validity", "good", "days from now"),
                ("usage", "good", "may be used by a TLS client"),
                ("strength", "good", "security levels 1 to 3"),
            ],
            |s| {
                let mut usage = ExtendedKeyUsage::new();
                let a = Subject::new("a").extended_key_usage(usage.client_auth());
                let a = a.key_usage(KeyUsage::new().digital_signature());
                pair(s, "a", &Identity::root("ca").issue(a));
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case("expired", 1, &[("validity", "wrong", "expired on ")], |s| {
            pair(s, "a", &Identity::root("ca").issue(Subject::new("a").expired()));
            "--sslcert a.crt --sslkey a.key"
        }),
        case("not yet valid", 1, &[("validity", "wrong", "check the clock")], |s| {
            pair(s, "a", &Identity::root("ca").issue(Subject::new("a").not_yet_valid()));
            "--sslcert a.crt --sslkey a.key"
        }),
        case(
            "valid from 1950 to 9999",
            0,
            &[("validity", "good", "valid until 9999-12-31, ")],
            |s| {
                let a = Subject::new("a").valid_between("19500101000000Z", "99991231235959Z");
                pair(s, "a", &Identity::root("ca").issue(a));
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case("expired in 1969", 1, &[("validity", "wrong", "expired on 1969-12-31, ")], |s| {
            let a = Subject::new("a").valid_between("19500101000000Z", "19691231235959Z");
            pair(s, "a", &Identity::root("ca").issue(a));
            "--sslcert a.crt --sslkey a.key"
        }),
        case("valid from 2106", 1, &[("validity", "wrong", "before 2106-02-07, ")], |s| {
            let a = Subject::new("a").valid_between("21060207062816Z", "99991231235959Z");
            pair(s, "a", &Identity::root("ca").issue(a));
            "--sslcert a.crt --sslkey a.key"
        }),
        case("expires soon", 1, &[("validity", "wrong", "requires 101 days")], |s| {
            pair(s, "a", &Identity::root("ca").issue("a"));
            "--sslcert a.crt --sslkey a.key --min-days 101"
        }),
        case("does not expire soon", 0, &[("validity", "good", "days from now")], |s| {
            pair(s, "a", &Identity::root("ca").issue("a"));
            "--sslcert a.crt --sslkey a.key --min-days 99"
        }),
        case("an intermediate that has expired", 1, &[("validity", "wrong", "expired on ")], |s| {
            let middle = Identity::root("ca").authority(Subject::new("middle").expired());
            bundle(s, "a", &middle.issue("a"), &[&middle]);
            "--sslcert a.crt --sslkey a.key"
        }),
        case(
            "a CA certificate",
            1,
            &[
                ("ca_as_leaf", "warning", "which a client should not use"),
                ("key_usage", "wrong", "lacks digitalSignature; servers reject it"),
            ],
            |s| {
                pair(s, "a", &Identity::root("ca").authority("a"));
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case("keyAgreement only", 0, &[("key_usage", "warning", "some servers may reject")], |s| {
            let subject = Subject::new("a").key_usage(KeyUsage::new().key_agreement());
            pair(s, "a", &Identity::root("ca").issue(subject));
            "--sslcert a.crt --sslkey a.key"
        }),
        case("serverAuth only", 1, &[("extended_key_usage", "wrong", "lacks clientAuth")], |s| {
            let mut usage = ExtendedKeyUsage::new();
            let subject = Subject::new("a").extended_key_usage(usage.server_auth());
            pair(s, "a", &Identity::root("ca").issue(subject));
            "--sslcert a.crt --sslkey a.key"
        }),
        case("nsCertType server", 1, &[("usage", "wrong", "is not for TLS clients")], |s| {
            let subject = Subject::new("a").extension(extension("nsCertType", "server"));
            pair(s, "a", &Identity::root("ca").issue(subject));
            "--sslcert a.crt --sslkey a.key"
        }),
        case(
            "an intermediate with serverAuth only",
            1,
            &[("usage", "wrong", "may not issue certificates for TLS clients")],
            |s| {
                let mut usage = ExtendedKeyUsage::new();
                let middle = Subject::new("middle").extended_key_usage(usage.server_auth());
                let middle = Identity::root("ca").authority(middle);
                bundle(s, "a", &middle.issue("a"), &[&middle]);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case("a 1024-bit key", 0, &[("strength", "warning", "but not for level 2")], |s| {
            pair(s, "a", &Identity::root("ca").issue(Subject::new("a").kind(Kind::Rsa1024)));
            "--sslcert a.crt --sslkey a.key"
        }),
        case("a 2048-bit key", 0, &[("strength", "good", "but not for level 3")], |s| {
            pair(s, "a", &Identity::root("ca").issue(Subject::new("a").kind(Kind::Rsa2048)));
            "--sslcert a.crt --sslkey a.key"
        }),
        case("a 768-bit key", 1, &[("strength", "wrong", "too weak for")], |s| {
            let subject = Subject::new("a").with_key(&weak());
            pair(s, "a", &Identity::root("ca").issue(subject));
            "--sslcert a.crt --sslkey a.key"
        }),
        case("an MD5 signature", 1, &[("strength", "wrong", "ca md too weak")], |s| {
            let ca = Identity::root(Subject::new("ca").kind(Kind::Rsa2048));
            pair(s, "a", &ca.issue(Subject::new("a").digest(MessageDigest::md5())));
            "--sslcert a.crt --sslkey a.key"
        }),
        case(
            "an intermediate with a 768-bit key",
            1,
            &[("strength", "wrong", "too weak for")],
            |s| {
                let middle =
                    Identity::root("ca").authority(Subject::new("middle").with_key(&weak()));
                bundle(s, "a", &middle.issue("a"), &[&middle]);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
    ]
}

/// A key that is too short for security level 1.
fn weak() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(768).unwrap()).unwrap()
}
