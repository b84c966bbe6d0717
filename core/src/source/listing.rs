// SPDX-License-Identifier: MIT OR Apache-2.0
//! The credentials of a list. Later selectors with the same list reuse its listing after they have checked
//! the files for changes.

mod cached;

use super::bundle::SharedCertificates;
use super::checked::{Fetched, is_stale};
use super::pem_file::FileCredential;
use super::{Source, open};
use crate::error::{Cause, Error};
use crate::file;
use crate::file::stamp::{StampReader, WorkingDirectory};
use crate::list::{self, Files, PasswordSet, Passwords};
use cached::{ListKey, ListKeyRef};
pub use cached::{clear as clear_cache, store};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// The credentials of a list.
#[derive(Debug)]
pub struct Listing {
    credentials: Vec<FileCredential>,
    /// The cache key; `None` if the listing must not be in the cache.
    key: Option<Arc<ListKey>>,
    /// Whether the path of a file is relative.
    has_relative_path: bool,
    /// The working directory when the files were checked, if a path is relative.
    directory: Option<WorkingDirectory>,
}

/// A listing after changed files were read again.
pub struct Reloaded {
    pub listing: Listing,
    /// The indices of the credentials that were read again, in ascending order.
    pub read: Vec<usize>,
    /// The indices of the credentials whose certificates are different now, in ascending order.
    pub different: Vec<usize>,
}

/// A listing, and the passwords of its entries.
pub type WithPasswords = (Fetched<Listing>, Option<PasswordSet>);

impl Listing {
    /// Returns the listing of libpq's three lists. Counts and grammar of all three are checked before any
    /// file is read. `offset` is the number of credentials that precede the list in the selector; entry
    /// numbers in errors include it.
    pub fn of_lists(
        sslcert: &[u8],
        sslkey: Option<&[u8]>,
        passwords: &Passwords<'_>,
        offset: usize,
        use_cache: bool,
    ) -> Result<WithPasswords, Error> {
        let now = Instant::now();
        let is_single_file = list::is_existing_file(sslcert);
        let key = use_cache.then(|| ListKeyRef::new(is_single_file, sslcert, sslkey));
        if let Some((cached, checked_at)) = key.as_ref().and_then(cached::get) {
            let passwords = list::passwords(passwords, cached.credentials.len(), sslkey)?;
            let listing = cached.refreshed(passwords.as_ref(), offset, checked_at, now)?;
            return Ok((listing, passwords));
        }
        let files = list::files(sslcert, sslkey, is_single_file)?;
        let passwords = list::passwords(passwords, files.len(), sslkey)?;
        let listing = Listing::read(files, passwords.as_ref(), key, offset, now)?;
        Ok((listing, passwords))
    }

    /// Like [`Listing::of_lists`], for one certificate file and the file of its key.
    pub fn of_files(
        files: Files,
        passwords: Option<&PasswordSet>,
        offset: usize,
        use_cache: bool,
    ) -> Result<Fetched<Listing>, Error> {
        let now = Instant::now();
        let Files { certificate, key } = files.clone();
        let sslkey = key.as_ref().map(|key| key.as_os_str().as_bytes());
        let sslcert = certificate.as_os_str().as_bytes();
        let key = use_cache.then(|| ListKeyRef::new(true, sslcert, sslkey));
        if let Some((cached, checked_at)) = key.as_ref().and_then(cached::get) {
            return cached.refreshed(passwords, offset, checked_at, now);
        }
        Listing::read(vec![files], passwords, key, offset, now)
    }

    fn read(
        files: Vec<Files>,
        passwords: Option<&PasswordSet>,
        key: Option<ListKeyRef<'_>>,
        offset: usize,
        now: Instant,
    ) -> Result<Fetched<Listing>, Error> {
        let mut shared = SharedCertificates::default();
        let mut credentials = Vec::with_capacity(files.len());
        for (index, files) in files.iter().enumerate() {
            let source = Source { files, base: None, passwords, index };
            let credential = open(&source, &mut shared)
                .map_err(|cause| Error::Entry { number: offset + index + 1, cause })?;
            credentials.push(credential);
        }
        let key = key.map(|key| Arc::new(key.into_owned()));
        let content = Arc::new(Listing::new(credentials, key, None));
        store(&content, now);
        Ok(Fetched { content, is_from_cache: false })
    }

