// SPDX-License-Identifier: MIT OR Apache-2.0
//! Content of files that is kept in a cache, and when it has to be checked again.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long content is used without checking its files for changes.
const FRESH: Duration = Duration::from_secs(1);

/// The content of files, and when all of them were last checked.
pub struct Checked<K, T> {
    /// What it is looked up by.
    pub key: K,
    /// The content.
    pub content: Arc<T>,
    /// When the files were checked.
    pub at: Instant,
}

/// Content of files.
pub struct Found<T> {
    /// The content.
    pub content: Arc<T>,
    /// Some of it is from the cache: those files were not opened.
    pub is_from_cache: bool,
}

/// Returns whether files that were checked then have to be checked again.
pub fn is_old(checked: Instant, now: Instant) -> bool {
    now.saturating_duration_since(checked) >= FRESH
}

/// The effective user and group, with whose rights files are opened. A process that has become another
/// user finds nothing in the cache and reads the files itself, so that it gets their errors at once. Other
/// rights, such as supplementary groups, are checked when the file of what is sent is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveIds {
    user: libc::uid_t,
    group: libc::gid_t,
}

impl EffectiveIds {
    /// Those of the process now.
    pub fn now() -> EffectiveIds {
        // SAFETY: no arguments, and they never fail.
        unsafe { EffectiveIds { user: libc::geteuid(), group: libc::getegid() } }
    }

    /// A hash of them.
    pub fn hash(self) -> u64 {
        u64::from(self.user) << 32 | u64::from(self.group)
    }
}
