// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client credential and everything that was read for it.

use super::inputs::{ConfigPart, Input, KeySource, PasswordSource, Source};
use crate::credentials::directory::Contents;
use crate::facts;
use certpick_core::error::{Cause, file_name};
use certpick_core::source::key;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::path::{Path, PathBuf};

pub struct Credential {
    /// The number of the list entry, counted from 1.
    pub number: usize,
    /// Number and file name.
    pub name: String,
    pub certificate: PathBuf,
    pub contents: Result<Certificates, Cause>,
    pub key_source: KeySource,
    pub password: PasswordSource,
    pub key: Key,
    /// `None` if it is not from a configuration file.
    pub config: Option<ConfigPart>,
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
    Failed(Cause),
    /// The key is encrypted and its password is unknown.
    PasswordUnknown,
    /// The key file is unknown.
    Unknown,
}

impl Credential {
    /// Loads the key of a credential.
    pub fn load(input: Input, is_numbered: bool) -> Credential {
        let Source { number, certificate, key: key_source, password, config } = input.source;
        let contents = input.contents.map(|contents| {
            let leaf_at = facts::leaf_position(&contents.certificates);
            let mut others = contents.certificates.clone();
            others.remove(leaf_at);
            Certificates { contents, leaf_at, others }
        });
        let name = if is_numbered {
            format!("entry {number} ({})", file_name(&certificate))
        } else {
            file_name(&certificate)
        };
        let key = match (&key_source, &contents) {
            (KeySource::Unknown, _) => Key::Unknown,
            (KeySource::File(file), _) => Key::load(file, &password),
            (KeySource::Own, Ok(read)) if !read.contents.has_private_key => {
                Key::Failed(Cause::NoKeyBesideCertificate(certificate.clone()))
            }
            (KeySource::Own, Ok(_)) => Key::load(&certificate, &password),
            // The error is reported for the certificate.
            (KeySource::Own, Err(_)) => Key::Unknown,
        };
        Credential { number, name, certificate, contents, key_source, password, key, config }
    }

    /// Returns the file that contains the key, or should.
    pub fn key_file(&self) -> Option<&Path> {
        match &self.key_source {
            KeySource::File(file) => Some(file),
            KeySource::Own => Some(&self.certificate),
            KeySource::Unknown => None,
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
