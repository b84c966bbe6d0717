// SPDX-License-Identifier: MIT OR Apache-2.0
//! The credentials of one entry. The library decides what an entry is.

use super::{Input, Inputs, KeySource, PasswordSource, Source};
use crate::certificate_file::{CertificateFile, Contents};
use certpick_core::error::{Cause, Problem};
use certpick_core::list::{CONFIG_PREFIX, Files, PasswordSet};
use certpick_core::source::listed::{KeySource as ListedKey, ListedCredential};
use certpick_core::source::password::KeyPasswords;
use certpick_core::source::{self, Accepts};
use certpick_core::uri::is_uri;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

impl Inputs {
    /// Adds the credentials of an entry of the lists.
    pub fn add_listed_entry(&mut self, mut source: Source, progress: &mut dyn FnMut(usize, usize)) {
        source.number += self.additional;
        let name = source.certificate.as_os_str().as_bytes();
        let Some(file) = name.strip_prefix(CONFIG_PREFIX).map(OsStr::from_bytes) else {
            return self.add_entry(source, progress);
        };
        if let Some(problem) = refusal(&source) {
            let cause = Cause::Unusable { file: source.certificate.clone(), why: problem.into() };
            return self.add_unusable(source, cause);
        }
        let file = Path::new(file).to_owned();
        let count = self.add_config(&file, source.number - 1, progress);
        self.additional += count.saturating_sub(1);
    }

    /// Adds the credentials of an entry, and the subject about its directory or PKCS#12 file.
    pub fn add_entry(&mut self, source: Source, progress: &mut dyn FnMut(usize, usize)) {
        self.entries = self.entries.max(source.number);
        let name = source.certificate.as_os_str().as_bytes();
        if is_uri(name) || source.key_uri().is_some() {
            return self.add_opened(source);
        }
        if source.certificate.is_dir() {
            return self.add_directory(&source, progress);
        }
        match CertificateFile::read(&source.certificate) {
            Ok(file) if file.is_pkcs12() => self.add_pkcs12(source),
            Ok(file) if file.wraps_uri() => self.add_opened(source),
            read => self.add(source, read.and_then(Contents::of)),
        }
    }

    fn add(&mut self, source: Source, contents: Result<Contents, Cause>) {
        self.entries = self.entries.max(source.number);
        self.credentials.push(Input { source, contents });
    }

    /// Adds an entry that is opened by the library, because a token has the certificates or the key.
    fn add_opened(&mut self, source: Source) {
        let files = source.files();
        let passwords = source.key_passwords();
        match source::open(&core_source(&files, passwords.as_ref()), &mut self.shared) {
            Err(cause) => self.add_unusable(source, cause),
            Ok(opened) => {
                let count = opened.credentials.len();
                for (at, listed) in opened.credentials.iter().enumerate() {
                    let mut one = source.clone();
                    one.part = (count > 1).then_some(at + 1);
                    self.add_listed(one, listed);
                }
            }
        }
    }

    /// Adds a credential as the library has read it.
    pub fn add_listed(&mut self, mut source: Source, listed: &ListedCredential) {
        let name = &listed.files().certificate;
        source.certificate.clone_from(name);
        source.key = match listed.key_source() {
            ListedKey::File => listed.files().key.clone().map_or(KeySource::Own, KeySource::File),
            ListedKey::Files(files) => KeySource::FirstOf(files.to_vec()),
            ListedKey::Uri { uri, .. } => KeySource::Uri(uri.clone()),
            ListedKey::Pkcs12(_) => KeySource::Unknown,
        };
        let contents = match listed.has_file() {
            // The order of the certificates in the file is checked, too.
            true => CertificateFile::read(name).and_then(Contents::of),
            false => Contents::of_bundle(listed.bundle(), name, false),
        };
        self.add(source, contents);
    }

    /// Adds a credential of a PKCS#12 file, whose key has been decrypted.
    pub fn add_decrypted(&mut self, source: Source, listed: &ListedCredential) {
        let contents = Contents::of_bundle(listed.bundle(), &source.certificate, true);
        self.add(source, contents);
    }

    /// Adds an entry that cannot be used.
    pub fn add_unusable(&mut self, source: Source, cause: Cause) {
        self.add(Source { key: KeySource::Unknown, ..source }, Err(cause));
    }
}

/// Returns why an entry that names a configuration file is refused.
fn refusal(source: &Source) -> Option<Problem> {
    if source.certificate.exists() {
        return Some(Problem::AmbiguousName);
    }
    match (&source.key, &source.password) {
        (KeySource::File(_), _) => Some(Problem::KeyBesideConfig),
        (_, PasswordSource::Known(Some(_))) => Some(Problem::PasswordBesideConfig),
        _ => None,
    }
}

/// Returns an entry for the library.
pub fn core_source<'a>(
    files: &'a Files,
    passwords: Option<&'a KeyPasswords>,
) -> source::Source<'a> {
    source::Source { files, base: None, passwords, index: 0, accepts: Accepts::Any }
}

impl Source {
    /// Returns the names of the entry for the library.
    pub fn files(&self) -> Files {
        let key = match &self.key {
            KeySource::File(key) => Some(key.clone()),
            _ => None,
        };
        Files { certificate: self.certificate.clone(), key }
    }

    /// Returns the password of the entry for the library; `None` if there is none or it is not known.
    pub fn key_passwords(&self) -> Option<KeyPasswords> {
        match &self.password {
            PasswordSource::Known(Some(password)) => {
                Some(KeyPasswords::Set(PasswordSet::single(password)))
            }
            _ => None,
        }
    }

    /// Returns the value of sslkey if it is a URI.
    fn key_uri(&self) -> Option<&Path> {
        match &self.key {
            KeySource::File(key) if is_uri(key.as_os_str().as_bytes()) => Some(key),
            _ => None,
        }
    }
}
