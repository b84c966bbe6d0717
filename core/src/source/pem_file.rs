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

/// The files of one credential, and the certificates that were read from them.
#[derive(Clone, Debug)]
pub struct FileCredential {
    files: Files,
    bundle: Arc<Bundle>,
    /// The certificate file's name, for stat(2).
    path: CString,
    /// Identity and timestamps of the certificate file; `None` if a change might not show in them.
    stamp: Option<Stamp>,
}

impl FileCredential {
    /// Reads the certificate file. The key is read when it is needed; without a key file it must be in
    /// the certificate file.
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
        // A file whose name contains a NUL cannot have been read.
        let path = CString::new(name.as_os_str().as_bytes()).unwrap_or_default();
        Ok(FileCredential { files: source.files.clone(), bundle, path, stamp })
    }

    /// Its certificates.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The files as the list names them.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The certificate file's name, for stat(2).
    pub fn path(&self) -> &CStr {
        &self.path
    }

    /// The key's file: its own, or the certificate's.
    pub fn key_path(&self) -> &Path {
        self.files.key.as_deref().unwrap_or(&self.files.certificate)
    }

    /// Identity and timestamps of the certificate file; `None` if a change might not show in them.
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// Whether the name of a file depends on the working directory.
    pub fn has_relative_name(&self) -> bool {
        self.key_path().is_relative() || self.files.certificate.is_relative()
    }

    /// An estimate of the memory that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<FileCredential>()
            + size_of::<Bundle>()
            + 2 * self.path.as_bytes().len()
            + self.files.key.as_ref().map_or(0, |key| key.as_os_str().len())
            + self.bundle.leaf.bytes()
            + self.bundle.extra.iter().map(|x| x.bytes()).sum::<usize>()
    }
}
