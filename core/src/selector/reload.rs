// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks the files of a selector and reads the files that have changed.

use crate::credential::Group;
use crate::error::{Cause, Error};
use crate::file::absolute;
use crate::source::checked::Fetched;
use crate::source::issuers::IssuerFile;
use crate::source::watched::{FileCheck, FileCheckError, WatchedFile};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A file of the issuer pool of one selector.
#[derive(Debug)]
pub struct SelectedIssuers {
    pub file: Arc<IssuerFile>,
    pub path: PathBuf,
    /// The working directory at the time the file was added, if its name is relative.
    base: Option<PathBuf>,
    /// The file was opened for this selector.
    opened: AtomicBool,
}

impl SelectedIssuers {
    /// Returns the file for one selector, with the present working directory if `path` is relative.
    pub fn new(path: &Path, found: Fetched<IssuerFile>) -> SelectedIssuers {
        let base = if path.is_relative() { std::env::current_dir().ok() } else { None };
        let opened = AtomicBool::new(!found.is_from_cache);
        SelectedIssuers { file: found.content, path: path.to_owned(), base, opened }
    }

    /// Checks the file before a certificate from it is sent.
    pub fn check_file(&self, check: FileCheck) -> Result<(), FileCheckError> {
        let at = absolute(self.base.as_deref(), &self.path);
        let stamp = self.file.stamp();
        WatchedFile { path: &at, name: &self.path, stamp, opened: Some(&self.opened) }.check(check)
    }

    /// Reads the file again if it has changed. Returns `None` if it has not, or if it can no longer be
    /// read and was opened for this selector.
    fn reloaded(&self) -> Result<Option<SelectedIssuers>, Cause> {
        let now = Instant::now();
        let (base, path) = (self.base.as_deref(), &self.path);
        if self.file.is_unchanged(base, path) {
            self.file.store(path, now);
            return Ok(None);
        }
        match IssuerFile::read(base, path).map(Arc::new) {
            Ok(file) => {
                file.store(path, now);
                let (path, base) = (path.clone(), self.base.clone());
                Ok(Some(SelectedIssuers { file, path, base, opened: AtomicBool::new(true) }))
            }
            Err(Cause::CertificateFile { .. }) if self.opened.load(Ordering::Relaxed) => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}

/// The credentials and issuers of a selector after its files were checked.
pub struct Reloaded {
    pub groups: Vec<Arc<Group>>,
    pub issuers: Vec<Arc<SelectedIssuers>>,
    /// A file was read again.
    pub is_new: bool,
    /// A certificate has been replaced, added or removed.
    pub is_different: bool,
}

impl Reloaded {
    /// Checks every file, and reads the files that have changed.
    pub fn new(groups: &[Arc<Group>], issuers: &[Arc<SelectedIssuers>]) -> Result<Reloaded, Error> {
        let (groups, issuers) = (groups.to_vec(), issuers.to_vec());
        let mut new = Reloaded { groups, issuers, is_new: false, is_different: false };
        let mut before = 0;
        for group in &mut new.groups {
            if let Some((reloaded, is_different)) = group.reloaded(before)? {
                *group = Arc::new(reloaded);
                new.is_new = true;
                new.is_different |= is_different;
            }
            before += group.entries();
        }
        for issuers in &mut new.issuers {
            if let Some(reloaded) = issuers.reloaded().map_err(Error::Issuers)? {
                *issuers = Arc::new(reloaded);
                (new.is_new, new.is_different) = (true, true);
            }
        }
        Ok(new)
    }
}
