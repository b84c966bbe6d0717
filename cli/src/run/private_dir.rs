// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory that nobody else can look into or replace, and that goes when we go.

use crate::failure::{Failure, say};
use std::ffi::OsString;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// See the module. Removed with all that is in it when dropped.
pub struct PrivateDir(PathBuf);

impl Drop for PrivateDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            say(&format!("{:?} could not be removed: {error}", self.0));
        }
    }
}

impl PrivateDir {
    /// Makes it in the user's runtime directory, or else in that for temporary files.
    pub fn create() -> Result<PrivateDir, Failure> {
        let named = ["XDG_RUNTIME_DIR", "TMPDIR"].into_iter().filter_map(std::env::var_os);
        let mut failures = String::new();
        for parent in named.map(PathBuf::from) {
            match safe(&parent).and_then(|parent| create_in(&parent)) {
                Ok(directory) => return Ok(directory),
                Err(error) => failures.push_str(&format!("\n    {}: {error}", parent.display())),
            }
        }
        match create_in(Path::new("/tmp")) {
            Ok(directory) => return Ok(directory),
            Err(error) => failures.push_str(&format!("\n    /tmp: {error}")),
        }
        Err(Failure::new(format!(
            "there is no place for a private directory:{failures}\n\
             Set TMPDIR to a directory that only you can write to."
        )))
    }

    /// Where a file in it is, or would be.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes a file in it.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.file(name);
        let write = || {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            // The umask may have taken away what we need.
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(bytes)
        };
        match write() {
            Ok(()) => Ok(path),
            Err(error) => Err(Failure::new(format!("{path:?} could not be written: {error}"))),
        }
    }
}

fn create_in(parent: &Path) -> io::Result<PrivateDir> {
    let mut template = parent.join("certpick-XXXXXX").into_os_string().into_vec();
    template.push(0);
    // SAFETY: a C string of ours, whose last six letters are written over.
    if unsafe { libc::mkdtemp(template.as_mut_ptr().cast()) }.is_null() {
        return Err(io::Error::last_os_error());
    }
    template.pop();
    let directory = PrivateDir(PathBuf::from(OsString::from_vec(template)));
    // mkdtemp(3) uses 0700, of which the umask may take away what we need.
    std::fs::set_permissions(&directory.0, Permissions::from_mode(0o700))?;
    Ok(directory)
}

/// A directory that the environment names. Whoever can rename ours in it can put another in its
/// place, and with it an openssl.cnf that loads what they like into the program; and the variable
/// may have come along through su(1).
fn safe(parent: &Path) -> io::Result<PathBuf> {
    if !parent.is_absolute() {
        return Err(io::Error::other("not an absolute name"));
    }
    let parent = parent.canonicalize()?;
    // SAFETY: no arguments.
    let own = unsafe { libc::geteuid() };
    for ancestor in parent.ancestors() {
        let metadata = ancestor.metadata()?;
        let trusted = metadata.uid() == own || metadata.uid() == 0;
        let shared = metadata.mode() & 0o022 != 0 && metadata.mode() & 0o1000 == 0;
        if !trusted || shared {
            return Err(io::Error::other(format!("others can rename what is in {ancestor:?}")));
        }
    }
    Ok(parent)
}
