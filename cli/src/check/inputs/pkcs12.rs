// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PKCS#12 file: its credentials, keys, other certificates and encryption.

use super::{Inputs, KeySource, PasswordSource, Source};
use crate::report::{Level, Subject};
use certpick_core::Secret;
use certpick_core::error::{Cause, Problem, file_name};
use certpick_core::list::Files;
use certpick_core::source::bundle::{self, SharedCertificates};
use certpick_core::source::listed::{KeySource as ListedKey, ListedCredential};
use certpick_core::source::pkcs12::{self, Age, Algorithm, Inspection};
use certpick_core::x509::name;
use openssl::x509::X509;
use std::path::{Path, PathBuf};

/// Fewer iterations of the key derivation are reported (NIST SP 800-132, section 5.2).
const MIN_ITERATIONS: u64 = 1_000;

/// A PKCS#12 file whose keys have been decrypted.
pub struct Pkcs12File {
    pub path: PathBuf,
    inspection: Inspection,
    /// The number of credentials.
    count: usize,
    /// The number of each key, and the certificate that it belongs to.
    owners: Vec<(usize, X509)>,
    /// All certificates.
    certificates: Vec<X509>,
    /// The credentials that were added.
    added: usize,
}

impl Inputs {
    /// Adds the credentials of a PKCS#12 file, and the subject about it.
    pub fn add_pkcs12(&mut self, source: Source) {
        let path = source.certificate.clone();
        let opened = open(&source, &mut self.shared);
        let count = opened.as_ref().map_or(0, Vec::len);
        let mut file = Pkcs12File::read(&path, &source.password, count);
        match opened {
            Err(cause) => self.add_unusable(source.clone(), cause),
            Ok(opened) => {
                for listed in &opened {
                    let ListedKey::Pkcs12(numbers) = listed.key_source() else { continue };
                    let one = file.source(source.clone(), numbers, listed);
                    self.add_decrypted(one, listed);
                }
            }
        }
        self.subjects.push(file.subject(source.number));
    }
}

/// Opens the file as the library does.
fn open(source: &Source, shared: &mut SharedCertificates) -> Result<Vec<ListedCredential>, Cause> {
    let files = source.files();
    let path = &files.certificate;
    if files.key.as_ref().is_some_and(|key| key != path) {
        let why = Problem::KeyBesidePkcs12.into();
        return Err(Cause::Unusable { file: path.clone(), why });
    }
    let content = read(path)?;
    pkcs12::open_entry(&files, &content, password(&source.password), shared)
}

fn read(path: &Path) -> Result<certpick_core::file::Content, Cause> {
    bundle::read_file(None, path)
        .map_err(|error| Cause::CertificateFile { file: path.to_owned(), why: error.text() })
}

fn password(password: &PasswordSource) -> Option<&Secret> {
    match password {
        PasswordSource::Known(password) => password.as_ref(),
        PasswordSource::Unknown | PasswordSource::Unreadable(_) => None,
    }
}

/// Returns whether this password decrypts the certificates of the PKCS#12 file.
pub fn is_decrypted_by(path: &Path, password: &Secret) -> bool {
    let files = Files { certificate: path.to_owned(), key: None };
    let open = |content| {
        let mut shared = SharedCertificates::default();
        pkcs12::open_entry(&files, &content, Some(password), &mut shared)
    };
    read(path).and_then(open).is_ok()
}

impl Pkcs12File {
    /// Reads a file with `count` credentials and decrypts its keys.
    pub fn read(path: &Path, password_source: &PasswordSource, count: usize) -> Pkcs12File {
        let content = read(path).map(|content| content.bytes);
        let bytes = content.as_deref().unwrap_or_default();
        let inspection = pkcs12::inspect(bytes, path, password(password_source));
        Pkcs12File {
            path: path.to_owned(),
            inspection,
            count,
            owners: Vec::new(),
            certificates: Vec::new(),
            added: 0,
        }
    }

    /// Returns the source of the next credential of the file, whose key has one of these numbers.
    pub fn source(
        &mut self,
        source: Source,
        numbers: &[usize],
        listed: &ListedCredential,
    ) -> Source {
        self.added += 1;
        let bundle = listed.bundle();
        let Ok(leaf) = bundle.leaf.get() else {
            return Source { key: KeySource::Unknown, ..source };
        };
        let (key, is_encrypted) = self.inspection.key(numbers, leaf);
        if let Ok(key) = &key {
            let is_this = |other: &&pkcs12::InspectedKey| {
                other.key.as_ref().is_ok_and(|other| other.public_eq(key))
            };
            let number = self.inspection.keys.iter().find(is_this).map(|key| key.number);
            self.owners.extend(number.map(|number| (number, leaf.clone())));
        }
        if self.certificates.is_empty() {
            let others = bundle.extra.iter().filter_map(|x| x.get().ok().cloned());
            self.certificates = std::iter::once(leaf.clone()).chain(others).collect();
        }
        let part = (self.count > 1).then_some(self.added);
        Source { part, key: KeySource::Decrypted { key, is_encrypted }, ..source }
    }

