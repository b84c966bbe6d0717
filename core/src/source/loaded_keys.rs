// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keys that a group of credentials has loaded.

use crate::ossl::{self, Holder};
use once_cell::race::OnceBox;
use openssl::pkey::{PKey, Private};

const CHUNK: usize = 128;

/// The loaded keys by the numbers of their credentials. Memory is allocated for 128 keys when one of them
/// is loaded. There is no lock: none may be held while the program's callback runs, nor be left locked in
/// a forked child.
#[derive(Debug, Default)]
pub struct LoadedKeys(Box<[OnceBox<Chunk>]>);

type Chunk = Box<[OnceBox<Loaded>]>;

/// A key as it was loaded.
#[derive(Clone, Debug)]
struct Loaded {
    key: PKey<Private>,
    /// The process that alone can use it; `None` where a forked child can, too.
    process: Option<u32>,
}

impl Loaded {
    fn new(key: PKey<Private>) -> Loaded {
        let process = match ossl::holder(&key) {
            Holder::OpenSsl => None,
            Holder::Provider | Holder::Unknown => Some(std::process::id()),
        };
        Loaded { key, process }
    }

    fn is_usable(&self) -> bool {
        self.process.is_none_or(|process| process == std::process::id())
    }
}

impl LoadedKeys {
    /// Of so many credentials.
    pub fn new(count: usize) -> LoadedKeys {
        LoadedKeys((0..count.div_ceil(CHUNK)).map(|_| OnceBox::new()).collect())
    }

    /// The key of credential `at`, if it has been loaded and this process can use it.
    pub fn get(&self, at: usize) -> Option<&PKey<Private>> {
        let loaded = self.0.get(at / CHUNK)?.get()?.get(at % CHUNK)?.get()?;
        loaded.is_usable().then_some(&loaded.key)
    }

    /// Keeps a key. Of two threads that load one at the same time, the first one's is kept; so is a
    /// parent's in its child, where each handshake loads one then.
    pub fn set(&self, at: usize, key: PKey<Private>) {
        let Some(chunk) = self.0.get(at / CHUNK) else { return };
        let chunk = chunk.get_or_init(|| Box::new((0..CHUNK).map(|_| OnceBox::new()).collect()));
        if let Some(place) = chunk.get(at % CHUNK) {
            let _ = place.set(Box::new(Loaded::new(key)));
        }
    }

    /// The same without these, which are in order.
    pub fn without(&self, count: usize, others: &[usize]) -> LoadedKeys {
        let new = LoadedKeys::new(count);
        for at in (0..count).filter(|at| others.binary_search(at).is_err()) {
            if let Some(key) = self.get(at) {
                new.set(at, key.clone());
            }
        }
        new
    }
}
