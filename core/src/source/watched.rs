// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks a file before its certificates are sent.
//!
//! Certificates from the cache may be a second old, and the file was not opened for this selector. Opening
//! the file shows whether the process may read it.

use crate::error::Cause;
use crate::file::regular::{self, ReadError};
use crate::file::stamp::Stamp;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The property of a file that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileCheck {
    /// The file can be opened, and has not changed since it was read.
    Unchanged,
    /// The file can be opened. The caller has checked for changes.
    Readable,
}

/// The reason for which a certificate is not sent.
#[derive(Debug)]
pub enum FileCheckError {
    /// The file may have changed.
    Changed,
    /// The file cannot be opened.
    Cause(Cause),
}

/// A file of a selector.
pub struct WatchedFile<'a> {
    /// The path, relative to the current working directory.
    pub path: &'a Path,
    /// The file's name in errors.
    pub name: &'a Path,
    /// The file's stamp; `None` if a change of the file might not change it.
    pub stamp: Option<&'a Stamp>,
    /// Whether the file has been opened for this selector; `None` if the selector has read it.
    pub opened: Option<&'a AtomicBool>,
}

impl WatchedFile<'_> {
    /// Opens the file. Ignores that it cannot be opened if the selector has read or opened the file before, so that its
    /// certificates can be sent after the file has been deleted.
    pub fn check(&self, check: FileCheck) -> Result<(), FileCheckError> {
        let was_opened = self.opened.is_none_or(|opened| opened.load(Ordering::Relaxed));
        match regular::open(self.path) {
            Ok((_, metadata)) => {
                if check == FileCheck::Unchanged && self.stamp != Some(&Stamp::of(&metadata)) {
                    return Err(FileCheckError::Changed);
                }
                if let Some(opened) = self.opened {
                    opened.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            Err(ReadError::Stat(_) | ReadError::Io(_)) if was_opened => Ok(()),
            Err(error) if check == FileCheck::Unchanged && error.is_missing() => {
                Err(FileCheckError::Changed)
            }
            Err(error) => {
                let file = self.name.to_owned();
                Err(FileCheckError::Cause(Cause::CertificateFile { file, why: error.text() }))
            }
        }
    }
}
