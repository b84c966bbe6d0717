// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory: its credentials, and the files that are not used.

use super::entry::core_source;
use super::pkcs12::Pkcs12File;
use super::{Inputs, Source};
use crate::certificate_file::CertificateFile;
use crate::check::keys::finding_key;
use crate::credentials::absolute;
use crate::report::{Level, Subject};
use certpick_core::error::{Cause, file_name};
use certpick_core::list::Entry;
use certpick_core::source::directory::{self, Directory, SkipReason, Skipped};
use certpick_core::source::listed::KeySource as ListedKey;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Longer lists are not shown: they are too long to copy.
const MAX_SHOWN: usize = 20;

impl Inputs {
    /// Adds the credentials of a directory, and the subject about it.
    pub fn add_directory(&mut self, source: &Source, progress: &mut dyn FnMut(usize, usize)) {
        let files = source.files();
        let passwords = source.key_passwords();
        let mut subject = Subject::new("directory", file_name(&source.certificate));
        subject.fact("entry", "entry", i64::try_from(source.number).unwrap_or(i64::MAX));
        let listing =
            directory::list(&core_source(&files, passwords.as_ref()), &mut self.shared, progress);
        let listing = match listing {
            Ok(listing) => listing,
            Err(cause) => {
                subject.finding("directory", Level::Wrong, cause.to_string());
                self.subjects.push(subject);
                return;
            }
        };
        report(&listing, files.key.as_ref().unwrap_or(&files.certificate), &mut subject);
        self.subjects.push(subject);
        let mut pkcs12: HashMap<PathBuf, Pkcs12File> = HashMap::new();
        for found in &listing.credentials {
            let listed = &found.credential;
            let path = listed.files().certificate.clone();
            let one = Source { certificate: path, is_in_directory: true, ..source.clone() };
            match listed.key_source() {
                ListedKey::Pkcs12(numbers) => {
                    let file = pkcs12.entry(one.certificate.clone()).or_insert_with_key(|path| {
                        let is_this = |other: &&directory::Found| {
                            other.credential.files().certificate == *path
                        };
                        let count = listing.credentials.iter().filter(is_this).count();
                        Pkcs12File::read(path, &source.password, count)
                    });
                    let one = file.source(one, numbers, listed);
                    self.add_decrypted(one, listed);
                }
                _ => self.add_listed(one, listed),
            }
        }
        let mut files: Vec<Pkcs12File> = pkcs12.into_values().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        self.subjects.extend(files.into_iter().map(|file| file.subject(source.number)));
    }
}

/// Reports the credentials and the other files. `keys` is the directory of the keys.
fn report(listing: &Directory, keys: &Path, subject: &mut Subject) {
    const KEY: &str = "lists";
    let count = listing.credentials.len();
    if count <= MAX_SHOWN {
        if let Ok(lists) = absolute::lists(&entries(listing)) {
            if let Some((sslcert, sslkey)) = lists.text().filter(|_| count > 0) {
                subject.fact("sslcert", "equivalent sslcert", sslcert);
                if let Some(sslkey) = sslkey {
                    subject.fact("sslkey", "equivalent sslkey", sslkey);
                }
            }
        }
    }
    match count {
        0 => {
            let text = "the directory contains no client certificate that has a private key";
            let advice = "Name certificate and key for example NAME.crt and NAME.key.";
            subject.advised(KEY, Level::Wrong, text, advice);
        }
        1 => {
            let text = "the directory contains 1 certificate that has a key";
            subject.finding(KEY, Level::Good, text);
        }
        n => {
            let text = format!(
                "the directory contains {n} certificates that have a key; the one valid longest is first"
            );
            subject.finding(KEY, Level::Good, text);
        }
    }
    for skipped in &listing.skipped {
        report_skipped(skipped, keys, subject);
    }
}

/// Returns the list entries that are equivalent to the directory.
fn entries(listing: &Directory) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for found in &listing.credentials {
        let listed = &found.credential;
        let certificate = listed.files().certificate.clone();
        let key = Some(listed.key_path()).filter(|key| *key != certificate);
        let entry = Entry { key: key.map(Path::to_owned), certificate, password: None };
        // A PKCS#12 file may have several credentials.
        if !entries.iter().any(|other| other.certificate == entry.certificate) {
            entries.push(entry);
        }
    }
    entries
}

/// Reports a file that is not used.
fn report_skipped(skipped: &Skipped, keys: &Path, subject: &mut Subject) {
    const OTHER_KEY: &str = "other_file";
    let Skipped { path, why } = skipped;
    let name = file_name(path);
    match why {
        SkipReason::NotRegular => {
            subject.finding(OTHER_KEY, Level::Note, format!("\"{name}\" is not a regular file"));
        }
        SkipReason::OnlyKey => {
            let text = format!("\"{name}\" contains a private key and no certificate");
            subject.finding(OTHER_KEY, Level::Note, text);
        }
        SkipReason::NoCertificate => match content_error(path) {
            // The extension .pem is also used for requests, CRLs, keys and parameters.
            Some(cause) if path.extension().is_none_or(|e| !e.eq_ignore_ascii_case("pem")) => {
                subject.finding(finding_key(&cause), Level::Warning, cause.to_string());
            }
            _ => {
                let text = format!("\"{name}\" contains no certificate in PEM");
                subject.finding(OTHER_KEY, Level::Note, text);
            }
        },
        SkipReason::Ca { count, has_key } => {
            let what = match count {
                1 => "a CA certificate".to_owned(),
                n => format!("{n} certificates, the first of which is a CA certificate"),
            };
            let hint = if *has_key { "; to send it to servers, name it in a list" } else { "" };
            let text = format!("\"{name}\" contains {what}{hint}");
            subject.finding(OTHER_KEY, Level::Note, text);
        }
        SkipReason::NoKey => {
            let key = keys.join(path.file_name().unwrap_or_default()).with_extension("key");
            let text = format!(
                "certificate file \"{name}\" contains no private key, and there is no \"{}\"",
                file_name(&key)
            );
            subject.finding("key_file", Level::Warning, text);
        }
        SkipReason::UnusedKey => {
            let text = format!("\"{name}\" belongs to no certificate by its name");
            subject.finding(OTHER_KEY, Level::Note, text);
        }
        SkipReason::Duplicate(first) => {
            let first = file_name(first);
            let text = format!("\"{name}\" contains the same certificate as \"{first}\"");
            subject.finding(OTHER_KEY, Level::Note, text);
        }
        SkipReason::Unreadable(cause) => {
            subject.finding(finding_key(cause), Level::Warning, cause.to_string());
        }
        SkipReason::Broken(cause) => {
            let advice = match cause {
                Cause::PasswordMissing(_) | Cause::PasswordWrong(..) => {
                    "The directory is refused because of this file. Its password must be that of the \
                     entry."
                }
                _ => "The directory is refused because of this file. Repair or remove it.",
            };
            subject.advised(finding_key(cause), Level::Wrong, cause.to_string(), advice);
        }
    }
}

/// Returns why a file contains no certificate.
fn content_error(path: &Path) -> Option<Cause> {
    CertificateFile::read(path).and_then(|file| file.certificates()).err()
}
