// SPDX-License-Identifier: MIT OR Apache-2.0
//! The function of the cache.

use certpick_core::guard::guard;
use certpick_core::selector::clear_caches;

/// Empties the cache of this process. Selectors keep what they hold, and decrypted keys that no
/// selector holds are freed at once.
///
/// The cache has what selectors have read from files: certificates, what was derived from them, and
/// decrypted keys. A file whose device, inode, size, mtime or ctime has changed is read again. Since
/// 0.1.1 the files of a list are checked when a selector is made, but not again within one second after
/// all of them were checked; and the files of the certificates that are about to be sent are opened
/// in each handshake, with the rights that the process has then. If one of them has changed, if key and
/// certificate do not match, or if no credential suits, all files of the selector are checked, and the
/// choice is made again. A change that leaves these values as they were is not seen: a write through a
/// shared mapping (mmap(2)), or one after the clock was set back, may be such a change. The permissions
/// of a key file are checked each time it is opened. A key is given for the password that opened it, of
/// which only a digest under a random key of this process is kept. A key that a password callback
/// opened, or that belongs to a provider other than OpenSSL's own, is for the selector that loaded it.
///
/// At most 16,384 lists with 128 MiB of certificates, 64 sets of names with 32 MiB, 1,024 indices with
/// 64 MiB, 256 files of issuers with 32 MiB and 1,024 keys with 16 MiB are kept, by estimate; what was
/// used least recently goes first. A child of a fork has what its parent had. A thread with a library context of its own
/// (OSSL_LIB_CTX_set0_default(3)) does without the cache. Any thread may call this. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn certpick_cache_clear() {
    guard(clear_caches);
}
