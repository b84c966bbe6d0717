// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads the changed entries of a listing again.

use super::{Listing, Unfinished, entry_error};
use crate::error::{Cause, Error};
use crate::file;
use crate::file::regular::{self, ReadError};
use crate::file::stamp::StampReader;
use crate::hash::Map;
use crate::source::bundle::SharedCertificates;
use crate::source::collection::Opened;
use crate::source::listed::ListedCredential;
use crate::source::password::KeyPasswords;
use crate::source::{Source, open, pem};
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A listing after changed files were read again.
pub struct Reloaded {
    pub listing: Listing,
    /// For each credential of the listing, what it was before.
    pub origins: Vec<CredentialOrigin>,
    /// Whether a certificate has been replaced, added or removed.
    pub is_different: bool,
}

/// What a credential of a reloaded listing was before.
#[derive(Clone, Copy, Debug)]
pub struct CredentialOrigin {
    /// The index of the credential with the same certificates in the previous listing.
    pub index: Option<usize>,
    /// Whether its files were read again.
    pub is_read: bool,
}

impl Listing {
    /// Checks every file, and reads the changed entries. Returns `None` if no file has changed. `base` is the
    /// working directory when the list was added. If a changed file cannot be read, `keep_if_unreadable`
    /// returns whether to keep the entry, whose first credential has this index; otherwise it is an error.
    pub fn reloaded(
        &self,
        passwords: Option<&KeyPasswords>,
        base: Option<&Path>,
        offset: usize,
        keep_if_unreadable: impl Fn(usize) -> bool,
    ) -> Result<Option<Reloaded>, Error> {
        let changed = self.changed(base);
        if changed.is_empty() {
            return Ok(None);
        }
        let mut shared = SharedCertificates::default();
        let mut new = Unfinished::with_capacity(self.credentials.len());
        let mut origins = Vec::with_capacity(self.credentials.len());
        let mut by_path: Map<&CStr, Vec<usize>> = Map::default();
        let mut start = 0;
        for (index, entry) in self.entries.iter().enumerate() {
            let old = self.credentials.get(start..entry.end).unwrap_or_default();
            let files = entry.files(old).filter(|_| changed.binary_search(&index).is_ok());
            let opened = files.map(|files| {
                open(&Source { files, base, passwords, index, accepts: self.accepts }, &mut shared)
            });
            match opened {
                Some(Ok(opened)) => {
                    by_path.clear();
                    for (at, one) in old.iter().enumerate() {
                        by_path.entry(one.path()).or_default().push(at);
                    }
                    for credential in &opened.credentials {
                        let same =
                            by_path.get(credential.path()).into_iter().flatten().find(|at| {
                                old.get(**at).is_some_and(|one| one.is_same(credential))
                            });
                        let index = same.map(|at| start + at);
                        origins.push(CredentialOrigin { index, is_read: true });
                    }
                    new.push(opened);
                }
                Some(Err(cause))
                    if !matches!(cause, Cause::CertificateFile { .. })
                        || !keep_if_unreadable(start)
                        || files.is_some_and(|files| is_unsuitable(base, &files.certificate)) =>
                {
                    return Err(entry_error(offset, index)(cause));
                }
                Some(Err(_)) | None => {
                    let index = |at| CredentialOrigin { index: Some(at), is_read: false };
                    origins.extend((start..entry.end).map(index));
                    let collection = entry.collection.clone();
                    new.push(Opened { credentials: old.to_vec(), collection });
                }
            }
            start = entry.end;
        }
        if !origins.iter().any(|origin| origin.is_read) {
            return Ok(None);
        }
        let is_different = origins.len() != self.credentials.len()
            || origins.iter().enumerate().any(|(at, origin)| origin.index != Some(at));
        let listing = new.finish(self.accepts, self.key.clone(), base);
        Ok(Some(Reloaded { listing, origins, is_different }))
    }

    /// Returns the indices of the entries whose files may have changed.
    fn changed(&self, base: Option<&Path>) -> Vec<usize> {
        let in_base = |credential: &ListedCredential| {
            let certificate = &credential.files().certificate;
            let base = base.filter(|_| certificate.is_relative())?;
            CString::new(file::absolute(Some(base), certificate).as_os_str().as_bytes()).ok()
        };
        let mut stamps = StampReader::default();
        let mut changed = Vec::new();
        let mut start = 0;
        for (index, entry) in self.entries.iter().enumerate() {
            let first = self.credentials.get(start);
            start = entry.end;
            let has_changed = match (&entry.collection, first) {
                (Some(collection), _) => collection.has_changed(base),
                (None, Some(credential)) => {
                    let now = match in_base(credential) {
                        Some(path) => StampReader::default().read(&path),
                        None => stamps.read(credential.path()),
                    };
                    credential.stamp().is_none() || now.as_ref() != credential.stamp()
                }
                (None, None) => true,
            };
            if has_changed {
                changed.push(index);
            }
        }
        changed
    }
}

/// Returns whether there is something with this name that cannot be a file of certificates, in contrast to a
/// file that has been deleted or to which the process has lost access.
fn is_unsuitable(base: Option<&Path>, certificate: &Path) -> bool {
    match regular::open(&file::absolute(base, certificate)) {
        Ok((_, metadata)) => metadata.len() > pem::MAX_BYTES,
        Err(error) => matches!(error, ReadError::NotRegular),
    }
}
