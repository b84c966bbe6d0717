// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files: regular files of bounded size, the rule for key files, and how a file is known to be
//! unchanged. Nothing here knows OpenSSL.

pub mod bytes;
pub mod explain;
pub mod private;
pub mod regular;
pub mod stamp;
pub mod trusted;

use bytes::Wiped;
use regular::ReadError;
use stamp::{Moment, Stamp};
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// Reads a file of at most `max` bytes. Returns its content, and its stamp if every later change will
/// show in it. `base` is the working directory when the file was named.
pub fn read(
    base: Option<&Path>,
    path: &Path,
    max: u64,
) -> Result<(Wiped, Option<Stamp>), ReadError> {
    let before = Moment::now();
    let (file, metadata) = regular::open(&absolute(base, path))?;
    let (bytes, after) = regular::read_all(&file, &metadata, max)?;
    Ok((bytes, unchanged_stamp(&metadata, &after, &before)))
}

/// Returns the stamp of a file that was read between `before` and `after`; `None` if it changed in
/// between, or if a change after `moment` might not show in the stamp.
pub fn unchanged_stamp(before: &Metadata, after: &Metadata, moment: &Moment) -> Option<Stamp> {
    let (before, after) = (Stamp::of(before), Stamp::of(after));
    (after == before && before.is_settled(moment)).then_some(after)
}

/// Returns a file's name relative to `base`, the working directory when the file was named.
pub fn absolute(base: Option<&Path>, path: &Path) -> PathBuf {
    base.map_or_else(|| path.to_owned(), |base| base.join(path))
}
