// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sources of credentials.
//!
//! [`open`] takes an entry of a list, with its certificate, key and password, and reads the certificates.
//! Each kind of entry is one module; so far, [`pem_file`] is the only one. The key is read when it is
//! needed, by [`key`].

pub(crate) mod bundle;
pub(crate) mod checked;
pub mod issuers;
pub mod key;
pub(crate) mod listing;
pub(crate) mod loaded_keys;
pub mod password;
pub(crate) mod password_digest;
pub mod pem;
pub(crate) mod pem_file;
pub mod store;
pub(crate) mod watched;

use crate::error::Cause;
use crate::list::Files;
use crate::secret::Secret;
use bundle::SharedCertificates;
use password::KeyPasswords;
use pem_file::FileCredential;
use std::path::Path;

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
}

impl Source<'_> {
    /// Returns the password of this entry.
    pub fn password(&self) -> Result<Option<Secret>, Cause> {
        self.passwords.map_or(Ok(None), |passwords| passwords.get(self.index))
    }
}

/// Reads the certificates of an entry. `shared` contains the certificates of the previous entries.
pub fn open(source: &Source<'_>, shared: &mut SharedCertificates) -> Result<FileCredential, Cause> {
    FileCredential::open(source, shared)
}

/// Empties the caches of lists, of files of issuers, and of keys.
pub fn clear_caches() {
    listing::clear_cache();
    issuers::clear_cache();
    key::cache::clear();
    store::clear_cache();
}
