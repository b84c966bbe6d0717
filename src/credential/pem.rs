// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading files, and the certificates in them.

mod plain;

use super::certificate::{Undecodable, with_key};
use crate::bytes::{Wiped, find_text};
use crate::error::Problem;
use crate::ossl::{self, QuietErrors};
use foreign_types::ForeignType;
use libc::{c_char, c_int, c_void};
use openssl::x509::{X509, X509Crl};
pub use plain::certificates as plain_certificates;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// No file of certificates is as large as this; a bundle of all public CAs has a quarter MiB.
pub const MAX_BYTES: u64 = 16 << 20;

/// The maximum number of certificates in the file of a credential.
pub const MAX_CERTIFICATES: usize = 1_000;

/// The maximum number of certificates in a file of issuers or of roots.
pub const MAX_ISSUERS: usize = 10_000;

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
            ReadError::NotRegular => Problem::NotRegular.into(),
            ReadError::TooLarge(most) => Problem::TooLarge(*most).into(),
        }
    }
}

/// Opens a regular file for reading; never waits for a writer at a FIFO, nor touches a device.
pub fn open_regular(path: &Path) -> Result<(File, Metadata), ReadError> {
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
    while let Some(rest) = bytes.as_mut().get_mut(filled..).filter(|r| !r.is_empty()) {
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
        return Err(ReadError::Io(io::Error::other(String::from(Problem::Changed))));
    }
    Ok((bytes, after))
}

/// Whether these bytes hold a private key in PEM.
pub fn has_private_key(bytes: &[u8]) -> bool {
    const LABEL: &[u8] = b"PRIVATE KEY-----";
    find_text(LABEL, bytes).is_some()
}

/// All certificates in PEM, in their order, of which there may be `max`; keys and text between them
/// are passed over.
pub fn certificates(bytes: &[u8], max: usize) -> Result<Vec<X509>, Undecodable> {
    let damaged = |problem: Problem| Err(Undecodable::Damaged(problem.into()));
    let errors = QuietErrors::new();
    let bio = ossl::MemoryBio::new(bytes).ok_or(Undecodable::NoMemory)?;
    let mut certificates = Vec::new();
    loop {
        // SAFETY: a valid BIO; the callback takes no argument. A new certificate is ours.
        let certificate = unsafe {
            let new = std::ptr::null_mut();
            let none = std::ptr::null_mut();
            let x = ossl::PEM_read_bio_X509_AUX(bio.as_ptr(), new, Some(no_password), none);
            if x.is_null() { None } else { Some(X509::from_ptr(x)) }
        };
        match certificate {
            Some(_) if certificates.len() == max => {
                return damaged(Problem::TooManyCertificates(max));
            }
            Some(certificate) => certificates.push(with_key(certificate)?),
            None => break,
        }
    }
    let at_end = errors.is_no_start_line();
    match (certificates.is_empty(), at_end) {
        (false, true) => Ok(certificates),
        (true, true) if bytes.is_empty() => damaged(Problem::Empty),
        (true, true) if bytes.first() == Some(&0x30) => damaged(Problem::DerCertificate),
        (true, true) => damaged(Problem::NoCertificate),
        (_, false) if errors.is_out_of_memory() => Err(Undecodable::NoMemory),
        (_, false) => {
            damaged(Problem::Damaged { number: certificates.len() + 1, why: errors.reason() })
        }
    }
}

/// The first revocation list in PEM.
pub fn revocation_list(bytes: &[u8]) -> Option<X509Crl> {
    let _errors = QuietErrors::new();
    let bio = ossl::MemoryBio::new(bytes)?;
    let none = std::ptr::null_mut();
    // SAFETY: a valid BIO; the callback takes no argument. A new list is ours.
    unsafe {
        let list = openssl_sys::PEM_read_bio_X509_CRL(
            bio.as_ptr(),
            std::ptr::null_mut(),
            Some(no_password),
            none,
        );
        if list.is_null() { None } else { Some(X509Crl::from_ptr(list)) }
    }
}

/// OpenSSL would ask on the terminal for the password of an encrypted block.
unsafe extern "C" fn no_password(_: *mut c_char, _: c_int, _: c_int, _: *mut c_void) -> c_int {
    -1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_that_is_too_large_is_refused_before_it_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_BYTES + 1).unwrap();
        let (open, metadata) = open_regular(file.path()).unwrap();
        let error = read_all(&open, &metadata, MAX_BYTES).unwrap_err();
        assert!(matches!(error, ReadError::TooLarge(_)), "{error:?}");
        assert_eq!(error.text(), "it is larger than 16 MiB");
    }

    #[test]
    fn a_file_that_grew_since_it_was_looked_at_is_an_error() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"short").unwrap();
        let (open, metadata) = open_regular(file.path()).unwrap();
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
            assert!(matches!(open_regular(path), Err(ReadError::NotRegular)), "{path:?}");
        }
    }

    #[test]
    fn the_words_for_what_holds_no_certificate() {
        let words = |bytes: &[u8]| match certificates(bytes, MAX_CERTIFICATES) {
            Err(Undecodable::Damaged(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(words(b""), "it is empty");
        assert_eq!(words(b"\0\0garbage"), "it holds no certificate in PEM");
        assert!(words(b"\x30\x82\x01").contains("-inform DER"));
        let broken = words(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert!(broken.starts_with("certificate 1 in it is damaged: "), "{broken}");
        let cut = words(b"-----BEGIN CERTIFICATE-----\nMIIB");
        assert!(cut.starts_with("certificate 1 in it is damaged: "), "{cut}");
        let sealed = words(
            b"-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\
              DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n\
              -----END CERTIFICATE-----\n",
        );
        assert!(sealed.starts_with("certificate 1 in it is damaged: "), "{sealed}");
    }
}
