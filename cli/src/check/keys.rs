// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks private keys: whether each can be loaded and matches its certificate. If it does not,
//! finds the certificate that it matches.

mod unmatched;

use super::credential::{Certificates, Credential, Key};
use super::inputs::{KeySource, PasswordSource, is_decrypted_by};
use crate::certificate_file::CertificateFile;
use crate::facts;
use crate::report::{Level, Subject};
use certpick_core::error::{Cause, StoreFlaw, file_name};
use certpick_core::file::private::is_private;
use certpick_core::source::key;
use certpick_core::text::is_printable;
use certpick_core::x509::name;
use openssl::pkey::{HasPublic, PKeyRef};
use openssl::x509::X509;
use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
pub use unmatched::report_unmatched;

/// How many passwords of other entries are tried in total. Each may take a second.
const MAX_TRIES: usize = 30;

/// A public key in DER.
type Public = Vec<u8>;

fn public<T: HasPublic>(key: &PKeyRef<T>) -> Option<Public> {
    key.public_key_to_der().ok()
}

fn public_of(certificate: &X509) -> Option<Public> {
    public(certificate.public_key().ok()?.as_ref())
}

/// All credentials, to find the certificate of a key and the key of a certificate.
pub struct Keys<'a> {
    credentials: &'a [Credential],
    /// Computed for the first key that does not match.
    owners: OnceCell<Owners>,
    tries_left: Cell<usize>,
}

/// Indices of credentials, by public key.
struct Owners {
    certificates: HashMap<Public, Vec<usize>>,
    keys: HashMap<Public, Vec<usize>>,
}

