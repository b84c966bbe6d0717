// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of certificates.

use certpick_core::error::{Cause, Error};
use certpick_core::file::bytes::FileContent;
use certpick_core::file::regular;
use certpick_core::source::bundle::Bundle;
use certpick_core::source::issuers::IssuerFile;
use certpick_core::source::key::KeyFormat;
use certpick_core::source::{pem, pkcs12, store};
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
        pem::has_certificate(&self.bytes)
    }

    /// Returns whether the file is a PKCS#12 file.
    pub fn is_pkcs12(&self) -> bool {
        pkcs12::is_pkcs12(&self.bytes)
    }

    /// Returns whether the file contains the URI of a key in a token instead of the key.
    pub fn wraps_uri(&self) -> bool {
        store::wrapped_uri(&self.bytes).is_some()
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

/// The certificates of a credential, or of the file of a server.
pub struct Contents {
    /// At least one, in the order of the file.
    pub certificates: Vec<X509>,
    pub has_private_key: bool,
    /// Whether the order of the certificates matters to other programs, as in a PEM file.
    pub is_ordered: bool,
    /// `None` if there is no file.
    pub metadata: Option<Metadata>,
}

impl Contents {
    /// Returns the content of a PEM file.
    pub fn of(file: CertificateFile) -> Result<Contents, Cause> {
        let (certificates, has_private_key) = (file.certificates()?, file.has_private_key());
        let metadata = Some(file.metadata);
        Ok(Contents { certificates, has_private_key, is_ordered: true, metadata })
    }

    /// Returns the certificates of a credential of a PKCS#12 file or a token, whose name is `name` in
    /// errors.
    pub fn of_bundle(
        bundle: &Bundle,
        name: &Path,
        has_private_key: bool,
    ) -> Result<Contents, Cause> {
        let all = std::iter::once(&bundle.leaf).chain(&bundle.extra);
        let decoded = all.map(|x| x.get().cloned().map_err(|why| why.cause(Some(name))));
        let certificates = decoded.collect::<Result<_, _>>()?;
        Ok(Contents { certificates, has_private_key, is_ordered: false, metadata: None })
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
