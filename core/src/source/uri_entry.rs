// SPDX-License-Identifier: MIT OR Apache-2.0
//! URIs as entries of sslcert and sslkey.

use super::bundle::Bundle;
use super::collection::{Collection, Opened, Watched};
use super::listed::{KeySource, ListedCredential};
use super::{Accepts, Source, store};
use crate::error::{Cause, OutOfMemory, Problem};
use crate::file;
use crate::list::Files;
use crate::uri::{Uri, is_uri};
use crate::x509::certificate::Certificate;
use crate::x509::chain::{IssuerAndSubject, have_issued};
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

/// Reads the certificates behind a URI. Each one that has issued no other and is not a CA's is the leaf of a
/// credential; so is the only one, even if it is a CA's.
pub fn open(source: &Source<'_>, uri: &Uri) -> Result<Opened, Cause> {
    let certificates = store::certificates(uri)?.into_iter();
    let certificates = certificates.map(|x: X509| Arc::new(x.into())).collect();
    let key = match source.files.key {
        Some(_) => key_source(source)?,
        None => uri.clone().into(),
    };
    let name = PathBuf::from(uri.to_string());
    let no_memory = |_| Cause::Memory(Some(name.clone()));
    let (leaves, extra) = split(certificates).map_err(no_memory)?;
    let credential = |leaf| {
        let bundle = Bundle { leaf, extra: extra.clone() };
        let files = Files { certificate: name.clone(), key: source.files.key.clone() };
        ListedCredential::without_file(files, bundle, key.clone())
    };
    let credentials: Vec<ListedCredential> = leaves.into_iter().map(credential).collect();
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

type Certificates = Vec<Arc<Certificate>>;

/// Splits certificates into leaves and others.
fn split(certificates: Certificates) -> Result<(Certificates, Certificates), OutOfMemory> {
    let names: Vec<IssuerAndSubject<'_>> = certificates
        .iter()
        .map(|x| IssuerAndSubject { issuer: x.issuer(), subject: x.subject() })
        .collect();
    let have_issued = have_issued(&names)?;
    let is_only = certificates.len() == 1;
    let (mut leaves, mut others) = (Vec::new(), Vec::new());
    for (certificate, has_issued) in certificates.into_iter().zip(have_issued) {
        let is_leaf = !has_issued && (is_only || !outline::of(&certificate)?.is_ca);
        if is_leaf { &mut leaves } else { &mut others }.push(certificate);
    }
    Ok((leaves, others))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::certificates::{Identity, StringKind, Subject, name_in};

    /// Returns the positions of the leaves and of the others.
    fn positions(certificates: &[&X509]) -> [Vec<usize>; 2] {
        let all = certificates.iter().map(|x| Arc::new(X509::clone(x).into())).collect();
        let (leaves, others) = split(all).unwrap();
        [leaves, others].map(|part| {
            let at =
                |x: &Arc<Certificate>| certificates.iter().position(|y| *x.get().unwrap() == **y);
            part.iter().map(|x| at(x).unwrap()).collect()
        })
    }

    #[test]
    fn leaves_are_the_certificates_that_are_no_cas_and_have_issued_none() {
        let root = Identity::root("root").certificate;
        let named = |kind| Subject::named(name_in(kind, "certpick", "Old CA")).version(0).bare();
        // Version 1 has no basic constraints. The issuer in the client's certificate has another encoding.
        let old = Identity::self_signed(named(StringKind::Printable));
        let renewed = Identity::self_signed(named(StringKind::Bmp).with_key(&old.key));
        let client = renewed.issue("client").certificate;
        let other = Identity::self_signed("other").certificate;
        let old = old.certificate;
        assert_eq!(positions(&[&root, &client, &old, &other]), [vec![1, 3], vec![0, 2]]);
        assert_eq!(positions(&[&old]), [vec![0], vec![]]);
        assert_eq!(positions(&[&root]), [vec![0], vec![]]);
        assert_eq!(positions(&[&root, &root]), [vec![], vec![0, 0]]);
        // Of two with the same name, none has issued the other.
        assert_eq!(positions(&[&old, &renewed.certificate]), [vec![0, 1], vec![]]);
    }
}
