// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file of certificates for the issuer pool.

use super::bundle;
use super::checked::{Checked, EffectiveIds, Found, is_old};
use super::pem;
use crate::cache::Cache;
use crate::error::Cause;
use crate::file;
use crate::file::stamp::{Directory, Stamp, Stats};
use crate::hash;
use crate::x509::certificate::Certificate;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// certpick_cache_clear() in the header states these limits.
static ISSUER_FILES: Cache = Cache::new(256, 32 << 20);

/// See the module.
#[derive(Debug)]
pub struct IssuerFile {
    certificates: Vec<Arc<Certificate>>,
    stamp: Option<Stamp>,
    /// The working directory in which it was read, if the name depends on it.
    directory: Option<Directory>,
}

/// What a file of issuers is looked up by.
#[derive(PartialEq, Eq)]
struct IssuersKey {
    path: Box<[u8]>,
    ids: EffectiveIds,
}

impl IssuersKey {
    fn new(path: &Path) -> IssuersKey {
        IssuersKey { path: path.as_os_str().as_bytes().into(), ids: EffectiveIds::now() }
    }

    fn hash(&self) -> u64 {
        hash::bytes(&self.path) ^ self.ids.hash()
    }
}

impl IssuerFile {
    /// Returns the file as it is now, or as it was less than a second ago.
    pub fn open(path: &Path, use_cache: bool) -> Result<Found<IssuerFile>, Cause> {
        let now = Instant::now();
        let cached = if use_cache { IssuerFile::cached(path) } else { None };
        if let Some((cached, checked)) = cached {
            let is_elsewhere = path.is_relative() && !Directory::is_current(cached.directory);
            let is_old = is_elsewhere || is_old(checked, now);
            if !is_old || cached.is_current(None, path) {
                if is_old {
                    cached.store(path, now);
                }
                return Ok(Found { content: cached, is_from_cache: true });
            }
        }
        let file = Arc::new(IssuerFile::read(None, path)?);
        if use_cache {
            file.store(path, now);
        }
        Ok(Found { content: file, is_from_cache: false })
    }

    /// Reads the file; `base` is the working directory when it was named.
    pub fn read(base: Option<&Path>, path: &Path) -> Result<IssuerFile, Cause> {
        let (bytes, stamp) = bundle::read_file(base, path)?;
        let directory = if path.is_relative() { Directory::of(base) } else { None };
        let certificates = bundle::certificates(&bytes, path, pem::MAX_ISSUERS)?;
        Ok(IssuerFile { certificates, stamp, directory })
    }

    fn cached(path: &Path) -> Option<(Arc<IssuerFile>, Instant)> {
        let key = IssuersKey::new(path);
        let found = ISSUER_FILES.lock()?.get::<Checked<IssuersKey, IssuerFile>>(key.hash())?;
        (found.key == key).then(|| (Arc::clone(&found.content), found.at))
    }

    /// Stores it in the cache; `checked` is when it was read or checked for changes.
    pub fn store(self: &Arc<Self>, path: &Path, checked: Instant) {
        let key = IssuersKey::new(path);
        let (hash, bytes) = (key.hash(), self.bytes() + key.path.len());
        let new = Arc::new(Checked { key, content: Arc::clone(self), at: checked });
        let evicted = ISSUER_FILES.lock().map(|mut shelf| shelf.put(hash, new, bytes));
        drop(evicted);
    }

    /// Returns whether the file is known to be unchanged.
    pub fn is_current(&self, base: Option<&Path>, path: &Path) -> bool {
        let path = CString::new(file::absolute(base, path).as_os_str().as_bytes());
        self.stamp.is_some() && path.is_ok_and(|path| Stats::default().of(&path) == self.stamp)
    }

    /// Its certificates.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.certificates
    }

    /// Identity and timestamps of the file; `None` if a change might not show in them.
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    fn bytes(&self) -> usize {
        self.certificates.iter().map(|x| x.bytes()).sum()
    }
}

/// Empties the cache.
pub fn clear_cache() {
    ISSUER_FILES.clear();
}
