// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::certificate::alternative_names;
use openssl::asn1::{Asn1Object, Asn1OctetString, Asn1Time};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::x509::{X509Extension, X509NameBuilder};

/// Creates a certificate with these subject alternative names: `DNS:…` and `email:…` as text, `IP:…`
/// and `bytes:…` (a dNSName) in hexadecimal.
fn certificate(common_name: Option<&str>, names: &[&str]) -> X509 {
    let key = PKey::generate_ed25519().unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    if let Some(name) = common_name {
        subject.append_entry_by_text("CN", name).unwrap();
    }
    let subject = subject.build();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    if !names.is_empty() {
        let mut content = Vec::new();
        for name in names {
            let byte = |hex: &str, at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let bytes = |hex: &str| (0..hex.len()).step_by(2).map(|at| byte(hex, at)).collect();
            let (tag, bytes) = match name.split_once(':').unwrap() {
                ("DNS", dns) => (0x82, dns.as_bytes().to_vec()),
                ("email", email) => (0x81, email.as_bytes().to_vec()),
                ("IP", hex) => (0x87, bytes(hex)),
                ("bytes", hex) => (0x82, bytes(hex)),
                other => panic!("{other:?}"),
            };
            content.extend([tag, u8::try_from(bytes.len()).unwrap()]);
            content.extend(bytes);
        }
        let mut der = vec![0x30, u8::try_from(content.len()).unwrap()];
        der.extend(content);
        let oid = Asn1Object::from_str("2.5.29.17").unwrap();
        let value = Asn1OctetString::new_from_bytes(&der).unwrap();
        builder
            .append_extension(X509Extension::new_from_der(&oid, false, &value).unwrap())
            .unwrap();
    }
    builder.sign(&key, MessageDigest::null()).unwrap();
    builder.build()
}

#[test]
fn host_names_match_as_in_libpq() {
    let none: &[&str] = &[];
    let v4 = "IP:7f000001";
    let v6 = "IP:00000000000000000000000000000001";
    let cases: &[(Option<&str>, &[&str], &str, bool)] = &[
        // The common name, if there is no alternative name.
        (Some("db.example"), none, "db.example", true),
        (Some("db.example"), none, "DB.Example", true),
        (Some("DB.EXAMPLE"), none, "db.example", true),
        (Some("db.example"), none, "db.example.", false),
        (Some("db.example"), none, "xdb.example", false),
        (Some("db.example"), none, "example", false),
        (None, none, "db.example", false),
        (Some("127.0.0.1"), none, "127.0.0.1", true),
        (Some("::1"), none, "::1", true),
        // Wildcards.
        (Some("*.example"), none, "db.example", true),
        (Some("*.example"), none, "a.db.example", false),
        (Some("*.example"), none, "example", false),
        (Some("*.example"), none, ".example", false),
        (Some("*.EXAMPLE"), none, "db.example", true),
        (Some("d*.example"), none, "db.example", false),
        (Some("*b.example"), none, "db.example", false),
        (Some("*"), none, "db", false),
        (Some("*."), none, "db.", false),
        (Some("db.*"), none, "db.example", false),
        (Some("*.*"), none, "db.example", false),
        (None, &["DNS:*.db.example"], "a.db.example", true),
        (None, &["DNS:*.db.example"], "db.example", false),
        (None, &["DNS:*.0.0.1"], "127.0.0.1", true),
        // Alternative names.
        (None, &["DNS:db.example"], "db.example", true),
        (None, &["DNS:a.example", "DNS:b.example"], "b.example", true),
        (None, &["DNS:a.example", "DNS:b.example"], "c.example", false),
        // The common name is ignored if an alternative name has the host's type.
        (Some("db.example"), &["DNS:other.example"], "db.example", false),
        (Some("db.example"), &["email:a@b"], "db.example", true),
        (Some("db.example"), &[v4], "db.example", true),
        (Some("127.0.0.1"), &["DNS:db.example"], "127.0.0.1", true),
        (Some("127.0.0.1"), &["IP:7f000002"], "127.0.0.1", false),
        (Some("127.0.0.1"), &["IP:7f000002", "DNS:db.example"], "127.0.0.1", false),
        // A dNSName that is not text counts.
        (Some("db.example"), &["bytes:ff"], "db.example", false),
        (Some("db.example"), &["bytes:64fc622e6578616d706c65"], "db.example", false),
        (Some("db.example"), &["bytes:"], "db.example", false),
        (Some("db.example"), &["bytes:ff", "DNS:db.example"], "db.example", true),
        (Some("127.0.0.1"), &["bytes:ff"], "127.0.0.1", true),
        (None, &["bytes:2a2e"], "db.", false),
        // Addresses.
        (None, &[v4], "127.0.0.1", true),
        (None, &[v4], "127.0.0.2", false),
        (None, &[v4], "127.1", true),
        (None, &[v4], "localhost", false),
        (None, &[v6], "::1", true),
        (None, &[v6], "0:0:0:0:0:0:0:1", true),
        (None, &[v6], "::2", false),
        (None, &[v6], "127.0.0.1", false),
        (None, &[v4, v6], "::1", true),
        (None, &["IP:00000000000000000000ffff7f000001"], "127.0.0.1", false),
        (None, &["DNS:127.0.0.1"], "127.0.0.1", true),
        (None, &["DNS:::1"], "::1", true),
    ];
    for (common_name, names, host, expected) in cases {
        let found = matches(&certificate(*common_name, names), host);
        let is_match = matches!(found, Match::Yes(_));
        assert_eq!(is_match, *expected, "{common_name:?} {names:?} {host}: {found:?}");
        assert!(!matches!(found, Match::Refused(_)), "{common_name:?} {names:?} {host}");
    }
}

#[test]
fn malformed_names_are_rejected_as_in_libpq() {
    let refused = |names: &[&str], host| {
        matches!(matches(&certificate(Some("db.example"), names), host), Match::Refused(_))
    };
    assert!(refused(&["DNS:db.example\0.evil.example"], "db.example"));
    assert!(refused(&["bytes:646200ff"], "db.example"));
    assert!(refused(&["bytes:00"], "127.0.0.1"));
    assert!(refused(&["DNS:a.example", "bytes:00", "DNS:db.example"], "db.example"));
    assert!(!refused(&["DNS:db.example", "bytes:00"], "db.example"));
    assert!(refused(&["IP:7f0000"], "127.0.0.1"));
    assert!(refused(&["DNS:db.example"], ""));
}

#[test]
fn the_result_contains_the_matching_name_or_all_names() {
    let both = certificate(Some("cn.example"), &["DNS:a.example", "IP:7f000001"]);
    assert_eq!(matches(&both, "127.0.0.1"), Match::Yes("127.0.0.1".into()));
    assert_eq!(
        matches(&both, "b.example"),
        Match::No(vec!["a.example".into(), "127.0.0.1".into()])
    );
}

#[test]
fn a_name_that_is_not_text_is_shown_with_escapes() {
    let names = ["bytes:646200ff", "bytes:", "DNS:a\u{202e}b"];
    let certificate = certificate(Some("db.example"), &names);
    assert_eq!(alternative_names(&certificate), [r"DNS:db\u{0}\xff", "DNS:", r"DNS:a\u{202e}b"]);
    let found = matches(&self::certificate(None, &names[1..]), "db.example");
    assert_eq!(found, Match::No(vec![String::new(), r"a\u{202e}b".into()]));
}
