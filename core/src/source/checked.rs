// SPDX-License-Identifier: MIT OR Apache-2.0
//! Content of files in a cache, and the time after which the files are checked again.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// The time for which content is used without checking its files for changes.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The content of files in a cache.
pub struct CacheEntry<K, T> {
    /// The key. Different keys may have the same hash.
    pub key: K,
    /// The content.
    pub content: Arc<T>,
    /// The time when all of the files were last checked.
    pub checked_at: Instant,
}

/// Content of files that was read or found in the cache.
pub struct Fetched<T> {
    /// The content.
    pub content: Arc<T>,
    /// Whether some of the content is from the cache, so that not all files were opened.
    pub is_from_cache: bool,
}

/// Returns whether files that were checked at `checked_at` have to be checked again.
pub fn is_stale(checked_at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(checked_at) >= MAX_AGE
}

/// The effective user and group, whose access rights apply when a file is opened. They are a part of each
/// cache key: after seteuid(2) the process reads the files again, so that errors are reported at once. Other
/// rights, such as supplementary groups, are checked when a file is opened before its certificate is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveIds {
    user: libc::uid_t,
    group: libc::gid_t,
}

impl EffectiveIds {
    /// Returns the effective IDs of the process.
    pub fn current() -> EffectiveIds {
        // SAFETY: no arguments; these functions do not fail.
        unsafe { EffectiveIds { user: libc::geteuid(), group: libc::getegid() } }
    }

    /// Returns a value that differs for different IDs.
    pub fn hash(self) -> u64 {
        u64::from(self.user) << 32 | u64::from(self.group)
    }
}
