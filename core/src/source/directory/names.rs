// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of the files in a directory that other users cannot change.

use super::layout::Names;
use super::refused;
use crate::error::{Cause, Problem};
use crate::file::regular::system_text;
use crate::file::stamp::{CoarseTime, Stamp};
use crate::file::{absolute, trusted, unchanged_stamp};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The maximum number of files of any name.
const MAX_NAMES: usize = 10_000;

/// Returns the names of the files that are not hidden, and the stamp of the directory if every later change
/// changes it. Fails unless root or the effective user owns the directory and no other user can write it.
pub fn read(base: Option<&Path>, directory: &Path) -> Result<(Names, Option<Stamp>), Cause> {
    let failure = |error: io::Error| refused(directory, system_text(&error));
    let at = absolute(base, directory);
    let start = CoarseTime::now();
    let flags = libc::O_DIRECTORY | libc::O_NONBLOCK;
    let open = || OpenOptions::new().read(true).custom_flags(flags).open(&at);
    let file = open().map_err(failure)?;
    let before = file.metadata().map_err(failure)?;
    trusted::check_directory(&file, &before)
        .map_err(|distrust| refused(directory, distrust.to_string()))?;
    let mut names = Names::default();
    for (count, entry) in std::fs::read_dir(&at).map_err(failure)?.enumerate() {
        if count == MAX_NAMES {
            return Err(refused(directory, Problem::TooManyFiles(MAX_NAMES)));
        }
        let name = entry.map_err(failure)?.file_name();
        // Hidden files are often temporary files.
        if !name.as_bytes().starts_with(b".") {
            names.insert(name);
        }
    }
    // The directory that was listed must be the one that was checked.
    let after = open().and_then(|file| file.metadata()).map_err(failure)?;
    if !Stamp::of(&after).is_same_file(&Stamp::of(&before)) {
        return Err(refused(directory, Problem::Changed));
    }
    Ok((names, unchanged_stamp(&before, &after, &start)))
}
