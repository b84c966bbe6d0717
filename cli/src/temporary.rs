// SPDX-License-Identifier: MIT OR Apache-2.0
//! Temporary files, with which other files are created or replaced atomically.

use std::ffi::CString;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Calls `create` with names in a directory until it finds an unused one.
pub fn create_unused<T>(
    directory: &Path,
    prefix: &str,
    create: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    const MAX_ATTEMPTS: u32 = 100;
    // Other processes have other IDs. A file that a crashed process left is skipped.
    for attempt in 0..MAX_ATTEMPTS {
        let path = directory.join(format!("{prefix}{}-{attempt}", std::process::id()));
        match create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|created| (path, created)),
        }
    }
    Err(io::Error::other("all names for a temporary file in its directory are taken"))
}

/// A temporary file in the directory of the target, which is removed when it is dropped.
pub struct TemporaryFile {
    path: PathBuf,
    file: File,
}

impl TemporaryFile {
    /// Creates a temporary file with this content and mode, regardless of the umask.
    pub fn new(target: &Path, bytes: &[u8], mode: u32) -> io::Result<TemporaryFile> {
        let directory = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if target.file_name().is_none() {
            return Err(io::Error::other("it is not a file name"));
        }
        let create =
            |path: &Path| OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let (path, file) = create_unused(directory, ".certpick-", create)?;
        let mut temporary = TemporaryFile { path, file };
        temporary.file.write_all(bytes)?;
        temporary.file.set_permissions(Permissions::from_mode(mode))?;
        temporary.file.sync_all()?;
        Ok(temporary)
    }

    /// Replaces the target, or creates it.
    pub fn replace(self, target: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, target)
    }

    /// Creates the target unless it exists, without a race. `bytes` and `mode` are those of [`Self::new`].
    pub fn create_new(self, target: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let is_done = |result: &io::Result<()>| match result {
            Err(error) => error.kind() == io::ErrorKind::AlreadyExists,
            Ok(()) => true,
        };
        let linked = std::fs::hard_link(&self.path, target);
        if is_done(&linked) {
            return linked;
        }
        // For file systems without hard links.
        let renamed = rename_to_new(&self.path, target);
        if is_done(&renamed) {
            return renamed;
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(target)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = std::fs::remove_file(target);
        }
        written
    }
}

fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    let name = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other);
    let (from, to) = (name(from)?, name(to)?);
    // SAFETY: both names are NUL-terminated.
    let done = unsafe {
        let here = libc::AT_FDCWD;
        libc::renameat2(here, from.as_ptr(), here, to.as_ptr(), libc::RENAME_NOREPLACE)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // The file does not exist any more if it was renamed to the target.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODE: u32 = 0o644;

    #[test]
    fn a_file_that_another_process_created_meanwhile_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let temporary = TemporaryFile::new(&path, b"ours", MODE).unwrap();
        std::fs::write(&path, "theirs").unwrap();
        let error = temporary.create_new(&path, b"ours", MODE).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
        let error = {
            let temporary = TemporaryFile::new(&path, b"ours", MODE).unwrap();
            rename_to_new(&temporary.path, &path).unwrap_err()
        };
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn rename_to_new_creates_the_target_without_a_hard_link() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let temporary = TemporaryFile::new(&path, b"ours", MODE).unwrap();
        rename_to_new(&temporary.path, &path).unwrap();
        drop(temporary);
        assert_eq!(std::fs::read(&path).unwrap(), b"ours");
    }
}
