// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates in one PEM file.

use super::pem;
use crate::error::{Cause, Problem};
use crate::file;
use crate::file::bytes::Wiped;
use crate::file::stamp::Stamp;
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
    /// The other certificates of the file in their order, which may be any; the index makes chains of
    /// them.
    pub extra: Vec<Arc<Certificate>>,
}

/// Certificates by their DER, so that a certificate that is in several files of a list is stored once.
#[derive(Default)]
pub struct SharedCertificates(Map<Vec<u8>, Arc<Certificate>>);

impl Bundle {
    /// Finds the certificates in the content of the file at `path`.
    pub fn parse(
        content: &[u8],
        path: &Path,
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
            chain::leaf_position(&names).map_err(|_| Cause::Memory(Some(path.to_owned())))?;
        if leaf >= certificates.len() {
            let why = Problem::NoCertificate.into();
            return Err(Cause::Certificate { file: Some(path.to_owned()), why });
        }
        let leaf = certificates.remove(leaf);
        Ok(Bundle { leaf, extra: certificates })
    }

    /// Reads the names alone; OpenSSL decodes a certificate when it is needed. Returns `None` if OpenSSL
    /// has to read the file.
    fn parse_plain(
        content: &[u8],
        shared: &mut SharedCertificates,
    ) -> Option<Vec<Arc<Certificate>>> {
        let mut blocks = pem::plain_certificates(content, pem::MAX_CERTIFICATES)?.into_iter();
        let leaf = Arc::new(Certificate::of_der(blocks.next()?)?);
        let others = blocks.map(|der| shared.certificate(der));
        std::iter::once(Some(leaf)).chain(others).collect()
    }

    /// Returns whether both have the same certificates.
    pub fn is_same(&self, other: &Bundle) -> bool {
        let extra = || self.extra.iter().zip(&other.extra);
        self.extra.len() == other.extra.len()
            && self.leaf.is_same(&other.leaf)
            && extra().all(|(a, b)| a.is_same(b))
    }
}

impl SharedCertificates {
    fn certificate(&mut self, der: Vec<u8>) -> Option<Arc<Certificate>> {
        if let Some(known) = self.0.get(&der) {
            return Some(Arc::clone(known));
        }
        let new = Arc::new(Certificate::of_der(der.clone())?);
        self.0.insert(der, Arc::clone(&new));
        Some(new)
    }
}

/// Reads a file of certificates; `base` is the working directory when it was named.
pub fn read_file(base: Option<&Path>, path: &Path) -> Result<(Wiped, Option<Stamp>), Cause> {
    file::read(base, path, pem::MAX_BYTES)
        .map_err(|error| Cause::CertificateFile { file: path.to_owned(), why: error.text() })
}

/// Returns all certificates in the content of the file at `path`, of which there may be `max`.
pub fn certificates(
    content: &[u8],
    path: &Path,
    max: usize,
) -> Result<Vec<Arc<Certificate>>, Cause> {
    let plain = || {
        let blocks = pem::plain_certificates(content, max)?.into_iter();
        blocks.map(|der| Some(Arc::new(Certificate::of_der(der)?))).collect()
    };
    match plain() {
        Some(certificates) => Ok(certificates),
        None => with_openssl(content, path, max),
    }
}

fn with_openssl(content: &[u8], path: &Path, max: usize) -> Result<Vec<Arc<Certificate>>, Cause> {
    let certificates = pem::certificates(content, max).map_err(|why| why.cause(Some(path)))?;
    Ok(certificates.into_iter().map(|x| Arc::new(x.into())).collect())
}
