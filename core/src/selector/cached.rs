// SPDX-License-Identifier: MIT OR Apache-2.0
//! The caches of the filters and indices that selectors build.

use super::{Filter, Index, Survivors};
use crate::cache::Cache;
use crate::hash;
use crate::source;
use crate::source::issuers::IssuerFile;
use crate::source::listing::Listing;
use std::sync::{Arc, Weak};

/// The comment on certpick_cache_clear() in the header states these limits.
static FILTERS: Cache = Cache::new(64, 32 << 20);
static INDICES: Cache = Cache::new(1024, 64 << 20);

/// Empties every cache of the process.
pub fn clear_caches() {
    INDICES.clear();
    FILTERS.clear();
    source::clear_caches();
}

/// The files that a filter is built from.
#[derive(Debug)]
pub struct FilterFiles {
    pub listings: Vec<Arc<Listing>>,
    pub issuers: Vec<Arc<IssuerFile>>,
}

impl FilterFiles {
    fn hash(&self) -> u64 {
        let listings = self.listings.iter().map(|l| Arc::as_ptr(l) as usize);
        let issuers = self.issuers.iter().map(|i| Arc::as_ptr(i) as usize);
        // 0 separates the lists, since no object has this address.
        let addresses = listings.chain([0]).chain(issuers);
        hash::bytes(&addresses.flat_map(usize::to_ne_bytes).collect::<Vec<u8>>())
    }
}

/// A filter, with weak references to its files. A weak reference shows whether the object still exists,
/// and keeps its address from being reused.
struct CachedFilter {
    listings: Vec<Weak<Listing>>,
    issuers: Vec<Weak<IssuerFile>>,
    filter: Arc<Filter>,
}

/// Returns whether the references are to the same objects.
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

/// Returns the cached filter of these files.
pub fn filter(files: &FilterFiles) -> Option<Arc<Filter>> {
    let found = FILTERS.lock()?.get::<CachedFilter>(files.hash())?;
    let is_equal =
        are_same(&found.listings, &files.listings) && are_same(&found.issuers, &files.issuers);
    is_equal.then(|| Arc::clone(&found.filter))
}

/// Stores a filter, and drops filters whose files no longer exist.
pub fn store_filter(files: &FilterFiles, filter: &Arc<Filter>) {
    let (hash, bytes) = (files.hash(), filter.bytes());
    let new = Arc::new(CachedFilter {
        listings: files.listings.iter().map(Arc::downgrade).collect(),
        issuers: files.issuers.iter().map(Arc::downgrade).collect(),
        filter: Arc::clone(filter),
    });
    let evicted = FILTERS
        .lock()
        .map(|mut shelf| (shelf.retain(CachedFilter::is_usable), shelf.put(hash, new, bytes)));
    drop(evicted);
}

/// Returns the cached index of these survivors.
pub fn index(filter: &Arc<Filter>, survivors: &Survivors) -> Option<Arc<Index>> {
    let found = INDICES.lock()?.get::<CachedIndex>(index_hash(filter, survivors))?;
    let is_equal =
        found.filter.as_ptr() == Arc::as_ptr(filter) && found.index.survivors() == survivors;
    is_equal.then(|| Arc::clone(&found.index))
}

/// Stores an index, and drops indices whose filters no longer exist.
pub fn store_index(filter: &Arc<Filter>, index: &Arc<Index>) {
    let (hash, bytes) = (index_hash(filter, index.survivors()), index.bytes());
    let new = Arc::new(CachedIndex { filter: Arc::downgrade(filter), index: Arc::clone(index) });
    let is_usable = |cached: &CachedIndex| cached.filter.strong_count() > 0;
    let evicted =
        INDICES.lock().map(|mut shelf| (shelf.retain(is_usable), shelf.put(hash, new, bytes)));
    drop(evicted);
}
