// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--fix-order`: writes a chain in the correct order. The file appears or is replaced atomically.

use crate::certificate_file::CertificateFile;
use crate::report::{Level, Subject};
use crate::temporary::TemporaryFile;
use certpick_core::error::file_name;
use certpick_core::file::regular::system_text;
use openssl::x509::X509;
use std::io;
use std::path::Path;

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
        // World-readable regardless of the umask: certificates are public.
        const MODE: u32 = 0o644;
        let temporary = TemporaryFile::new(&path, bytes, MODE)?;
        if self.force { temporary.replace(&path) } else { temporary.create_new(&path, bytes, MODE) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn target(file: &Path, force: bool) -> Target<'_> {
        Target { file, force }
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
