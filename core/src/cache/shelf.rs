// SPDX-License-Identifier: MIT OR Apache-2.0
//! A bounded map from hashes to values, which evicts the least recently used values. Different keys may have
//! the same hash, so the caller compares the key of a value that it gets.

use crate::hash::HashMap64;
use std::any::Any;
use std::sync::Arc;

/// A value of any type.
pub type Value = Arc<dyn Any + Send + Sync>;

struct Stored {
    value: Value,
    bytes: usize,
    /// The number of the last use, counted over all values.
    last_use: u64,
}

/// A bounded map from hashes to values.
pub struct Shelf {
    values: HashMap64<Stored>,
    uses: u64,
    bytes: usize,
    max_values: usize,
    max_bytes: usize,
}

impl Shelf {
    /// Returns an empty map with a maximum number of values and of bytes.
    pub fn new(max_values: usize, max_bytes: usize) -> Shelf {
        Shelf { values: HashMap64::default(), uses: 0, bytes: 0, max_values, max_bytes }
    }

    /// Returns the value, which becomes the most recently used one.
    pub fn get<T: Any + Send + Sync>(&mut self, hash: u64) -> Option<Arc<T>> {
        let stored = self.values.get_mut(&hash)?;
        self.uses += 1;
        stored.last_use = self.uses;
        Arc::clone(&stored.value).downcast().ok()
    }

    /// Returns the value without counting this as a use.
    pub fn peek<T: Any>(&self, hash: u64) -> Option<&T> {
        self.values.get(&hash)?.value.downcast_ref()
    }

    /// Stores a value of this size. Returns the removed values: the one with the same hash, the least
    /// recently used ones, or the new value itself if it is larger than the maximum.
    pub fn put(&mut self, hash: u64, value: Value, bytes: usize) -> Vec<Value> {
        let mut removed = Vec::new();
        removed.extend(self.remove(hash));
        if bytes > self.max_bytes {
            removed.push(value);
            return removed;
        }
        while self.values.len() >= self.max_values || self.bytes + bytes > self.max_bytes {
            let oldest = self.values.iter().min_by_key(|(_, stored)| stored.last_use);
            let Some(oldest) = oldest.map(|(hash, _)| *hash) else { break };
            removed.extend(self.remove(oldest));
        }
        self.uses += 1;
        self.values.insert(hash, Stored { value, bytes, last_use: self.uses });
        self.bytes += bytes;
        removed
    }

    /// Removes and returns a value.
    pub fn remove(&mut self, hash: u64) -> Option<Value> {
        let stored = self.values.remove(&hash)?;
        self.bytes -= stored.bytes;
        Some(stored.value)
    }

    /// Removes and returns the values for which `keep` returns false.
    pub fn retain<T: Any>(&mut self, keep: impl Fn(&T) -> bool) -> Vec<Value> {
        let is_kept = |stored: &Stored| stored.value.downcast_ref().is_some_and(&keep);
        let rejected = self.values.iter().filter(|(_, stored)| !is_kept(stored));
        let rejected: Vec<u64> = rejected.map(|(hash, _)| *hash).collect();
        rejected.into_iter().filter_map(|hash| self.remove(hash)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(shelf: &mut Shelf, hash: u64, value: i32, bytes: usize) -> Vec<i32> {
        let removed = shelf.put(hash, Arc::new(value), bytes);
        removed.iter().map(|value| *value.downcast_ref().unwrap()).collect()
    }

    fn get(shelf: &mut Shelf, hash: u64) -> Option<i32> {
        shelf.get::<i32>(hash).map(|value| *value)
    }

    #[test]
    fn the_least_recently_used_value_is_evicted_first() {
        let mut shelf = Shelf::new(3, 100);
        for hash in [1, 2, 3] {
            assert!(put(&mut shelf, hash, hash as i32 * 10, 1).is_empty());
        }
        assert_eq!(get(&mut shelf, 1), Some(10));
        assert_eq!(shelf.peek(2), Some(&20), "not counted as a use");
        assert_eq!(put(&mut shelf, 4, 40, 1), [20]);
        assert_eq!(put(&mut shelf, 5, 50, 1), [30]);
        assert_eq!(get(&mut shelf, 1), Some(10));
        assert_eq!(get(&mut shelf, 4), Some(40));
        assert!(shelf.get::<u8>(4).is_none(), "a value of another type");
    }

    #[test]
    fn the_total_size_is_bounded() {
        let mut shelf = Shelf::new(100, 10);
        put(&mut shelf, 1, 1, 4);
        put(&mut shelf, 2, 2, 4);
        assert_eq!(put(&mut shelf, 3, 3, 6), [1]);
        assert_eq!(put(&mut shelf, 4, 4, 10), [2, 3]);
        // A value above the maximum evicts no others.
        assert_eq!(put(&mut shelf, 5, 5, 11), [5]);
        assert_eq!(get(&mut shelf, 4), Some(4));
    }

    #[test]
    fn a_removed_value_frees_its_bytes() {
        let mut shelf = Shelf::new(3, 10);
        for hash in [1, 2, 3] {
            put(&mut shelf, hash, hash as i32, 3);
        }
        assert_eq!(shelf.retain(|value: &i32| *value == 2).len(), 2);
        assert!(shelf.remove(1).is_none());
        assert!(put(&mut shelf, 4, 4, 7).is_empty());
        assert_eq!(put(&mut shelf, 5, 5, 3), [2]);
        assert!(shelf.remove(4).is_some());
        assert!(put(&mut shelf, 6, 6, 7).is_empty());
    }

    #[test]
    fn a_value_replaces_the_one_with_the_same_hash() {
        let mut shelf = Shelf::new(10, 10);
        put(&mut shelf, 1, 1, 10);
        assert_eq!(put(&mut shelf, 1, 2, 10), [1]);
        assert_eq!(put(&mut shelf, 1, 3, 11), [2, 3]);
        assert_eq!(get(&mut shelf, 1), None);
        assert!(put(&mut shelf, 2, 4, 10).is_empty());
    }
}