impl<'a> Keys<'a> {
    pub fn new(credentials: &'a [Credential]) -> Keys<'a> {
        Keys { credentials, owners: OnceCell::new(), tries_left: Cell::new(MAX_TRIES) }
    }

    fn owners(&self) -> &Owners {
        self.owners.get_or_init(|| {
            let mut owners = Owners { certificates: HashMap::new(), keys: HashMap::new() };
            for (at, credential) in self.credentials.iter().enumerate() {
                if let Some(public) = credential.leaf().and_then(public_of) {
                    owners.certificates.entry(public).or_default().push(at);
                }
                if let Some(public) = credential.key.loaded().and_then(|k| public(k)) {
                    owners.keys.entry(public).or_default().push(at);
                }
            }
            owners
        })
    }

    /// Reports the findings about the key of credential `at`.
    pub fn report(&self, at: usize, subject: &mut Subject) {
        const KEY: &str = "key_matches";
        let credential = &self.credentials[at];
        let read = credential.contents.as_ref().ok();
        let is_unreadable = matches!(credential.password, PasswordSource::Unreadable(_));
        if let PasswordSource::Unreadable(cause) = &credential.password {
            subject.finding("password_file", Level::Wrong, cause.to_string());
        }
        match (&credential.key, credential.key_file()) {
            (Key::Loaded { key, is_encrypted, has_password }, Some(file)) => {
                report_loaded(file, subject);
                report_password(*is_encrypted, *has_password, subject);
                if let Some(read) = read {
                    match facts::matches(read.leaf(), key, file) {
                        Ok(()) => subject.finding(KEY, Level::Good, KEY_MATCHES),
                        Err(cause) => {
                            let advice = self.mismatch_advice(at, key, file, read);
                            subject.advised(KEY, Level::Wrong, cause.to_string(), advice)
                        }
                    };
                }
            }
            (Key::Failed(cause), _) => {
                let key = finding_key(cause);
                match self.cause_advice(at, cause) {
                    Some(advice) => subject.advised(key, Level::Wrong, cause.to_string(), advice),
                    None => subject.finding(key, Level::Wrong, cause.to_string()),
                };
            }
            (Key::InToken, _) => {
                let text = format!("{KEY_MATCHES}, and is in a token");
                subject.finding(KEY, Level::Good, text);
            }
            (Key::PasswordUnknown, _) if !is_unreadable => {
                let text = "the private key is encrypted, and its password is not known";
                subject.finding("password", Level::Unknown, text);
            }
            (Key::Unknown, _) if read.is_some() => {
                let text = "the key of this certificate cannot be determined from the lists";
                subject.finding(KEY, Level::Unknown, text);
            }
            _ => {}
        }
        if let Some(read) = read {
            report_second_key(credential, read, subject);
        }
    }

    /// Reports that the certificates of credential `at` cannot be read.
    pub fn report_unreadable(&self, at: usize, cause: &Cause, subject: &mut Subject) {
        let credential = &self.credentials[at];
        if let (Cause::PasswordMissing(_), PasswordSource::Unknown) = (cause, &credential.password)
        {
            let text = "the file is encrypted, and its password is not known";
            subject.finding("password", Level::Unknown, text);
            return;
        }
        match self.cause_advice(at, cause) {
            Some(advice) => {
                subject.advised(finding_key(cause), Level::Wrong, cause.to_string(), advice);
            }
            None if matches!(cause, Cause::Store(..)) => {
                subject.finding("certificate_file", Level::Wrong, cause.to_string());
            }
            None => report_unreadable(&credential.certificate, cause, subject),
        }
    }

    /// Returns advice for a key that does not match: its certificate, and the right key.
    fn mismatch_advice<T: HasPublic>(
        &self,
        at: usize,
        key: &PKeyRef<T>,
        file: &Path,
        read: &Certificates,
    ) -> String {
        let file = file_name(file);
        let owners = self.owners();
        let find = |map: &HashMap<Public, Vec<usize>>, key: Option<&Public>| {
            let all = key.and_then(|k| map.get(k));
            all.into_iter().flatten().copied().find(|other| *other != at)
        };
        let (key, certificate_key) = (public(key), public_of(read.leaf()));
        let owner = find(&owners.certificates, key.as_ref());
        // If the owner of this key has the right one, the two are swapped.
        let has_right_key = |other: &usize| {
            let key = self.credentials[*other].key.loaded().and_then(|k| public(k));
            key.is_some() && key == certificate_key
        };
        let right = owner.filter(has_right_key);
        let right = right.or_else(|| find(&owners.keys, certificate_key.as_ref()));
        let name = |at: usize| &self.credentials[at].name;
        let certificates = &read.contents.certificates;
        let mut advice = match (owner, right) {
            (Some(owner), Some(right)) if owner == right => {
                return format!(
                    "The keys are swapped: \"{file}\" is the key of {}, and the key of that entry \
                     is the key of this certificate.",
                    name(owner)
                );
            }
            (Some(owner), _) => format!("\"{file}\" is the key of {}.", name(owner)),
            (None, _) => {
                let is_owner = |x: &X509| key.is_some() && public_of(x) == key;
                match certificates.iter().position(is_owner) {
                    Some(position) => format!(
                        "\"{file}\" is the key of {}, certificate {} of the file, which is not the \
                         leaf.",
                        name::text(certificates[position].subject_name()),
                        position + 1
                    ),
                    None => format!("\"{file}\" matches none of the certificates."),
                }
            }
        };
        let credential = &self.credentials[at];
        let own_key_matches = || {
            let key = key::load(&credential.certificate, &credential.certificate, None, None);
            key.is_ok_and(|k| facts::matches(read.leaf(), &k, Path::new("")).is_ok())
        };
        if credential.has_own_key()
            && credential.key_file() != Some(&credential.certificate)
            && own_key_matches()
        {
            let remedy = own_key_remedy(credential);
            advice.push_str(&format!(" The key in the certificate file matches: {remedy}."));
        } else if let Some(right) = right {
            let right = &self.credentials[right];
            let file = right.key_file().map(file_name).unwrap_or_default();
            advice.push_str(&format!(" The right key is in \"{file}\" of {}.", right.name));
        }
        advice
    }

    fn cause_advice(&self, at: usize, cause: &Cause) -> Option<String> {
        let credential = &self.credentials[at];
        match cause {
            Cause::KeyPermissions(file) => match CertificateFile::read(file) {
                Ok(read) if read.holds_certificate() && !read.has_private_key() => {
                    Some("The file contains a certificate and no private key.".to_owned())
                }
                _ => Some(match chmod_command(file) {
                    Some(command) => format!("Run: {command}"),
                    None => "Change its mode to 0600.".to_owned(),
                }),
            },
            Cause::PasswordMissing(_) if credential.config.is_some() => {
                Some("Name a file that contains its password in sslpasswordfile.".to_owned())
            }
            Cause::PasswordMissing(_) => Some(self.line_that_decrypts(at).unwrap_or_else(|| {
                "Add its password to the file of --sslpassword-file, on line N for entry N."
                    .to_owned()
            })),
            Cause::PasswordWrong(..) if credential.config.is_some() => None,
            Cause::PasswordWrong(..) => self.line_that_decrypts(at),
            Cause::KeyMissing(_) if credential.has_own_key() => Some(format!(
                "\"{}\" contains a private key. To use that key, {}.",
                file_name(&credential.certificate),
                own_key_remedy(credential)
            )),
            Cause::KeyMissing(_) if credential.config.is_some() => None,
            Cause::KeyMissing(file) if file.as_os_str().as_encoded_bytes().contains(&b',') => {
                Some("With one certificate, sslkey is one file name and may contain commas.".into())
            }
            Cause::NoKeyBesideCertificate(file) => {
                let key = file.with_extension("key");
                let name = file_name(&key);
                let place = if credential.config.is_some() { "in sslkey" } else { "with --sslkey" };
                key.is_file().then(|| format!("\"{name}\" exists. Name it {place}."))
            }
            _ => None,
        }
    }

    /// Looks for the password on other lines of the password file.
    fn line_that_decrypts(&self, at: usize) -> Option<String> {
        let file = self.credentials[at].key_file().unwrap_or(&self.credentials[at].certificate);
        let is_pkcs12 = CertificateFile::read(file).is_ok_and(|file| file.is_pkcs12());
        let decrypts = |(_, other): &(usize, &Credential)| {
            let PasswordSource::Known(Some(password)) = &other.password else { return false };
            let left = self.tries_left.get();
            self.tries_left.set(left.saturating_sub(1));
            left > 0
                && match is_pkcs12 {
                    true => is_decrypted_by(file, password),
                    false => key::load(file, file, Some(password), None).is_ok(),
                }
        };
        let mut others = self.credentials.iter().enumerate().filter(|(n, _)| *n != at);
        let (_, other) = others.find(decrypts)?;
        Some(format!(
            "Line {} of the password file contains its password. Line N must contain the password of \
             entry N.",
            other.number
        ))
    }
}

/// Returns what to do so that the key in the certificate file is used.
fn own_key_remedy(credential: &Credential) -> &'static str {
    match credential.config {
        Some(_) => "remove sslkey from the credential",
        None => "leave the entry of sslkey empty",
    }
}

