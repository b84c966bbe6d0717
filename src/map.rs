// SPDX-License-Identifier: MIT OR Apache-2.0
//! Maps and sets with the hash function of the standard library's, which is not put into each of their
//! functions anew: that would be a tenth of the library.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};

/// See the module.
pub type Map<K, V> = HashMap<K, V, State>;
/// See the module.
pub type Set<T> = HashSet<T, State>;

/// Random for each map, so that nobody can choose values with the same hash.
#[derive(Clone, Default)]
pub struct State(RandomState);

/// The hash of one value.
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
