// SPDX-License-Identifier: MIT OR Apache-2.0
//! A credential whose certificates are in a PEM file.

use super::Source;
use super::bundle::{self, Bundle, SharedCertificates};
use super::pem;
use crate::error::Cause;
use crate::file::stamp::Stamp;
use crate::list::Files;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// The files of one credential, and its certificates.
#[derive(Clone, Debug)]
pub struct FileCredential {
    files: Files,
    bundle: Arc<Bundle>,
    /// The certificate file's name, for stat(2).
    path: CString,
    /// The stamp of the certificate file; `None` if a change of the file might not change it.
    stamp: Option<Stamp>,
}

impl FileCredential {
    /// Reads the certificate file. The key is read when it is needed. If no key file is named, this fails
    /// unless the certificate file contains a key.
    pub fn open(
        source: &Source<'_>,
        shared: &mut SharedCertificates,
    ) -> Result<FileCredential, Cause> {
        let name = &source.files.certificate;
        let (content, stamp) = bundle::read_file(source.base, name)?;
        let bundle = Arc::new(Bundle::parse(&content, name, shared)?);
        if source.files.key.is_none() && !pem::has_private_key(&content) {
            return Err(Cause::NoKeyBesideCertificate(name.clone()));
        }
        // A path that contains a NUL byte cannot have been opened.
        let path = CString::new(name.as_os_str().as_bytes()).unwrap_or_default();
        Ok(FileCredential { files: source.files.clone(), bundle, path, stamp })
    }

    /// Returns the certificates.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Returns the files as the list names them.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Returns the certificate file's name, for stat(2).
    pub fn path(&self) -> &CStr {
        &self.path
    }

    /// Returns the path of the key file, or of the certificate file if it contains the key.
    pub fn key_path(&self) -> &Path {
        self.files.key.as_deref().unwrap_or(&self.files.certificate)
    }

    /// Returns the stamp of the certificate file, or `None` if a change of the file might not change it.
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// Returns whether the path of a file is relative.
    pub fn has_relative_path(&self) -> bool {
        self.key_path().is_relative() || self.files.certificate.is_relative()
    }

    /// Returns an estimate of the memory that the credential takes.
    pub fn bytes(&self) -> usize {
        size_of::<FileCredential>()
            + size_of::<Bundle>()
            + 2 * self.path.as_bytes().len()
            + self.files.key.as_ref().map_or(0, |key| key.as_os_str().len())
            + self.bundle.leaf.bytes()
            + self.bundle.extra.iter().map(|x| x.bytes()).sum::<usize>()
    }
}
