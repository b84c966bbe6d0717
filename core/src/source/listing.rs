// SPDX-License-Identifier: MIT OR Apache-2.0
//! The credentials of a list. Later selectors over the same list use its listing again, after checking
//! the files for changes.

mod cached;

use super::bundle::SharedCertificates;
use super::checked::{Found, is_old};
use super::pem_file::FileCredential;
use super::{Source, open};
use crate::error::{Cause, Error};
use crate::file;
use crate::file::stamp::{Directory, Stats};
use crate::list::{self, Files, PasswordSet, Passwords};
use cached::{ListKey, ListName};
pub use cached::{clear as clear_cache, store};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// See the module.
#[derive(Debug)]
pub struct Listing {
    credentials: Vec<FileCredential>,
    /// What it is looked up by in the cache; `None` if it may not be there.
    key: Option<Arc<ListKey>>,
    /// Whether the name of a file depends on the working directory.
    has_relative_name: bool,
    /// The working directory in which the files were checked, if a name depends on it.
    directory: Option<Directory>,
}

/// A listing of files that have changed.
pub struct Reloaded {
    pub listing: Listing,
    /// The numbers of the credentials that were read again, in order.
    pub read: Vec<usize>,
    /// Those of them that have other certificates now.
    pub different: Vec<usize>,
}

/// A listing, and the passwords of its entries.
pub type WithPasswords = (Found<Listing>, Option<PasswordSet>);

impl Listing {
    /// Returns the listing of libpq's three lists. Counts and grammar of all three are checked before any
    /// file is read. `before` is the number of credentials that the selector has already.
    pub fn of_lists(
        sslcert: &[u8],
        sslkey: Option<&[u8]>,
        passwords: &Passwords<'_>,
        before: usize,
        use_cache: bool,
    ) -> Result<WithPasswords, Error> {
        let now = Instant::now();
        let whole = list::is_whole(sslcert);
        let name = use_cache.then(|| ListName::new(whole, sslcert, sslkey));
        if let Some((cached, checked)) = name.as_ref().and_then(cached::get) {
            let passwords = list::passwords(passwords, cached.credentials.len(), sslkey)?;
            let found = cached.up_to_date(passwords.as_ref(), before, checked, now)?;
            return Ok((found, passwords));
        }
        let files = list::files(sslcert, sslkey, whole)?;
        let passwords = list::passwords(passwords, files.len(), sslkey)?;
        let found = Listing::read(files, passwords.as_ref(), name, before, now)?;
        Ok((found, passwords))
    }

    /// Returns the listing of one certificate file, and one for its key.
    pub fn of_files(
        files: Files,
        passwords: Option<&PasswordSet>,
        before: usize,
        use_cache: bool,
    ) -> Result<Found<Listing>, Error> {
        let now = Instant::now();
        let (certificate, key) = (files.certificate.clone(), files.key.clone());
        let key = key.as_ref().map(|key| key.as_os_str().as_bytes());
        let certificate = certificate.as_os_str().as_bytes();
        let name = use_cache.then(|| ListName::new(true, certificate, key));
        if let Some((cached, checked)) = name.as_ref().and_then(cached::get) {
            return cached.up_to_date(passwords, before, checked, now);
        }
        Listing::read(vec![files], passwords, name, before, now)
    }

    fn read(
        files: Vec<Files>,
        passwords: Option<&PasswordSet>,
        name: Option<ListName<'_>>,
        before: usize,
        now: Instant,
    ) -> Result<Found<Listing>, Error> {
        let mut shared = SharedCertificates::default();
        let mut credentials = Vec::with_capacity(files.len());
        for (at, files) in files.iter().enumerate() {
            let source = Source { files, base: None, passwords, at };
            let opened = open(&source, &mut shared);
            credentials
                .push(opened.map_err(|cause| Error::Entry { number: before + at + 1, cause })?);
        }
        let key = name.map(|name| Arc::new(name.into_key()));
        let content = Arc::new(Listing::new(credentials, key, None));
        store(&content, now);
        Ok(Found { content, is_from_cache: false })
    }

