// SPDX-License-Identifier: MIT OR Apache-2.0
//! HashMap and HashSet with the standard library's hash function, which is not inlined.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};

/// A map.
pub type Map<K, V> = HashMap<K, V, State>;
/// A set.
pub type Set<T> = HashSet<T, State>;

/// The keys of the hash function: random, so that an attacker cannot choose values with the same hash.
#[derive(Clone, Default)]
pub struct State(RandomState);

/// The state of the hash function for one value.
pub struct Function(DefaultHasher);

impl BuildHasher for State {
    type Hasher = Function;

    #[inline(never)]
    fn build_hasher(&self) -> Function {
        Function(self.0.build_hasher())
    }
}

impl Hasher for Function {
    #[inline(never)]
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    #[inline(never)]
    fn finish(&self) -> u64 {
        self.0.finish()
    }
}
