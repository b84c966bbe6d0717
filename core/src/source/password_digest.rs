// SPDX-License-Identifier: MIT OR Apache-2.0
//! Digests of passwords, by which caches recognize a password without storing it.

use crate::ossl::{self, QuietErrors};
use crate::secret::Secret;
use openssl_sys as ffi;
use zeroize::Zeroizing;

/// HMAC-SHA-256 of a password under a random key.
pub struct PasswordDigest {
    /// Boxed, so that moving the struct leaves no copy.
    key: Box<Zeroizing<[u8; 32]>>,
    digest: [u8; 32],
}

impl PasswordDigest {
    /// Returns `None` if OpenSSL fails.
    pub fn new(password: &Secret) -> Option<PasswordDigest> {
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

    /// Returns whether this is the digest of `password`.
    pub fn matches(&self, password: &Secret) -> bool {
        let _errors = QuietErrors::new();
        hmac(&self.key, password).is_some_and(|digest| openssl::memcmp::eq(&self.digest, &digest))
    }
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
