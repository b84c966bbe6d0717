// SPDX-License-Identifier: MIT OR Apache-2.0
//! How credentials come to be.
//!
//! [`open`] is given an entry of a list: certificate, key and password together. Each kind of entry is
//! one module; [`pem_file`] is the only one so far. Keys are read by [`key`] when they are needed.

pub(crate) mod bundle;
pub(crate) mod checked;
pub mod issuers;
pub mod key;
pub(crate) mod listing;
pub(crate) mod loaded_keys;
pub(crate) mod password;
pub mod pem;
pub(crate) mod pem_file;
pub(crate) mod watched;

use crate::error::Cause;
use crate::list::{Files, PasswordSet};
use crate::secret::Secret;
use bundle::SharedCertificates;
use pem_file::FileCredential;
use std::path::Path;

/// One entry of a list.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The names of the certificate and of the key.
    pub files: &'a Files,
    /// The working directory when the entry was added, if a name depends on it.
    pub base: Option<&'a Path>,
    /// The passwords of the list, and the number of this entry in it, counted from 0.
    pub passwords: Option<&'a PasswordSet>,
    /// See `passwords`.
    pub at: usize,
}

impl Source<'_> {
    /// The password of this entry.
    pub fn password(&self) -> Option<Secret> {
        self.passwords.and_then(|passwords| passwords.get(self.at))
    }
}

/// Reads the certificates of an entry. `shared` has those of the entries before it.
pub fn open(source: &Source<'_>, shared: &mut SharedCertificates) -> Result<FileCredential, Cause> {
    FileCredential::open(source, shared)
}

/// Empties the caches of lists, of files of issuers, and of keys.
pub fn clear_caches() {
    listing::clear_cache();
    issuers::clear_cache();
    key::cache::clear();
}