/// Reports a key in the certificate file if another key file is used.
fn report_second_key(credential: &Credential, read: &Certificates, subject: &mut Subject) {
    const KEY: &str = "key_elsewhere";
    let KeySource::File(key_file) = &credential.key_source else { return };
    let file = &credential.certificate;
    if !credential.has_own_key() || is_same_file(key_file, file) {
        return;
    }
    let (name, key_name) = (file_name(file), file_name(key_file));
    if read.contents.metadata.as_ref().is_some_and(|metadata| !is_private(metadata)) {
        let text = format!(
            "\"{name}\" also contains a private key, and other users have access to the file; the \
             key in \"{key_name}\" is used"
        );
        let advice = match chmod_command(file) {
            Some(command) => format!("Remove the key from the file, or run: {command}"),
            None => "Remove the key from the file, or change its mode to 0600.".to_owned(),
        };
        subject.advised(KEY, Level::Warning, text, advice);
    } else {
        let text = format!(
            "\"{name}\" also contains a private key, but the one in \"{key_name}\" is used"
        );
        subject.finding(KEY, Level::Note, text);
    }
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    let id = |p: &Path| p.metadata().ok().map(|m| (m.dev(), m.ino()));
    a == b || (id(a).is_some() && id(a) == id(b))
}

/// Returns the command that makes a key file private; `None` if its name cannot be printed.
fn chmod_command(file: &Path) -> Option<String> {
    let name = file.to_str().filter(|name| is_printable(name))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    let prefix = if name.starts_with('-') { "./" } else { "" };
    Some(if name.chars().all(is_plain) {
        format!("chmod 600 {prefix}{name}")
    } else {
        format!("chmod 600 {prefix}'{}'", name.replace('\'', r"'\''"))
    })
}

/// Reports that no certificate can be read from a file.
pub fn report_unreadable(file: &Path, cause: &Cause, subject: &mut Subject) {
    let key = finding_key(cause);
    let has_key = CertificateFile::read(file).is_ok_and(|read| read.has_private_key());
    if has_key {
        let advice = "It contains a private key. Certificate and key may be swapped.";
        subject.advised(key, Level::Wrong, cause.to_string(), advice);
    } else {
        subject.finding(key, Level::Wrong, cause.to_string());
    }
}

/// Returns the key of the finding for a cause.
pub fn finding_key(cause: &Cause) -> &'static str {
    match cause {
        Cause::CertificateFile { .. } | Cause::Certificate { .. } | Cause::Unusable { .. } => {
            "certificate_file"
        }
        Cause::PasswordMissing(_)
        | Cause::PasswordWrong(..)
        | Cause::Store(_, StoreFlaw::PinMissing | StoreFlaw::PinRefused | StoreFlaw::PinUnusable) => {
            "password"
        }
        Cause::KeyMismatch(..) | Cause::Store(_, StoreFlaw::Mismatch) => "key_matches",
        _ => "key_file",
    }
}

/// The text of the finding `key_matches` of level good.
pub const KEY_MATCHES: &str = "the private key matches the certificate";

fn report_loaded(file: &Path, subject: &mut Subject) {
    let mode = file.metadata().map(|m| m.permissions().mode() & 0o7777);
    let mode = mode.map(|m| format!(", with mode {m:04o}")).unwrap_or_default();
    let text = format!("private key file \"{}\" can be read{mode}", file_name(file));
    subject.finding("key_file", Level::Good, text);
}

/// Reports, for a key that was loaded, that its password is right or is not needed.
pub fn report_password(is_encrypted: bool, has_password: bool, subject: &mut Subject) {
    const KEY: &str = "password";
    if is_encrypted && has_password {
        subject.finding(KEY, Level::Good, "the password decrypts the private key");
    } else if has_password {
        let text = "a password is given, but the private key is not encrypted";
        subject.finding(KEY, Level::Note, text);
    }
}
