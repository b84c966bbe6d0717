// SPDX-License-Identifier: MIT OR Apache-2.0
//! The loaded keys of a group of credentials.

use super::key::LoadedKey;
use crate::ossl::{self, KeyHolder};
use once_cell::race::OnceBox;

const CHUNK: usize = 128;

/// The loaded keys by the indices of their credentials. The first key of each 128 allocates memory for all
/// of them. There is no lock, because it would be held while the program's password callback runs, and
/// might stay locked in a forked child.
#[derive(Debug, Default)]
pub struct LoadedKeys(Box<[OnceBox<Chunk>]>);

type Chunk = Box<[OnceBox<Slot>]>;

/// A loaded key.
#[derive(Clone, Debug)]
struct Slot {
    key: LoadedKey,
    /// The only process that can use the key; `None` if a forked child can use it, too.
    process: Option<u32>,
}

impl Slot {
    fn new(key: LoadedKey) -> Slot {
        let process = match ossl::key_holder(key.key()) {
            KeyHolder::OpenSsl => None,
            KeyHolder::Provider | KeyHolder::Unknown => Some(std::process::id()),
        };
        Slot { key, process }
    }

    fn is_usable(&self) -> bool {
        self.process.is_none_or(|process| process == std::process::id()) && self.key.is_usable()
    }
}

impl LoadedKeys {
    /// Returns an empty set for `count` credentials.
    pub fn new(count: usize) -> LoadedKeys {
        LoadedKeys((0..count.div_ceil(CHUNK)).map(|_| OnceBox::new()).collect())
    }

    /// Returns the key of a credential if it is loaded and this process can use it.
    pub fn get(&self, index: usize) -> Option<&LoadedKey> {
        self.usable(index).map(|slot| &slot.key)
    }

    fn usable(&self, index: usize) -> Option<&Slot> {
        let loaded = self.0.get(index / CHUNK)?.get()?.get(index % CHUNK)?.get()?;
        loaded.is_usable().then_some(loaded)
    }

    /// Stores a key, unless another thread or the parent process has stored one. If that one was discarded,
    /// or this process cannot use it, each later handshake loads the key again.
    pub fn set(&self, index: usize, key: LoadedKey) {
        let Some(chunk) = self.0.get(index / CHUNK) else { return };
        let chunk = chunk.get_or_init(|| Box::new((0..CHUNK).map(|_| OnceBox::new()).collect()));
        if let Some(slot) = chunk.get(index % CHUNK) {
            let _ = slot.set(Box::new(Slot::new(key)));
        }
    }

    /// Returns the keys of other credentials, each of which is the credential that had this index, if any.
    pub fn rearranged(&self, previous: impl ExactSizeIterator<Item = Option<usize>>) -> LoadedKeys {
        let new = LoadedKeys::new(previous.len());
        for (index, previous) in previous.enumerate() {
            if let Some(loaded) = previous.and_then(|previous| self.usable(previous)) {
                new.set(index, loaded.key.clone());
            }
        }
        new
    }
}
