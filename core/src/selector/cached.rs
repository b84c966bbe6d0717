// SPDX-License-Identifier: MIT OR Apache-2.0
//! The caches of what selectors derive from certificates: filters and indices.

use super::{Filter, Index, Survivors};
use crate::cache::Cache;
use crate::hash;
use crate::source;
use crate::source::issuers::IssuerFile;
use crate::source::listing::Listing;
use std::sync::{Arc, Weak};

/// certpick_cache_clear() in the header states these limits.
static FILTERS: Cache = Cache::new(64, 32 << 20);
static INDICES: Cache = Cache::new(1024, 64 << 20);

/// Empties every cache of the process.
pub fn clear_caches() {
    INDICES.clear();
    FILTERS.clear();
    source::clear_caches();
}

/// The files that a filter is made from.
#[derive(Debug)]
pub struct Parts {
    pub listings: Vec<Arc<Listing>>,
    pub issuers: Vec<Arc<IssuerFile>>,
}

impl Parts {
    fn hash(&self) -> u64 {
        let listings = self.listings.iter().map(|l| Arc::as_ptr(l) as usize);
        let issuers = self.issuers.iter().map(|i| Arc::as_ptr(i) as usize);
        // No object has the address 0.
        let addresses = listings.chain([0]).chain(issuers);
        hash::bytes(&addresses.flat_map(usize::to_ne_bytes).collect::<Vec<u8>>())
    }
}

/// A filter, with weak references to its parts, which show whether the parts still exist. While a weak
/// reference exists, no other object gets the same address.
struct CachedFilter {
    listings: Vec<Weak<Listing>>,
    issuers: Vec<Weak<IssuerFile>>,
    filter: Arc<Filter>,
}

/// Whether these are the same objects.
fn are_same<T>(weak: &[Weak<T>], arcs: &[Arc<T>]) -> bool {
    weak.len() == arcs.len() && weak.iter().zip(arcs).all(|(w, a)| w.as_ptr() == Arc::as_ptr(a))
}

impl CachedFilter {
    fn is_usable(&self) -> bool {
        self.listings.iter().all(|l| l.strong_count() > 0)
            && self.issuers.iter().all(|i| i.strong_count() > 0)
    }
}

/// An index, with a weak reference to its filter.
struct CachedIndex {
    filter: Weak<Filter>,
    index: Arc<Index>,
}

fn index_hash(filter: &Arc<Filter>, survivors: &Survivors) -> u64 {
    hash::bytes(&(Arc::as_ptr(filter) as usize).to_ne_bytes()) ^ survivors.hash()
}

/// Returns the filter of these parts.
pub fn filter(parts: &Parts) -> Option<Arc<Filter>> {
    let found = FILTERS.lock()?.get::<CachedFilter>(parts.hash())?;
    let is_it =
        are_same(&found.listings, &parts.listings) && are_same(&found.issuers, &parts.issuers);
    is_it.then(|| Arc::clone(&found.filter))
}

/// Stores a filter, and drops those whose parts no longer exist.
pub fn store_filter(parts: &Parts, filter: &Arc<Filter>) {
    let (hash, bytes) = (parts.hash(), filter.bytes());
    let new = Arc::new(CachedFilter {
        listings: parts.listings.iter().map(Arc::downgrade).collect(),
        issuers: parts.issuers.iter().map(Arc::downgrade).collect(),
        filter: Arc::clone(filter),
    });
    let evicted = FILTERS
        .lock()
        .map(|mut shelf| (shelf.retain(CachedFilter::is_usable), shelf.put(hash, new, bytes)));
    drop(evicted);
}

/// Returns the index of these credentials.
pub fn index(filter: &Arc<Filter>, survivors: &Survivors) -> Option<Arc<Index>> {
    let found = INDICES.lock()?.get::<CachedIndex>(index_hash(filter, survivors))?;
    let is_it =
        found.filter.as_ptr() == Arc::as_ptr(filter) && found.index.survivors() == survivors;
    is_it.then(|| Arc::clone(&found.index))
}

/// Stores an index, and drops those whose filters no longer exist.
pub fn store_index(filter: &Arc<Filter>, index: &Arc<Index>) {
    let (hash, bytes) = (index_hash(filter, index.survivors()), index.bytes());
    let new = Arc::new(CachedIndex { filter: Arc::downgrade(filter), index: Arc::clone(index) });
    let is_usable = |cached: &CachedIndex| cached.filter.strong_count() > 0;
    let evicted =
        INDICES.lock().map(|mut shelf| (shelf.retain(is_usable), shelf.put(hash, new, bytes)));
    drop(evicted);
}
