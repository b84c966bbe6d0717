// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names that are read without OpenSSL equal those that OpenSSL reads.

use super::compare::compare;
use super::*;
use openssl::asn1::Asn1Type;
use openssl::nid::Nid;
use openssl::x509::extension::{ExtendedKeyUsage, KeyUsage};
use openssl::x509::{X509, X509Name};
use testkit::certificates::{Identity, Subject, name};
use testkit::keys::Kind;

/// Returns a name with a string type of ASN.1 that OpenSSL does not choose itself.
fn name_of_type(kind: Asn1Type, text: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid_with_type(Nid::COUNTRYNAME, "CH", Asn1Type::PRINTABLESTRING).unwrap();
    name.append_entry_by_nid_with_type(Nid::COMMONNAME, text, kind).unwrap();
    name.build()
}

/// Sets a validity with years that need both types of time.
fn valid(subject: Subject) -> Subject {
    subject.valid_between("20200229235959Z", "20500101000000Z")
}

/// Returns certificates with different versions, names, keys and extensions.
fn specimens() -> Vec<X509> {
    let names = [
        name("alice"),
        name("Łódź"),
        X509Name::builder().unwrap().build(),
        name_of_type(Asn1Type::T61STRING, "Zo\u{eb}"),
        name_of_type(Asn1Type::BMPSTRING, "Zo"),
    ];
    let as_client = |subject: Subject| {
        subject
            .key_usage(KeyUsage::new().critical().digital_signature())
            .extended_key_usage(ExtendedKeyUsage::new().server_auth().client_auth())
    };
    let mut all = Vec::new();
    for kind in [Kind::P256, Kind::Ed448, Kind::Rsa1024] {
        let root = Identity::root(valid(Subject::new("The CA").kind(kind)));
        for name in &names {
            let subject =
                || valid(Subject::named((**name).to_owned().unwrap()).with_key(&root.key));
            for identity in [
                Identity::self_signed(subject().bare()),
                Identity::self_signed(subject().bare().version(0)),
                Identity::self_signed(as_client(subject())),
                Identity::root(subject()),
                root.issue(subject().bare()),
                root.issue(subject().bare().version(0)),
                root.issue(as_client(subject())),
                root.authority(subject()),
            ] {
                all.push(identity.certificate);
            }
        }
    }
    all
}

#[test]
fn the_names_of_every_certificate_are_read_without_openssl() {
    for certificate in specimens() {
        let der = certificate.to_der().unwrap();
        let read = Certificate::from_der(der.clone()).expect("the DER that OpenSSL writes");
        assert!(read.decoded.get().is_none());
        compare(&read);
        assert_eq!(read.get().unwrap().to_der().unwrap(), der);
        let of_openssl = Certificate::from(certificate);
        assert_eq!((read.issuer(), read.subject()), (of_openssl.issuer(), of_openssl.subject()));
        assert!(Certificate::from_der([&der[..], &[0]].concat()).is_none(), "one byte too many");
        assert!(
            Certificate::from_der(der[..der.len() - 1].to_vec()).is_none(),
            "one byte is missing"
        );
    }
}

#[test]
fn the_names_of_a_damaged_certificate_are_those_that_openssl_reads() {
    let (mut read, mut refused) = (0, 0);
    for certificate in specimens().iter().step_by(11) {
        let der = certificate.to_der().unwrap();
        let changes: [fn(u8) -> u8; 6] =
            [|b| b ^ 1, |b| b ^ 0x80, |b| b.wrapping_sub(1), |_| 0, |_| 0xff, |b| b ^ 0x20];
        for at in 0..der.len() {
            for change in changes {
                let mut damaged = der.clone();
                damaged[at] = change(der[at]);
                match Certificate::from_der(damaged) {
                    Some(certificate) => {
                        compare(&certificate);
                        read += 1;
                    }
                    None => refused += 1,
                }
            }
        }
    }
    assert!(read > 1000 && refused > 1000, "{read} {refused}");
}

#[test]
fn a_certificate_that_openssl_cannot_decode_is_an_error_each_time() {
    let mut der = Identity::root(valid("a".into())).certificate.to_der().unwrap();
    // The tag of notBefore.
    let at = der.windows(2).position(|w| w == [0x18, 15]).unwrap();
    der[at] = 0x05;
    let damaged = Certificate::from_der(der).unwrap();
    for _ in 0..2 {
        assert!(matches!(damaged.get(), Err(DecodeError::Damaged(_))));
    }
}
