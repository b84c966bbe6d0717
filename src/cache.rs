// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this process has read from files, kept for the next selector: certificates, the index of a
//! whole list, and decrypted keys.
//!
//! Nothing is given that opening the file would not give. Each use compares the file's stamp; for a
//! key the file is opened with the rights that the process has then, and a decrypted key is given
//! for the password alone that opened it. What was read so soon after a change that a second
//! change would not show in the stamp is not kept.
//!
//! One lock, held to look up and to put in, never while a file is read, a key decrypted or the
//! program called. Whoever does not get it soon does without the cache, so a child that was forked
//! while another thread held it goes on.

mod lru;
mod stamp;

use crate::credential::listing::{IssuerFile, Listing};
use crate::ossl;
use crate::secret::Secret;
use crate::selector::Index;
use lru::Lru;
use openssl::pkey::{PKey, Private};
use openssl_sys as ffi;
pub use stamp::{Moment, Stamp, Stats};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use zeroize::Zeroizing;

/// Bounds: how many of each, and how many bytes; certpick_cache_clear() names them.
const LISTINGS: (usize, usize) = (16_384, 128 << 20);
const INDICES: (usize, usize) = (64, 64 << 20);
const ISSUERS: (usize, usize) = (256, 32 << 20);
const KEYS: (usize, usize) = (1024, 8 << 20);

/// What one decrypted key takes, about.
const KEY_BYTES: usize = 8 << 10;

/// A list as it was given: sslcert and sslkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListKey {
    /// Taken for one file's name, commas and all.
    pub whole: bool,
    /// sslcert.
    pub certificates: Box<[u8]>,
    /// sslkey; `None`: in the certificates' files.
    pub keys: Option<Box<[u8]>>,
}

impl Hash for ListKey {
    /// Of both ends: lists that are alike there are few, and the whole may be long.
    fn hash<H: Hasher>(&self, state: &mut H) {
        const END: usize = 64;
        for list in [Some(&self.certificates), self.keys.as_ref()].into_iter().flatten() {
            list.len().hash(state);
            list.get(..END).unwrap_or(list).hash(state);
            list.get(list.len().saturating_sub(END)..).hash(state);
        }
    }
}

/// Of which listings and issuer files an index was made, by their addresses: what it was made of
/// is kept with it, so that no other gets the same address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexKey(Vec<usize>);

/// What an index was made of.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    pub listings: Vec<Arc<Listing>>,
    pub issuers: Vec<Arc<IssuerFile>>,
}

impl Parts {
    fn key(&self) -> IndexKey {
        let listings = self.listings.iter().map(|l| Arc::as_ptr(l) as usize);
        let issuers = self.issuers.iter().map(|i| Arc::as_ptr(i) as usize);
        // No object is at 0.
        IndexKey(listings.chain([0]).chain(issuers).collect())
    }
}

/// A key that was decrypted, and what it took.
struct OpenedKey {
    stamp: Stamp,
    /// The digest of the password; `None` where none was needed.
    password: Option<Digest>,
    key: PKey<Private>,
}

type Digest = [u8; 32];
type DigestKey = Zeroizing<[u8; 32]>;

struct Kept {
    listings: Lru<ListKey, Arc<Listing>>,
    indices: Lru<IndexKey, (Parts, Arc<Index>)>,
    issuers: Lru<Box<[u8]>, Arc<IssuerFile>>,
    /// By device and inode.
    keys: Lru<(u64, u64), Arc<OpenedKey>>,
    /// Under which passwords are digested, made when it is first needed.
    digest_key: Option<DigestKey>,
}

impl Kept {
    fn new() -> Kept {
        Kept {
            listings: Lru::new(LISTINGS),
            indices: Lru::new(INDICES),
            issuers: Lru::new(ISSUERS),
            keys: Lru::new(KEYS),
            digest_key: None,
        }
    }
}

struct Cache {
    process: u32,
    kept: Mutex<Kept>,
}

static CACHE: AtomicPtr<Cache> = AtomicPtr::new(std::ptr::null_mut());

fn cache() -> &'static Cache {
    // SAFETY: NULL, or a box that is never freed.
    match unsafe { CACHE.load(Ordering::Acquire).as_ref() } {
        Some(cache) => cache,
        None => replace(std::ptr::null_mut()),
    }
}

/// Puts a new, empty cache in place of `old`, unless another thread was faster. An old one is not
/// freed: it may be in use.
fn replace(old: *mut Cache) -> &'static Cache {
    let kept = Mutex::new(Kept::new());
    let new = Box::into_raw(Box::new(Cache { process: std::process::id(), kept }));
    match CACHE.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: a box that is never freed from now on.
        Ok(_) => unsafe { &*new },
        Err(theirs) => {
            // SAFETY: nobody else has seen the new one; theirs is never freed.
            unsafe {
                drop(Box::from_raw(new));
                &*theirs
            }
        }
    }
}

