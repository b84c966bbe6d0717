// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names that are read without OpenSSL are the names that OpenSSL reads.

use super::compare::compare;
use super::*;
use openssl::asn1::{Asn1Integer, Asn1Time, Asn1Type};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name};

type Extend = fn(&mut X509Builder, Option<&X509>);

pub(crate) fn ec_key(curve: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(curve).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

pub(crate) fn common_name(text: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("C", "CH").unwrap();
    name.append_entry_by_text("O", "Example").unwrap();
    name.append_entry_by_text("CN", text).unwrap();
    name.build()
}

/// `issuer`: its certificate and key; without one it is its own.
pub(crate) fn certificate(
    subject: &X509Name,
    key: &PKey<Private>,
    issuer: Option<(&X509, &PKey<Private>)>,
    ends: &str,
    extend: Extend,
) -> X509 {
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(100, openssl::bn::MsbOption::ONE, false).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer.map_or(subject, |(x, _)| x.subject_name())).unwrap();
    builder.set_not_before(&Asn1Time::from_str("20200229235959Z").unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_str(ends).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    extend(&mut builder, issuer.map(|(x, _)| x));
    let signer = issuer.map_or(key, |(_, key)| key);
    let digest = match signer.id() {
        Id::ED25519 | Id::ED448 => MessageDigest::null(),
        _ => MessageDigest::sha256(),
    };
    builder.sign(signer, digest).unwrap();
    builder.build()
}

fn push(builder: &mut X509Builder, extension: X509Extension) {
    builder.append_extension(extension).unwrap();
}

pub(crate) fn as_authority(builder: &mut X509Builder, _: Option<&X509>) {
    push(builder, BasicConstraints::new().critical().ca().build().unwrap());
    let id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
    push(builder, id);
    push(builder, KeyUsage::new().critical().key_cert_sign().build().unwrap());
}

/// Key identifiers and the usual usages.
pub(crate) fn as_client(builder: &mut X509Builder, issuer: Option<&X509>) {
    let id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
    push(builder, id);
    let issuer = issuer.map(|x| &**x);
    let id = AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(issuer, None));
    push(builder, id.unwrap());
    push(builder, KeyUsage::new().critical().digital_signature().build().unwrap());
    push(builder, ExtendedKeyUsage::new().server_auth().client_auth().build().unwrap());
}

fn bare(_: &mut X509Builder, _: Option<&X509>) {}

fn version_1(builder: &mut X509Builder, _: Option<&X509>) {
    builder.set_version(0).unwrap();
}

/// A name with strings of other types.
fn odd_name(kind: Asn1Type, text: &str) -> X509Name {
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid_with_type(Nid::COUNTRYNAME, "CH", Asn1Type::PRINTABLESTRING).unwrap();
    name.append_entry_by_nid_with_type(Nid::COMMONNAME, text, kind).unwrap();
    name.build()
}

/// Certificates with different versions, names, keys and extensions.
fn specimens() -> Vec<X509> {
    let keys = [
        ec_key(Nid::X9_62_PRIME256V1),
        PKey::generate_ed448().unwrap(),
        PKey::from_rsa(openssl::rsa::Rsa::generate(1024).unwrap()).unwrap(),
    ];
    let subjects = [
        common_name("alice"),
        common_name("Łódź"),
        X509Name::builder().unwrap().build(),
        odd_name(Asn1Type::T61STRING, "Zo\u{eb}"),
        odd_name(Asn1Type::BMPSTRING, "Zo"),
    ];
    let extends: [Extend; 4] = [bare, version_1, as_client, as_authority];
    let mut all = Vec::new();
    for key in &keys {
        let root = certificate(&common_name("The CA"), key, None, "20500101000000Z", as_authority);
        for subject in &subjects {
            for extend in extends {
                for issuer in [None, Some((&root, key))] {
                    all.push(certificate(subject, key, issuer, "20300101000000Z", extend));
                }
            }
        }
    }
    all
}

#[test]
fn the_names_of_any_certificate_are_read_without_openssl() {
    for certificate in specimens() {
        let der = certificate.to_der().unwrap();
        let read = Certificate::from_der(der.clone()).expect("DER as OpenSSL writes it");
        assert!(read.decoded.get().is_none());
        compare(&read);
        assert_eq!(read.get().unwrap().to_der().unwrap(), der);
        let of_openssl = Certificate::from(certificate);
        assert_eq!((read.issuer(), read.subject()), (of_openssl.issuer(), of_openssl.subject()));
        assert!(Certificate::from_der([&der[..], &[0]].concat()).is_none(), "a byte too many");
        assert!(Certificate::from_der(der[..der.len() - 1].to_vec()).is_none(), "a byte too few");
    }
}

#[test]
fn in_a_damaged_certificate_the_names_are_those_that_openssl_finds() {
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
fn each_attempt_to_decode_a_damaged_certificate_is_an_error() {
    let key = ec_key(Nid::X9_62_PRIME256V1);
    let mut der =
        certificate(&common_name("a"), &key, None, "20300101000000Z", bare).to_der().unwrap();
    // The tag of notBefore.
    let at = der.windows(2).position(|w| w == [0x18, 15]).unwrap();
    der[at] = 0x05;
    let damaged = Certificate::from_der(der).unwrap();
    for _ in 0..2 {
        assert!(matches!(damaged.get(), Err(DecodeError::Damaged(_))));
    }
}
