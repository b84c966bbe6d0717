// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client credential and everything that was read for it.

use super::inputs::{ConfigPart, Input, KeySource, PasswordSource, Source};
use crate::certificate_file::Contents;
use crate::facts;
use certpick_core::error::{Cause, file_name};
use certpick_core::source::{key, store};
use certpick_core::uri::{Uri, is_uri};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub struct Credential {
    /// The number of the list entry, counted from 1.
    pub number: usize,
    /// Number and title.
    pub name: String,
    /// The file name, and the number in the file if it has several credentials.
    pub title: String,
    pub certificate: PathBuf,
    pub contents: Result<Certificates, Cause>,
    pub key_source: KeySource,
    pub password: PasswordSource,
    pub key: Key,
    /// Whether the entry is a directory.
    pub is_in_directory: bool,
    /// `None` if it is not from a configuration file.
    pub config: Option<Rc<ConfigPart>>,
}

/// The content of a certificate file.
pub struct Certificates {
    pub contents: Contents,
    /// Index of the leaf in `contents`.
    pub leaf_at: usize,
    /// The other certificates, in the order of the file.
    pub others: Vec<X509>,
}

impl Certificates {
    pub fn leaf(&self) -> &X509 {
        &self.contents.certificates[self.leaf_at]
    }
}

/// The private key.
pub enum Key {
    Loaded {
        key: PKey<Private>,
        is_encrypted: bool,
        /// The lists contain a password for it.
        has_password: bool,
    },
    /// The key is in a token and matches the certificate.
    InToken,
    Failed(Cause),
    /// The key is encrypted and its password is unknown.
    PasswordUnknown,
    /// The key file is unknown.
    Unknown,
}

impl Credential {
    /// Loads the key of a credential.
    pub fn load(input: Input, is_numbered: bool) -> Credential {
        let Source { number, certificate, part, is_in_directory, key, password, config } =
            input.source;
        let contents = input.contents.map(|contents| {
            let leaf_at = match contents.is_ordered {
                true => facts::leaf_position(&contents.certificates),
                false => 0,
            };
            let mut others = contents.certificates.clone();
            others.remove(leaf_at);
            Certificates { contents, leaf_at, others }
        });
        let mut title = file_name(&certificate);
        if let Some(part) = part {
            title.push_str(&format!(", credential {part}"));
        }
        let name = if is_numbered { format!("entry {number} ({title})") } else { title.clone() };
        let read = contents.as_ref().ok();
        let (mut key, key_source) = Key::of(key, &certificate, read, &password);
        if let Key::Loaded { is_encrypted: false, has_password, .. } = &mut key {
            // The password of a directory is for all of its files.
            *has_password &= !is_in_directory;
        }
        Credential {
            number,
            name,
            title,
            certificate,
            contents,
            key_source,
            password,
            key,
            is_in_directory,
            config,
        }
    }

    /// Returns the file that contains the key, or should.
    pub fn key_file(&self) -> Option<&Path> {
        match &self.key_source {
            KeySource::File(file) => Some(file),
            KeySource::Own | KeySource::Decrypted { .. } => Some(&self.certificate),
            KeySource::FirstOf(files) => files.first().map(PathBuf::as_path),
            KeySource::Uri(_) | KeySource::Unknown => None,
        }
    }

    pub fn leaf(&self) -> Option<&X509> {
        self.contents.as_ref().ok().map(Certificates::leaf)
    }

    /// Returns whether the certificate file contains a private key.
    pub fn has_own_key(&self) -> bool {
        self.contents.as_ref().is_ok_and(|read| read.contents.has_private_key)
    }
}

impl Key {
    /// Loads the key of a credential whose certificates are `read`, if they could be read. Returns also where
    /// the key is.
    fn of(
        source: KeySource,
        certificate: &Path,
        read: Option<&Certificates>,
        password: &PasswordSource,
    ) -> (Key, KeySource) {
        let key = match (&source, read) {
            (KeySource::Unknown, _) => Key::Unknown,
            (KeySource::File(file), None) if is_uri(file.as_os_str().as_bytes()) => Key::Unknown,
            (KeySource::File(file), _) => Key::load(file, password),
            (KeySource::Own, Some(read)) if !read.contents.has_private_key => {
                Key::Failed(Cause::NoKeyBesideCertificate(certificate.to_owned()))
            }
            (KeySource::Own, Some(_)) => Key::load(certificate, password),
            (KeySource::Uri(uri), Some(read)) => Key::in_token(uri, read.leaf(), password),
            (KeySource::Decrypted { key: Ok(key), is_encrypted }, _) => Key::Loaded {
                key: key.clone(),
                is_encrypted: *is_encrypted,
                has_password: matches!(password, PasswordSource::Known(Some(_))),
            },
            (KeySource::Decrypted { key: Err(cause), .. }, _) => Key::Failed(cause.clone()),
            (KeySource::FirstOf(files), Some(read)) => {
                return Key::first_of(files, certificate, read.leaf(), password);
            }
            // The error is reported for the certificate.
            (KeySource::Own | KeySource::Uri(_) | KeySource::FirstOf(_), None) => Key::Unknown,
        };
        (key, source)
    }

    /// Returns the key that the library uses: the first one that matches. A file that cannot be used ends the
    /// search.
    fn first_of(
        files: &[PathBuf],
        certificate: &Path,
        leaf: &X509,
        password: &PasswordSource,
    ) -> (Key, KeySource) {
        let mut last = (Key::Unknown, KeySource::Unknown);
        for file in files {
            let source = match file == certificate {
                true => KeySource::Own,
                false => KeySource::File(file.clone()),
            };
            last = (Key::load(file, password), source);
            match &last.0 {
                Key::Loaded { key, .. } if facts::matches(leaf, key, file).is_err() => {}
                _ => break,
            }
        }
        last
    }

    /// Loads a key in a token. This takes one login.
    fn in_token(uri: &Uri, leaf: &X509, password: &PasswordSource) -> Key {
        let pin = match password {
            PasswordSource::Known(pin) => pin.as_ref(),
            PasswordSource::Unknown | PasswordSource::Unreadable(_) => return Key::PasswordUnknown,
        };
        let name = PathBuf::from(uri.to_string());
        match store::key(uri, &name, Some(leaf), pin, None, false) {
            Ok(_) => Key::InToken,
            Err(cause) => Key::Failed(cause),
        }
    }

    fn load(file: &Path, password: &PasswordSource) -> Key {
        // First without the password, to find out whether the key is encrypted.
        let (key, is_encrypted) = match key::load(file, file, None, None) {
            Err(Cause::PasswordMissing(_)) => {
                let PasswordSource::Known(password) = password else {
                    return Key::PasswordUnknown;
                };
                (key::load(file, file, password.as_ref(), None), true)
            }
            other => (other, false),
        };
        match key {
            Ok(key) => {
                let has_password = matches!(password, PasswordSource::Known(Some(_)));
                Key::Loaded { key, is_encrypted, has_password }
            }
            Err(cause) => Key::Failed(cause),
        }
    }

    pub fn loaded(&self) -> Option<&PKey<Private>> {
        match self {
            Key::Loaded { key, .. } => Some(key),
            _ => None,
        }
    }
}
