// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of certificates for the issuer pool.

use super::bundle;
use super::checked::{CacheEntry, EffectiveIds, Fetched, is_stale};
use super::pem;
use crate::cache::Cache;
use crate::error::Cause;
use crate::file::stamp::{Stamp, StampReader, WorkingDirectory};
use crate::file::{self, Content};
use crate::hash;
use crate::x509::certificate::Certificate;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// certpick_cache_clear() in the header states these limits.
static ISSUER_FILES: Cache = Cache::new(256, 32 << 20);

/// The certificates of a file for the issuer pool.
#[derive(Debug)]
pub struct IssuerFile {
    certificates: Vec<Arc<Certificate>>,
    stamp: Option<Stamp>,
    /// The working directory when the file was read, if the path is relative.
    directory: Option<WorkingDirectory>,
}

/// The cache key of a file of issuers.
#[derive(PartialEq, Eq)]
struct IssuersKey {
    path: Box<[u8]>,
    ids: EffectiveIds,
}

impl IssuersKey {
    fn new(path: &Path) -> IssuersKey {
        IssuersKey { path: path.as_os_str().as_bytes().into(), ids: EffectiveIds::current() }
    }

    fn hash(&self) -> u64 {
        hash::bytes(&self.path) ^ self.ids.hash()
    }
}

impl IssuerFile {
    /// Returns the certificates of a file. Those from the cache were checked less than a second ago.
    pub fn open(path: &Path, use_cache: bool) -> Result<Fetched<IssuerFile>, Cause> {
        let now = Instant::now();
        let cached = if use_cache { IssuerFile::cached(path) } else { None };
        if let Some((cached, checked_at)) = cached {
            let is_elsewhere =
                path.is_relative() && !WorkingDirectory::is_current(cached.directory);
            let is_stale = is_elsewhere || is_stale(checked_at, now);
            if !is_stale || cached.is_unchanged(None, path) {
                if is_stale {
                    cached.store(path, now);
                }
                return Ok(Fetched { content: cached, is_from_cache: true });
            }
        }
        let file = Arc::new(IssuerFile::read(None, path)?);
        if use_cache {
            file.store(path, now);
        }
        Ok(Fetched { content: file, is_from_cache: false })
    }

    /// Reads a file. A relative path is relative to `base`, or to the working directory.
    pub fn read(base: Option<&Path>, path: &Path) -> Result<IssuerFile, Cause> {
        let Content { bytes, stamp, .. } = bundle::read_file(base, path)
            .map_err(|error| Cause::CertificateFile { file: path.to_owned(), why: error.text() })?;
        let directory = if path.is_relative() { WorkingDirectory::of(base) } else { None };
        let certificates = bundle::certificates(&bytes, path, pem::MAX_ISSUERS)?;
        Ok(IssuerFile { certificates, stamp, directory })
    }

    fn cached(path: &Path) -> Option<(Arc<IssuerFile>, Instant)> {
        let key = IssuersKey::new(path);
        let found = ISSUER_FILES.lock()?.get::<CacheEntry<IssuersKey, IssuerFile>>(key.hash())?;
        (found.key == key).then(|| (Arc::clone(&found.content), found.checked_at))
    }

    /// Stores the content in the cache. The file was read or checked for changes at `checked_at`.
    pub fn store(self: &Arc<Self>, path: &Path, checked_at: Instant) {
        let key = IssuersKey::new(path);
        let (hash, bytes) = (key.hash(), self.bytes() + key.path.len());
        let new = Arc::new(CacheEntry { key, content: Arc::clone(self), checked_at });
        let evicted = ISSUER_FILES.lock().map(|mut shelf| shelf.put(hash, new, bytes));
        drop(evicted);
    }

    /// Returns whether the stamp shows that the file is unchanged.
    pub fn is_unchanged(&self, base: Option<&Path>, path: &Path) -> bool {
        let path = CString::new(file::absolute(base, path).as_os_str().as_bytes());
        self.stamp.is_some()
            && path.is_ok_and(|path| StampReader::default().read(&path) == self.stamp)
    }

    /// Returns the certificates.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.certificates
    }

    /// Returns the file's stamp, or `None` if a change of the file might not change it.
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
