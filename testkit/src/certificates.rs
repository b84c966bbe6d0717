// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates and CAs.

use crate::der::{self, attribute};
use crate::keys::{Kind, key};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, PKeyRef, Private};
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameRef, X509Ref};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The content of a certificate. `"alice".into()` has that common name, a key on P-256, and is valid
/// from yesterday for 100 days.
pub struct Subject {
    name: X509Name,
    key: PKey<Private>,
    valid: (Asn1Time, Asn1Time),
    /// Counted from 0.
    version: i32,
    digest: MessageDigest,
    key_identifiers: KeyIdentifiers,
    extensions: Vec<X509Extension>,
}

enum KeyIdentifiers {
    /// The authority key identifier is the issuer's subject key identifier, if it has one.
    Usual,
    /// The authority key identifier is the subject key identifier of this certificate, if it has one.
    Of(X509),
    None,
}

impl Subject {
    pub fn new(common_name: &str) -> Subject {
        Subject::named(name(common_name))
    }

    pub fn named(name: X509Name) -> Subject {
        Subject {
            name,
            key: key(Kind::P256),
            valid: (day(-1), day(100)),
            version: 2,
            digest: MessageDigest::sha256(),
            key_identifiers: KeyIdentifiers::Usual,
            extensions: Vec::new(),
        }
    }

    pub fn kind(self, kind: Kind) -> Subject {
        self.with_key(&key(kind))
    }

    pub fn with_key(self, key: &PKeyRef<Private>) -> Subject {
        Subject { key: key.to_owned(), ..self }
    }

    /// Sets the validity, in days from now.
    pub fn valid(self, from: i64, to: i64) -> Subject {
        Subject { valid: (day(from), day(to)), ..self }
    }

    /// Sets the validity, as text in the form YYYYMMDDHHMMSSZ.
    pub fn valid_between(self, from: &str, to: &str) -> Subject {
        Subject { valid: (time(from), time(to)), ..self }
    }

    pub fn expired(self) -> Subject {
        self.valid(-20, -10)
    }

    pub fn not_yet_valid(self) -> Subject {
        self.valid(10, 20)
    }

    /// Sets the version, counted from 0.
    pub fn version(self, version: i32) -> Subject {
        Subject { version, ..self }
    }

    /// Sets the digest with which the issuer signs.
    pub fn digest(self, digest: MessageDigest) -> Subject {
        Subject { digest, ..self }
    }

    /// Omits the key identifiers.
    pub fn bare(self) -> Subject {
        Subject { key_identifiers: KeyIdentifiers::None, ..self }
    }

    /// Takes the issuer's key identifier from this certificate.
    pub fn key_identifiers(self, issuer: &X509Ref) -> Subject {
        Subject { key_identifiers: KeyIdentifiers::Of(issuer.to_owned()), ..self }
    }

    pub fn key_usage(self, usage: &mut KeyUsage) -> Subject {
        self.extension(usage.build().unwrap())
    }

    pub fn extended_key_usage(self, usage: &mut ExtendedKeyUsage) -> Subject {
        self.extension(usage.build().unwrap())
    }

    pub fn extension(mut self, extension: X509Extension) -> Subject {
        self.extensions.push(extension);
        self
    }

    /// Adds the extensions of a CA.
    fn authority(self) -> Subject {
        self.extension(BasicConstraints::new().critical().ca().build().unwrap())
            .key_usage(KeyUsage::new().critical().key_cert_sign().crl_sign())
    }

