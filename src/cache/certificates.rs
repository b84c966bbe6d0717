// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates that were read, and what selectors make of them.

use super::lookup::IssuersKey;
use super::{ListKey, ListName, kept};
use crate::credential::issuers::IssuerFile;
use crate::credential::listing::Listing;
use crate::name;
use crate::selector::{Filter, Index, Survivors};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How long a list is used without checking its files again.
const FRESH: Duration = Duration::from_secs(1);

/// How many lists with the same hash are kept.
const NAMESAKES: u64 = 4;

/// The content of files, and when all of them were checked.
struct Checked<K, T> {
    key: K,
    content: Arc<T>,
    at: Instant,
}

/// What a filter is made of.
#[derive(Debug)]
pub struct Parts {
    pub listings: Vec<Arc<Listing>>,
    pub issuers: Vec<Arc<IssuerFile>>,
}

impl Parts {
    fn hash(&self) -> u64 {
        let listings = self.listings.iter().map(|l| Arc::as_ptr(l) as usize);
        let issuers = self.issuers.iter().map(|i| Arc::as_ptr(i) as usize);
        // No object is at 0.
        let addresses = listings.chain([0]).chain(issuers);
        name::hash(&addresses.flat_map(usize::to_ne_bytes).collect::<Vec<u8>>())
    }
}

/// A filter, with weak references to its parts, which tell whether they still exist. No other object
/// gets their addresses meanwhile.
struct KeptFilter {
    listings: Vec<Weak<Listing>>,
    issuers: Vec<Weak<IssuerFile>>,
    filter: Arc<Filter>,
}

/// Whether these are the same objects.
fn are_same<T>(weak: &[Weak<T>], arcs: &[Arc<T>]) -> bool {
    weak.len() == arcs.len() && weak.iter().zip(arcs).all(|(w, a)| w.as_ptr() == Arc::as_ptr(a))
}

impl KeptFilter {
    fn is_of_use(&self) -> bool {
        self.listings.iter().all(|l| l.strong_count() > 0)
            && self.issuers.iter().all(|i| i.strong_count() > 0)
    }
}

/// An index, with a weak reference to its filter.
struct KeptIndex {
    filter: Weak<Filter>,
    index: Arc<Index>,
}

fn index_hash(filter: &Arc<Filter>, survivors: &Survivors) -> u64 {
    name::hash(&(Arc::as_ptr(filter) as usize).to_ne_bytes()) ^ survivors.hash()
}

/// Whether files that were checked then have to be checked again.
pub fn is_old(checked: Instant, now: Instant) -> bool {
    now.saturating_duration_since(checked) >= FRESH
}

/// Returns the listing of these lists, and when all of its files were checked.
pub fn listing(name: &ListName<'_>) -> Option<(Arc<Listing>, Instant)> {
    let hash = name.hash();
    // Long lists are compared without the lock.
    (0..NAMESAKES).find_map(|at| {
        let found =
            kept()?.listings.get::<Checked<Arc<ListKey>, Listing>>(hash.wrapping_add(at))?;
        name.is(&found.key).then(|| (Arc::clone(&found.content), found.at))
    })
}

/// Stores a listing, of which all files were checked at this time.
pub fn keep_listing(listing: &Arc<Listing>, checked: Instant) {
    let Some(key) = listing.key() else { return };
    let bytes = listing.bytes() + key.bytes();
    let hash = key.name().hash();
    let new = Checked { key: Arc::clone(key), content: Arc::clone(listing), at: checked };
    let dropped = kept().map(|mut kept| {
        let is_free = |at: &u64| {
            let there =
                kept.listings.peek::<Checked<Arc<ListKey>, Listing>>(hash.wrapping_add(*at));
            there.is_none_or(|there| there.key == *key)
        };
        let at = (0..NAMESAKES).find(is_free).unwrap_or(NAMESAKES - 1);
        kept.listings.put(hash.wrapping_add(at), Arc::new(new), bytes)
    });
    drop(dropped);
}

/// Returns a file of issuers, and when it was checked.
pub fn issuer_file(path: &[u8]) -> Option<(Arc<IssuerFile>, Instant)> {
    let key = IssuersKey::new(path);
    let found = kept()?.issuers.get::<Checked<IssuersKey, IssuerFile>>(key.hash())?;
    (found.key == key).then(|| (Arc::clone(&found.content), found.at))
}

/// Stores a file of issuers, which was checked at this time.
pub fn keep_issuer_file(path: &[u8], file: &Arc<IssuerFile>, checked: Instant) {
    let key = IssuersKey::new(path);
    let (hash, bytes) = (key.hash(), file.bytes() + path.len());
    let new = Arc::new(Checked { key, content: Arc::clone(file), at: checked });
    let dropped = kept().map(|mut kept| kept.issuers.put(hash, new, bytes));
    drop(dropped);
}

/// Returns the filter of these parts.
pub fn filter(parts: &Parts) -> Option<Arc<Filter>> {
    let found = kept()?.filters.get::<KeptFilter>(parts.hash())?;
    let is_it =
        are_same(&found.listings, &parts.listings) && are_same(&found.issuers, &parts.issuers);
    is_it.then(|| Arc::clone(&found.filter))
}

/// Stores a filter, and drops those whose parts no longer exist.
pub fn keep_filter(parts: &Parts, filter: &Arc<Filter>) {
    let (hash, bytes) = (parts.hash(), filter.bytes());
    let new = Arc::new(KeptFilter {
        listings: parts.listings.iter().map(Arc::downgrade).collect(),
        issuers: parts.issuers.iter().map(Arc::downgrade).collect(),
        filter: Arc::clone(filter),
    });
    let dropped = kept().map(|mut kept| {
        let useless = kept.filters.remove_unless(KeptFilter::is_of_use);
        (useless, kept.filters.put(hash, new, bytes))
    });
    drop(dropped);
}

/// Returns the index of these credentials.
pub fn index(filter: &Arc<Filter>, survivors: &Survivors) -> Option<Arc<Index>> {
    let found = kept()?.indices.get::<KeptIndex>(index_hash(filter, survivors))?;
    let is_it =
        found.filter.as_ptr() == Arc::as_ptr(filter) && found.index.survivors() == survivors;
    is_it.then(|| Arc::clone(&found.index))
}

/// Stores an index, and drops those whose filters no longer exist.
pub fn keep_index(filter: &Arc<Filter>, index: &Arc<Index>) {
    let (hash, bytes) = (index_hash(filter, index.survivors()), index.bytes());
    let new = Arc::new(KeptIndex { filter: Arc::downgrade(filter), index: Arc::clone(index) });
    let dropped = kept().map(|mut kept| {
        let useless = kept.indices.remove_unless(|kept: &KeptIndex| kept.filter.strong_count() > 0);
        (useless, kept.indices.put(hash, new, bytes))
    });
    drop(dropped);
}
