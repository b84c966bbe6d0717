// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this process has read from files, kept for the next selector: certificates, the index of a
//! whole list, and decrypted keys.
//!
//! Each use compares the file's stamp. For a key the file is opened with the rights that the process
//! has then, and a decrypted key is given for the password alone that opened it. A certificate is
//! only looked at here; its file is opened before it is sent (`FrozenSelector::key`). What was read so
//! soon after a change that a second change would not show in the stamp is not kept. What changes a
//! file and not its stamp, as a shared mapping may, is not seen.
//!
//! One lock, held to look up and to put in, never while a file is read, a key decrypted or the
//! program called. Whoever does not get it soon does without the cache, so a child that was forked
//! while another thread held it goes on.
//!
//! What OpenSSL makes belongs to the library context that the thread has then
//! (OSSL_LIB_CTX_set0_default(3)), and a program frees its own contexts. So the cache is for the
//! global one alone.

mod lookup;
mod lru;
mod stamp;

use crate::credential::listing::{IssuerFile, Listing};
use crate::ossl::{self, QuietErrors};
use crate::secret::Secret;
use crate::selector::Index;
use foreign_types::ForeignTypeRef;
use lookup::IssuersKey;
pub use lookup::ListKey;
use lru::Lru;
use openssl::pkey::{PKey, Private};
use openssl_sys as ffi;
pub use stamp::{Moment, Stamp, Stats};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};
use std::time::Duration;
use zeroize::Zeroizing;

/// Bounds: how many of each, and how many bytes; certpick_cache_clear() names them.
const LISTINGS: (usize, usize) = (16_384, 128 << 20);
const INDICES: (usize, usize) = (64, 64 << 20);
const ISSUERS: (usize, usize) = (256, 32 << 20);
const KEYS: (usize, usize) = (1024, 16 << 20);

/// Of which listings and issuer files an index was made, by their addresses, which stay taken for
/// as long as it is kept.
#[derive(Debug, PartialEq, Eq, Hash)]
struct IndexKey(Vec<usize>);

/// What an index is made of.
#[derive(Debug)]
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

/// An index, and its parts: not to keep them, but to know whether anybody still has them.
struct KeptIndex {
    listings: Vec<Weak<Listing>>,
    issuers: Vec<Weak<IssuerFile>>,
    index: Arc<Index>,
}

