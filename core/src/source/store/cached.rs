// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cache of keys that were loaded from tokens.

use super::StoreKey;
use crate::cache::Cache;
use crate::hash;
use crate::secret::Secret;
use crate::source::checked::EffectiveIds;
use crate::source::password_digest::PasswordMark;
use std::sync::Arc;

/// certpick_cache_clear() in the header states these limits.
static KEYS: Cache = Cache::new(64, 1 << 20);

struct CachedKey {
    id: KeyId,
    pin: PasswordMark,
    key: StoreKey,
}

/// A URI, the public key that belongs to the private one, the effective IDs and the process.
#[derive(PartialEq, Eq)]
pub struct KeyId {
    uri_and_public_key: Vec<u8>,
    ids: EffectiveIds,
    process: u32,
}

impl KeyId {
    /// Returns the ID of a key.
    pub fn new(uri: &str, public_key: &[u8]) -> KeyId {
        let uri_and_public_key = [uri.as_bytes(), b"\0", public_key].concat();
        KeyId { uri_and_public_key, ids: EffectiveIds::current(), process: std::process::id() }
    }

    fn hash(&self) -> u64 {
        hash::bytes(&self.uri_and_public_key) ^ self.ids.hash() ^ u64::from(self.process) << 16
    }
}

/// Returns the key if it was loaded with this PIN and can still be used.
pub fn get(id: &KeyId, pin: Option<&Secret>) -> Option<StoreKey> {
    let hash = id.hash();
    let cached = {
        let mut shelf = KEYS.lock()?;
        let cached = shelf.get::<CachedKey>(hash).filter(|cached| cached.id == *id)?;
        if !cached.key.is_usable() {
            // `cached` is the last reference, which is dropped after the lock.
            shelf.remove(hash);
        }
        cached
    };
    if !cached.key.is_usable() {
        return None;
    }
    cached.pin.matches(pin).then(|| cached.key.clone())
}

/// Stores a key that was loaded with this PIN.
pub fn store(id: KeyId, pin: Option<&Secret>, key: &StoreKey) {
    let (hash, bytes) = (id.hash(), 4096 + id.uri_and_public_key.len());
    let new = Arc::new(CachedKey { id, pin: PasswordMark::new(pin), key: key.clone() });
    let evicted = KEYS.lock().map(|mut shelf| shelf.put(hash, new, bytes));
    drop(evicted);
}

/// Empties the cache.
pub fn clear() {
    KEYS.clear();
}
