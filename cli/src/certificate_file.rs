// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of certificates.

use certpick_core::error::{Cause, Error};
use certpick_core::file::bytes::FileContent;
use certpick_core::file::regular;
use certpick_core::source::issuers::IssuerFile;
use certpick_core::source::key::KeyFormat;
use certpick_core::source::pem;
use openssl::x509::X509;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// The content of a certificate file.
pub struct CertificateFile {
    path: PathBuf,
    bytes: FileContent,
    /// Metadata of the open file.
    pub metadata: Metadata,
}

impl CertificateFile {
    /// Reads a regular file. Directories, FIFOs and devices are rejected without opening them.
    pub fn read(path: &Path) -> Result<CertificateFile, Cause> {
        let read = || {
            let (file, metadata) = regular::open(path)?;
            Ok((regular::read_all(&file, &metadata, pem::MAX_BYTES)?.0, metadata))
        };
        let (bytes, metadata) = read().map_err(|error: regular::ReadError| {
            let file = path.to_owned();
            Cause::CertificateFile { file, why: error.text() }
        })?;
        Ok(CertificateFile { path: path.to_owned(), bytes, metadata })
    }

    /// Returns whether the file contains a private key in PEM.
    pub fn has_private_key(&self) -> bool {
        pem::has_private_key(&self.bytes)
    }

    /// Returns whether the file may be a private key in DER, encrypted or not.
    pub fn may_be_key_in_der(&self) -> bool {
        matches!(KeyFormat::of(&self.bytes), KeyFormat::Der | KeyFormat::EncryptedDer)
    }

    /// Returns whether the file contains a certificate in PEM, even a malformed one.
    pub fn holds_certificate(&self) -> bool {
        const LABEL: &[u8] = b"CERTIFICATE-----";
        self.bytes.windows(LABEL.len()).any(|w| w == LABEL)
    }

    /// Returns the certificates of a credential's file, at least one, in their order.
    pub fn certificates(&self) -> Result<Vec<X509>, Cause> {
        self.at_most(pem::MAX_CERTIFICATES)
    }

    /// Returns the certificates of a file of roots, whose maximum number is larger.
    pub fn roots(&self) -> Result<Vec<X509>, Cause> {
        self.at_most(pem::MAX_ISSUERS)
    }

    fn at_most(&self, max: usize) -> Result<Vec<X509>, Cause> {
        pem::certificates(&self.bytes, max).map_err(|error| error.cause(Some(&self.path)))
    }
}

/// Reads a regular file of at most `max` bytes. The error is the reason as text.
pub fn read_file(path: &Path, max: u64) -> Result<FileContent, String> {
    regular::open(path)
        .and_then(|(file, metadata)| regular::read_all(&file, &metadata, max))
        .map(|(bytes, _)| bytes)
        .map_err(|error| error.text())
}

/// Reads the certificates of a file for the issuer pool.
pub fn issuers(path: &Path) -> Result<Vec<X509>, Error> {
    let found = IssuerFile::open(path, false).map_err(Error::Issuers)?;
    let certificates = found.content.certificates().iter();
    let decoded = certificates.map(|x| x.get().cloned().map_err(|error| error.cause(Some(path))));
    decoded.collect::<Result<_, _>>().map_err(Error::Issuers)
}
