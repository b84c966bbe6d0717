// SPDX-License-Identifier: MIT OR Apache-2.0
//! A credential whose certificates are in a PEM file.

use super::bundle::{Bundle, SharedCertificates};
use super::collection::Opened;
use super::listed::{KeySource, ListedCredential};
use super::{Accepts, Source, pem, store, uri_entry};
use crate::error::{Cause, Problem};
use crate::file::stamp::Stamp;

/// Reads the certificates in `content`. The key is read when it is needed. If no key file is named, this
/// fails unless the certificate file contains a key, or the URI of one. A file that contains only a URI
/// counts as that URI.
pub fn open(
    source: &Source<'_>,
    content: &[u8],
    stamp: Option<Stamp>,
    shared: &mut SharedCertificates,
) -> Result<Opened, Cause> {
    let name = &source.files.certificate;
    let wrapped = store::wrapped_uri(content).map(|uri| {
        let uri = if source.accepts == Accepts::Pem { Err(Problem::Restricted) } else { uri };
        uri.map_err(|problem| Cause::Unusable { file: name.clone(), why: problem.into() })
    });
    let uri = wrapped.transpose()?;
    if let Some(uri) = uri.as_ref().filter(|_| !pem::has_certificate(content)) {
        return uri_entry::open(source, uri);
    }
    let bundle = Bundle::parse(content, Some(name), shared)?;
    let key = match (&source.files.key, uri) {
        (Some(_), _) => uri_entry::key_source(source)?,
        (None, Some(uri)) => uri.into(),
        (None, None) if pem::has_private_key(content) => KeySource::File,
        (None, None) => return Err(Cause::NoKeyBesideCertificate(name.clone())),
    };
    Ok(ListedCredential::new(source.files.clone(), bundle, key, stamp).into())
}
