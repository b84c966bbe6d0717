// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates in the files of a list. Later selectors over the same list use them again, after
//! checking the files for changes.

use super::material::{Known, Material};
use super::{file, pem};
use crate::cache::{self, Directory, ListKey, ListName, Stamp, Stats};
use crate::error::{Cause, Error};
use crate::list::Names;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    pub names: Names,
    pub material: Arc<Material>,
    /// The certificate's file, for the system.
    path: CString,
    /// By which it is known to be as it was; `None` if that is not sure.
    stamp: Option<Stamp>,
}

/// See the module.
#[derive(Debug)]
pub struct Listing {
    entries: Vec<Entry>,
    /// The lists that it is of, for the cache.
    key: Option<Arc<ListKey>>,
    /// Whether the name of a file depends on the working directory.
    has_relative_name: bool,
    /// The working directory in which the files were checked, if a name depends on it.
    directory: Option<Directory>,
}

/// What files hold, and how that is known.
pub struct Found<T> {
    /// What they hold.
    pub content: Arc<T>,
    /// Whether some of it is from the cache: those files were not opened.
    pub is_from_cache: bool,
}

/// A listing of files that have changed.
pub struct Renewed {
    pub listing: Listing,
    /// The entries that were read again, in order.
    pub read: Vec<usize>,
    /// Those of them whose certificates are others now.
    pub different: Vec<usize>,
}

impl Listing {
    /// What libpq's two lists name. `before`: how many entries the selector has already. `matched`
    /// gets the number of entries before any file is read, and its result goes along.
    pub fn of_lists<T>(
        certificates: &[u8],
        keys: Option<&[u8]>,
        before: usize,
        use_cache: bool,
        matched: impl FnOnce(usize) -> Result<T, Error>,
    ) -> Result<(Found<Listing>, T), Error> {
        let whole = crate::list::is_whole(certificates);
        let name = use_cache.then(|| ListName::new(whole, certificates, keys));
        Listing::of(name, before, matched, || crate::list::names(certificates, keys, whole))
    }

    /// One certificate's file, and one for its key.
    pub fn of_files(names: Names, before: usize, use_cache: bool) -> Result<Found<Listing>, Error> {
        let (certificate, key) = (names.certificate.clone(), names.key.clone());
        let key = key.as_ref().map(|key| key.as_os_str().as_bytes());
        let certificate = certificate.as_os_str().as_bytes();
        let name = use_cache.then(|| ListName::new(true, certificate, key));
        Listing::of(name, before, |_| Ok(()), || Ok(vec![names])).map(|(listing, ())| listing)
    }

    fn of<T>(
        name: Option<ListName<'_>>,
        before: usize,
        matched: impl FnOnce(usize) -> Result<T, Error>,
        names: impl FnOnce() -> Result<Vec<Names>, Error>,
    ) -> Result<(Found<Listing>, T), Error> {
        let now = Instant::now();
        let Some((known, looked)) = name.as_ref().and_then(cache::listing) else {
            let names = names()?;
            let result = matched(names.len())?;
            let mut known = Known::default();
            let read = |(at, names)| {
                let entry = Entry::read(names, None, &mut known);
                entry.map_err(|cause| Error::Entry { number: before + at + 1, cause })
            };
            let mut entries =
                names.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
            entries.shrink_to_fit();
            let key = name.map(|name| Arc::new(name.into_key()));
            let listing = Arc::new(Listing::new(entries, key, None));
            cache::keep_listing(&listing, now);
            return Ok((Found { content: listing, is_from_cache: false }, result));
        };
        let result = matched(known.entries.len())?;
        let is_elsewhere = known.has_relative_name && !Directory::is_current(known.directory);
        if is_elsewhere || cache::is_old(looked, now) {
            if let Some(Renewed { listing, .. }) = known.renewed(None, before, |_| false)? {
                let content = Arc::new(listing);
                cache::keep_listing(&content, now);
                return Ok((Found { content, is_from_cache: true }, result));
            }
            cache::keep_listing(&known, now);
        }
        Ok((Found { content: known, is_from_cache: true }, result))
    }

