// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading a file that others must not be able to read, by libpq's rule for private keys.

use super::bytes::Wiped;
use super::regular::{self, ReadError, system_text};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const MAX_BYTES: u64 = 1 << 20;

/// Why such a file was not read.
#[derive(Debug)]
pub enum Refusal {
    /// It is not there.
    Missing,
    /// It cannot be looked at; the system's words.
    Stat(String),
    /// A directory, FIFO, socket or device.
    NotRegular,
    /// Others may read or write it.
    Permissions,
    /// It cannot be opened or read, or is too large; in words.
    Io(String),
}

/// All of it; the bytes are wiped when dropped. The permissions are those of what was opened.
pub fn read(path: &Path) -> Result<Wiped, Refusal> {
    let (file, metadata) = open(path)?;
    read_all(&file, &metadata).map(|(bytes, _)| bytes)
}

/// Opens it, with the rights that the process has now; the permissions are those of what was
/// opened.
pub fn open(path: &Path) -> Result<(File, Metadata), Refusal> {
    let (file, metadata) = match regular::open(path) {
        Ok(opened) => opened,
        // It could not be opened, but it may also have the wrong permissions: say what libpq says.
        Err(ReadError::Io(_)) if path.metadata().is_ok_and(|m| !is_private(&m)) => {
            return Err(Refusal::Permissions);
        }
        Err(error) => return Err(refusal(error)),
    };
    if is_private(&metadata) { Ok((file, metadata)) } else { Err(Refusal::Permissions) }
}

/// The bytes of what was opened; they are wiped when dropped.
pub fn read_all(file: &File, metadata: &Metadata) -> Result<(Wiped, Metadata), Refusal> {
    regular::read_all(file, metadata, MAX_BYTES).map_err(refusal)
}

fn refusal(error: ReadError) -> Refusal {
    match error {
        ReadError::Stat(e) if e.kind() == io::ErrorKind::NotFound => Refusal::Missing,
        // libpq, and not only it, calls this missing too.
        ReadError::Stat(e) if e.raw_os_error() == Some(libc::ENOTDIR) => Refusal::Missing,
        ReadError::Stat(e) => Refusal::Stat(system_text(&e)),
        ReadError::NotRegular => Refusal::NotRegular,
        other => Refusal::Io(other.text()),
    }
}

/// libpq's rule: owned by root, no group write or execute and nothing for the world; otherwise
/// nothing for group or world.
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
                assert_eq!(matches!(read(path), Err(Refusal::Permissions)), !allowed);
            }
        }
    }
}
