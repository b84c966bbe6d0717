// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file of certificates for the issuer pool.

use super::certificate::Certificate;
use super::listing::Found;
use super::{file, material};
use crate::cache::{self, Directory, Stamp, Stats};
use crate::error::Cause;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// See the module.
#[derive(Debug)]
pub struct IssuerFile {
    certificates: Vec<Arc<Certificate>>,
    stamp: Option<Stamp>,
    /// The working directory in which it was read, if the name depends on it.
    directory: Option<Directory>,
}

impl IssuerFile {
    /// The file as it is now, or as it was less than a second ago.
    pub fn of(path: &Path, use_cache: bool) -> Result<Found<IssuerFile>, Cause> {
        let now = Instant::now();
        let name = path.as_os_str().as_bytes();
        let known = if use_cache { cache::issuer_file(name) } else { None };
        if let Some((known, looked)) = known {
            let is_elsewhere = path.is_relative() && !Directory::is_current(known.directory);
            let is_old = is_elsewhere || cache::is_old(looked, now);
            if !is_old || known.is_current(None, path) {
                if is_old {
                    cache::keep_issuer_file(name, &known, now);
                }
                return Ok(Found { content: known, is_from_cache: true });
            }
        }
        let file = Arc::new(IssuerFile::read(None, path)?);
        if use_cache {
            cache::keep_issuer_file(name, &file, now);
        }
        Ok(Found { content: file, is_from_cache: false })
    }

    /// Reads the file; `base` is the working directory when it was named.
    pub fn read(base: Option<&Path>, path: &Path) -> Result<IssuerFile, Cause> {
        let (bytes, stamp) = file::read(base, path)?;
        let directory = if path.is_relative() { Directory::of(base) } else { None };
        Ok(IssuerFile { certificates: material::issuers(&bytes, path)?, stamp, directory })
    }

    /// Whether the file is known to be as it was.
    pub fn is_current(&self, base: Option<&Path>, path: &Path) -> bool {
        let path = CString::new(file::absolute(base, path).as_os_str().as_bytes());
        self.stamp.is_some() && path.is_ok_and(|path| Stats::default().of(&path) == self.stamp)
    }

    /// Its certificates.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.certificates
    }

    /// By which the file is known to be as it was; `None` if that is not sure.
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// How much memory it takes, about.
    pub fn bytes(&self) -> usize {
        self.certificates.iter().map(|x| x.bytes()).sum()
    }
}
