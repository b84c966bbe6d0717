// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--fix-order`: writes a chain in the correct order. The file appears or is replaced atomically.

use crate::inspect::CertificateFile;
use crate::report::{Level, Subject};
use certpick_core::error::file_name;
use certpick_core::file::regular::system_text;
use openssl::x509::X509;
use std::ffi::CString;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The file to write.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub file: &'a Path,
    /// Whether an existing file may be replaced.
    pub force: bool,
}

/// Writes `certificates`, leaf first, and reports the result. `key_is_left_out` is set if their
/// original file contains a private key.
pub fn write(
    target: Target<'_>,
    certificates: &[&X509],
    key_is_left_out: bool,
    subject: &mut Subject,
) {
    const KEY: &str = "fix_order";
    let name = file_name(target.file);
    match pem(certificates).and_then(|pem| target.write(&pem)) {
        Ok(()) => {
            let what = match certificates.len() {
                1 => "only the leaf".to_owned(),
                2 => "the leaf and 1 intermediate".to_owned(),
                n => format!("the leaf and {} intermediates", n - 1),
            };
            subject.finding(KEY, Level::Good, format!("\"{name}\" was written: {what}"));
            if key_is_left_out {
                let text = format!("the private key was not copied to \"{name}\"");
                let advice = "Name the file that contains the key with sslkey (ssl_key_file for a \
                              server).";
                subject.advised(KEY, Level::Note, text, advice);
            }
        }
        Err(error) => {
            let reason = match error.kind() {
                io::ErrorKind::AlreadyExists => "it already exists; --force replaces it".to_owned(),
                _ => system_text(&error),
            };
            let text = format!("\"{name}\" was not written: {reason}");
            subject.finding(KEY, Level::Wrong, text);
        }
    }
}

fn pem(certificates: &[&X509]) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    for certificate in certificates {
        all.extend(certificate.to_pem().map_err(io::Error::other)?);
    }
    Ok(all)
}

impl Target<'_> {
    fn write(self, bytes: &[u8]) -> io::Result<()> {
        // The target of a symbolic link is replaced, not the link.
        let path = match self.file.canonicalize() {
            Ok(path) if self.force => {
                check_replaceable(&path)?;
                path
            }
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.file.to_owned(),
            Err(error) => return Err(error),
        };
        let temporary = Temporary::beside(&path)?;
        temporary.fill(bytes)?;
        if self.force { temporary.replace(&path) } else { temporary.create_new(&path, bytes) }
    }
}

/// Fails for devices and for files that may contain a private key.
fn check_replaceable(path: &Path) -> io::Result<()> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    const LOST: &str = "it contains a private key, which would be lost; write to another file";
    match CertificateFile::read(path) {
        Ok(file) if file.has_private_key() || file.may_be_key_in_der() => {
            Err(io::Error::other(LOST))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(io::Error::other(
            "its content cannot be read and may be a private key; write to another file",
        )),
    }
}

/// A temporary file in the directory of the target, which is removed when it is dropped.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    fn beside(path: &Path) -> io::Result<Temporary> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if path.file_name().is_none() {
            return Err(io::Error::other("it is not a file name"));
        }
        // Other processes have other IDs. A file that a crashed process left is skipped.
        for attempt in 0..100 {
            let path = directory.join(format!(".certpick-{}-{attempt}", std::process::id()));
            let mut options = OpenOptions::new();
            match options.write(true).create_new(true).mode(0o600).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => return Ok(Temporary { path, file }),
            }
        }
        Err(io::Error::other("all names for a temporary file in its directory are taken"))
    }

    fn fill(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)?;
        // Regardless of the umask: certificates are public.
        self.file.set_permissions(Permissions::from_mode(0o644))?;
        self.file.sync_all()
    }

    fn replace(self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)
    }

    /// Creates the target unless it exists, without a race.
    fn create_new(self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match std::fs::hard_link(&self.path, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
            done => return done,
        }
        // For file systems without hard links.
        match rename_to_new(&self.path, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
            done => return done,
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o644).open(path)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        if written.is_err() {
            let _ = std::fs::remove_file(path);
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

impl Drop for Temporary {
    fn drop(&mut self) {
        // The file does not exist any more if it was renamed to the target.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(file: &Path, force: bool) -> Target<'_> {
        Target { file, force }
    }

    #[test]
    fn a_file_that_another_process_created_meanwhile_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let temporary = Temporary::beside(&path).unwrap();
        temporary.fill(b"ours").unwrap();
        std::fs::write(&path, "theirs").unwrap();
        let error = temporary.create_new(&path, b"ours").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
        let error = {
            let temporary = Temporary::beside(&path).unwrap();
            rename_to_new(&temporary.path, &path).unwrap_err()
        };
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn rename_to_new_creates_the_target_without_a_hard_link() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        let temporary = Temporary::beside(&path).unwrap();
        temporary.fill(b"ours").unwrap();
        rename_to_new(&temporary.path, &path).unwrap();
        drop(temporary);
        assert_eq!(std::fs::read(&path).unwrap(), b"ours");
    }

    #[test]
    fn devices_directories_and_files_with_a_key_are_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key.pem");
        std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\n").unwrap();
        for (path, reason) in [
            (Path::new("/dev/null"), "not a regular file"),
            (directory.path(), "not a regular file"),
            (&key, "private key"),
        ] {
            let error = target(path, true).write(b"ours").unwrap_err();
            assert!(error.to_string().contains(reason), "{path:?}: {error}");
        }
        assert!(std::fs::read(&key).unwrap().starts_with(b"-----BEGIN PRIVATE"));
    }

    #[test]
    fn the_target_of_a_symbolic_link_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("file"), directory.path().join("link"));
        std::fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        target(&link, true).write(b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o644);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
