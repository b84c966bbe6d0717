// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads a file that holds a secret, under libpq's rule for the permissions of private key files
//! (`initialize_SSL` in fe-secure-openssl.c).

use super::bytes::FileContent;
use super::regular::{self, ReadError, system_text};
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const MAX_BYTES: u64 = 1 << 20;

/// The reason for which a file with a secret was not read.
#[derive(Debug)]
pub enum PrivateFileError {
    /// The file does not exist.
    Missing,
    /// stat(2) failed. Contains the system's error text.
    Stat(String),
    /// The path names a directory, FIFO, socket or device.
    NotRegular,
    /// The permissions violate libpq's rule.
    Permissions,
    /// The file cannot be opened or read, or is larger than 1 MiB. Contains the reason.
    Io(String),
}

/// Reads a file. The permissions are checked on the open file.
pub fn read(path: &Path) -> Result<FileContent, PrivateFileError> {
    let (file, metadata) = open(path)?;
    read_all(&file, &metadata).map(|(bytes, _)| bytes)
}

/// Opens a file. The permissions are checked on the open file.
pub fn open(path: &Path) -> Result<(File, Metadata), PrivateFileError> {
    let (file, metadata) = match regular::open(path) {
        Ok(opened) => opened,
        // libpq checks the permissions before it opens the file, so it reports them first.
        Err(ReadError::Io(_)) if path.metadata().is_ok_and(|m| !is_private(&m)) => {
            return Err(PrivateFileError::Permissions);
        }
        Err(error) => return Err(error.into()),
    };
    if is_private(&metadata) { Ok((file, metadata)) } else { Err(PrivateFileError::Permissions) }
}

/// Reads an open file. Returns its content and its metadata after reading.
pub fn read_all(
    file: &File,
    metadata: &Metadata,
) -> Result<(FileContent, Metadata), PrivateFileError> {
    Ok(regular::read_all(file, metadata, MAX_BYTES)?)
}

impl From<ReadError> for PrivateFileError {
    fn from(error: ReadError) -> PrivateFileError {
        match error {
            // libpq, too, reports a file as missing for ENOTDIR.
            ReadError::Stat(e)
                if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) =>
            {
                PrivateFileError::Missing
            }
            ReadError::Stat(e) => PrivateFileError::Stat(system_text(&e)),
            ReadError::NotRegular => PrivateFileError::NotRegular,
            other => PrivateFileError::Io(other.text()),
        }
    }
}

/// Returns whether the permissions conform to libpq's rule. The group may have read access if root owns
/// the file, and all other access of group and others is forbidden.
pub fn is_private(metadata: &Metadata) -> bool {
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    metadata.mode() & forbidden == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, chown};

    #[test]
    fn the_key_file_rule_is_that_of_libpq() {
        let root = testkit::directory::is_root();
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path();
        for mode in [0o600, 0o400, 0o640, 0o440, 0o644, 0o660, 0o650, 0o604, 0o601, 0o620, 0o770] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
            for owned_by_root in [true, false] {
                if root {
                    chown(path, Some(if owned_by_root { 0 } else { 12345 }), None).unwrap();
                } else if owned_by_root {
                    continue;
                }
                let allowed = mode & if owned_by_root { 0o037 } else { 0o077 } == 0;
                let metadata = path.metadata().unwrap();
                assert_eq!(is_private(&metadata), allowed, "{mode:o} root: {owned_by_root}");
                assert_eq!(matches!(read(path), Err(PrivateFileError::Permissions)), !allowed);
            }
        }
    }
}