/// The lock, if it is to be had soon.
fn lock() -> Option<MutexGuard<'static, Kept>> {
    const TRIES: usize = 1000;
    let cache = cache();
    for _ in 0..TRIES {
        match cache.kept.try_lock() {
            Ok(kept) => return Some(kept),
            Err(TryLockError::Poisoned(poisoned)) => {
                // A panic left it half done.
                cache.kept.clear_poison();
                let mut kept = poisoned.into_inner();
                *kept = Kept::new();
                return Some(kept);
            }
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    if cache.process != std::process::id() {
        // Forked while another thread, which is not here, held it.
        let fresh = replace(std::ptr::from_ref(cache).cast_mut());
        return fresh.kept.try_lock().ok();
    }
    None
}

/// Lets go of everything.
pub fn clear() {
    // What is dropped is dropped without the lock.
    let dropped = match lock() {
        Some(mut kept) => std::mem::replace(&mut *kept, Kept::new()),
        None => {
            // Others are at it all the time; nobody holds it for long.
            let Ok(mut kept) = cache().kept.lock() else { return };
            std::mem::replace(&mut *kept, Kept::new())
        }
    };
    drop(dropped);
}

/// The listing of these lists, as it was last; it may have changed since.
pub fn listing(key: &ListKey) -> Option<Arc<Listing>> {
    lock()?.listings.get(key).cloned()
}

/// Keeps a listing.
pub fn keep_listing(key: ListKey, listing: &Arc<Listing>) {
    let bytes = listing.bytes() + key.certificates.len() + key.keys.as_ref().map_or(0, |k| k.len());
    let dropped = lock().map(|mut kept| kept.listings.put(key, Arc::clone(listing), bytes));
    drop(dropped);
}

/// A file of issuers, as it was last.
pub fn issuer_file(path: &[u8]) -> Option<Arc<IssuerFile>> {
    lock()?.issuers.get(path).cloned()
}

/// Keeps a file of issuers.
pub fn keep_issuer_file(path: &[u8], file: &Arc<IssuerFile>) {
    let bytes = file.bytes() + path.len();
    let dropped = lock().map(|mut kept| kept.issuers.put(path.into(), Arc::clone(file), bytes));
    drop(dropped);
}

/// The index of these very parts.
pub fn index(parts: &Parts) -> Option<Arc<Index>> {
    let key = parts.key();
    lock()?.indices.get(&key).map(|(_, index)| Arc::clone(index))
}

/// Keeps an index with what it was made of.
pub fn keep_index(parts: Parts, index: &Arc<Index>) {
    let key = parts.key();
    let bytes = index.bytes() + key.0.len() * size_of::<usize>();
    let dropped = lock().map(|mut kept| kept.indices.put(key, (parts, Arc::clone(index)), bytes));
    drop(dropped);
}

/// The key of a file that has this stamp, if this password opens it.
pub fn key(stamp: &Stamp, password: Option<&Secret>) -> Option<PKey<Private>> {
    let (opened, digest_key) = {
        let mut kept = lock()?;
        let opened = Arc::clone(kept.keys.get(&stamp.file())?);
        (opened, kept.digest_key.clone())
    };
    if opened.stamp != *stamp {
        return None;
    }
    match (&opened.password, password) {
        // Nobody asked for a password, so whichever was given was not looked at.
        (None, _) => {}
        (Some(known), Some(given)) => {
            let given = digest(&digest_key?, given)?;
            if !openssl::memcmp::eq(known, &given) {
                return None;
            }
        }
        (Some(_), None) => return None,
    }
    Some(opened.key.clone())
}

/// Keeps a key; `password` is the one that opened it, if it took one.
pub fn keep_key(stamp: Stamp, password: Option<&Secret>, key: &PKey<Private>) {
    let password = match password {
        None => None,
        Some(password) => {
            let Some(digest) = digest_key().and_then(|key| digest(&key, password)) else { return };
            Some(digest)
        }
    };
    let opened = Arc::new(OpenedKey { stamp, password, key: key.clone() });
    let dropped = lock().map(|mut kept| kept.keys.put(stamp.file(), opened, KEY_BYTES));
    drop(dropped);
}

fn digest_key() -> Option<DigestKey> {
    if let Some(key) = &lock()?.digest_key {
        return Some(key.clone());
    }
    let mut new = Zeroizing::new([0; 32]);
    openssl::rand::rand_bytes(&mut *new).ok()?;
    // Another thread may have been faster.
    Some(lock()?.digest_key.get_or_insert(new).clone())
}

/// HMAC-SHA-256.
fn digest(key: &DigestKey, password: &Secret) -> Option<Digest> {
    let mut digest = [0; 32];
    let mut length = 0;
    // SAFETY: a key and a message of the lengths given, and room for what SHA-256 yields.
    let done = unsafe {
        ossl::HMAC(
            ffi::EVP_sha256(),
            key.as_ptr().cast(),
            libc::c_int::try_from(key.len()).ok()?,
            password.bytes().as_ptr(),
            password.bytes().len(),
            digest.as_mut_ptr(),
            &mut length,
        )
    };
    (!done.is_null() && length == 32).then_some(digest)
}
