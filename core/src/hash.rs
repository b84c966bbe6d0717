// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hash functions, and maps that use them.
//!
//! [`Map`] and [`Set`] use the standard library's hash function with random keys, without inlining, so that
//! the library stays small. The keys of [`HashMap64`] are hash values.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher, RandomState};

/// A map with a keyed hash function.
pub type Map<K, V> = HashMap<K, V, BuildKeyedHasher>;
/// A set with a keyed hash function.
pub type Set<T> = HashSet<T, BuildKeyedHasher>;

/// The random keys of the hash function. They prevent an attacker from choosing values with the same hash.
#[derive(Clone, Default)]
pub struct BuildKeyedHasher(RandomState);

/// The hash function for one value.
pub struct KeyedHasher(DefaultHasher);

impl BuildHasher for BuildKeyedHasher {
    type Hasher = KeyedHasher;

    #[inline(never)]
    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher(self.0.build_hasher())
    }
}

impl Hasher for KeyedHasher {
    #[inline(never)]
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    #[inline(never)]
    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// A map whose keys are hash values.
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
    // The last 8 bytes, which overlap with the previous word.
    match bytes.last_chunk() {
        Some(word) => hash.add_u64(u64::from_le_bytes(*word)),
        None => bytes.iter().for_each(|byte| hash.add(*byte)),
    }
    // `HashMap` uses the lowest and the highest bits.
    let mixed = hash.0 ^ (hash.0 >> 32);
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
