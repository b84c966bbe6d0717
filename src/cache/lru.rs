// SPDX-License-Identifier: MIT OR Apache-2.0
//! A map with bounds: what was used least recently goes first.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

struct Entry<V> {
    value: V,
    bytes: usize,
    /// When it was last used.
    turn: u64,
}

/// See the module.
pub struct Lru<K, V> {
    entries: HashMap<Arc<K>, Entry<V>>,
    /// The keys in the order of their use.
    turns: BTreeMap<u64, Arc<K>>,
    turn: u64,
    bytes: usize,
    most: (usize, usize),
}

impl<K: Eq + Hash, V> Lru<K, V> {
    /// At most so many entries, and so many bytes.
    pub fn new(most: (usize, usize)) -> Lru<K, V> {
        Lru { entries: HashMap::new(), turns: BTreeMap::new(), turn: 0, bytes: 0, most }
    }

    /// The value, which is the most recently used one then.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        let entry = self.entries.get_mut(key)?;
        self.turn += 1;
        if let Some(own) = self.turns.remove(&entry.turn) {
            self.turns.insert(self.turn, own);
        }
        entry.turn = self.turn;
        Some(&entry.value)
    }

    /// The value, which does not count as used by this.
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Puts a value in, and gives those that went for it: one under the same key, those that were
    /// used least recently, or the value itself where it is too large. The caller drops them.
    pub fn put(&mut self, key: K, value: V, bytes: usize) -> Vec<V> {
        let mut gone = Vec::new();
        gone.extend(self.remove(&key));
        let (most_entries, most_bytes) = self.most;
        if bytes > most_bytes {
            gone.push(value);
            return gone;
        }
        while self.entries.len() >= most_entries || self.bytes + bytes > most_bytes {
            let Some((_, oldest)) = self.turns.pop_first() else { break };
            if let Some(entry) = self.entries.remove(&oldest) {
                self.bytes -= entry.bytes;
                gone.push(entry.value);
            }
        }
        self.turn += 1;
        let key = Arc::new(key);
        self.turns.insert(self.turn, Arc::clone(&key));
        self.entries.insert(key, Entry { value, bytes, turn: self.turn });
        self.bytes += bytes;
        gone
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.turns.remove(&entry.turn);
        self.bytes -= entry.bytes;
        Some(entry.value)
    }

    /// Takes out those that are not to stay.
    pub fn remove_unless(&mut self, stays: impl Fn(&V) -> bool) -> Vec<V> {
        let goes = |(_, entry): &(&Arc<K>, &Entry<V>)| !stays(&entry.value);
        let going: Vec<Arc<K>> =
            self.entries.iter().filter(goes).map(|(key, _)| Arc::clone(key)).collect();
        going.iter().filter_map(|key| self.remove(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_least_recently_goes_first() {
        let mut lru = Lru::new((3, 100));
        for key in [1, 2, 3] {
            assert!(lru.put(key, key * 10, 1).is_empty());
        }
        assert_eq!(lru.get(&1), Some(&10));
        assert_eq!(lru.put(4, 40, 1), vec![20]);
        assert_eq!(lru.put(5, 50, 1), vec![30]);
        assert_eq!(lru.get(&1), Some(&10));
        assert_eq!(lru.get(&4), Some(&40));
    }

    #[test]
    fn bytes_are_bounded_as_well() {
        let mut lru = Lru::new((100, 10));
        lru.put(1, 1, 4);
        lru.put(2, 2, 4);
        assert_eq!(lru.put(3, 3, 6), vec![1]);
        assert_eq!(lru.put(4, 4, 10), vec![2, 3]);
        // Too large at all: what is there stays.
        assert_eq!(lru.put(5, 5, 11), vec![5]);
        assert_eq!(lru.get(&4), Some(&4));
    }

    #[test]
    fn what_was_taken_out_makes_room() {
        let mut lru = Lru::new((3, 10));
        for key in [1, 2, 3] {
            lru.put(key, key, 3);
        }
        assert_eq!(lru.remove_unless(|value| *value == 2).len(), 2);
        assert_eq!(lru.remove(&1), None);
        assert_eq!(lru.put(4, 4, 7), vec![]);
        assert_eq!(lru.put(5, 5, 3), vec![2]);
        assert_eq!(lru.remove(&4), Some(4));
        assert_eq!(lru.put(6, 6, 7), vec![]);
    }

    #[test]
    fn a_value_takes_the_place_of_an_older_one() {
        let mut lru = Lru::new((10, 10));
        lru.put(1, 1, 10);
        assert_eq!(lru.put(1, 2, 10), vec![1]);
        assert_eq!(lru.put(1, 3, 11), vec![2, 3]);
        assert_eq!(lru.get(&1), None);
        assert!(lru.put(2, 4, 10).is_empty());
    }
}
