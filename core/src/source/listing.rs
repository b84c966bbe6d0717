// SPDX-License-Identifier: MIT OR Apache-2.0
//! The credentials of a list. Later selectors with the same list reuse its listing after they have checked
//! the files for changes.

mod cached;
mod reload;

use super::bundle::SharedCertificates;
use super::checked::{Fetched, is_stale};
use super::collection::{Collection, Opened};
use super::listed::{KeySource, ListedCredential};
use super::password::KeyPasswords;
use super::{Accepts, Source, open, store};
use crate::error::{Cause, Error};
use crate::file::stamp::WorkingDirectory;
use crate::list::{self, Files, Passwords};
use cached::{ListKey, ListKeyRef};
pub use cached::{clear as clear_cache, put};
pub use reload::{CredentialOrigin, Reloaded};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The credentials of a list.
#[derive(Debug)]
pub struct Listing {
    /// In the order of the entries.
    credentials: Vec<ListedCredential>,
    entries: Vec<ListedEntry>,
    /// Whether an entry is a directory.
    has_directory: bool,
    accepts: Accepts,
    /// The cache key; `None` if the listing must not be in the cache.
    key: Option<Arc<ListKey>>,
    /// Whether the path of a file is relative.
    has_relative_path: bool,
    /// The working directory when the files were checked, if a path is relative.
    directory: Option<WorkingDirectory>,
}

/// An entry of a list.
#[derive(Clone, Debug)]
struct ListedEntry {
    /// The index of the first credential after those of the entry.
    end: usize,
    /// `None` if the entry is one PEM file.
    collection: Option<Box<Collection>>,
}

/// The entries of a configuration file.
#[derive(Debug)]
pub struct Entries {
    files: Box<[Files]>,
    /// The names of the certificate files, and of the key files and password files, each followed by a NUL,
    /// which no other list contains.
    sslcert: Box<[u8]>,
    sslkey: Box<[u8]>,
}

impl Entries {
    /// Returns the entries with these files and password files.
    pub fn new(files: Vec<Files>, password_files: &[Option<PathBuf>]) -> Entries {
        let (mut sslcert, mut sslkey) = (Vec::new(), Vec::new());
        for (Files { certificate, key }, password_file) in files.iter().zip(password_files) {
            sslcert.extend_from_slice(certificate.as_os_str().as_bytes());
            sslcert.push(0);
            for file in [key, password_file] {
                sslkey.extend(file.iter().flat_map(|file| file.as_os_str().as_bytes()));
                sslkey.push(0);
            }
        }
        Entries { files: files.into(), sslcert: sslcert.into(), sslkey: sslkey.into() }
    }
}

/// A listing, and the passwords of its entries.
pub type WithPasswords = (Fetched<Listing>, Option<KeyPasswords>);

impl Listing {
    /// Returns the listing of libpq's three lists. Counts and grammar of all three are checked before any
    /// file is read. `offset` is the number of entries that precede the list in the selector; entry numbers
    /// in errors include it.
    pub fn of_lists(
        sslcert: &[u8],
        sslkey: Option<&[u8]>,
        passwords: &Passwords<'_>,
        accepts: Accepts,
        offset: usize,
        use_cache: bool,
    ) -> Result<WithPasswords, Error> {
        let now = Instant::now();
        let is_single_file = list::is_existing_file(sslcert);
        let key = use_cache.then(|| ListKeyRef::new(is_single_file, accepts, sslcert, sslkey));
        if let Some((cached, checked_at)) = key.as_ref().and_then(cached::get) {
            let passwords = list::passwords(passwords, cached.entries.len(), sslkey)?;
            let passwords = passwords.map(KeyPasswords::Set);
            if cached.has_passwords(passwords.as_ref()) {
                let listing = cached.refreshed(passwords.as_ref(), offset, checked_at, now)?;
                return Ok((listing, passwords));
            }
        }
        let files = list::files(sslcert, sslkey, is_single_file)?;
        let passwords = list::passwords(passwords, files.len(), sslkey)?.map(KeyPasswords::Set);
        let listing = Listing::read(files, passwords.as_ref(), accepts, key, offset, now)?;
        Ok((listing, passwords))
    }

    /// Like [`Listing::of_lists`], for the entries of a configuration file.
    pub fn of_entries(
        entries: &Entries,
        passwords: Option<&KeyPasswords>,
        offset: usize,
        use_cache: bool,
    ) -> Result<Fetched<Listing>, Error> {
        let now = Instant::now();
        let key = ListKeyRef::new(false, Accepts::Any, &entries.sslcert, Some(&entries.sslkey));
        let key = use_cache.then_some(key);
        if let Some((cached, checked_at)) = key.as_ref().and_then(cached::get) {
            return cached.refreshed(passwords, offset, checked_at, now);
        }
        Listing::read(entries.files.to_vec(), passwords, Accepts::Any, key, offset, now)
    }

    /// Like [`Listing::of_lists`], for one entry, whose names are neither split nor unquoted.
    pub fn of_entry(
        files: Files,
        passwords: Option<&KeyPasswords>,
        accepts: Accepts,
        offset: usize,
        use_cache: bool,
    ) -> Result<Fetched<Listing>, Error> {
        let now = Instant::now();
        let Files { certificate, key } = files.clone();
        let sslkey = key.as_ref().map(|key| key.as_os_str().as_bytes());
        let sslcert = certificate.as_os_str().as_bytes();
        let key = use_cache.then(|| ListKeyRef::new(true, accepts, sslcert, sslkey));
        let cached = key.as_ref().and_then(cached::get);
        if let Some((cached, checked_at)) =
            cached.filter(|(cached, _)| cached.has_passwords(passwords))
        {
            return cached.refreshed(passwords, offset, checked_at, now);
        }
        Listing::read(vec![files], passwords, accepts, key, offset, now)
    }

