// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cache of listings, by the lists as they were given.

use super::Listing;
use crate::cache::Cache;
use crate::source::checked::{Checked, EffectiveIds};
use std::sync::Arc;
use std::time::Instant;

/// certpick_cache_clear() in the header states these limits.
static LISTINGS: Cache = Cache::new(16_384, 128 << 20);

/// How many lists with the same hash are kept.
const MAX_NAMESAKES: u64 = 4;

type CheckedListing = Checked<Arc<ListKey>, Listing>;

/// Returns the listing of these lists, and when all of its files were checked.
pub fn get(name: &ListName<'_>) -> Option<(Arc<Listing>, Instant)> {
    let hash = name.hash();
    // Long lists are compared without the lock.
    (0..MAX_NAMESAKES).find_map(|at| {
        let found = LISTINGS.lock()?.get::<CheckedListing>(hash.wrapping_add(at))?;
        name.is(&found.key).then(|| (Arc::clone(&found.content), found.at))
    })
}

/// Stores a listing, of which all files were checked at this time.
pub fn store(listing: &Arc<Listing>, checked: Instant) {
    let Some(key) = listing.key() else { return };
    let bytes = listing.bytes() + key.bytes();
    let hash = key.name().hash();
    let new = Checked { key: Arc::clone(key), content: Arc::clone(listing), at: checked };
    let evicted = LISTINGS.lock().map(|mut shelf| {
        let is_free = |at: &u64| {
            let stored = shelf.peek::<CheckedListing>(hash.wrapping_add(*at));
            stored.is_none_or(|stored| stored.key == *key)
        };
        let at = (0..MAX_NAMESAKES).find(is_free).unwrap_or(MAX_NAMESAKES - 1);
        shelf.put(hash.wrapping_add(at), Arc::new(new), bytes)
    });
    drop(evicted);
}

/// Empties the cache.
pub fn clear() {
    LISTINGS.clear();
}

/// The values of sslcert and sslkey that a listing is of.
#[derive(Debug, PartialEq, Eq)]
pub struct ListKey {
    is_whole: bool,
    certificates: Box<[u8]>,
    keys: Option<Box<[u8]>>,
    ids: EffectiveIds,
}

impl ListKey {
    /// How much memory it takes, about.
    pub fn bytes(&self) -> usize {
        self.certificates.len() + self.keys.as_ref().map_or(0, |k| k.len())
    }

    /// The same, borrowed.
    pub fn name(&self) -> ListName<'_> {
        ListName {
            is_whole: self.is_whole,
            certificates: &self.certificates,
            keys: self.keys.as_deref(),
            ids: self.ids,
        }
    }
}

/// Like [`ListKey`], but borrowed: a list may be long.
#[derive(Clone, Copy, Debug)]
pub struct ListName<'a> {
    /// `certificates` is the name of one file, commas included.
    is_whole: bool,
    certificates: &'a [u8],
    keys: Option<&'a [u8]>,
    ids: EffectiveIds,
}

impl<'a> ListName<'a> {
    /// `is_whole`: `certificates` is the name of one file.
    pub fn new(is_whole: bool, certificates: &'a [u8], keys: Option<&'a [u8]>) -> ListName<'a> {
        ListName { is_whole, certificates, keys, ids: EffectiveIds::now() }
    }

    /// The same with copies of the lists.
    pub fn into_key(self) -> ListKey {
        ListKey {
            is_whole: self.is_whole,
            certificates: self.certificates.into(),
            keys: self.keys.map(Into::into),
            ids: self.ids,
        }
    }

    /// Returns whether it is the same list.
    pub fn is(&self, key: &ListKey) -> bool {
        (self.is_whole, self.ids) == (key.is_whole, key.ids)
            && *self.certificates == *key.certificates
            && self.keys == key.keys.as_deref()
    }

    /// Returns a hash of a part of the list, so that a long list costs no more than a short one. Lists
    /// with the same hash are compared.
    pub fn hash(&self) -> u64 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        const WORDS: usize = 64;
        let mut hash = self.ids.hash();
        let mut add = |word: u64| hash = (hash.rotate_left(23) ^ word).wrapping_mul(ODD);
        add(u64::from(self.is_whole));
        for list in [Some(self.certificates), self.keys].into_iter().flatten() {
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
