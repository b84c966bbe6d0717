// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hash functions, and maps that use them.
//!
//! [`Map`] and [`Set`] have the standard library's hash function with random keys, which is not inlined
//! so that the library stays small. [`HashMap64`] is for keys that are hashes already.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher, RandomState};

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

/// A map whose keys are hashes already.
pub type HashMap64<V> = HashMap<u64, V, BuildHasherDefault<Identity>>;

/// The hash function of [`HashMap64`], which returns the key itself.
#[derive(Default)]
pub struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// FNV-1a with 64 bits. It has no secret key: the hashed values come from the user's own files, so
/// a server cannot choose values with the same hash.
pub struct Fnv(pub u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Adds one byte.
    pub fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Adds eight bytes at once.
    pub fn add_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}

/// Returns a 64-bit hash of bytes.
pub fn bytes(bytes: &[u8]) -> u64 {
    let mut hash = Fnv::default();
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk() {
        hash.add_u64(u64::from_le_bytes(*word));
        rest = after;
    }
    // The last bytes, together with some of those before them.
    match bytes.last_chunk() {
        Some(word) => hash.add_u64(u64::from_le_bytes(*word)),
        None => bytes.iter().for_each(|byte| hash.add(*byte)),
    }
    // A map uses the lowest and the highest bits.
    let mixed = hash.0 ^ (hash.0 >> 32);
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
