// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one file of certificates holds.

use super::certificate::Certificate;
use super::chain::{self, NamesOf};
use super::pem;
use crate::error::{Cause, Problem};
use crate::map::Map;
use openssl::x509::X509;
use std::path::Path;
use std::sync::Arc;

/// The certificates of one credential.
#[derive(Debug)]
pub struct Material {
    pub leaf: Arc<Certificate>,
    /// What came with the leaf, in no certain order; the index makes chains of it.
    pub companions: Vec<Arc<Certificate>>,
}

/// Certificates by their DER, so that those which several files of a list share are kept once.
#[derive(Default)]
pub struct Known(Map<Vec<u8>, Arc<Certificate>>);

impl Material {
    /// What the file at `path` holds.
    pub fn read(bytes: &[u8], path: &Path, known: &mut Known) -> Result<Material, Cause> {
        let mut certificates = match Material::read_plain(bytes, known) {
            Some(certificates) => certificates,
            None => with_openssl(bytes, path, pem::MAX_CERTIFICATES)?,
        };
        let names: Vec<NamesOf<'_>> = certificates
            .iter()
            .map(|x| NamesOf { issuer: x.issuer(), subject: x.subject() })
            .collect();
        let leaf =
            chain::leaf_position(&names).map_err(|_| Cause::Memory(Some(path.to_owned())))?;
        if leaf >= certificates.len() {
            let why = Problem::NoCertificate.into();
            return Err(Cause::Certificate { file: Some(path.to_owned()), why });
        }
        let leaf = certificates.remove(leaf);
        Ok(Material { leaf, companions: certificates })
    }

    /// The certificates of a plain file. Of each its names are read; OpenSSL decodes it when it is
    /// needed. `None` where OpenSSL must read the file.
    fn read_plain(bytes: &[u8], known: &mut Known) -> Option<Vec<Arc<Certificate>>> {
        let mut blocks = pem::plain_certificates(bytes, pem::MAX_CERTIFICATES)?.into_iter();
        let leaf = Arc::new(Certificate::of_der(blocks.next()?)?);
        let others = blocks.map(|der| known.certificate(der));
        std::iter::once(Some(leaf)).chain(others).collect()
    }
}

impl Material {
    /// Whether these are the same certificates.
    pub fn is_same(&self, other: &Material) -> bool {
        let others = || self.companions.iter().zip(&other.companions);
        self.companions.len() == other.companions.len()
            && self.leaf.is_same(&other.leaf)
            && others().all(|(a, b)| a.is_same(b))
    }
}

impl Known {
    fn certificate(&mut self, der: Vec<u8>) -> Option<Arc<Certificate>> {
        if let Some(known) = self.0.get(&der) {
            return Some(Arc::clone(known));
        }
        let new = Arc::new(Certificate::of_der(der.clone())?);
        self.0.insert(der, Arc::clone(&new));
        Some(new)
    }
}

/// The certificates of a file for the issuer pool.
pub fn issuers(bytes: &[u8], path: &Path) -> Result<Vec<Arc<Certificate>>, Cause> {
    let plain = || {
        let blocks = pem::plain_certificates(bytes, pem::MAX_ISSUERS)?.into_iter();
        blocks.map(|der| Some(Arc::new(Certificate::of_der(der)?))).collect()
    };
    match plain() {
        Some(certificates) => Ok(certificates),
        None => with_openssl(bytes, path, pem::MAX_ISSUERS),
    }
}

/// All certificates in these bytes of a file, of which there may be `max`.
fn with_openssl(bytes: &[u8], path: &Path, max: usize) -> Result<Vec<Arc<Certificate>>, Cause> {
    let certificates = pem::certificates(bytes, max).map_err(|why| why.cause(Some(path)))?;
    Ok(certificates.into_iter().map(|x: X509| Arc::new(x.into())).collect())
}
