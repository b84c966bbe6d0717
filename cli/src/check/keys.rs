// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys: whether each can be loaded and belongs to its certificate, and if not, whose it is.

mod unmatched;

use super::entry::{Certificates, Entry, Key};
use super::inputs::{NamedKey, NamedPassword};
use crate::inspect::{self, CertificateFile};
use crate::report::{Level, Subject};
use certpick_core::error::{Cause, file_name};
use certpick_core::text::is_printable;
use openssl::pkey::{HasPublic, PKeyRef};
use openssl::x509::X509;
use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
pub use unmatched::tell_unmatched;

/// So many passwords of other entries are tried in all.
const MOST_TRIES: usize = 30;

/// What tells two keys apart: the public half.
type Public = Vec<u8>;

fn public<T: HasPublic>(key: &PKeyRef<T>) -> Option<Public> {
    key.public_key_to_der().ok()
}

fn public_of(certificate: &X509) -> Option<Public> {
    public(certificate.public_key().ok()?.as_ref())
}

/// All entries, to be asked where a key does not fit.
pub struct Keys<'a> {
    entries: &'a [Entry],
    /// Worked out only where something does not fit.
    owners: OnceCell<Owners>,
    /// How often another entry's password may still be tried: each may take a second.
    tries_left: Cell<usize>,
}

/// Places of entries, by public key.
struct Owners {
    certificates: HashMap<Public, Vec<usize>>,
    keys: HashMap<Public, Vec<usize>>,
}

