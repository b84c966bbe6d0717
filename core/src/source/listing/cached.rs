// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cache of listings. The key contains the values of sslcert and sslkey.

use super::Listing;
use crate::cache::Cache;
use crate::source::Accepts;
use crate::source::checked::{CacheEntry, EffectiveIds};
use std::sync::Arc;
use std::time::Instant;

/// certpick_cache_clear() in the header states these limits.
static LISTINGS: Cache = Cache::new(16_384, 128 << 20);

/// The maximum number of listings with the same hash in the cache.
const MAX_SAME_HASH: u64 = 4;

type ListingEntry = CacheEntry<Arc<ListKey>, Listing>;

/// Returns the listing with this key, and the time when all of its files were last checked.
pub fn get(key: &ListKeyRef<'_>) -> Option<(Arc<Listing>, Instant)> {
    let hash = key.hash();
    // The lock is not held while long lists are compared.
    (0..MAX_SAME_HASH).find_map(|i| {
        let found = LISTINGS.lock()?.get::<ListingEntry>(hash.wrapping_add(i))?;
        (*key == found.key.borrowed()).then(|| (Arc::clone(&found.content), found.checked_at))
    })
}

/// Stores a listing whose files were all checked at `checked_at`.
pub fn put(listing: &Arc<Listing>, checked_at: Instant) {
    let Some(key) = listing.key() else { return };
    let bytes = listing.bytes() + key.bytes();
    let hash = key.borrowed().hash();
    let new = CacheEntry { key: Arc::clone(key), content: Arc::clone(listing), checked_at };
    let evicted = LISTINGS.lock().map(|mut shelf| {
        let is_free = |i: &u64| {
            let stored = shelf.peek::<ListingEntry>(hash.wrapping_add(*i));
            stored.is_none_or(|stored| stored.key == *key)
        };
        let i = (0..MAX_SAME_HASH).find(is_free).unwrap_or(MAX_SAME_HASH - 1);
        shelf.put(hash.wrapping_add(i), Arc::new(new), bytes)
    });
    drop(evicted);
}

/// Empties the cache.
pub fn clear() {
    LISTINGS.clear();
}

/// The key of a listing, with the values of sslcert and sslkey.
#[derive(Debug, PartialEq, Eq)]
pub struct ListKey {
    is_single_file: bool,
    accepts: Accepts,
    sslcert: Box<[u8]>,
    sslkey: Option<Box<[u8]>>,
    ids: EffectiveIds,
}

impl ListKey {
    /// Returns the number of bytes in the two lists.
    pub fn bytes(&self) -> usize {
        self.sslcert.len() + self.sslkey.as_ref().map_or(0, |k| k.len())
    }

    pub fn borrowed(&self) -> ListKeyRef<'_> {
        ListKeyRef {
            is_single_file: self.is_single_file,
            accepts: self.accepts,
            sslcert: &self.sslcert,
            sslkey: self.sslkey.as_deref(),
            ids: self.ids,
        }
    }
}

/// A [`ListKey`] with borrowed lists, which may be long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListKeyRef<'a> {
    /// Whether sslcert is the name of one file, including any commas.
    is_single_file: bool,
    accepts: Accepts,
    sslcert: &'a [u8],
    sslkey: Option<&'a [u8]>,
    ids: EffectiveIds,
}

impl<'a> ListKeyRef<'a> {
    /// Returns a key with the effective IDs of the process.
    pub fn new(
        is_single_file: bool,
        accepts: Accepts,
        sslcert: &'a [u8],
        sslkey: Option<&'a [u8]>,
    ) -> ListKeyRef<'a> {
        ListKeyRef { is_single_file, accepts, sslcert, sslkey, ids: EffectiveIds::current() }
    }

    pub fn into_owned(self) -> ListKey {
        ListKey {
            is_single_file: self.is_single_file,
            accepts: self.accepts,
            sslcert: self.sslcert.into(),
            sslkey: self.sslkey.map(Into::into),
            ids: self.ids,
        }
    }

    /// Returns a hash of at most 64 words of each list, so that a long list costs no more than a short one.
    /// [`get`] compares the complete lists.
    pub fn hash(&self) -> u64 {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        const WORDS: usize = 64;
        let mut hash = self.ids.hash();
        let mut add = |word: u64| hash = (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
        add(u64::from(self.is_single_file) << 8 | self.accepts as u64);
        for list in [Some(self.sslcert), self.sslkey].into_iter().flatten() {
            add(list.len() as u64);
            let step = list.len().div_ceil(8).div_ceil(WORDS).max(1) * 8;
            for part in list.chunks(step) {
                let mut word = [0; 8];
                word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
                add(u64::from_le_bytes(word));
            }
        }
        hash ^ hash >> 29
    }
}
