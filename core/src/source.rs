// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sources of credentials.
//!
//! [`open`] takes an entry of a list, with its certificate, key and password, and reads the certificates.
//! Each kind of entry is one module: [`pem_file`], [`pkcs12`], [`directory`] and [`uri_entry`]. The key is
//! read when it is needed, by [`key`] or [`store`].

pub mod bundle;
pub(crate) mod checked;
pub mod collection;
pub mod directory;
pub mod handled;
pub mod in_memory;
pub mod issuers;
pub mod key;
pub mod listed;
pub(crate) mod listing;
pub(crate) mod loaded_keys;
pub mod password;
pub(crate) mod password_digest;
pub mod pem;
pub(crate) mod pem_file;
pub mod pkcs12;
pub mod store;
pub(crate) mod uri_entry;
pub(crate) mod watched;

use crate::environment;
use crate::error::{Cause, Problem};
use crate::file::regular::ReadError;
use crate::file::{self, Content};
use crate::list::Files;
use crate::secret::Secret;
use bundle::SharedCertificates;
use collection::{Collection, Opened, Watched};
use password::KeyPasswords;
use password_digest::PasswordMark;
use std::path::Path;

/// What an entry may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// A PEM file.
    Pem,
    /// A file.
    File,
    /// Anything.
    Any,
}

/// Returns what entries may be that a program takes from its users: PEM files alone if the environment
/// variable CERTPICK_RESTRICT is set, even to an empty value, as the service of a database server does, whose
/// SQL users name certificates for postgres_fdw and dblink. Likewise in a set-user-ID program, whose user
/// controls the environment.
pub fn permitted() -> Accepts {
    match environment::has_gained_rights() || environment::variable(c"CERTPICK_RESTRICT").is_some()
    {
        true => Accepts::Pem,
        false => Accepts::Any,
    }
}

/// One entry of a list.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The names of the certificate file and the key file.
    pub files: &'a Files,
    /// The working directory when the entry was added, if a name depends on it.
    pub base: Option<&'a Path>,
    /// The passwords of the list.
    pub passwords: Option<&'a KeyPasswords>,
    /// The index of this entry in the list.
    pub index: usize,
    /// What the entry may be.
    pub accepts: Accepts,
}

impl Source<'_> {
    /// Returns the mark of this entry's password, which decrypted certificates; `None` if they need no check
    /// of the password, because all selectors with these files have the same one.
    fn mark(&self) -> Result<Option<PasswordMark>, Cause> {
        match self.passwords {
            Some(KeyPasswords::Files(_)) => Ok(None),
            Some(KeyPasswords::Set(_)) | None => {
                Ok(Some(PasswordMark::new(self.password()?.as_ref())))
            }
        }
    }

    /// Returns the password of this entry.
    pub fn password(&self) -> Result<Option<Secret>, Cause> {
        self.passwords.map_or(Ok(None), |passwords| passwords.get(self.index))
    }
}

/// Reads the certificates of an entry. `shared` contains the certificates of the previous entries.
pub fn open(source: &Source<'_>, shared: &mut SharedCertificates) -> Result<Opened, Cause> {
    let name = &source.files.certificate;
    let restricted = || Cause::Unusable { file: name.clone(), why: Problem::Restricted.into() };
    let unreadable =
        |error: ReadError| Cause::CertificateFile { file: name.clone(), why: error.text() };
    if let Some(uri) = uri_entry::uri_of(source, name)? {
        return uri_entry::open(source, &uri);
    }
    match bundle::read_file(source.base, name) {
        Ok(content) if pkcs12::is_pkcs12(&content.bytes) => match source.accepts {
            Accepts::Any | Accepts::File => open_pkcs12(source, &content, shared),
            Accepts::Pem => Err(restricted()),
        },
        Ok(content) => pem_file::open(source, &content.bytes, content.stamp, shared),
        Err(ReadError::NotRegular)
            if file::is_directory(source.base, name).map_err(unreadable)? =>
        {
            match source.accepts {
                Accepts::Any => directory::open(source, shared),
                Accepts::Pem => Err(restricted()),
                Accepts::File => Err(unreadable(ReadError::NotRegular)),
            }
        }
        Err(error) => Err(unreadable(error)),
    }
}

fn open_pkcs12(
    source: &Source<'_>,
    content: &Content,
    shared: &mut SharedCertificates,
) -> Result<Opened, Cause> {
    let name = &source.files.certificate;
    if source.files.key.as_ref().is_some_and(|key| key != name) {
        let why = Problem::KeyBesidePkcs12.into();
        return Err(Cause::Unusable { file: name.clone(), why });
    }
    let password = source.password()?;
    let credentials = pkcs12::open_entry(source.files, content, password.as_ref(), shared)?;
    let collection = Collection {
        files: source.files.clone(),
        directories: Vec::new(),
        contents: vec![Watched::new(name.clone(), content.stamp)],
        password: source.mark()?,
    };
    Ok(Opened { credentials, collection: Some(Box::new(collection)) })
}

/// Empties the caches of lists, of files of issuers and of keys, and forgets the refused PINs.
pub fn clear_caches() {
    listing::clear_cache();
    issuers::clear_cache();
    key::cache::clear();
    store::clear_cache();
}
