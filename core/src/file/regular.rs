// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads regular files of bounded size.

use super::bytes::FileContent;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The reason for which a file was not read.
#[derive(Debug)]
pub enum ReadError {
    /// stat(2) failed.
    Stat(io::Error),
    /// The path names a directory, FIFO, socket or device.
    NotRegular,
    /// The file cannot be opened or read.
    Io(io::Error),
    /// The file has more bytes than this maximum.
    TooLarge(u64),
}

/// Returns the text of strerror(3), which libpq prints with `%m`.
pub fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    // Rust appends the error number.
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

impl ReadError {
    /// Returns whether the path does not name a regular file.
    pub fn is_missing(&self) -> bool {
        match self {
            ReadError::Stat(e) | ReadError::Io(e) => {
                matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR))
            }
            ReadError::NotRegular => true,
            ReadError::TooLarge(_) => false,
        }
    }

    /// Returns a text that can follow "could not read …: ".
    pub fn text(&self) -> String {
        match self {
            ReadError::Stat(e) | ReadError::Io(e) => system_text(e),
            ReadError::NotRegular => "it is not a regular file".to_owned(),
            ReadError::TooLarge(max) => format!("it is larger than {} MiB", max >> 20),
        }
    }
}

/// Opens a regular file for reading. Neither waits for the writer of a FIFO nor opens a device.
pub fn open(path: &Path) -> Result<(File, Metadata), ReadError> {
    if !path.metadata().map_err(ReadError::Stat)?.is_file() {
        return Err(ReadError::NotRegular);
    }
    // The file may have been replaced since, so O_NONBLOCK is set, and the open file is checked again.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(ReadError::Io)?;
    let metadata = file.metadata().map_err(ReadError::Io)?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(ReadError::NotRegular) }
}

/// Reads an open file of at most `max` bytes. Returns its content and its metadata after reading. Fails if
/// the size differs from the one in `metadata`.
pub fn read_all(
    mut file: &File,
    metadata: &Metadata,
    max: u64,
) -> Result<(FileContent, Metadata), ReadError> {
    let too_large = || ReadError::TooLarge(max);
    if metadata.len() > max {
        return Err(too_large());
    }
    // A buffer that grows would leave copies of a secret in memory.
    let mut bytes = FileContent::zeros(usize::try_from(metadata.len()).map_err(|_| too_large())?);
    let mut filled = 0;
    while let Some(rest) = bytes.bytes_mut().get_mut(filled..).filter(|r| !r.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(ReadError::Io(e)),
        }
    }
    bytes.truncate(filled);
    let after = file.metadata().map_err(ReadError::Io)?;
    if after.len() != metadata.len() {
        return Err(ReadError::Io(io::Error::other("it changed while it was read")));
    }
    Ok((bytes, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const MAX_BYTES: u64 = 16 << 20;

    #[test]
    fn a_file_that_is_too_large_is_refused_before_it_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_BYTES + 1).unwrap();
        let (open, metadata) = open(file.path()).unwrap();
        let error = read_all(&open, &metadata, MAX_BYTES).unwrap_err();
        assert!(matches!(error, ReadError::TooLarge(_)), "{error:?}");
        assert_eq!(error.text(), "it is larger than 16 MiB");
    }

    #[test]
    fn a_file_that_grows_before_it_is_read_is_an_error() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"short").unwrap();
        let (open, metadata) = open(file.path()).unwrap();
        file.write_all(b" and longer").unwrap();
        assert!(matches!(read_all(&open, &metadata, 100), Err(ReadError::Io(_))));
    }

    #[test]
    fn directories_fifos_and_devices_are_not_regular_files() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let name = std::ffi::CString::new(fifo.to_str().unwrap()).unwrap();
        // SAFETY: a valid path.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        for path in [dir.path(), &fifo, Path::new("/dev/null"), Path::new("/dev/zero")] {
            assert!(matches!(open(path), Err(ReadError::NotRegular)), "{path:?}");
        }
    }
}