impl KeptIndex {
    fn is_of_use(&self) -> bool {
        self.listings.iter().all(|l| l.strong_count() > 0)
            && self.issuers.iter().all(|i| i.strong_count() > 0)
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
/// Behind a pointer, so that moving it leaves no copies.
type DigestKey = Arc<Zeroizing<[u8; 32]>>;

struct Kept {
    listings: Lru<ListKey, Arc<Listing>>,
    indices: Lru<IndexKey, KeptIndex>,
    issuers: Lru<IssuersKey, Arc<IssuerFile>>,
    /// By the file's name, so that what replaces a file also replaces its key.
    keys: Lru<Box<[u8]>, Arc<OpenedKey>>,
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
    /// The last process that got the lock.
    process: AtomicU32,
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
    let process = AtomicU32::new(std::process::id());
    let new = Box::into_raw(Box::new(Cache { process, kept: Mutex::new(Kept::new()) }));
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

/// What is kept, if this thread may use it, and if it is to be had soon.
fn kept() -> Option<MutexGuard<'static, Kept>> {
    if ossl::has_global_context() { lock() } else { None }
}

/// The lock, if it is to be had soon: it is never held for long.
fn lock() -> Option<MutexGuard<'static, Kept>> {
    const YIELDS: usize = 100;
    const NAPS: usize = 100;
    const NAP: Duration = Duration::from_micros(50);
    let cache = cache();
    let process = std::process::id();
    for turn in 0..YIELDS + NAPS {
        match cache.kept.try_lock() {
            Ok(kept) => {
                cache.process.store(process, Ordering::Relaxed);
                return Some(kept);
            }
            Err(TryLockError::Poisoned(poisoned)) => {
                // A panic left it half done.
                cache.kept.clear_poison();
                let mut kept = poisoned.into_inner();
                *kept = Kept::new();
                return Some(kept);
            }
            Err(TryLockError::WouldBlock) if turn < YIELDS => std::thread::yield_now(),
            Err(TryLockError::WouldBlock) => std::thread::sleep(NAP),
        }
    }
    if cache.process.load(Ordering::Relaxed) != process {
        // Forked while another thread, which is not here, held it.
        let fresh = replace(std::ptr::from_ref(cache).cast_mut());
        return fresh.kept.try_lock().ok();
    }
    None
}

/// Lets go of everything.
pub fn clear() {
    const TRIES: usize = 50;
    for _ in 0..TRIES {
        // What is dropped is dropped without the lock.
        let dropped = lock().map(|mut kept| std::mem::replace(&mut *kept, Kept::new()));
        if dropped.is_some() {
            return;
        }
    }
    // Whoever has it does not run, and perhaps is not in this process.
    replace(std::ptr::from_ref(cache()).cast_mut());
}

/// The listing of these lists, as it was last; it may have changed since.
pub fn listing(key: &ListKey) -> Option<Arc<Listing>> {
    kept()?.listings.get(key).cloned()
}

/// Keeps a listing.
pub fn keep_listing(key: ListKey, listing: &Arc<Listing>) {
    let bytes = listing.bytes() + key.bytes();
    let dropped = kept().map(|mut kept| kept.listings.put(key, Arc::clone(listing), bytes));
    drop(dropped);
}

/// A file of issuers, as it was last.
pub fn issuer_file(path: &[u8]) -> Option<Arc<IssuerFile>> {
    let key = IssuersKey::new(path);
    kept()?.issuers.get(&key).cloned()
}

/// Keeps a file of issuers.
pub fn keep_issuer_file(path: &[u8], file: &Arc<IssuerFile>) {
    let key = IssuersKey::new(path);
    let bytes = file.bytes() + path.len();
    let dropped = kept().map(|mut kept| kept.issuers.put(key, Arc::clone(file), bytes));
    drop(dropped);
}

/// The index of these very parts.
pub fn index(parts: &Parts) -> Option<Arc<Index>> {
    let key = parts.key();
    kept()?.indices.get(&key).map(|kept| Arc::clone(&kept.index))
}

/// Keeps an index; those of which nobody has the parts any more go.
pub fn keep_index(parts: &Parts, index: &Arc<Index>) {
    let key = parts.key();
    let bytes = index.bytes() + 3 * key.0.len() * size_of::<usize>();
    let new = KeptIndex {
        listings: parts.listings.iter().map(Arc::downgrade).collect(),
        issuers: parts.issuers.iter().map(Arc::downgrade).collect(),
        index: Arc::clone(index),
    };
    let dropped = kept().map(|mut kept| {
        let useless = kept.indices.remove_unless(KeptIndex::is_of_use);
        (useless, kept.indices.put(key, new, bytes))
    });
    drop(dropped);
}

/// The key in the file `at`, if it has this stamp and this password opens it. With another stamp
/// the one that is kept is of no use to anybody, and goes.
pub fn key(at: &Path, stamp: &Stamp, password: Option<&Secret>) -> Option<PKey<Private>> {
    let name: Box<[u8]> = at.as_os_str().as_bytes().into();
    let (opened, digest_key) = {
        let mut kept = kept()?;
        let opened = Arc::clone(kept.keys.get(&name)?);
        if opened.stamp != *stamp {
            // `opened` is the last one, which is dropped when the lock is gone.
            kept.keys.remove(&name);
        }
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
pub fn keep_key(at: &Path, stamp: Stamp, password: Option<&Secret>, key: &PKey<Private>) {
    let password = match password {
        None => None,
        Some(password) => {
            let Some(digest) = digest_key().and_then(|key| digest(&key, password)) else { return };
            Some(digest)
        }
    };
    let name: Box<[u8]> = at.as_os_str().as_bytes().into();
    let bytes = key_bytes(key) + name.len();
    let opened = Arc::new(OpenedKey { stamp, password, key: key.clone() });
    let dropped = kept().map(|mut kept| kept.keys.put(name, opened, bytes));
    drop(dropped);
}

/// The file `at` cannot be used any more.
pub fn forget_key(at: &Path) {
    let name: Box<[u8]> = at.as_os_str().as_bytes().into();
    let dropped = kept().map(|mut kept| kept.keys.remove(&name));
    drop(dropped);
}

/// How much memory a key takes once it has signed, about: OpenSSL keeps what helps it to sign
/// again, which for RSA is several times the modulus.
fn key_bytes(key: &PKey<Private>) -> usize {
    // SAFETY: a valid key.
    let signature = unsafe { ffi::EVP_PKEY_size(key.as_ref().as_ptr()) };
    2048 + 16 * usize::try_from(signature).unwrap_or(0)
}

fn digest_key() -> Option<DigestKey> {
    if let Some(key) = &kept()?.digest_key {
        return Some(Arc::clone(key));
    }
    let _errors = QuietErrors::new();
    let mut new = DigestKey::new(Zeroizing::new([0; 32]));
    let bytes = Arc::get_mut(&mut new)?;
    let length = libc::c_int::try_from(bytes.len()).ok()?;
    // SAFETY: room for so many bytes.
    if unsafe { ossl::RAND_priv_bytes(bytes.as_mut_ptr(), length) } != 1 {
        return None;
    }
    // Another thread may have been faster.
    Some(Arc::clone(kept()?.digest_key.get_or_insert(new)))
}

/// HMAC-SHA-256.
fn digest(key: &DigestKey, password: &Secret) -> Option<Digest> {
    let _errors = QuietErrors::new();
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