    fn new(entries: Vec<Entry>, key: Option<Arc<ListKey>>, base: Option<&Path>) -> Listing {
        let is_relative =
            |e: &Entry| e.key_path().is_relative() || e.names.certificate.is_relative();
        let has_relative_name = entries.iter().any(is_relative);
        let directory = if has_relative_name { Directory::of(base) } else { None };
        Listing { entries, key, has_relative_name, directory }
    }

    /// Checks every file, and reads those that have changed. Returns `None` if none has. `base` is the
    /// working directory when the list was added. An entry for which `may_stay` is true is kept if its
    /// file cannot be read.
    pub fn renewed(
        &self,
        base: Option<&Path>,
        before: usize,
        may_stay: impl Fn(usize) -> bool,
    ) -> Result<Option<Renewed>, Error> {
        let changed = self.changed(base);
        if changed.is_empty() {
            return Ok(None);
        }
        let mut known = Known::default();
        let mut entries = self.entries.clone();
        let (mut read, mut different) = (Vec::new(), Vec::new());
        for at in changed {
            let Some(entry) = entries.get_mut(at) else { continue };
            match Entry::read(entry.names.clone(), base, &mut known) {
                Ok(new) => {
                    if !new.material.is_same(&entry.material) {
                        different.push(at);
                    }
                    *entry = new;
                    read.push(at);
                }
                Err(Cause::CertificateFile { .. }) if may_stay(at) => {}
                Err(cause) => return Err(Error::Entry { number: before + at + 1, cause }),
            }
        }
        if read.is_empty() {
            return Ok(None);
        }
        let listing = Listing::new(entries, self.key.clone(), base);
        Ok(Some(Renewed { listing, read, different }))
    }

    /// The entries whose files are not known to be as they were.
    fn changed(&self, base: Option<&Path>) -> Vec<usize> {
        let in_base = |entry: &Entry| {
            let base = base.filter(|_| entry.names.certificate.is_relative())?;
            let path = file::absolute(Some(base), &entry.names.certificate);
            CString::new(path.as_os_str().as_bytes()).ok()
        };
        let mut stats = Stats::default();
        let mut changed = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let now = match in_base(entry) {
                Some(path) => Stats::default().of(&path),
                None => stats.of(&entry.path),
            };
            if entry.stamp.is_none() || now != entry.stamp {
                changed.push(at);
            }
        }
        changed
    }

    /// The lists that it is of, if it may be in the cache.
    pub fn key(&self) -> Option<&Arc<ListKey>> {
        self.key.as_ref()
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the name of a file depends on the working directory.
    pub fn has_relative_name(&self) -> bool {
        self.has_relative_name
    }

    /// How much memory it takes, about.
    pub fn bytes(&self) -> usize {
        let entry = |e: &Entry| {
            let companions = e.material.companions.iter().map(|x| x.bytes()).sum::<usize>();
            size_of::<Entry>()
                + size_of::<Material>()
                + 2 * e.path.as_bytes().len()
                + e.names.key.as_ref().map_or(0, |k| k.as_os_str().len())
                + e.material.leaf.bytes()
                + companions
        };
        self.entries.iter().map(entry).sum()
    }
}

impl Entry {
    /// Reads the certificate's file. The key is read when it is needed; a certificate without a
    /// key file must have the key in its own.
    fn read(names: Names, base: Option<&Path>, known: &mut Known) -> Result<Entry, Cause> {
        let path = &names.certificate;
        let (bytes, stamp) = file::read(base, path)?;
        let material = Arc::new(Material::read(&bytes, path, known)?);
        if names.key.is_none() && !pem::has_private_key(&bytes) {
            return Err(Cause::NoKeyBesideCertificate(path.clone()));
        }
        // A name with a zero byte in it has not been read.
        let path = CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
        Ok(Entry { names, material, path, stamp })
    }

    /// The file of the key: its own, or the certificate's.
    pub fn key_path(&self) -> &Path {
        self.names.key.as_deref().unwrap_or(&self.names.certificate)
    }

    /// See [`Entry`].
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }
}
