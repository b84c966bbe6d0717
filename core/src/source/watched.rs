// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checking a file whose certificates are about to be sent.
//!
//! Certificates from the cache may be a second old, and their file was not opened for this selector.
//! Opening the file shows whether the process may read it.

use crate::error::Cause;
use crate::file::regular;
use crate::file::stamp::Stamp;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileCheck {
    /// The file can be opened, and has not changed since it was read.
    Unchanged,
    /// The file can be opened. That it has not changed was checked just before.
    Readable,
}

/// Why a certificate is not sent.
#[derive(Debug)]
pub enum Unsent {
    /// Its file has changed, or may have.
    Changed,
    /// Its file cannot be read.
    Cause(Cause),
}

/// One file, as a selector knows it.
pub struct WatchedFile<'a> {
    /// Where it is.
    pub at: &'a Path,
    /// Its name in messages.
    pub name: &'a Path,
    /// Identity and times of the file; `None` if a change might not show in them.
    pub stamp: Option<&'a Stamp>,
    /// Whether it has been opened for this selector; `None`: it was read for it.
    pub opened: Option<&'a AtomicBool>,
}

impl WatchedFile<'_> {
    /// Opens the file. A selector that has read or opened it before may send its certificates even if the
    /// file has been deleted since, or can no longer be read.
    pub fn check(&self, check: FileCheck) -> Result<(), Unsent> {
        let was_opened = self.opened.is_none_or(|opened| opened.load(Ordering::Relaxed));
        match regular::open(self.at) {
            Ok((_, metadata)) => {
                if check == FileCheck::Unchanged && self.stamp != Some(&Stamp::of(&metadata)) {
                    return Err(Unsent::Changed);
                }
                if let Some(opened) = self.opened {
                    opened.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            Err(_) if was_opened => Ok(()),
            Err(error) if check == FileCheck::Unchanged && error.has_gone() => Err(Unsent::Changed),
            Err(error) => {
                let file = self.name.to_owned();
                Err(Unsent::Cause(Cause::CertificateFile { file, why: error.text() }))
            }
        }
    }
}