    /// Returns a listing from the cache. Its files were last checked at `checked_at`, and are checked again
    /// if the listing is stale or was read in another working directory.
    fn refreshed(
        self: Arc<Self>,
        passwords: Option<&PasswordSet>,
        offset: usize,
        checked_at: Instant,
        now: Instant,
    ) -> Result<Fetched<Listing>, Error> {
        let is_elsewhere = self.has_relative_path && !WorkingDirectory::is_current(self.directory);
        let mut content = self;
        if is_elsewhere || is_stale(checked_at, now) {
            if let Some(reloaded) = content.reloaded(passwords, None, offset, |_| false)? {
                content = Arc::new(reloaded.listing);
            }
            store(&content, now);
        }
        Ok(Fetched { content, is_from_cache: true })
    }

    fn new(
        credentials: Vec<FileCredential>,
        key: Option<Arc<ListKey>>,
        base: Option<&Path>,
    ) -> Listing {
        let has_relative_path = credentials.iter().any(FileCredential::has_relative_path);
        let directory = if has_relative_path { WorkingDirectory::of(base) } else { None };
        Listing { credentials, key, has_relative_path, directory }
    }

    /// Checks every file, and reads the changed ones. Returns `None` if no file has changed. `base` is the
    /// working directory when the list was added. If a changed file cannot be read, `keep_if_unreadable`
    /// returns whether to keep the credential with this index; otherwise it is an error.
    pub fn reloaded(
        &self,
        passwords: Option<&PasswordSet>,
        base: Option<&Path>,
        offset: usize,
        keep_if_unreadable: impl Fn(usize) -> bool,
    ) -> Result<Option<Reloaded>, Error> {
        let changed = self.changed(base);
        if changed.is_empty() {
            return Ok(None);
        }
        let mut shared = SharedCertificates::default();
        let mut credentials = self.credentials.clone();
        let (mut read, mut different) = (Vec::new(), Vec::new());
        for index in changed {
            let Some(credential) = credentials.get_mut(index) else { continue };
            match open(&Source { files: credential.files(), base, passwords, index }, &mut shared) {
                Ok(new) => {
                    if !new.bundle().is_same(credential.bundle()) {
                        different.push(index);
                    }
                    *credential = new;
                    read.push(index);
                }
                Err(Cause::CertificateFile { .. }) if keep_if_unreadable(index) => {}
                Err(cause) => return Err(Error::Entry { number: offset + index + 1, cause }),
            }
        }
        if read.is_empty() {
            return Ok(None);
        }
        let listing = Listing::new(credentials, self.key.clone(), base);
        Ok(Some(Reloaded { listing, read, different }))
    }

    /// Returns the indices of the credentials whose files may have changed.
    fn changed(&self, base: Option<&Path>) -> Vec<usize> {
        let in_base = |credential: &FileCredential| {
            let certificate = &credential.files().certificate;
            let base = base.filter(|_| certificate.is_relative())?;
            CString::new(file::absolute(Some(base), certificate).as_os_str().as_bytes()).ok()
        };
        let mut stamps = StampReader::default();
        let mut changed = Vec::new();
        for (index, credential) in self.credentials.iter().enumerate() {
            let now = match in_base(credential) {
                Some(path) => StampReader::default().read(&path),
                None => stamps.read(credential.path()),
            };
            if credential.stamp().is_none() || now.as_ref() != credential.stamp() {
                changed.push(index);
            }
        }
        changed
    }

    fn key(&self) -> Option<&Arc<ListKey>> {
        self.key.as_ref()
    }

    /// Returns the credentials in the order of the list.
    pub fn credentials(&self) -> &[FileCredential] {
        &self.credentials
    }

    /// Returns whether the path of a file is relative.
    pub fn has_relative_path(&self) -> bool {
        self.has_relative_path
    }

    fn bytes(&self) -> usize {
        self.credentials.iter().map(FileCredential::bytes).sum()
    }
}