impl<'a> Keys<'a> {
    pub fn new(entries: &'a [Entry]) -> Keys<'a> {
        Keys { entries, owners: OnceCell::new(), tries_left: Cell::new(MOST_TRIES) }
    }

    fn owners(&self) -> &Owners {
        self.owners.get_or_init(|| {
            let mut owners = Owners { certificates: HashMap::new(), keys: HashMap::new() };
            for (at, entry) in self.entries.iter().enumerate() {
                if let Some(public) = entry.leaf().and_then(public_of) {
                    owners.certificates.entry(public).or_default().push(at);
                }
                if let Some(public) = entry.key.loaded().and_then(|k| public(k)) {
                    owners.keys.entry(public).or_default().push(at);
                }
            }
            owners
        })
    }

    /// What is to be said of the key of entry `at`.
    pub fn tell(&self, at: usize, subject: &mut Subject) {
        let entry = &self.entries[at];
        let read = entry.contents.as_ref().ok();
        match (&entry.key, entry.key_file()) {
            (Key::Loaded { key, is_encrypted, has_password }, Some(file)) => {
                tell_loaded(file, *is_encrypted, *has_password, subject);
                if let Some(read) = read {
                    match inspect::matches(read.leaf(), key, file) {
                        Ok(()) => {
                            let text = "the private key belongs to the certificate";
                            subject.finding("key_matches", Level::Good, text);
                        }
                        Err(cause) => {
                            let advice = self.advice(at, key, file, read);
                            subject.advised("key_matches", Level::Wrong, cause.to_string(), advice);
                        }
                    }
                }
            }
            (Key::Failed(cause), _) => {
                let key = finding_key(cause);
                match self.advice_for(at, cause) {
                    Some(advice) => subject.advised(key, Level::Wrong, cause.to_string(), advice),
                    None => subject.finding(key, Level::Wrong, cause.to_string()),
                };
            }
            (Key::PasswordUnknown, _) => {
                let text = "the private key is encrypted, and which password belongs to it cannot \
                            be told";
                subject.finding("password", Level::Unknown, text);
            }
            (Key::Unknown, _) if read.is_some() => {
                let text = "which key belongs to this certificate cannot be told from the lists";
                subject.finding("key_matches", Level::Unknown, text);
            }
            _ => {}
        }
        if let Some(read) = read {
            self.tell_second_key(at, read, subject);
        }
    }

    /// Whose key it is, if not this entry's, and where the right one is.
    fn advice<T: HasPublic>(
        &self,
        at: usize,
        key: &PKeyRef<T>,
        file: &Path,
        read: &Certificates,
    ) -> String {
        let file = file_name(file);
        let owners = self.owners();
        let find = |map: &HashMap<Public, Vec<usize>>, key: Option<Public>| {
            let all = key.and_then(|k| map.get(&k));
            all.into_iter().flatten().copied().find(|other| *other != at)
        };
        let its = public(key);
        let owner = find(&owners.certificates, its.clone());
        let mut right = find(&owners.keys, public_of(read.leaf()));
        // Two that have each other's key are to be told so.
        let own = public_of(read.leaf());
        let has_own = |other: &usize| {
            let key = self.entries[*other].key.loaded();
            own.is_some() && key.and_then(|k| public(k)) == own
        };
        right = owner.filter(has_own).or(right);
        let name = |at: usize| &self.entries[at].name;
        let of_companion = its.as_ref().and_then(|its| {
            let all = &read.contents.certificates;
            all.iter().position(|x| public_of(x).as_ref() == Some(its))
        });
        let own_fits = read.contents.has_private_key
            && self.entries[at].key_file() != Some(&self.entries[at].certificate)
            && inspect::private_key(&self.entries[at].certificate, None)
                .is_ok_and(|k| inspect::matches(read.leaf(), &k, Path::new("")).is_ok());
        let mut advice = match (owner, right) {
            (Some(owner), Some(right)) if owner == right => {
                return format!(
                    "the keys are swapped: \"{file}\" is the key of {}, whose own key is that of \
                     this certificate",
                    name(owner)
                );
            }
            (Some(owner), _) => format!("\"{file}\" is the key of {}", name(owner)),
            (None, _) => match of_companion {
                Some(place) => format!(
                    "\"{file}\" is the key of {}, certificate {} of the file, which is not the one \
                     to be sent",
                    inspect::name_text(read.contents.certificates[place].subject_name()),
                    place + 1
                ),
                None => format!("\"{file}\" is the key of none of the certificates here"),
            },
        };
        if own_fits {
            advice.push_str("; the key in the certificate's own file is the right one");
        } else if let Some(right) = right {
            let right = &self.entries[right];
            let file = right.key_file().map(file_name).unwrap_or_default();
            advice.push_str(&format!("; the right key is in \"{file}\", of {}", right.name));
        }
        advice
    }

    fn advice_for(&self, at: usize, cause: &Cause) -> Option<String> {
        let entry = &self.entries[at];
        match cause {
            Cause::KeyPermissions(file) => match CertificateFile::read(file) {
                Ok(read) if read.holds_certificate() && !read.has_private_key() => {
                    Some("it holds a certificate and no private key".to_owned())
                }
                _ => Some(make_private(file)),
            },
            Cause::PasswordMissing(_) => Some(self.line_that_opens(at).unwrap_or_else(|| {
                "give its password on a line of --sslpassword-file, line N for entry N".to_owned()
            })),
            Cause::PasswordWrong(..) => self.line_that_opens(at),
            Cause::KeyMissing(_) if entry.own_key() => Some(format!(
                "\"{}\" itself holds a private key: leave the entry of sslkey empty to use that",
                file_name(&entry.certificate)
            )),
            Cause::KeyMissing(file) if file.as_os_str().as_encoded_bytes().contains(&b',') => {
                Some("with one certificate sslkey is one file name, commas and all".to_owned())
            }
            Cause::NoKeyBesideCertificate(file) => {
                let beside = file.with_extension("key");
                let name = file_name(&beside);
                beside.is_file().then(|| format!("there is \"{name}\"; name it by --sslkey"))
            }
            _ => None,
        }
    }

    /// Whether the lines of the password file are shifted, or mixed up.
    fn line_that_opens(&self, at: usize) -> Option<String> {
        let file = self.entries[at].key_file()?;
        let opens = |(_, other): &(usize, &Entry)| {
            let NamedPassword::Known(Some(password)) = &other.password else { return false };
            let left = self.tries_left.get();
            self.tries_left.set(left.saturating_sub(1));
            left > 0 && inspect::private_key(file, Some(password)).is_ok()
        };
        let (_, other) = self.entries.iter().enumerate().filter(|(n, _)| *n != at).find(opens)?;
        Some(format!(
            "the password on line {} of the password file opens it; line N belongs to entry N",
            other.number
        ))
    }

    /// A certificate file that holds a key although the key is said to be elsewhere.
    fn tell_second_key(&self, at: usize, read: &Certificates, subject: &mut Subject) {
        let entry = &self.entries[at];
        let NamedKey::File(named) = &entry.key_named else { return };
        if !entry.own_key() || is_same_file(named, &entry.certificate) {
            return;
        }
        let file = file_name(&entry.certificate);
        if is_exposed(&read.contents.metadata) {
            subject.advised(
                "key_elsewhere",
                Level::Warning,
                format!(
                    "\"{file}\" holds a private key too, and others than its owner have access to \
                     it; the key that is used is in \"{}\"",
                    file_name(named)
                ),
                format!("take the key out of it, or {}", make_private(&entry.certificate)),
            );
        } else {
            let text = format!(
                "\"{file}\" holds a private key too, but the one in \"{}\" is used",
                file_name(named)
            );
            subject.finding("key_elsewhere", Level::Note, text);
        }
    }
}

impl Entry {
    /// Whether the certificate's file holds a private key.
    fn own_key(&self) -> bool {
        self.contents.as_ref().is_ok_and(|read| read.contents.has_private_key)
    }
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    let id = |p: &Path| p.metadata().ok().map(|m| (m.dev(), m.ino()));
    a == b || (id(a).is_some() && id(a) == id(b))
}

fn is_exposed(metadata: &Metadata) -> bool {
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    metadata.mode() & forbidden != 0
}

/// How to take away others' access.
fn make_private(file: &Path) -> String {
    let Some(name) = file.to_str().filter(|name| is_printable(name)) else {
        return "change its mode to 0600".to_owned();
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    let here = if name.starts_with('-') { "./" } else { "" };
    if name.chars().all(is_plain) {
        format!("chmod 600 {here}{name}")
    } else {
        format!("chmod 600 {here}'{}'", name.replace('\'', r"'\''"))
    }
}

/// A certificate file out of which no certificate can be read.
pub fn tell_unreadable(file: &Path, cause: &Cause, subject: &mut Subject) {
    let key = finding_key(cause);
    let has_key = CertificateFile::read(file).is_ok_and(|read| read.has_private_key());
    if has_key {
        let advice = "it holds a private key: certificate and key may be the wrong way round";
        subject.advised(key, Level::Wrong, cause.to_string(), advice);
    } else {
        subject.finding(key, Level::Wrong, cause.to_string());
    }
}

/// Under which word a cause is told.
pub fn finding_key(cause: &Cause) -> &'static str {
    match cause {
        Cause::CertificateFile { .. } | Cause::Certificate { .. } => "certificate_file",
        Cause::PasswordMissing(_) | Cause::PasswordWrong(..) => "password",
        Cause::KeyMismatch(..) => "key_matches",
        _ => "key_file",
    }
}

/// A key that could be loaded: its file and its password.
pub fn tell_loaded(file: &Path, is_encrypted: bool, has_password: bool, subject: &mut Subject) {
    let mode = file.metadata().map(|m| m.permissions().mode() & 0o7777);
    let mode = mode.map(|m| format!(", with mode {m:04o}")).unwrap_or_default();
    let text = format!("private key file \"{}\" can be read{mode}", file_name(file));
    subject.finding("key_file", Level::Good, text);
    match (is_encrypted, has_password) {
        (true, _) => {
            subject.finding("password", Level::Good, "the password opens the private key");
        }
        (false, true) => {
            let text = "a password is given, but the private key is not encrypted";
            subject.finding("password", Level::Note, text);
        }
        (false, false) => {}
    }
}