    /// Returns the subject about the file.
    pub fn subject(self, entry: usize) -> Subject {
        let mut subject = Subject::new("pkcs12", file_name(&self.path));
        subject.fact("entry", "entry", i64::try_from(entry).unwrap_or(i64::MAX));
        let names: Vec<String> = self.certificates.iter().map(subject_name).collect();
        if !names.is_empty() {
            subject.fact("certificates", "certificates", names);
        }
        self.report_keys(&mut subject);
        self.report_encryption(&mut subject);
        subject
    }

    /// Reports the certificate of each key.
    fn report_keys(&self, subject: &mut Subject) {
        const KEY: &str = "key_owner";
        for (at, found) in self.inspection.keys.iter().enumerate() {
            let number = at + 1;
            let Ok(key) = &found.key else { continue };
            let owner = self.owners.iter().find(|(number, _)| *number == found.number);
            let owner = owner.map(|(_, leaf)| leaf).or_else(|| {
                let matches = |x: &&X509| x.public_key().is_ok_and(|other| other.public_eq(key));
                self.certificates.iter().find(matches)
            });
            match owner {
                Some(owner) => {
                    let text = format!("key {number} is the key of {}", subject_name(owner));
                    subject.finding(KEY, Level::Note, text);
                }
                // Certificates that could not be decrypted may match.
                None if self.certificates.is_empty() => {}
                None => {
                    let text = format!("key {number} matches none of the certificates of the file");
                    subject.finding(KEY, Level::Warning, text);
                }
            }
        }
    }

    /// Reports the algorithms and the iterations of their key derivation.
    fn report_encryption(&self, subject: &mut Subject) {
        const KEY: &str = "encryption";
        const CONVERT: &str = "Convert the file: openssl pkcs12 -legacy -in OLD -out PEM, then \
                               openssl pkcs12 -export -in PEM -out NEW.";
        let Inspection { encryption, mac, keys, .. } = &self.inspection;
        let mut all: Vec<String> = encryption.iter().map(text).collect();
        all.extend(mac.iter().map(|mac| format!("MAC: {}", text(mac))));
        if !all.is_empty() {
            subject.fact("encryption", "encryption", all);
        }
        let with_age = |age: Age| -> Vec<&str> {
            let found = encryption.iter().filter(|algorithm| algorithm.age == age);
            found.map(|algorithm| algorithm.name.as_str()).collect()
        };
        let (legacy, old) = (with_age(Age::Legacy), with_age(Age::Old));
        if !legacy.is_empty() {
            let text = format!(
                "the file is encrypted with {}, which OpenSSL 3.0 and later support only with the \
                 legacy provider",
                legacy.join(" and ")
            );
            subject.advised(KEY, Level::Warning, text, CONVERT);
        } else if !old.is_empty() {
            let text =
                format!("the file is encrypted with an old algorithm, {}", old.join(" and "));
            subject.finding(KEY, Level::Note, text);
        } else if !encryption.is_empty() {
            let names: Vec<&str> = encryption.iter().map(|a| a.name.as_str()).collect();
            let text = format!("the file is encrypted with {}", names.join(" and "));
            subject.finding(KEY, Level::Good, text);
        }
        let fewest = encryption.iter().filter_map(|algorithm| algorithm.iterations).min();
        if let Some(fewest) = fewest.filter(|count| *count < MIN_ITERATIONS) {
            let text = format!(
                "the password is protected by only {fewest} iterations of the key derivation"
            );
            let advice = "Export the file again, with -iter 10000 or more.";
            subject.advised("iterations", Level::Warning, text, advice);
        }
        if keys.iter().any(|key| !key.is_encrypted) {
            let text = "a private key of the file is not encrypted";
            subject.finding(KEY, Level::Note, text);
        }
    }
}

/// Returns the name of an algorithm and its iterations.
fn text(algorithm: &Algorithm) -> String {
    match algorithm.iterations {
        Some(1) => format!("{}, 1 iteration", algorithm.name),
        Some(count) => format!("{}, {count} iterations", algorithm.name),
        None => algorithm.name.clone(),
    }
}

fn subject_name(certificate: &X509) -> String {
    name::text(certificate.subject_name())
}
