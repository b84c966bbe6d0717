// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates that were read, and what selectors make of them.

use super::lookup::IssuersKey;
use super::{ListName, kept};
use crate::credential::issuers::IssuerFile;
use crate::credential::listing::Listing;
use crate::selector::{Filter, Index, Survivors};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// For how long what was looked at is taken as it is.
const FRESH: Duration = Duration::from_secs(1);

/// How many lists with the same hash are kept.
const NAMESAKES: u64 = 4;

/// What files held, and when all of them were looked at.
pub type Looked<T> = (Arc<T>, Instant);

/// What a filter is made of.
#[derive(Debug)]
pub struct Parts {
    pub listings: Vec<Arc<Listing>>,
    pub issuers: Vec<Arc<IssuerFile>>,
}

/// Of which listings and issuer files a filter was made, by their addresses, which stay taken for
/// as long as it is kept.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct FilterKey(Vec<usize>);

impl Parts {
    fn key(&self) -> FilterKey {
        let listings = self.listings.iter().map(|l| Arc::as_ptr(l) as usize);
        let issuers = self.issuers.iter().map(|i| Arc::as_ptr(i) as usize);
        // No object is at 0.
        FilterKey(listings.chain([0]).chain(issuers).collect())
    }
}

/// A filter, and its parts: not to keep them, but to know whether they still exist.
pub struct KeptFilter {
    listings: Vec<Weak<Listing>>,
    issuers: Vec<Weak<IssuerFile>>,
    filter: Arc<Filter>,
}

impl KeptFilter {
    fn is_of_use(&self) -> bool {
        self.listings.iter().all(|l| l.strong_count() > 0)
            && self.issuers.iter().all(|i| i.strong_count() > 0)
    }
}

/// An index by the address of its filter, and the credentials that it is of.
pub type IndexKey = (usize, Survivors);

/// An index, and its filter, likewise.
pub struct KeptIndex {
    filter: Weak<Filter>,
    index: Arc<Index>,
}

/// Whether something that was looked at then has to be looked at again.
pub fn is_old(looked: Instant, now: Instant) -> bool {
    now.saturating_duration_since(looked) >= FRESH
}

/// The listing of these lists, as it was last; it may have changed since.
pub fn listing(name: &ListName<'_>) -> Option<Looked<Listing>> {
    let hash = name.hash();
    // Long lists are compared without the lock.
    (0..NAMESAKES).find_map(|at| {
        let found = kept()?.listings.get(&hash.wrapping_add(at)).cloned()?;
        found.0.key().is_some_and(|key| name.is(key)).then_some(found)
    })
}

/// Keeps a listing, of which all files were looked at at this time.
pub fn keep_listing(listing: &Arc<Listing>, looked: Instant) {
    let Some(key) = listing.key() else { return };
    let bytes = listing.bytes() + key.bytes();
    let hash = key.name().hash();
    let dropped = kept().map(|mut kept| {
        let is_free = |at: &u64| {
            let there = kept.listings.peek(&hash.wrapping_add(*at));
            there.and_then(|(there, _)| there.key()).is_none_or(|there| there == key)
        };
        let at = (0..NAMESAKES).find(is_free).unwrap_or(NAMESAKES - 1);
        kept.listings.put(hash.wrapping_add(at), (Arc::clone(listing), looked), bytes)
    });
    drop(dropped);
}

/// A file of issuers, as it was last.
pub fn issuer_file(path: &[u8]) -> Option<Looked<IssuerFile>> {
    let key = IssuersKey::new(path);
    kept()?.issuers.get(&key).cloned()
}

/// Keeps a file of issuers, which was looked at at this time.
pub fn keep_issuer_file(path: &[u8], file: &Arc<IssuerFile>, looked: Instant) {
    let key = IssuersKey::new(path);
    let bytes = file.bytes() + path.len();
    let dropped = kept().map(|mut kept| kept.issuers.put(key, (Arc::clone(file), looked), bytes));
    drop(dropped);
}

/// The filter of these very parts.
pub fn filter(parts: &Parts) -> Option<Arc<Filter>> {
    let key = parts.key();
    kept()?.filters.get(&key).map(|kept| Arc::clone(&kept.filter))
}

/// Keeps a filter; those whose parts are gone are dropped.
pub fn keep_filter(parts: &Parts, filter: &Arc<Filter>) {
    let key = parts.key();
    let bytes = filter.bytes() + 3 * key.0.len() * size_of::<usize>();
    let new = KeptFilter {
        listings: parts.listings.iter().map(Arc::downgrade).collect(),
        issuers: parts.issuers.iter().map(Arc::downgrade).collect(),
        filter: Arc::clone(filter),
    };
    let dropped = kept().map(|mut kept| {
        let useless = kept.filters.remove_unless(KeptFilter::is_of_use);
        (useless, kept.filters.put(key, new, bytes))
    });
    drop(dropped);
}

/// The index of these credentials.
pub fn index(filter: &Arc<Filter>, survivors: &Survivors) -> Option<Arc<Index>> {
    let key = (Arc::as_ptr(filter) as usize, survivors.clone());
    kept()?.indices.get(&key).map(|kept| Arc::clone(&kept.index))
}

/// Keeps an index; those whose filters are gone are dropped.
pub fn keep_index(filter: &Arc<Filter>, index: &Arc<Index>) {
    let survivors = index.survivors();
    let key = (Arc::as_ptr(filter) as usize, survivors.clone());
    let bytes = index.bytes() + 2 * survivors.bytes();
    let new = KeptIndex { filter: Arc::downgrade(filter), index: Arc::clone(index) };
    let dropped = kept().map(|mut kept| {
        let useless = kept.indices.remove_unless(|kept| kept.filter.strong_count() > 0);
        (useless, kept.indices.put(key, new, bytes))
    });
    drop(dropped);
}