    fn read(
        files: Vec<Files>,
        passwords: Option<&KeyPasswords>,
        accepts: Accepts,
        key: Option<ListKeyRef<'_>>,
        offset: usize,
        now: Instant,
    ) -> Result<Fetched<Listing>, Error> {
        let mut shared = SharedCertificates::default();
        let mut new = Unfinished::with_capacity(files.len());
        for (index, files) in files.iter().enumerate() {
            let source = Source { files, base: None, passwords, index, accepts };
            new.push(open(&source, &mut shared).map_err(entry_error(offset, index))?);
        }
        for credential in &new.credentials {
            if let KeySource::Uri { uri, .. } = credential.key_source() {
                store::open_early(uri);
            }
        }
        let key = key.map(|key| Arc::new(key.into_owned()));
        let content = Arc::new(new.finish(accepts, key, None));
        put(&content, now);
        Ok(Fetched { content, is_from_cache: false })
    }

    /// Returns a listing from the cache. Its files were last checked at `checked_at`, and are checked again
    /// if the listing is stale, a directory has changed, or it was read in another working directory.
    fn refreshed(
        self: Arc<Self>,
        passwords: Option<&KeyPasswords>,
        offset: usize,
        checked_at: Instant,
        now: Instant,
    ) -> Result<Fetched<Listing>, Error> {
        let is_elsewhere = self.has_relative_path && !WorkingDirectory::is_current(self.directory);
        let mut content = self;
        if is_elsewhere || is_stale(checked_at, now) || content.has_changed_directory(None) {
            if let Some(reloaded) = content.reloaded(passwords, None, offset, |_| false)? {
                content = Arc::new(reloaded.listing);
            }
            put(&content, now);
        }
        Ok(Fetched { content, is_from_cache: true })
    }

    /// Returns whether these passwords are those that decrypted certificates.
    fn has_passwords(&self, passwords: Option<&KeyPasswords>) -> bool {
        self.entries.iter().enumerate().all(|(index, entry)| {
            let collection = entry.collection.as_deref();
            let Some(mark) = collection.and_then(|c| c.password.as_ref()) else { return true };
            let password = passwords.map_or(Ok(None), |passwords| passwords.get(index));
            password.is_ok_and(|password| mark.matches(password.as_ref()))
        })
    }

    /// Returns whether a directory may have gained or lost files. `base` is the working directory when the
    /// list was added.
    pub fn has_changed_directory(&self, base: Option<&Path>) -> bool {
        self.has_directory
            && self.collections().any(|collection| collection.has_changed_directory(base))
    }

    fn collections(&self) -> impl Iterator<Item = &Collection> {
        self.entries.iter().filter_map(|entry| entry.collection.as_deref())
    }

    fn key(&self) -> Option<&Arc<ListKey>> {
        self.key.as_ref()
    }

    /// Returns what the entries may be.
    pub fn accepts(&self) -> Accepts {
        self.accepts
    }

    /// Returns the number of entries.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of credentials of each entry.
    pub fn entry_sizes(&self) -> impl Iterator<Item = usize> {
        self.entries.iter().scan(0, |start, entry| {
            let size = entry.end.saturating_sub(*start);
            *start = entry.end;
            Some(size)
        })
    }

    /// Returns the credentials in the order of the list.
    pub fn credentials(&self) -> &[ListedCredential] {
        &self.credentials
    }

    /// Returns whether the path of a file is relative.
    pub fn has_relative_path(&self) -> bool {
        self.has_relative_path
    }

    fn bytes(&self) -> usize {
        self.credentials.iter().map(ListedCredential::bytes).sum::<usize>()
            + self.entries.len() * size_of::<ListedEntry>()
            + self.collections().map(Collection::bytes).sum::<usize>()
    }
}

impl ListedEntry {
    /// Returns the files as the list names them. `credentials` are those of the entry.
    fn files<'a>(&'a self, credentials: &'a [ListedCredential]) -> Option<&'a Files> {
        match &self.collection {
            Some(collection) => Some(&collection.files),
            None => credentials.first().map(ListedCredential::files),
        }
    }
}

/// A listing to which entries are added.
struct Unfinished {
    credentials: Vec<ListedCredential>,
    entries: Vec<ListedEntry>,
}

impl Unfinished {
    fn with_capacity(count: usize) -> Unfinished {
        Unfinished { credentials: Vec::with_capacity(count), entries: Vec::with_capacity(count) }
    }

    fn push(&mut self, opened: Opened) {
        let entry = self.entries.len();
        self.credentials.extend(opened.credentials.into_iter().map(|mut credential| {
            credential.entry = entry;
            credential
        }));
        let end = self.credentials.len();
        self.entries.push(ListedEntry { end, collection: opened.collection });
    }

    fn finish(self, accepts: Accepts, key: Option<Arc<ListKey>>, base: Option<&Path>) -> Listing {
        let Unfinished { credentials, entries } = self;
        let has_relative_path = credentials.iter().any(ListedCredential::has_relative_path);
        let directory = if has_relative_path { WorkingDirectory::of(base) } else { None };
        let has_directory = entries
            .iter()
            .any(|entry| entry.collection.as_ref().is_some_and(|c| !c.directories.is_empty()));
        Listing { credentials, entries, has_directory, accepts, key, has_relative_path, directory }
    }
}

/// Returns a function that adds the number of an entry to the cause of an error.
fn entry_error(offset: usize, index: usize) -> impl FnOnce(Cause) -> Error {
    move |cause| Error::Entry { number: offset + index + 1, cause }
}
