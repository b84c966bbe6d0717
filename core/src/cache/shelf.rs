// SPDX-License-Identifier: MIT OR Apache-2.0
//! A bounded map from hashes to values, which evicts the least recently used ones. Different keys may
//! have the same hash: the caller compares the key of a value that it gets.

use crate::hash::HashMap64;
use std::any::Any;
use std::sync::Arc;

/// A value of any type.
pub type Value = Arc<dyn Any + Send + Sync>;

struct Stored {
    value: Value,
    bytes: usize,
    /// When it was last used.
    turn: u64,
}

/// See the module.
pub struct Shelf {
    values: HashMap64<Stored>,
    turn: u64,
    bytes: usize,
    max_values: usize,
    max_bytes: usize,
}

impl Shelf {
    /// The maximum number of values, and of bytes.
    pub fn new(max_values: usize, max_bytes: usize) -> Shelf {
        Shelf { values: HashMap64::default(), turn: 0, bytes: 0, max_values, max_bytes }
    }

    /// Returns the value, which becomes the most recently used one.
    pub fn get<T: Any + Send + Sync>(&mut self, hash: u64) -> Option<Arc<T>> {
        let stored = self.values.get_mut(&hash)?;
        self.turn += 1;
        stored.turn = self.turn;
        Arc::clone(&stored.value).downcast().ok()
    }

    /// Returns the value without counting this as a use.
    pub fn peek<T: Any>(&self, hash: u64) -> Option<&T> {
        self.values.get(&hash)?.value.downcast_ref()
    }

    /// Stores a value. Returns those that were removed: one under the same hash, the least recently used
    /// ones, or the value itself if it is too large. The caller drops them.
    pub fn put(&mut self, hash: u64, value: Value, bytes: usize) -> Vec<Value> {
        let mut gone = Vec::new();
        gone.extend(self.remove(hash));
        if bytes > self.max_bytes {
            gone.push(value);
            return gone;
        }
        while self.values.len() >= self.max_values || self.bytes + bytes > self.max_bytes {
            let oldest = self.values.iter().min_by_key(|(_, stored)| stored.turn);
            let Some(oldest) = oldest.map(|(hash, _)| *hash) else { break };
            gone.extend(self.remove(oldest));
        }
        self.turn += 1;
        self.values.insert(hash, Stored { value, bytes, turn: self.turn });
        self.bytes += bytes;
        gone
    }

    /// Removes a value.
    pub fn remove(&mut self, hash: u64) -> Option<Value> {
        let stored = self.values.remove(&hash)?;
        self.bytes -= stored.bytes;
        Some(stored.value)
    }

    /// Removes the values for which `stays` is false.
    pub fn remove_unless<T: Any>(&mut self, stays: impl Fn(&T) -> bool) -> Vec<Value> {
        let goes = |stored: &Stored| !stored.value.downcast_ref().is_some_and(&stays);
        let going = self.values.iter().filter(|(_, stored)| goes(stored));
        let going: Vec<u64> = going.map(|(hash, _)| *hash).collect();
        going.into_iter().filter_map(|hash| self.remove(hash)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(shelf: &mut Shelf, hash: u64, value: i32, bytes: usize) -> Vec<i32> {
        let gone = shelf.put(hash, Arc::new(value), bytes);
        gone.iter().map(|value| *value.downcast_ref().unwrap()).collect()
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
        assert_eq!(shelf.peek(2), Some(&20), "peek is not a use");
        assert_eq!(put(&mut shelf, 4, 40, 1), [20]);
        assert_eq!(put(&mut shelf, 5, 50, 1), [30]);
        assert_eq!(get(&mut shelf, 1), Some(10));
        assert_eq!(get(&mut shelf, 4), Some(40));
        assert!(shelf.get::<u8>(4).is_none(), "of another type");
    }

    #[test]
    fn the_number_of_bytes_is_bounded() {
        let mut shelf = Shelf::new(100, 10);
        put(&mut shelf, 1, 1, 4);
        put(&mut shelf, 2, 2, 4);
        assert_eq!(put(&mut shelf, 3, 3, 6), [1]);
        assert_eq!(put(&mut shelf, 4, 4, 10), [2, 3]);
        // A value above the limit evicts nothing.
        assert_eq!(put(&mut shelf, 5, 5, 11), [5]);
        assert_eq!(get(&mut shelf, 4), Some(4));
    }

    #[test]
    fn a_removed_value_makes_room() {
        let mut shelf = Shelf::new(3, 10);
        for hash in [1, 2, 3] {
            put(&mut shelf, hash, hash as i32, 3);
        }
        assert_eq!(shelf.remove_unless(|value: &i32| *value == 2).len(), 2);
        assert!(shelf.remove(1).is_none());
        assert!(put(&mut shelf, 4, 4, 7).is_empty());
        assert_eq!(put(&mut shelf, 5, 5, 3), [2]);
        assert!(shelf.remove(4).is_some());
        assert!(put(&mut shelf, 6, 6, 7).is_empty());
    }

    #[test]
    fn a_value_replaces_an_older_one() {
        let mut shelf = Shelf::new(10, 10);
        put(&mut shelf, 1, 1, 10);
        assert_eq!(put(&mut shelf, 1, 2, 10), [1]);
        assert_eq!(put(&mut shelf, 1, 3, 11), [2, 3]);
        assert_eq!(get(&mut shelf, 1), None);
        assert!(put(&mut shelf, 2, 4, 10).is_empty());
    }
}