    fn sign(&self, issuer: &X509NameRef, above: Option<&X509Ref>, key: &PKeyRef<Private>) -> X509 {
        static SERIAL: AtomicU32 = AtomicU32::new(1);
        let serial = BigNum::from_u32(SERIAL.fetch_add(1, Ordering::Relaxed)).unwrap();
        let mut builder = X509Builder::new().unwrap();
        builder.set_version(self.version).unwrap();
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&self.name).unwrap();
        builder.set_issuer_name(issuer).unwrap();
        builder.set_not_before(&self.valid.0).unwrap();
        builder.set_not_after(&self.valid.1).unwrap();
        builder.set_pubkey(&self.key).unwrap();
        for extension in &self.extensions {
            builder.append_extension2(extension).unwrap();
        }
        for extension in self.identifiers(&builder, above) {
            builder.append_extension(extension).unwrap();
        }
        let digest = match key.id() {
            Id::ED25519 | Id::ED448 => MessageDigest::null(),
            _ => self.digest,
        };
        builder.sign(key, digest).unwrap();
        builder.build()
    }

    fn identifiers(&self, builder: &X509Builder, above: Option<&X509Ref>) -> Vec<X509Extension> {
        let above = match &self.key_identifiers {
            KeyIdentifiers::Usual => above,
            KeyIdentifiers::Of(certificate) => Some(&**certificate),
            KeyIdentifiers::None => return Vec::new(),
        };
        let context = builder.x509v3_context(above, None);
        let mut extensions = vec![SubjectKeyIdentifier::new().build(&context).unwrap()];
        if above.is_some_and(|certificate| certificate.subject_key_id().is_some()) {
            let mut identifier = AuthorityKeyIdentifier::new();
            extensions.push(identifier.keyid(true).build(&context).unwrap());
        }
        extensions
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
    /// Creates a self-signed CA certificate.
    pub fn root(subject: impl Into<Subject>) -> Identity {
        Identity::self_signed(subject.into().authority())
    }

    /// Creates a self-signed certificate.
    pub fn self_signed(subject: impl Into<Subject>) -> Identity {
        let subject = subject.into();
        let certificate = subject.sign(&subject.name, None, &subject.key);
        Identity { certificate, key: subject.key }
    }

    /// Issues a certificate to another CA.
    pub fn authority(&self, subject: impl Into<Subject>) -> Identity {
        self.issue(subject.into().authority())
    }

    /// Issues a certificate.
    pub fn issue(&self, subject: impl Into<Subject>) -> Identity {
        let subject = subject.into();
        let key = subject.key.clone();
        Identity { certificate: self.sign(subject), key }
    }

    /// Like [`Identity::issue`], without the key.
    pub fn sign(&self, subject: Subject) -> X509 {
        subject.sign(self.certificate.subject_name(), Some(&self.certificate), &self.key)
    }

    /// Issues a certificate for the name and key of another CA.
    pub fn cross_sign(&self, other: &Identity) -> X509 {
        self.sign(other.same_subject().authority())
    }

    /// Returns a subject with this name and this key.
    pub fn same_subject(&self) -> Subject {
        Subject::named(self.certificate.subject_name().to_owned().unwrap()).with_key(&self.key)
    }

    /// Returns the DER of the subject's name.
    pub fn name(&self) -> Vec<u8> {
        self.certificate.subject_name().to_der().unwrap()
    }

    pub fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    pub fn encrypted_key_pem(&self, password: &str) -> Vec<u8> {
        let cipher = Cipher::aes_256_cbc();
        self.key.private_key_to_pem_pkcs8_passphrase(cipher, password.as_bytes()).unwrap()
    }

    /// Returns certificate and key in PEM.
    pub fn bundle(&self) -> Vec<u8> {
        [self.pem(), self.key_pem()].concat()
    }
}

/// Returns these certificates in PEM, in this order.
pub fn pem(certificates: &[&X509]) -> Vec<u8> {
    certificates.iter().flat_map(|x| x.to_pem().unwrap()).collect()
}

/// Returns the name `O=certpick tests, CN=...`, in UTF8String.
pub fn name(common_name: &str) -> X509Name {
    name_in(StringKind::Utf8, "certpick tests", common_name)
}

/// Returns the DER of [`name`].
pub fn name_der(common_name: &str) -> Vec<u8> {
    name(common_name).to_der().unwrap()
}

/// Returns the list of these names, which are in DER, for a CertificateRequest.
pub fn ca_list(names: &[Vec<u8>]) -> Stack<X509Name> {
    let mut list = Stack::new().unwrap();
    names.iter().for_each(|name| list.push(X509Name::from_der(name).unwrap()).unwrap());
    list
}

/// Returns a name in strings of this type.
pub fn name_in(kind: StringKind, organization: &str, common_name: &str) -> X509Name {
    let part = |oid, text| [kind.attribute(oid, text)];
    let der = der::name(&[&part(der::O, organization), &part(der::CN, common_name)]);
    X509Name::from_der(&der).unwrap()
}

/// A string type of ASN.1.
#[derive(Clone, Copy, Debug)]
pub enum StringKind {
    Utf8,
    Printable,
    Teletex,
    Bmp,
}

impl StringKind {
    fn attribute(self, oid: &[u8], text: &str) -> Vec<u8> {
        let wide = || text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        match self {
            StringKind::Utf8 => attribute(oid, der::UTF8, text.as_bytes()),
            StringKind::Printable => attribute(oid, der::PRINTABLE, text.as_bytes()),
            StringKind::Teletex => attribute(oid, der::T61, text.as_bytes()),
            StringKind::Bmp => attribute(oid, der::BMP, &wide()),
        }
    }
}

/// Returns the time of the first call in this process, in seconds since 1970: a test may depend on the
/// order of the dates of its certificates.
pub fn now() -> i64 {
    static NOW: OnceLock<i64> = OnceLock::new();
    *NOW.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        i64::try_from(now).unwrap()
    })
}

/// Returns a time in seconds since 1970 as text, in the form YYYYMMDDHHMMSSZ.
pub fn time_text(seconds: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    let (hour, minute, second) = time.to_hms();
    let (year, month, day) = time.to_calendar_date();
    format!("{year:04}{:02}{day:02}{hour:02}{minute:02}{second:02}Z", u8::from(month))
}

/// Returns a UTCTime up to 2049, otherwise a GeneralizedTime.
fn time(text: &str) -> Asn1Time {
    Asn1Time::from_str_x509(text).unwrap()
}

fn day(from_now: i64) -> Asn1Time {
    time(&time_text(now() + from_now * 86_400))
}
