// SPDX-License-Identifier: MIT OR Apache-2.0
//! URIs as entries of sslcert and sslkey.

use super::bundle::Bundle;
use super::collection::{Collection, Opened, Watched};
use super::listed::{KeySource, ListedCredential};
use super::{Accepts, Source, store};
use crate::error::{Cause, OutOfMemory, Problem};
use crate::file;
use crate::hash::Set;
use crate::list::Files;
use crate::uri::{Uri, is_uri};
use crate::x509::certificate::Certificate;
use crate::x509::outline;
use openssl::x509::X509;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Returns the URI that `name` is; `None` if it is the name of a file. Fails if it could be both, or if URIs
/// are not permitted.
pub fn uri_of(source: &Source<'_>, name: &Path) -> Result<Option<Uri>, Cause> {
    if source.accepts == Accepts::File || !is_uri(name.as_os_str().as_bytes()) {
        return Ok(None);
    }
    let uri = Uri::parse(name.as_os_str().as_bytes());
    let problem = match uri {
        _ if source.accepts == Accepts::Pem => Problem::Restricted,
        _ if file::absolute(source.base, name).symlink_metadata().is_ok() => Problem::AmbiguousName,
        Ok(uri) => return Ok(Some(uri)),
        Err(problem) => problem,
    };
    Err(Cause::Unusable { file: shown(name), why: problem.into() })
}

/// Returns where the key of an entry with a certificate file is.
pub fn key_source(source: &Source<'_>) -> Result<KeySource, Cause> {
    let key = source.files.key.as_deref();
    let uri = key.map(|key| uri_of(source, key)).transpose()?.flatten();
    Ok(uri.map_or(KeySource::File, KeySource::from))
}

/// Returns a URI without its attributes, which may contain a PIN.
fn shown(name: &Path) -> PathBuf {
    let bytes = name.as_os_str().as_bytes();
    let scheme = bytes.split_inclusive(|byte| *byte == b':').next().unwrap_or_default();
    let mut shown = String::from_utf8_lossy(scheme).into_owned();
    shown.push_str("...");
    PathBuf::from(shown)
}

/// Reads the certificates behind a URI. Each one that has issued no other is the leaf of a credential.
pub fn open(source: &Source<'_>, uri: &Uri) -> Result<Opened, Cause> {
    let certificates: Vec<Arc<Certificate>> =
        store::certificates(uri)?.into_iter().map(|x: X509| Arc::new(x.into())).collect();
    let issuers: Set<&[u8]> =
        certificates.iter().filter(|x| x.issuer() != x.subject()).map(|x| x.issuer()).collect();
    let is_leaf = |x: &Certificate| -> Result<bool, OutOfMemory> {
        let is_only = certificates.len() == 1;
        Ok(is_only || !(issuers.contains(x.subject()) || outline::of(x)?.is_ca))
    };
    let key = match source.files.key {
        Some(_) => key_source(source)?,
        None => uri.clone().into(),
    };
    let name = PathBuf::from(uri.to_string());
    let mut credentials = Vec::new();
    for (at, leaf) in certificates.iter().enumerate() {
        if !is_leaf(leaf).map_err(|_| Cause::Memory(Some(name.clone())))? {
            continue;
        }
        let others = certificates.iter().enumerate().filter(|(other, _)| *other != at);
        let extra = others.map(|(_, x)| Arc::clone(x)).collect();
        let bundle = Bundle { leaf: Arc::clone(leaf), extra };
        let files = Files { certificate: name.clone(), key: source.files.key.clone() };
        credentials.push(ListedCredential::without_file(files, bundle, key.clone()));
    }
    if credentials.is_empty() {
        return Err(Cause::Unusable { file: name, why: Problem::OnlyCas.into() });
    }
    let collection = Collection {
        files: source.files.clone(),
        directories: Vec::new(),
        // Without a stamp, the certificates are loaded again when the list is checked for changes.
        contents: vec![Watched::new(name, None)],
        password: None,
    };
    Ok(Opened { credentials, collection: Some(Box::new(collection)) })
}
