// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cache.
//!
//! Selectors share a cache of this process. It holds what they have read from files: certificates,
//! data derived from them, and decrypted keys. A file is read again if its device, inode, size,
//! mtime or ctime has changed.
//!
//! The files of a list are checked when a selector is created and during handshakes, but not twice
//! within one second. A configuration file and a directory are checked each time. The files of the
//! certificates that are about to be sent are opened in each handshake, with the permissions that
//! the process has then. If one of them has changed, if the key does not match the certificate, or
//! if no credential suits, all files of the selector are checked and the choice is repeated (since
//! 0.1.1).
//!
//! A change that preserves all of these values is not detected. A write through a shared mapping
//! (mmap(2)) may be one, as may a change after the clock was set back.
//!
//! The permissions of a key file are checked each time it is opened. A decrypted key is used only
//! for the password that decrypted it; the cache stores a digest of the password under a random key
//! of the process. A key that a password callback decrypted, or a key in a file that belongs to a
//! provider other than OpenSSL's own, is used only by the selector that loaded it. The key of a URI,
//! such as "pkcs11:object=a", is used by all selectors with the same PIN, in the process that loaded
//! it, unless the callback supplied the PIN. A token that has accepted one PIN gives its keys to the
//! whole process, also to selectors with another PIN or none. A PIN that a token has refused is not tried again until
//! certpick_cache_clear() is called.
//!
//! By estimate, the cache holds at most 16,384 lists with 128 MiB of certificates, 64 sets of names
//! with 32 MiB, 1,024 indices with 64 MiB, 256 files of issuers with 32 MiB, 64 configuration files
//! with 32 MiB, 1,024 keys with 16 MiB, and 64 keys of URIs. The least recently used entry is
//! evicted first. After fork(2) the child has a copy of the cache. A thread with its own library
//! context (OSSL_LIB_CTX_set0_default(3)) does not use the cache.

use certpick_core::guard::guard;
use certpick_core::selector::clear_caches;

/// Empties the cache. Selectors keep what they use; decrypted keys that no selector uses are freed
/// at once. Any thread may call this function.
#[unsafe(no_mangle)]
pub extern "C" fn certpick_cache_clear() {
    guard(clear_caches);
}
