// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL's word counts: whatever has an outline is a certificate to OpenSSL as well, of which it
//! says the same.

use super::compare::compare;
use super::*;
use crate::credential::facts;
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name};

type Extend = fn(&mut X509Builder, Option<&X509>);

pub(crate) fn ec_key(curve: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(curve).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn rsa_key(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
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

fn as_server(builder: &mut X509Builder, _: Option<&X509>) {
    push(builder, BasicConstraints::new().build().unwrap());
    push(builder, KeyUsage::new().key_encipherment().decipher_only().build().unwrap());
    push(builder, ExtendedKeyUsage::new().server_auth().build().unwrap());
    let names = SubjectAlternativeName::new()
        .dns("example.org")
        .build(&builder.x509v3_context(None, None))
        .unwrap();
    push(builder, names);
}

fn as_any(builder: &mut X509Builder, _: Option<&X509>) {
    push(builder, BasicConstraints::new().build().unwrap());
}

fn specimens() -> Vec<X509> {
    let authorities: Vec<(X509, PKey<Private>)> =
        [ec_key(Nid::SECP384R1), rsa_key(2048), PKey::generate_ed25519().unwrap()]
            .into_iter()
            .map(|key| {
                let ca = common_name("The CA");
                (certificate(&ca, &key, None, "20500101000000Z", as_authority), key)
            })
            .collect();
    let keys = [
        ec_key(Nid::X9_62_PRIME256V1),
        ec_key(Nid::SECP384R1),
        ec_key(Nid::SECP521R1),
        rsa_key(1024),
        rsa_key(2048),
        PKey::generate_ed25519().unwrap(),
        PKey::generate_ed448().unwrap(),
    ];
    let forms: [(&str, &str, Extend); 4] = [
        ("alice", "20300101000000Z", as_client),
        ("Łódź", "20491231235959Z", as_server),
        ("", "20500101000000Z", as_any),
        ("bob", "99991231235959Z", as_client),
    ];
    let mut all = Vec::new();
    for key in &keys {
        for (at, (subject, ends, extend)) in forms.iter().enumerate() {
            let (issuer, issuer_key) = &authorities[at % authorities.len()];
            let issuer = Some((issuer, issuer_key));
            let subject = match *subject {
                "" => X509Name::builder().unwrap().build(),
                text => common_name(text),
            };
            all.push(certificate(&subject, key, issuer, ends, *extend));
        }
    }
    all
}

#[test]
fn usual_certificates_have_an_outline_that_says_what_openssl_says() {
    let specimens = specimens();
    for certificate in &specimens {
        let der = certificate.to_der().unwrap();
        let outline = Outline::read(&der).expect("a usual certificate");
        assert_eq!(outline.key, facts::key(certificate).unwrap());
        compare(&der, &outline);
        assert!(Outline::read(&[&der[..], &[0]].concat()).is_none(), "a byte too many");
        assert!(Outline::read(&der[..der.len() - 1]).is_none(), "a byte too few");
    }
    let said: Vec<Reasons> =
        specimens.iter().map(|x| Outline::read(&x.to_der().unwrap()).unwrap().lasting).collect();
    assert!(said.contains(&Reasons(Reasons::KEY_USAGE.0 | Reasons::EXTENDED_KEY_USAGE.0)));
    assert!(said.contains(&Reasons(0)));
}

#[test]
fn what_is_damaged_has_no_outline_or_one_that_openssl_agrees_with() {
    let (mut read, mut refused) = (0, 0);
    for certificate in specimens().iter().step_by(3) {
        let der = certificate.to_der().unwrap();
        let changes: [fn(u8) -> u8; 6] =
            [|b| b ^ 1, |b| b ^ 0x80, |b| b.wrapping_sub(1), |_| 0, |_| 0xff, |b| b ^ 0x20];
        for at in 0..der.len() {
            for change in changes {
                let mut damaged = der.clone();
                damaged[at] = change(der[at]);
                match Outline::read(&damaged) {
                    Some(outline) => {
                        compare(&damaged, &outline);
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
fn unusual_certificates_are_left_to_openssl() {
    let key = ec_key(Nid::X9_62_PRIME256V1);
    let root = certificate(&common_name("a"), &key, None, "20300101000000Z", as_authority);
    let brainpool = ec_key(Nid::BRAINPOOL_P256R1);
    let issuer = Some((&root, &key));
    let spelled = certificate(&common_name("A"), &key, issuer, "20300101000000Z", as_client);
    let odd = certificate(&common_name("b"), &brainpool, issuer, "20300101000000Z", as_client);
    for certificate in [root.clone(), spelled, odd] {
        assert!(Outline::read(&certificate.to_der().unwrap()).is_none());
    }
    let usual = certificate(&common_name("b"), &key, issuer, "20300101000000Z", as_client);
    assert!(Outline::read(&usual.to_der().unwrap()).is_some());
}

#[test]
fn moments_as_openssl_counts_them() {
    for text in [
        "19500101000000Z",
        "19691231235959Z",
        "19700101000000Z",
        "19991231235959Z",
        "20000229120000Z",
        "20010228235959Z",
        "20240301000000Z",
        "20491231235959Z",
        "20500101000000Z",
        "21000228235959Z",
        "21000301000000Z",
        "99991231235959Z",
    ] {
        let zero = Asn1Time::from_unix(0).unwrap();
        let since = zero.diff(&Asn1Time::from_str(text).unwrap()).unwrap();
        let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
        assert_eq!(time((tag::GENERALIZED_TIME, text.as_bytes())), Some(seconds), "{text}");
        if (1950..2050).contains(&text[..4].parse::<u32>().unwrap()) {
            assert_eq!(time((tag::UTC_TIME, &text.as_bytes()[2..])), Some(seconds), "{text}");
        }
    }
    for text in [
        "20230229000000Z",
        "21000229000000Z",
        "20231301000000Z",
        "20230001000000Z",
        "20230132000000Z",
        "20230431000000Z",
        "20230101240000Z",
        "20230101006000Z",
        "20230101000060Z",
        "20230101000000",
        "202301010000Z",
        "20230101000000.5Z",
        "20230101000000+0000",
        "2023010100000aZ",
    ] {
        assert_eq!(time((tag::GENERALIZED_TIME, text.as_bytes())), None, "{text}");
    }
}
