// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looking at a file whose certificates are about to be sent.
//!
//! What came from the cache was not opened for this selector, and may be up to a second old. The
//! process may also have lost the right to read the file, which only opening it shows.

use super::pem;
use crate::cache::Stamp;
use crate::error::Cause;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What to find out about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Whether it can be opened and is as it was when it was read.
    Unchanged,
    /// Whether it can be opened: it was looked at just now.
    Readable,
}

/// Why what a file held is not sent.
#[derive(Debug)]
pub enum Unsent {
    /// The file is another one now, or may be.
    Changed,
    /// It cannot be read.
    Cause(Cause),
}

/// One file, as a selector knows it.
pub struct Watched<'a> {
    /// Where it is.
    pub at: &'a Path,
    /// Its name in messages.
    pub name: &'a Path,
    /// By which it is known to be as it was; `None` if that is not sure.
    pub stamp: Option<&'a Stamp>,
    /// Whether it has been opened for this selector; `None`: it was read for it.
    pub opened: Option<&'a AtomicBool>,
}

impl Watched<'_> {
    /// Opens the file. A selector that has read it, or opened it before, goes on with what it has where
    /// the file has been deleted since, or may no longer be read.
    pub fn look(&self, look: Look) -> Result<(), Unsent> {
        let was_opened = self.opened.is_none_or(|opened| opened.load(Ordering::Relaxed));
        match pem::open_regular(self.at) {
            Ok((_, metadata)) => {
                if look == Look::Unchanged && self.stamp != Some(&Stamp::of(&metadata)) {
                    return Err(Unsent::Changed);
                }
                if let Some(opened) = self.opened {
                    opened.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            Err(_) if was_opened => Ok(()),
            Err(error) if look == Look::Unchanged && error.has_gone() => Err(Unsent::Changed),
            Err(error) => {
                let file = self.name.to_owned();
                Err(Unsent::Cause(Cause::CertificateFile { file, why: error.text() }))
            }
        }
    }
}
