// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates in one PEM file.

use super::pem;
use crate::error::{Cause, Problem};
use crate::file::regular::ReadError;
use crate::file::{self, Content};
use crate::hash::Map;
use crate::x509::certificate::Certificate;
use crate::x509::chain::{self, IssuerAndSubject};
use std::path::Path;
use std::sync::Arc;

/// The certificates of one credential.
#[derive(Debug)]
pub struct Bundle {
    /// The end-entity certificate.
    pub leaf: Arc<Certificate>,
    /// The other certificates in the order of the file, which need not be that of a chain.
    pub extra: Vec<Arc<Certificate>>,
}

/// A map from DER to certificates, so that a certificate in several files of a list is stored once.
#[derive(Default)]
pub struct SharedCertificates(Map<Vec<u8>, Arc<Certificate>>);

impl Bundle {
    /// Parses the content of a file. `path` is its name in errors; `None` for a text in memory.
    pub fn parse(
        content: &[u8],
        path: Option<&Path>,
        shared: &mut SharedCertificates,
    ) -> Result<Bundle, Cause> {
        let mut certificates = match Bundle::parse_plain(content, shared) {
            Some(certificates) => certificates,
            None => with_openssl(content, path, pem::MAX_CERTIFICATES)?,
        };
        let names: Vec<IssuerAndSubject<'_>> = certificates
            .iter()
            .map(|x| IssuerAndSubject { issuer: x.issuer(), subject: x.subject() })
            .collect();
        let leaf =
            chain::leaf_position(&names).map_err(|_| Cause::Memory(path.map(Path::to_owned)))?;
        if leaf >= certificates.len() {
            let why = Problem::NoCertificate.into();
            return Err(Cause::Certificate { file: path.map(Path::to_owned), why });
        }
        let leaf = certificates.remove(leaf);
        Ok(Bundle { leaf, extra: certificates })
    }

    /// Reads only the names; OpenSSL decodes a certificate when it is needed. Returns `None` if the file can
    /// be read only by OpenSSL.
    fn parse_plain(
        content: &[u8],
        shared: &mut SharedCertificates,
    ) -> Option<Vec<Arc<Certificate>>> {
        let mut blocks = pem::plain_certificates(content, pem::MAX_CERTIFICATES)?.into_iter();
        let leaf = Arc::new(Certificate::from_der(blocks.next()?)?);
        let others = blocks.map(|der| shared.certificate(der));
        std::iter::once(Some(leaf)).chain(others).collect()
    }

    /// Returns whether both have the same certificates in the same order.
    pub fn is_same(&self, other: &Bundle) -> bool {
        let extra = || self.extra.iter().zip(&other.extra);
        self.extra.len() == other.extra.len()
            && self.leaf.is_same(&other.leaf)
            && extra().all(|(a, b)| a.is_same(b))
    }
}

impl SharedCertificates {
    /// Returns the certificate with this DER. Returns `None` if its names cannot be read without OpenSSL.
    pub(super) fn certificate(&mut self, der: Vec<u8>) -> Option<Arc<Certificate>> {
        if let Some(known) = self.0.get(&der) {
            return Some(Arc::clone(known));
        }
        let new = Arc::new(Certificate::from_der(der.clone())?);
        self.0.insert(der, Arc::clone(&new));
        Some(new)
    }
}

/// Reads a file of certificates. A relative path is relative to `base`, or to the working directory.
pub fn read_file(base: Option<&Path>, path: &Path) -> Result<Content, ReadError> {
    file::read(base, path, pem::MAX_BYTES)
}

/// Returns all certificates in the content of a file. Fails if there are more than `max`. `path` is the
/// file's name in errors.
pub fn certificates(
    content: &[u8],
    path: &Path,
    max: usize,
) -> Result<Vec<Arc<Certificate>>, Cause> {
    let plain = || {
        let blocks = pem::plain_certificates(content, max)?.into_iter();
        blocks.map(|der| Some(Arc::new(Certificate::from_der(der)?))).collect()
    };
    match plain() {
        Some(certificates) => Ok(certificates),
        None => with_openssl(content, Some(path), max),
    }
}

fn with_openssl(
    content: &[u8],
    path: Option<&Path>,
    max: usize,
) -> Result<Vec<Arc<Certificate>>, Cause> {
    let certificates = pem::certificates(content, max).map_err(|why| why.cause(path))?;
    Ok(certificates.into_iter().map(|x| Arc::new(x.into())).collect())
}
