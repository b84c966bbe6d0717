// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading a regular file of bounded size.

use super::bytes::Wiped;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Why a file was not read.
#[derive(Debug)]
pub enum ReadError {
    /// It cannot be looked at.
    Stat(io::Error),
    /// A directory, FIFO, socket or device.
    NotRegular,
    /// It cannot be opened or read.
    Io(io::Error),
    /// It has more bytes than the bound.
    TooLarge(u64),
}

/// The system's words for an error, as libpq's `%m` has them.
pub fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

impl ReadError {
    /// Whether there is no file, or something else in its place.
    pub fn has_gone(&self) -> bool {
        match self {
            ReadError::Stat(e) | ReadError::Io(e) => {
                matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR))
            }
            ReadError::NotRegular => true,
            ReadError::TooLarge(_) => false,
        }
    }

    /// In words, to follow "could not read …: ".
    pub fn text(&self) -> String {
        match self {
            ReadError::Stat(e) | ReadError::Io(e) => system_text(e),
            ReadError::NotRegular => "it is not a regular file".to_owned(),
            ReadError::TooLarge(most) => format!("it is larger than {} MiB", most >> 20),
        }
    }
}

/// Opens a regular file for reading; never waits for a writer at a FIFO, nor touches a device.
pub fn open(path: &Path) -> Result<(File, Metadata), ReadError> {
    if !path.metadata().map_err(ReadError::Stat)?.is_file() {
        return Err(ReadError::NotRegular);
    }
    // It may have been replaced since: O_NONBLOCK, and a second look at what was opened.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(ReadError::Io)?;
    let metadata = file.metadata().map_err(ReadError::Io)?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(ReadError::NotRegular) }
}

/// All bytes of an open file, up to a bound, and what is known of the file when they have been read.
pub fn read_all(
    mut file: &File,
    metadata: &Metadata,
    most: u64,
) -> Result<(Wiped, Metadata), ReadError> {
    let too_large = || ReadError::TooLarge(most);
    if metadata.len() > most {
        return Err(too_large());
    }
    // All of it at once: a buffer that grows would leave copies behind.
    let mut bytes = Wiped::zeros(usize::try_from(metadata.len()).map_err(|_| too_large())?);
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
    fn a_file_that_grows_while_it_is_read_is_an_error() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"short").unwrap();
        let (open, metadata) = open(file.path()).unwrap();
        file.write_all(b" and longer").unwrap();
        assert!(matches!(read_all(&open, &metadata, 100), Err(ReadError::Io(_))));
    }

    #[test]
    fn directories_fifos_and_devices_are_not_regular_files() {
        let directory = testkit::directory::Directory::new();
        let fifo = directory.fifo("fifo");
        for path in [directory.root(), &fifo, Path::new("/dev/null"), Path::new("/dev/zero")] {
            assert!(matches!(open(path), Err(ReadError::NotRegular)), "{path:?}");
        }
    }
}
