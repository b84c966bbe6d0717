// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates and CAs, made for one test.

use super::keys::{Kind, key};
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, PKeyRef, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameRef};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What a certificate is to say. A plain common name will do: `"alice".into()`.
pub struct Subject {
    name: X509Name,
    key: PKey<Private>,
    /// Days from now.
    valid: (i64, i64),
    extensions: Vec<X509Extension>,
    digest: MessageDigest,
}

impl Subject {
    pub fn new(common_name: &str) -> Subject {
        Subject::named(name(common_name))
    }

    pub fn named(name: X509Name) -> Subject {
        Subject {
            name,
            key: key(Kind::P256),
            valid: (-1, 100),
            extensions: Vec::new(),
            digest: MessageDigest::sha256(),
        }
    }

    pub fn kind(self, kind: Kind) -> Subject {
        self.with_key(&key(kind))
    }

    pub fn with_key(mut self, key: &PKeyRef<Private>) -> Subject {
        self.key = key.to_owned();
        self
    }

    /// From when to when it is valid, in days from now.
    pub fn valid(mut self, from: i64, to: i64) -> Subject {
        self.valid = (from, to);
        self
    }

    pub fn expired(self) -> Subject {
        self.valid(-20, -10)
    }

    pub fn not_yet_valid(self) -> Subject {
        self.valid(10, 20)
    }

    pub fn key_usage(mut self, usage: &mut KeyUsage) -> Subject {
        self.extensions.push(usage.build().unwrap());
        self
    }

    pub fn extended_key_usage(mut self, usage: &mut ExtendedKeyUsage) -> Subject {
        self.extensions.push(usage.build().unwrap());
        self
    }

    #[allow(dead_code)] // the program's tests use it
    pub fn extension(mut self, extension: X509Extension) -> Subject {
        self.extensions.push(extension);
        self
    }

    /// The digest by which its issuer signs it.
    pub fn digest(mut self, digest: MessageDigest) -> Subject {
        self.digest = digest;
        self
    }
}

impl From<&str> for Subject {
    fn from(common_name: &str) -> Subject {
        Subject::new(common_name)
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Identity {
    pub certificate: X509,
    pub key: PKey<Private>,
}

impl Identity {
    /// A CA that signed itself.
    pub fn root(subject: impl Into<Subject>) -> Identity {
        let subject = subject.into();
        let certificate = build(&subject, &subject.name, None, &subject.key, true);
        Identity { certificate, key: subject.key }
    }

    /// A CA below this one.
    pub fn authority(&self, subject: impl Into<Subject>) -> Identity {
        self.sign(subject.into(), true)
    }

    /// A certificate of this CA.
    pub fn issue(&self, subject: impl Into<Subject>) -> Identity {
        self.sign(subject.into(), false)
    }

    fn sign(&self, subject: Subject, is_authority: bool) -> Identity {
        let issuer = self.certificate.subject_name();
        let above = Some(&self.certificate);
        let certificate = build(&subject, issuer, above, &self.key, is_authority);
        Identity { certificate, key: subject.key }
    }

    /// A second certificate for another CA, with its name and its key.
    pub fn cross_sign(&self, other: &Identity) -> X509 {
        let der = other.name();
        let subject = Subject::named(X509Name::from_der(&der).unwrap());
        self.authority(subject.with_key(&other.key)).certificate
    }

    /// The DER of its subject, as a server names it.
    pub fn name(&self) -> Vec<u8> {
        der(self.certificate.subject_name())
    }

    pub fn pem(&self) -> Vec<u8> {
        pem(&[&self.certificate])
    }
}

/// These certificates in PEM, in this order.
pub fn pem(certificates: &[&X509]) -> Vec<u8> {
    certificates.iter().flat_map(|x| x.to_pem().unwrap()).collect()
}

pub fn der(name: &X509NameRef) -> Vec<u8> {
    name.to_der().unwrap()
}

/// `O=certpick tests, CN=...` in UTF8String.
pub fn name(common_name: &str) -> X509Name {
    name_in(StringKind::Utf8, "certpick tests", common_name)
}

/// The same with other words and another kind of string.
pub fn name_in(kind: StringKind, organization: &str, common_name: &str) -> X509Name {
    let parts = [(&[0x55, 4, 10], organization), (&[0x55, 4, 3], common_name)];
    let sets: Vec<u8> =
        parts.iter().flat_map(|(oid, words)| attribute(kind, *oid, words)).collect();
    X509Name::from_der(&element(0x30, &sets)).unwrap()
}

/// How the words of a name are written.
#[derive(Clone, Copy, Debug)]
pub enum StringKind {
    Utf8,
    Printable,
    Teletex,
    Bmp,
}

fn attribute(kind: StringKind, oid: &[u8], words: &str) -> Vec<u8> {
    let (tag, bytes) = match kind {
        StringKind::Utf8 => (0x0c, words.as_bytes().to_vec()),
        StringKind::Printable => (0x13, words.as_bytes().to_vec()),
        StringKind::Teletex => (0x14, words.as_bytes().to_vec()),
        StringKind::Bmp => (0x1e, words.encode_utf16().flat_map(u16::to_be_bytes).collect()),
    };
    let pair = [element(6, oid), element(tag, &bytes)].concat();
    element(0x31, &element(0x30, &pair))
}

/// A DER element of less than 128 bytes.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 0x80, "a longer length is written otherwise");
    [&[tag, length], content].concat()
}

fn build(
    subject: &Subject,
    issuer: &X509NameRef,
    above: Option<&X509>,
    signer: &PKeyRef<Private>,
    is_authority: bool,
) -> X509 {
    static SERIAL: AtomicU32 = AtomicU32::new(1);
    let serial = BigNum::from_u32(SERIAL.fetch_add(1, Ordering::Relaxed)).unwrap();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    builder.set_subject_name(&subject.name).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_not_before(&day(subject.valid.0)).unwrap();
    builder.set_not_after(&day(subject.valid.1)).unwrap();
    builder.set_pubkey(&subject.key).unwrap();
    if is_authority {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        let usage = KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap();
        builder.append_extension(usage).unwrap();
    }
    let identifier = {
        let context = builder.x509v3_context(None, None);
        SubjectKeyIdentifier::new().build(&context).unwrap()
    };
    builder.append_extension(identifier).unwrap();
    if let Some(above) = above.filter(|x| x.subject_key_id().is_some()) {
        let identifier = {
            let context = builder.x509v3_context(Some(above), None);
            AuthorityKeyIdentifier::new().keyid(true).build(&context).unwrap()
        };
        builder.append_extension(identifier).unwrap();
    }
    for extension in &subject.extensions {
        builder.append_extension2(extension).unwrap();
    }
    let digest = match signer.id() {
        Id::ED25519 | Id::ED448 => MessageDigest::null(),
        _ => subject.digest,
    };
    builder.sign(signer, digest).unwrap();
    builder.build()
}

fn day(from_now: i64) -> Asn1Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Asn1Time::from_unix(i64::try_from(now).unwrap() + from_now * 86_400).unwrap()
}
