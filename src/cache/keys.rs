// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys that were decrypted, each given for the password that decrypted it.

use super::{Stamp, kept};
use crate::name;
use crate::ossl::{self, QuietErrors};
use crate::secret::Secret;
use foreign_types::ForeignTypeRef;
use openssl::pkey::{PKey, Private};
use openssl_sys as ffi;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key that was decrypted, and what it took.
struct OpenedKey {
    /// The file's name.
    at: Box<[u8]>,
    stamp: Stamp,
    /// The digest of the password; `None` where none was needed.
    password: Option<Digest>,
    key: PKey<Private>,
}

type Digest = [u8; 32];
/// Behind a pointer, so that moving it leaves no copies.
pub type DigestKey = Arc<Zeroizing<[u8; 32]>>;

/// The key in the file `at`, if it has this stamp and this password opens it. With another stamp
/// the one that is kept is of no use to anybody, and goes.
pub fn key(at: &Path, stamp: &Stamp, password: Option<&Secret>) -> Option<PKey<Private>> {
    let name = at.as_os_str().as_bytes();
    let (opened, digest_key) = {
        let mut kept = kept()?;
        let opened = kept.keys.get::<OpenedKey>(name::hash(name)).filter(|key| *key.at == *name)?;
        if opened.stamp != *stamp {
            // `opened` is the last one, which is dropped when the lock is gone.
            kept.keys.remove(name::hash(name));
        }
        (opened, kept.digest_key.clone())
    };
    if opened.stamp != *stamp {
        return None;
    }
    match (&opened.password, password) {
        // The key is not encrypted: the password is not used.
        (None, _) => {}
        (Some(known), Some(given)) => {
            let given = digest(&digest_key?, given)?;
            if !openssl::memcmp::eq(known, &given) {
                return None;
            }
        }
        (Some(_), None) => return None,
    }
    Some(opened.key.clone())
}

/// Keeps a key; `password` is the one that opened it, if it took one.
pub fn keep_key(at: &Path, stamp: Stamp, password: Option<&Secret>, key: &PKey<Private>) {
    let password = match password {
        None => None,
        Some(password) => {
            let Some(digest) = digest_key().and_then(|key| digest(&key, password)) else { return };
            Some(digest)
        }
    };
    let at: Box<[u8]> = at.as_os_str().as_bytes().into();
    let (hash, bytes) = (name::hash(&at), key_bytes(key) + at.len());
    let opened = Arc::new(OpenedKey { at, stamp, password, key: key.clone() });
    let dropped = kept().map(|mut kept| kept.keys.put(hash, opened, bytes));
    drop(dropped);
}

/// The file `at` cannot be used any more.
pub fn forget_key(at: &Path) {
    let hash = name::hash(at.as_os_str().as_bytes());
    let dropped = kept().map(|mut kept| kept.keys.remove(hash));
    drop(dropped);
}

/// How much memory a key takes once it has signed, about: OpenSSL keeps what helps it to sign
/// again, which for RSA is several times the modulus.
fn key_bytes(key: &PKey<Private>) -> usize {
    // SAFETY: a valid key.
    let signature = unsafe { ffi::EVP_PKEY_size(key.as_ref().as_ptr()) };
    2048 + 16 * usize::try_from(signature).unwrap_or(0)
}

fn digest_key() -> Option<DigestKey> {
    if let Some(key) = &kept()?.digest_key {
        return Some(Arc::clone(key));
    }
    let _errors = QuietErrors::new();
    let mut new = DigestKey::new(Zeroizing::new([0; 32]));
    let bytes = Arc::get_mut(&mut new)?;
    let length = libc::c_int::try_from(bytes.len()).ok()?;
    // SAFETY: room for so many bytes.
    if unsafe { ossl::RAND_priv_bytes(bytes.as_mut_ptr(), length) } != 1 {
        return None;
    }
    // Another thread may have been faster.
    Some(Arc::clone(kept()?.digest_key.get_or_insert(new)))
}

/// HMAC-SHA-256.
fn digest(key: &DigestKey, password: &Secret) -> Option<Digest> {
    let _errors = QuietErrors::new();
    let mut digest = [0; 32];
    let mut length = 0;
    // SAFETY: a key and a message of the lengths given, and room for what SHA-256 yields.
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
