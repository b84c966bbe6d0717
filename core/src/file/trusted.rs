// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rule for files and directories that decide which credential is sent: other users must not be
//! able to write them.

use std::fmt;
use std::fs::Metadata;
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
