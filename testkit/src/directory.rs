// SPDX-License-Identifier: MIT OR Apache-2.0
//! A temporary directory.

use std::ffi::CString;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory that is removed when the value is dropped.
pub struct Directory(TempDir);

impl Default for Directory {
    fn default() -> Directory {
        Directory::new()
    }
}

impl Directory {
    pub fn new() -> Directory {
        Directory(tempfile::tempdir().unwrap())
    }

    /// Creates a directory in memory, if the system has a file system for that.
    pub fn in_memory() -> Directory {
        let in_memory = tempfile::tempdir_in("/dev/shm");
        Directory(in_memory.or_else(|_| tempfile::tempdir()).unwrap())
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// Returns the path of a file in the directory.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file with mode 0600.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        self.write_with_mode(name, bytes, 0o600)
    }

    pub fn write_with_mode(
        &self,
        name: impl AsRef<Path>,
        bytes: impl AsRef<[u8]>,
        mode: u32,
    ) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        set_mode(&path, mode);
        path
    }

    /// Creates a FIFO.
    pub fn fifo(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        let name = CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: a NUL-terminated string.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        path
    }
}

/// Sets the permissions of a file or directory.
pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

pub fn effective_user() -> u32 {
    // SAFETY: geteuid(2) has no preconditions.
    unsafe { libc::geteuid() }
}

pub fn is_root() -> bool {
    effective_user() == 0
}
