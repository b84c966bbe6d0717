// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rule for files and directories that decide which credential is sent: other users must not be
//! able to write them.

use std::fmt;
use std::fs::{File, Metadata};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

/// Why a file is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// It is owned by this user, who is neither root nor the effective user.
    Owner(u32),
    /// Its mode lets group or world write it.
    Writable(u32),
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distrust::Owner(user) => {
                write!(
                    f,
                    "it is owned by another user, {user}; root or the current user must own it"
                )
            }
            Distrust::Writable(mode) => write!(
                f,
                "it has group or world write access (mode {mode:04o}); remove it with chmod go-w"
            ),
        }
    }
}

/// Returns an error unless root or the effective user owns the file and neither group nor world may
/// write it.
pub fn check(metadata: &Metadata) -> Result<(), Distrust> {
    check_for(effective_user(), metadata.uid(), metadata.mode())
}

/// Like [`check`], for a directory that was opened. No user can write it if its file system is mounted
/// read-only, as the secrets of Kubernetes are, whose mode is 1777.
pub fn check_directory(directory: &File, metadata: &Metadata) -> Result<(), Distrust> {
    let checked = check(metadata);
    match checked {
        Err(Distrust::Writable(_)) if is_read_only(directory) => Ok(()),
        _ => checked,
    }
}

fn is_read_only(file: &File) -> bool {
    // On 32-bit machines, statvfs of glibc has no room for the number of blocks of a large file system.
    #[cfg(not(target_env = "gnu"))]
    use libc::{fstatvfs as fstatvfs64, statvfs as statvfs64};
    #[cfg(target_env = "gnu")]
    use libc::{fstatvfs64, statvfs64};

    let mut found = MaybeUninit::<statvfs64>::uninit();
    // SAFETY: an open descriptor, and a buffer that fstatvfs64 fills on success.
    unsafe {
        fstatvfs64(file.as_raw_fd(), found.as_mut_ptr()) == 0
            && found.assume_init().f_flag & libc::ST_RDONLY != 0
    }
}

/// Returns the effective user ID. The result of `check` depends on it.
pub fn effective_user() -> libc::uid_t {
    // SAFETY: no arguments.
    unsafe { libc::geteuid() }
}

fn check_for(user: u32, owner: u32, mode: u32) -> Result<(), Distrust> {
    if owner != 0 && owner != user {
        return Err(Distrust::Owner(owner));
    }
    if mode & 0o022 != 0 {
        return Err(Distrust::Writable(mode & 0o7777));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_or_the_effective_user_owns_it_and_group_and_world_do_not_write_it() {
        for (user, owner, is_owner) in
            [(0, 0, true), (5, 5, true), (5, 0, true), (0, 5, false), (5, 6, false)]
        {
            for mode in 0..0o10000 {
                let expected = match (is_owner, mode & 0o022) {
                    (false, _) => Err(Distrust::Owner(owner)),
                    (true, 0) => Ok(()),
                    (true, _) => Err(Distrust::Writable(mode)),
                };
                assert_eq!(check_for(user, owner, 0o100000 | mode), expected, "{owner} {mode:o}");
            }
        }
    }
}
