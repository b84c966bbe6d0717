// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stores the generated openssl.cnf in a directory in which no other user can create, rename or remove
//! files, nor in any directory above it.
//!
//! Processes that the program started may outlive it with `OPENSSL_CONF` set to this file. If another
//! user could reuse its name, a module of that user could run code in them. If the file were removed,
//! they would silently run without the system's settings. So the file is kept. Its name is derived from
//! its content, so that the same options use the same file, and it contains no password. Directories
//! for temporary files are unsuitable, because old files are removed there.

use crate::failure::{Failure, print_message};
use crate::temporary::{TemporaryFile, create_unused};
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Writes the file, unless it exists, and returns its name.
pub fn store(text: &[u8]) -> Result<PathBuf, Failure> {
    let digest: String =
        openssl::sha::sha256(text)[..16].iter().map(|b| format!("{b:02x}")).collect();
    in_private_directory(|directory| {
        let path = directory.join(format!("{digest}.cnf"));
        if !has_content(&path, text) {
            TemporaryFile::new(&path, text, file_mode())?.replace(&path)?;
        }
        Ok(path)
    })
}

/// A directory for the explanations of one run, which is removed when this value is dropped.
pub struct ExplanationDirectory(PathBuf);

impl Drop for ExplanationDirectory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            print_message(&format!("could not remove {:?}: {error}", self.0));
        }
    }
}

impl ExplanationDirectory {
    /// Creates the directory.
    pub fn new() -> Result<ExplanationDirectory, Failure> {
        in_private_directory(|directory| {
            let create = |path: &Path| std::fs::DirBuilder::new().mode(0o700).create(path);
            let (path, ()) = create_unused(directory, "explanations-", create)?;
            let created = ExplanationDirectory(path);
            // The umask may have removed bits of the mode.
            std::fs::set_permissions(&created.0, Permissions::from_mode(0o700))?;
            Ok(created)
        })
    }

    /// Returns the name of the file for the explanations.
    pub fn file(&self) -> PathBuf {
        self.0.join("explanation")
    }
}

/// Calls `work` for the first directory in which it succeeds.
fn in_private_directory<T>(work: impl Fn(&Path) -> io::Result<T>) -> Result<T, Failure> {
    let mut failures = String::new();
    for state_directory in state_directories() {
        match state_directory.prepare().and_then(|directory| work(&directory)) {
            Ok(done) => return Ok(done),
            Err(error) => {
                failures.push_str(&format!("\n    {}: {error}", state_directory.path.display()))
            }
        }
    }
    if failures.is_empty() {
        failures.push_str(" neither HOME nor XDG_STATE_HOME is set to an absolute name");
    }
    Err(Failure::new(format!(
        "could not find a private directory for the program's openssl.cnf:{failures}\n\
         Set XDG_STATE_HOME to a directory that, like all directories above it, no other user can \
         write to, or use --print and install the file."
    )))
}

struct StateDirectory {
    path: PathBuf,
    /// How many of its last components are created if they are missing.
    own: usize,
}

/// Returns the directories in the order in which they are tried. su(1) and sudo(8) may pass the
/// variables of another user. The runtime directory is last, because it is removed when the user logs
/// out, while the program may still run.
fn state_directories() -> Vec<StateDirectory> {
    let named = |variable: &str, below: &str, own| {
        let directory = PathBuf::from(std::env::var_os(variable)?);
        directory.is_absolute().then(|| StateDirectory { path: directory.join(below), own })
    };
    let root = is_root().then(|| StateDirectory { path: PathBuf::from("/run/certpick"), own: 1 });
    let all = [
        named("XDG_STATE_HOME", "certpick", 2),
        root,
        named("HOME", ".local/state/certpick", 3),
        named("XDG_RUNTIME_DIR", "certpick", 1),
    ];
    all.into_iter().flatten().collect()
}

impl StateDirectory {
    /// Creates missing components in private directories. Returns the name without symbolic links.
    fn prepare(&self) -> io::Result<PathBuf> {
        create(&self.path, self.own)?;
        let path = self.path.canonicalize()?;
        check_private(&path)?;
        if path.metadata()?.uid() != effective_user() {
            return Err(io::Error::other("it is owned by another user"));
        }
        Ok(path)
    }
}

fn create(path: &Path, own: usize) -> io::Result<()> {
    let (Some(parent), true) = (path.parent(), own > 0 && !path.try_exists()?) else {
        return Ok(());
    };
    create(parent, own - 1)?;
    check_private(&parent.canonicalize()?)?;
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        // The umask may have removed bits of the mode.
        Ok(()) => std::fs::set_permissions(path, Permissions::from_mode(directory_mode())),
        // Another certpick created it at the same time.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Checks that only root and the effective user can create, rename or remove files in a directory and
/// in those above it. A sticky bit is not enough, because others can create a file that was removed.
fn check_private(path: &Path) -> io::Result<()> {
    for ancestor in path.ancestors() {
        let metadata = ancestor.symlink_metadata()?;
        let owner = metadata.uid();
        if owner != 0 && owner != effective_user() {
            return Err(io::Error::other(format!("{ancestor:?} is owned by user {owner}")));
        }
        if !metadata.is_dir() || metadata.mode() & 0o022 != 0 {
            return Err(io::Error::other(format!("other users can write to {ancestor:?}")));
        }
    }
    Ok(())
}

/// Returns whether the file has this content and cannot be modified by other users.
fn has_content(path: &Path, bytes: &[u8]) -> bool {
    let read = || -> io::Result<bool> {
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file()
            || metadata.uid() != effective_user()
            || metadata.mode() & 0o7777 != file_mode()
        {
            return Ok(false);
        }
        let mut found = Vec::new();
        file.take(bytes.len() as u64 + 1).read_to_end(&mut found)?;
        Ok(found == bytes)
    };
    read().unwrap_or(false)
}

/// A program that root starts may change to another user, which must still be able to read the file.
fn directory_mode() -> u32 {
    if is_root() { 0o755 } else { 0o700 }
}

/// The sticky bit protects the file from clean-up of the runtime directory (XDG Base Directory
/// Specification).
fn file_mode() -> u32 {
    if is_root() { 0o1644 } else { 0o1600 }
}

fn is_root() -> bool {
    effective_user() == 0
}

fn effective_user() -> libc::uid_t {
    // SAFETY: geteuid has no preconditions.
    unsafe { libc::geteuid() }
}
