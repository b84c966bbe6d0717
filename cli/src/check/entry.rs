// SPDX-License-Identifier: MIT OR Apache-2.0
//! One entry with all that was read for it.

use super::inputs::{Draft, Input, NamedKey, NamedPassword};
use crate::credentials::directory::Contents;
use crate::inspect;
use certpick_core::error::{Cause, file_name};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::path::{Path, PathBuf};

pub struct Entry {
    /// Counted from 1.
    pub number: usize,
    /// How texts call it.
    pub name: String,
    pub certificate: PathBuf,
    pub contents: Result<Certificates, Cause>,
    pub key_named: NamedKey,
    pub password: NamedPassword,
    pub key: Key,
}

/// What the certificate file holds.
pub struct Certificates {
    pub contents: Contents,
    /// Which one is the leaf.
    pub leaf_at: usize,
    /// The others, in their order.
    pub companions: Vec<X509>,
}

impl Certificates {
    pub fn leaf(&self) -> &X509 {
        &self.contents.certificates[self.leaf_at]
    }
}

/// The private key, so far as it could be loaded.
pub enum Key {
    Loaded {
        key: PKey<Private>,
        is_encrypted: bool,
        /// The lists have a password for it.
        has_password: bool,
    },
    Failed(Cause),
    /// It is encrypted, and it is not known which password belongs to it.
    PasswordUnknown,
    /// It is not known which file it is in.
    Unknown,
}

impl Entry {
    /// Loads the key of what was read.
    pub fn load(input: Input, is_numbered: bool) -> Entry {
        let Draft { number, certificate, key: key_named, password } = input.draft;
        let contents = input.contents.map(|contents| {
            let leaf_at = inspect::leaf_position(&contents.certificates);
            let mut companions = contents.certificates.clone();
            companions.remove(leaf_at);
            Certificates { contents, leaf_at, companions }
        });
        let name = if is_numbered {
            format!("entry {number} ({})", file_name(&certificate))
        } else {
            file_name(&certificate)
        };
        let key = match (&key_named, &contents) {
            (NamedKey::Unknown, _) => Key::Unknown,
            (NamedKey::File(file), _) => Key::load(file, &password),
            (NamedKey::Own, Ok(read)) if !read.contents.has_private_key => {
                Key::Failed(Cause::NoKeyBesideCertificate(certificate.clone()))
            }
            (NamedKey::Own, Ok(_)) => Key::load(&certificate, &password),
            // Why it cannot be read is told of the certificate.
            (NamedKey::Own, Err(_)) => Key::Unknown,
        };
        Entry { number, name, certificate, contents, key_named, password, key }
    }

    /// The file that the key is in, or should be.
    pub fn key_file(&self) -> Option<&Path> {
        match &self.key_named {
            NamedKey::File(file) => Some(file),
            NamedKey::Own => Some(&self.certificate),
            NamedKey::Unknown => None,
        }
    }

    pub fn leaf(&self) -> Option<&X509> {
        self.contents.as_ref().ok().map(Certificates::leaf)
    }
}

impl Key {
    fn load(file: &Path, password: &NamedPassword) -> Key {
        // Without the password first: a key that is not encrypted needs none.
        let (key, is_encrypted) = match inspect::private_key(file, None) {
            Err(Cause::PasswordMissing(_)) => {
                let NamedPassword::Known(password) = password else {
                    return Key::PasswordUnknown;
                };
                (inspect::private_key(file, password.as_ref()), true)
            }
            other => (other, false),
        };
        match key {
            Ok(key) => {
                let has_password = matches!(password, NamedPassword::Known(Some(_)));
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
