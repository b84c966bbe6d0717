// SPDX-License-Identifier: MIT OR Apache-2.0
//! A credential of a list as it was read: its certificates, and where its key is.

use super::bundle::Bundle;
use crate::file::stamp::Stamp;
use crate::list::Files;
use crate::uri::Uri;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the key of a credential is.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// In the key file that the entry names, or in the certificate file.
    File,
    /// In one of these files of a directory: the first whose key matches the certificate.
    Files(Box<[PathBuf]>),
    /// In the PKCS#12 file: the first of the keys with these numbers that matches the certificate.
    Pkcs12(Box<[usize]>),
    /// Behind a URI.
    Uri {
        /// The URI.
        uri: Uri,
        /// Its text, without `pin-source`.
        name: PathBuf,
    },
}

impl From<Uri> for KeySource {
    fn from(uri: Uri) -> KeySource {
        let name = PathBuf::from(uri.to_string());
        KeySource::Uri { uri, name }
    }
}

/// The files of one credential, and its certificates.
#[derive(Clone, Debug)]
pub struct ListedCredential {
    /// The index of its entry in the list.
    pub(super) entry: usize,
    files: Files,
    bundle: Arc<Bundle>,
    key: KeySource,
    /// The certificate file's name, for stat(2).
    path: CString,
    /// The stamp of the certificate file; `None` if a change of the file might not change it.
    stamp: Option<Stamp>,
}

impl ListedCredential {
    /// Returns the credential of the first entry. `stamp` is that of the certificate file.
    pub fn new(
        files: Files,
        bundle: Bundle,
        key: KeySource,
        stamp: Option<Stamp>,
    ) -> ListedCredential {
        // A path that contains a NUL byte cannot have been opened.
        let path = CString::new(files.certificate.as_os_str().as_bytes()).unwrap_or_default();
        ListedCredential { entry: 0, files, bundle: Arc::new(bundle), key, path, stamp }
    }

    /// Like [`ListedCredential::new`], for certificates that are behind a URI.
    pub fn without_file(files: Files, bundle: Bundle, key: KeySource) -> ListedCredential {
        ListedCredential {
            path: CString::default(),
            ..ListedCredential::new(files, bundle, key, None)
        }
    }

    /// Returns whether the certificates are in a file.
    pub fn has_file(&self) -> bool {
        !self.path.is_empty()
    }

    /// Returns whether the certificates and their file are those of another credential.
    pub fn is_same(&self, other: &ListedCredential) -> bool {
        self.path == other.path && self.bundle.is_same(&other.bundle)
    }

    /// Adds the key files of a credential with the same leaf.
    pub fn add_keys(&mut self, other: &ListedCredential) {
        if let (KeySource::Files(keys), KeySource::Files(others)) = (&mut self.key, &other.key) {
            let mut all = std::mem::take(keys).into_vec();
            let new: Vec<PathBuf> =
                others.iter().filter(|key| !all.contains(key)).cloned().collect();
            all.extend(new);
            *keys = all.into();
        }
    }

    /// Returns the index of its entry in the list.
    pub fn entry(&self) -> usize {
        self.entry
    }

    /// Returns the certificates.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Returns the files as the list names them.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Returns where the key is.
    pub fn key_source(&self) -> &KeySource {
        &self.key
    }

    /// Returns the certificate file's name, for stat(2).
    pub fn path(&self) -> &CStr {
        &self.path
    }

    /// Returns the path of the key file, or of the certificate file if it contains the key.
    pub fn key_path(&self) -> &Path {
        let files = match &self.key {
            KeySource::File => self.files.key.as_deref(),
            KeySource::Uri { name, .. } => Some(name.as_path()),
            KeySource::Files(files) => files.first().map(PathBuf::as_path),
            KeySource::Pkcs12(_) => None,
        };
        files.unwrap_or(&self.files.certificate)
    }

    /// Returns the stamp of the certificate file, or `None` if a change of the file might not change it.
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// Returns whether the path of a file is relative.
    pub fn has_relative_path(&self) -> bool {
        let has_key_file = !matches!(self.key, KeySource::Uri { .. });
        has_key_file && self.key_path().is_relative()
            || self.has_file() && self.files.certificate.is_relative()
    }

    /// Returns an estimate of the memory that the credential takes.
    pub fn bytes(&self) -> usize {
        let keys = match &self.key {
            KeySource::File => 0,
            KeySource::Uri { name, .. } => 4 * name.as_os_str().len(),
            KeySource::Files(files) => files.iter().map(|file| 32 + file.as_os_str().len()).sum(),
            KeySource::Pkcs12(keys) => size_of_val(&**keys),
        };
        size_of::<ListedCredential>()
            + size_of::<Bundle>()
            + 2 * self.path.as_bytes().len()
            + self.files.key.as_ref().map_or(0, |key| key.as_os_str().len())
            + keys
            + self.bundle.leaf.bytes()
            + self.bundle.extra.iter().map(|x| x.bytes()).sum::<usize>()
    }
}
