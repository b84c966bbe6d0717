// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the openssl.cnf of a run is kept: a directory in which no other user can make, rename or
//! remove a name, nor in any directory above it.
//!
//! The program can leave processes behind, each with `OPENSSL_CONF` set to this file. If another
//! user could use its name again, an openssl.cnf that loads another module could run code in them;
//! if it were only gone, they would silently do without the system's settings. So the file stays.
//! Its name is made from its content, so that the same options use the same file again, and it
//! holds no password. Directories for temporary files do not serve: they are emptied by age.

use crate::failure::{Failure, say};
use std::ffi::{CString, OsString};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Writes the file, unless it is there already.
pub fn keep(text: &[u8]) -> Result<PathBuf, Failure> {
    let digest: String =
        openssl::sha::sha256(text)[..16].iter().map(|b| format!("{b:02x}")).collect();
    in_private_place(|directory| {
        let path = directory.join(format!("{digest}.cnf"));
        if !holds(&path, text) {
            write(directory, &path, text)?;
        }
        Ok(path)
    })
}

/// A directory for the explanations of one run. Removed with all that is in it when dropped.
pub struct Explanations(PathBuf);

impl Drop for Explanations {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            say(&format!("{:?} could not be removed: {error}", self.0));
        }
    }
}

impl Explanations {
    /// Makes it.
    pub fn new() -> Result<Explanations, Failure> {
        in_private_place(|directory| {
            let mut template = template(directory, "explanations-XXXXXX")?;
            // SAFETY: a C string of ours, whose last six letters are written over.
            if unsafe { libc::mkdtemp(template.as_mut_ptr().cast()) }.is_null() {
                return Err(io::Error::last_os_error());
            }
            let made = Explanations(path(template));
            // mkdtemp(3) uses 0700, of which the umask may take away what we need.
            std::fs::set_permissions(&made.0, Permissions::from_mode(0o700))?;
            Ok(made)
        })
    }

    /// The file that they are written to.
    pub fn file(&self) -> PathBuf {
        self.0.join("explanation")
    }
}

/// Does `work` in the first directory in which it succeeds.
fn in_private_place<T>(work: impl Fn(&Path) -> io::Result<T>) -> Result<T, Failure> {
    let mut failures = String::new();
    for place in places() {
        match place.prepare().and_then(|directory| work(&directory)) {
            Ok(done) => return Ok(done),
            Err(error) => failures.push_str(&format!("\n    {}: {error}", place.path.display())),
        }
    }
    if failures.is_empty() {
        failures.push_str(" neither HOME nor XDG_STATE_HOME is set to an absolute name");
    }
    Err(Failure::new(format!(
        "there is no private place for the program's openssl.cnf:{failures}\n\
         Set XDG_STATE_HOME to a directory that only you can write to, like all those above it, or \
         install the file that --print prints."
    )))
}

/// A directory that may serve.
struct Place {
    path: PathBuf,
    /// How many of its last components are made if they are missing.
    own: usize,
}

/// In the order in which they are tried. Those of the environment may have come along through su(1)
/// or sudo(8). What is in a runtime directory goes when the user logs out, and programs may stay.
fn places() -> Vec<Place> {
    let named = |variable: &str, below: &str, own| {
        let directory = PathBuf::from(std::env::var_os(variable)?);
        directory.is_absolute().then(|| Place { path: directory.join(below), own })
    };
    let root = is_root().then(|| Place { path: PathBuf::from("/run/certpick"), own: 1 });
    let all = [
        named("XDG_STATE_HOME", "certpick", 2),
        root,
        named("HOME", ".local/state/certpick", 3),
        named("XDG_RUNTIME_DIR", "certpick", 1),
    ];
    all.into_iter().flatten().collect()
}

impl Place {
    /// Makes what is missing, in private directories alone; its name without symbolic links.
    fn prepare(&self) -> io::Result<PathBuf> {
        make(&self.path, self.own)?;
        let path = self.path.canonicalize()?;
        check(&path)?;
        if path.metadata()?.uid() != effective_user() {
            return Err(io::Error::other("it is owned by another user"));
        }
        Ok(path)
    }
}

fn make(path: &Path, own: usize) -> io::Result<()> {
    let (Some(parent), true) = (path.parent(), own > 0 && !path.try_exists()?) else {
        return Ok(());
    };
    make(parent, own - 1)?;
    check(&parent.canonicalize()?)?;
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        // The umask may have taken away what we need.
        Ok(()) => std::fs::set_permissions(path, Permissions::from_mode(directory_mode())),
        // By another certpick, at the same time.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether root and the effective user alone can make, rename or remove names in this directory and
/// in those above it. A sticky bit is not enough: what is removed there can be made by others.
fn check(path: &Path) -> io::Result<()> {
    for ancestor in path.ancestors() {
        let metadata = ancestor.symlink_metadata()?;
        let owner = metadata.uid();
        if owner != 0 && owner != effective_user() {
            return Err(io::Error::other(format!("{ancestor:?} is owned by user {owner}")));
        }
        if !metadata.is_dir() || metadata.mode() & 0o022 != 0 {
            return Err(io::Error::other(format!("others can write to {ancestor:?}")));
        }
    }
    Ok(())
}

/// Whether the path is a file of the effective user that no other user can write to, with these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
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

/// Makes a file whole, or replaces it. One that a process reads meanwhile stays as it is.
fn write(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut template = template(directory, ".new-XXXXXX")?;
    // SAFETY: a C string of ours, whose last six letters are written over; a new descriptor is ours.
    let mut file = unsafe {
        match libc::mkostemp(template.as_mut_ptr().cast(), libc::O_CLOEXEC) {
            -1 => return Err(io::Error::last_os_error()),
            descriptor => File::from_raw_fd(descriptor),
        }
    };
    let new = self::path(template);
    let done = file
        .write_all(bytes)
        .and_then(|()| file.set_permissions(Permissions::from_mode(file_mode())))
        .and_then(|()| std::fs::rename(&new, path));
    if done.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    done
}

/// A C string for mkdtemp(3) and its like.
fn template(directory: &Path, name: &str) -> io::Result<Vec<u8>> {
    Ok(CString::new(directory.join(name).as_os_str().as_bytes())?.into_bytes_with_nul())
}

fn path(mut template: Vec<u8>) -> PathBuf {
    template.pop();
    PathBuf::from(OsString::from_vec(template))
}

/// A program that root starts may change to another user and must still read the file, like the
/// system's openssl.cnf.
fn directory_mode() -> u32 {
    if is_root() { 0o755 } else { 0o700 }
}

/// With the sticky bit, by which what cleans a runtime directory leaves a file alone (XDG Base
/// Directory Specification).
fn file_mode() -> u32 {
    if is_root() { 0o1644 } else { 0o1600 }
}

fn is_root() -> bool {
    effective_user() == 0
}

fn effective_user() -> libc::uid_t {
    // SAFETY: no arguments.
    unsafe { libc::geteuid() }
}
