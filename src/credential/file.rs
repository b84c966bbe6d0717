// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading a file of certificates, and how to know later that it is the same.

use super::pem;
use crate::bytes::Wiped;
use crate::cache::{Moment, Stamp};
use crate::error::Cause;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// The bytes of a file, and the stamp if it will tell of every change after this. `base`: the working
/// directory when the file was named.
pub fn read(base: Option<&Path>, path: &Path) -> Result<(Wiped, Option<Stamp>), Cause> {
    let before = Moment::now();
    pem::open_regular(&absolute(base, path))
        .and_then(|(file, metadata)| {
            let (bytes, after) = pem::read_all(&file, &metadata, pem::MAX_BYTES)?;
            Ok((bytes, still(&metadata, &after, &before)))
        })
        .map_err(|error| Cause::CertificateFile { file: path.to_owned(), why: error.text() })
}

/// The stamp of a file that was read between the two, unless it has changed meanwhile, or might have
/// changed after `moment` without showing it.
pub fn still(before: &Metadata, after: &Metadata, moment: &Moment) -> Option<Stamp> {
    let (before, after) = (Stamp::of(before), Stamp::of(after));
    (after == before && before.is_settled(moment)).then_some(after)
}

/// A file's name, made whole by the directory that was the working directory when it was given.
pub fn absolute(base: Option<&Path>, path: &Path) -> PathBuf {
    base.map_or_else(|| path.to_owned(), |base| base.join(path))
}