    /// Returns a listing from the cache, whose files were last checked at `checked`, after checking them
    /// again if that was too long ago.
    fn up_to_date(
        self: Arc<Self>,
        passwords: Option<&PasswordSet>,
        before: usize,
        checked: Instant,
        now: Instant,
    ) -> Result<Found<Listing>, Error> {
        let is_elsewhere = self.has_relative_name && !Directory::is_current(self.directory);
        let mut content = self;
        if is_elsewhere || is_old(checked, now) {
            if let Some(reloaded) = content.reloaded(passwords, None, before, |_| false)? {
                content = Arc::new(reloaded.listing);
            }
            store(&content, now);
        }
        Ok(Found { content, is_from_cache: true })
    }

    fn new(
        credentials: Vec<FileCredential>,
        key: Option<Arc<ListKey>>,
        base: Option<&Path>,
    ) -> Listing {
        let has_relative_name = credentials.iter().any(FileCredential::has_relative_name);
        let directory = if has_relative_name { Directory::of(base) } else { None };
        Listing { credentials, key, has_relative_name, directory }
    }

    /// Checks every file, and reads those that have changed. Returns `None` if none has. `base` is the
    /// working directory when the list was added. A credential for which `may_stay` is true is kept if
    /// its file cannot be read.
    pub fn reloaded(
        &self,
        passwords: Option<&PasswordSet>,
        base: Option<&Path>,
        before: usize,
        may_stay: impl Fn(usize) -> bool,
    ) -> Result<Option<Reloaded>, Error> {
        let changed = self.changed(base);
        if changed.is_empty() {
            return Ok(None);
        }
        let mut shared = SharedCertificates::default();
        let mut credentials = self.credentials.clone();
        let (mut read, mut different) = (Vec::new(), Vec::new());
        for at in changed {
            let Some(credential) = credentials.get_mut(at) else { continue };
            match open(&Source { files: credential.files(), base, passwords, at }, &mut shared) {
                Ok(new) => {
                    if !new.bundle().is_same(credential.bundle()) {
                        different.push(at);
                    }
                    *credential = new;
                    read.push(at);
                }
                Err(Cause::CertificateFile { .. }) if may_stay(at) => {}
                Err(cause) => return Err(Error::Entry { number: before + at + 1, cause }),
            }
        }
        if read.is_empty() {
            return Ok(None);
        }
        let listing = Listing::new(credentials, self.key.clone(), base);
        Ok(Some(Reloaded { listing, read, different }))
    }

    /// The numbers of the credentials whose files are not known to be unchanged.
    fn changed(&self, base: Option<&Path>) -> Vec<usize> {
        let in_base = |credential: &FileCredential| {
            let certificate = &credential.files().certificate;
            let base = base.filter(|_| certificate.is_relative())?;
            CString::new(file::absolute(Some(base), certificate).as_os_str().as_bytes()).ok()
        };
        let mut stats = Stats::default();
        let mut changed = Vec::new();
        for (at, credential) in self.credentials.iter().enumerate() {
            let now = match in_base(credential) {
                Some(path) => Stats::default().of(&path),
                None => stats.of(credential.path()),
            };
            if credential.stamp().is_none() || now.as_ref() != credential.stamp() {
                changed.push(at);
            }
        }
        changed
    }

    fn key(&self) -> Option<&Arc<ListKey>> {
        self.key.as_ref()
    }

    /// Its credentials in the order of the list.
    pub fn credentials(&self) -> &[FileCredential] {
        &self.credentials
    }

    /// Whether the name of a file depends on the working directory.
    pub fn has_relative_name(&self) -> bool {
        self.has_relative_name
    }

    fn bytes(&self) -> usize {
        self.credentials.iter().map(FileCredential::bytes).sum()
    }
}
