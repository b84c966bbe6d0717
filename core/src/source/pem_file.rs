// SPDX-License-Identifier: MIT OR Apache-2.0
//! A credential whose certificates are in a PEM file.

use super::Source;
use super::bundle::{Bundle, SharedCertificates};
use super::listed::{KeySource, ListedCredential};
use super::pem;
use crate::error::Cause;
use crate::file::stamp::Stamp;

/// Reads the certificates in `content`. The key is read when it is needed. If no key file is named, this
/// fails unless the certificate file contains a key.
pub fn open(
    source: &Source<'_>,
    content: &[u8],
    stamp: Option<Stamp>,
    shared: &mut SharedCertificates,
) -> Result<ListedCredential, Cause> {
    let name = &source.files.certificate;
    let bundle = Bundle::parse(content, Some(name), shared)?;
    if source.files.key.is_none() && !pem::has_private_key(content) {
        return Err(Cause::NoKeyBesideCertificate(name.clone()));
    }
    Ok(ListedCredential::new(source.files.clone(), bundle, KeySource::File, stamp))
}
