// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cache of decrypted keys. A key is returned only for the password that decrypted it.

use crate::cache::Cache;
use crate::file::stamp::Stamp;
use crate::hash;
use crate::ossl::{self, QuietErrors};
use crate::secret::Secret;
use foreign_types::ForeignTypeRef;
use openssl::pkey::{PKey, Private};
use openssl_sys as ffi;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The key is the path, so that the key of a replaced file replaces the previous one.
/// certpick_cache_clear() in the header states these limits.
static KEYS: Cache = Cache::new(1024, 16 << 20);

struct DecryptedKey {
    path: Box<[u8]>,
    stamp: Stamp,
    /// `None` if the file is not encrypted.
    password: Option<PasswordDigest>,
    key: PKey<Private>,
}

/// HMAC-SHA-256 of a password under a random key.
struct PasswordDigest {
    /// Boxed, so that moving the struct leaves no copy.
    key: Box<Zeroizing<[u8; 32]>>,
    digest: [u8; 32],
}

impl PasswordDigest {
    /// Returns `None` if OpenSSL fails.
    fn new(password: &Secret) -> Option<PasswordDigest> {
        let _errors = QuietErrors::new();
        let mut key = Box::new(Zeroizing::new([0; 32]));
        let length = libc::c_int::try_from(key.len()).ok()?;
        // SAFETY: a buffer of this length.
        if unsafe { ossl::RAND_priv_bytes(key.as_mut_ptr(), length) } != 1 {
            return None;
        }
        let digest = hmac(&key, password)?;
        Some(PasswordDigest { key, digest })
    }

    fn matches(&self, password: &Secret) -> bool {
        let _errors = QuietErrors::new();
        hmac(&self.key, password).is_some_and(|digest| openssl::memcmp::eq(&self.digest, &digest))
    }
}

/// Returns the key of a file if the file has this stamp and this password decrypts the key. A key with
/// another stamp is removed.
pub fn get(path: &Path, stamp: &Stamp, password: Option<&Secret>) -> Option<PKey<Private>> {
    let path = path.as_os_str().as_bytes();
    let hash = hash::bytes(path);
    let cached = {
        let mut shelf = KEYS.lock()?;
        let cached = shelf.get::<DecryptedKey>(hash).filter(|cached| *cached.path == *path)?;
        if cached.stamp != *stamp {
            // `cached` is the last reference, which is dropped after the lock.
            shelf.remove(hash);
        }
        cached
    };
    let is_usable = cached.stamp == *stamp
        && match (&cached.password, password) {
            (None, _) => true,
            (Some(known), Some(given)) => known.matches(given),
            (Some(_), None) => false,
        };
    is_usable.then(|| cached.key.clone())
}

/// Stores the key of a file. `password` decrypted it; `None` if the file is not encrypted.
pub fn store(path: &Path, stamp: Stamp, password: Option<&Secret>, key: &PKey<Private>) {
    let password = match password.map(PasswordDigest::new) {
        Some(None) => return,
        digest => digest.flatten(),
    };
    let path: Box<[u8]> = path.as_os_str().as_bytes().into();
    let (hash, bytes) = (hash::bytes(&path), key_bytes(key) + path.len());
    let new = Arc::new(DecryptedKey { path, stamp, password, key: key.clone() });
    let evicted = KEYS.lock().map(|mut shelf| shelf.put(hash, new, bytes));
    drop(evicted);
}

/// Removes the key of a file.
pub fn remove(path: &Path) {
    let hash = hash::bytes(path.as_os_str().as_bytes());
    let removed = KEYS.lock().map(|mut shelf| shelf.remove(hash));
    drop(removed);
}

/// Empties the cache.
pub fn clear() {
    KEYS.clear();
}

/// Returns an estimate of the memory that a key takes after its first signature. OpenSSL then caches
/// precomputed values, which for RSA are several times as long as the modulus.
fn key_bytes(key: &PKey<Private>) -> usize {
    // SAFETY: a valid key.
    let signature = unsafe { ffi::EVP_PKEY_size(key.as_ref().as_ptr()) };
    2048 + 16 * usize::try_from(signature).unwrap_or(0)
}

/// Returns the HMAC-SHA-256, or `None` if OpenSSL fails.
fn hmac(key: &[u8; 32], password: &Secret) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let mut length = 0;
    // SAFETY: a key and a message of the given lengths, and a buffer for the 32 bytes of the result.
    let done = unsafe {
        ossl::HMAC(
            ffi::EVP_sha256(),
            key.as_ptr().cast(),
            libc::c_int::try_from(key.len()).ok()?,
            password.bytes().as_ptr(),
            password.bytes().len(),
            digest.as_mut_ptr(),
            &mut length,
        )
    };
    (!done.is_null() && length == 32).then_some(digest)
}
