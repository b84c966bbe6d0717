// SPDX-License-Identifier: MIT OR Apache-2.0
//! The function of the cache.

use crate::cache;
use crate::guard::guard;

/// Empties the cache of this process. Selectors keep what they hold, and decrypted keys that no
/// selector holds are freed at once.
///
/// The cache has what selectors have read from files: certificates, the index of a whole list, and
/// decrypted keys. A file is looked at each time all the same: one that has changed is read again,
/// and a key is given to a process alone that may open its file then, for the same password, which
/// is not kept (a digest under a random key of this process is). The answers of a password callback
/// are for the selector that asked. At most 128 MiB of certificates, 64 MiB of indices, 32 MiB of
/// issuers and 1,024 keys are kept; what was used least recently goes first. Any thread may call
/// it. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn certpick_cache_clear() {
    guard(cache::clear);
}
