// SPDX-License-Identifier: MIT OR Apache-2.0
//! The function of the cache.

use crate::cache;
use crate::guard::guard;

/// Empties the cache of this process. Selectors keep what they hold, and decrypted keys that no
/// selector holds are freed at once.
///
/// The cache has what selectors have read from files: certificates, the index of a whole list, and
/// decrypted keys. A file is looked at each time all the same, when it is added and when a key is
/// needed: one whose device, inode, size, mtime or ctime has changed is read again. A change that
/// leaves these as they were is not seen: a write through a shared mapping (mmap(2)), or one after
/// the clock was set back, may be such a change. The files of the certificates that are to be sent
/// are opened once for each selector, and a key file by each selector that needs it, with the rights
/// that the process has then; the permissions of a key file are checked. A key is given for the
/// password that opened it, of which only a digest under a random key of this process is kept. A key
/// that a password callback opened, or that belongs to a provider other than OpenSSL's own, is for
/// the selector that loaded it. What is read so soon after a change that the file's times would not
/// show another one is not kept.
///
/// At most 16,384 lists with 128 MiB of certificates, 64 indices with 64 MiB, 256 files of issuers
/// with 32 MiB and 1,024 keys with 16 MiB are kept, by estimate; what was used least recently goes
/// first. A child of a fork has what its parent had. A thread with a library context of its own
/// (OSSL_LIB_CTX_set0_default(3)) does without the cache. Any thread may call this. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn certpick_cache_clear() {
    guard(cache::clear);
}
