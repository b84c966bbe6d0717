// SPDX-License-Identifier: MIT OR Apache-2.0
//! File access without OpenSSL: regular files of bounded size, libpq's rule for key files, and stamps
//! that show whether a file has changed.

pub mod bytes;
pub mod explain;
pub mod private;
pub mod regular;
pub mod stamp;
pub mod trusted;

use bytes::FileContent;
use regular::ReadError;
use stamp::{CoarseTime, Stamp};
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// A file that was read.
pub struct Content {
    /// The content.
    pub bytes: FileContent,
    /// The stamp; `None` if a later change of the file might not change it.
    pub stamp: Option<Stamp>,
    /// The metadata of the open file.
    pub metadata: Metadata,
}

/// Reads a file of at most `max` bytes. A relative path is relative to `base`, or to the working directory.
pub fn read(base: Option<&Path>, path: &Path, max: u64) -> Result<Content, ReadError> {
    let start = CoarseTime::now();
    let (file, before) = regular::open(&absolute(base, path))?;
    let (bytes, after) = regular::read_all(&file, &before, max)?;
    Ok(Content { bytes, stamp: unchanged_stamp(&before, &after, &start), metadata: after })
}

/// Returns the stamp of a file that was read between `before` and `after`. Returns `None` if the file
/// changed in between, or if a change after `start` might not change the stamp.
pub fn unchanged_stamp(before: &Metadata, after: &Metadata, start: &CoarseTime) -> Option<Stamp> {
    let (before, after) = (Stamp::of(before), Stamp::of(after));
    (after == before && before.shows_changes_after(start)).then_some(after)
}

/// Returns whether a path names a directory. A relative path is relative to `base`, or to the working
/// directory.
pub fn is_directory(base: Option<&Path>, path: &Path) -> Result<bool, ReadError> {
    let found = absolute(base, path).metadata();
    found.map(|found| found.is_dir()).map_err(ReadError::Stat)
}

/// Returns `path`, joined to `base` if `base` is given and `path` is relative.
pub fn absolute(base: Option<&Path>, path: &Path) -> PathBuf {
    base.map_or_else(|| path.to_owned(), |base| base.join(path))
}
