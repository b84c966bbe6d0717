// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates and private keys behind URIs, by OSSL_STORE(3) of OpenSSL 3.0 and later.
//!
//! A token may lock after a few wrong PINs, so that each attempt logs in at most once, and a PIN that a token
//! has refused is not tried again. Nothing prompts.

mod cached;
mod lock;
mod refused;
#[cfg(test)]
pub(crate) mod tests;
mod wrapper;

use super::key::matching::{Mismatch, check_match};
use super::password::{PasswordCallback, first_line};
use super::pem::MAX_CERTIFICATES;
use crate::error::{Cause, Problem, StoreFlaw};
use crate::ossl::store::{Answer, Object, OpenError, Store};
use crate::ossl::{self, KeyHolder, QuietErrors, c_string};
use crate::secret::Secret;
use crate::uri::{ObjectType, Uri};
use crate::x509::chain::public_key_der;
use cached::KeyId;
use libc::c_int;
use lock::{Guard, lock};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
pub use wrapper::wrapped_uri;

/// The maximum number of objects that are loaded from a store.
const MAX_OBJECTS: usize = MAX_CERTIFICATES;

/// A private key that was loaded from a store, with a reference count. Only the process that loaded it can
/// use it. As long as a `StoreKey` exists, dropping clones of the [`PKey`] does not free the key, which must
/// not happen while another thread loads one.
#[derive(Clone, Debug)]
pub struct StoreKey(Arc<Held>);

#[derive(Debug)]
struct Held {
    key: ManuallyDrop<PKey<Private>>,
    process: u32,
    is_discarded: AtomicBool,
}

impl StoreKey {
    fn new(key: PKey<Private>, guard: &Guard) -> StoreKey {
        let (key, process) = (ManuallyDrop::new(key), guard.process());
        StoreKey(Arc::new(Held { key, process, is_discarded: AtomicBool::new(false) }))
    }

    /// Returns the key.
    pub fn key(&self) -> &PKey<Private> {
        &self.0.key
    }

    /// Returns whether this process has loaded the key, and has not discarded it.
    pub fn is_usable(&self) -> bool {
        self.0.process == std::process::id() && !self.0.is_discarded.load(Ordering::Relaxed)
    }

    /// Makes [`key`] load the key again. For a key that could not sign, for example because the token was
    /// removed.
    pub fn discard(&self) {
        self.0.is_discarded.store(true, Ordering::Relaxed);
    }

    /// Returns a reference that does not keep the key loaded.
    pub fn downgrade(&self) -> WeakStoreKey {
        WeakStoreKey(Arc::downgrade(&self.0))
    }
}

/// A reference to a [`StoreKey`] that may have been freed.
#[derive(Debug)]
pub struct WeakStoreKey(Weak<Held>);

impl WeakStoreKey {
    /// Returns the key unless it has been freed.
    pub fn upgrade(&self) -> Option<StoreKey> {
        self.0.upgrade().map(StoreKey)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The parent's key refers to a session that the child does not have, so the child leaks its copy.
        if self.process != std::process::id() {
            return;
        }
        let _errors = QuietErrors::new();
        // `None` if this thread holds the lock already.
        let _guard = lock();
        // SAFETY: dropped once, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.key) };
    }
}

/// Returns the certificates behind a URI, in the order of the store.
pub fn certificates(uri: &Uri) -> Result<Vec<X509>, Cause> {
    let name = PathBuf::from(uri.to_string());
    let failure = |flaw| Cause::Store(name.clone(), flaw);
    let _errors = QuietErrors::new();
    let guard = lock().ok_or_else(|| failure(StoreFlaw::Nested))?;
    let mut certificates = Vec::new();
    let query = Query { uri, name: &name, object: ObjectType::Certificate, slot: None };
    load(&query, None, &guard, &mut |object| {
        if let Object::Certificate(certificate) = object {
            certificates.push(certificate);
        }
        Ok(false)
    })?;
    if certificates.is_empty() { Err(failure(StoreFlaw::NoCertificate)) } else { Ok(certificates) }
}

/// Returns the private key behind a URI that belongs to `leaf`, or the first one. `name` is the name of the
/// key for errors and for `callback`. The PIN is `pin`, else the first line of the URI's `pin-source`, else
/// that of the callback, which is called only if the key needs a PIN. `use_cache`: the key may come from the
/// cache.
pub fn key(
    uri: &Uri,
    name: &Path,
    leaf: Option<&X509>,
    pin: Option<&Secret>,
    callback: Option<&PasswordCallback>,
    use_cache: bool,
) -> Result<StoreKey, Cause> {
    let failure = |flaw| Cause::Store(name.to_owned(), flaw);
    let _errors = QuietErrors::new();
    let from_file = match (pin, uri.pin_source()) {
        (None, Some(file)) => first_line(file)?,
        _ => None,
    };
    let pin = pin.or(from_file.as_ref());
    let public_key = leaf.map(public_key_der).transpose()?.unwrap_or_default();
    let id = KeyId::new(&uri.to_string(), &public_key);
    if let Some(key) = if use_cache { cached::get(&id, pin) } else { None } {
        return Ok(key);
    }
    let attempt = |pin: Option<&Secret>| {
        let guard = lock().ok_or_else(|| failure(StoreFlaw::Nested))?;
        load_key(uri, name, leaf, pin, &guard)
    };
    match attempt(pin)? {
        Attempt::Found(key) => {
            if use_cache {
                cached::store(id, pin, &key);
            }
            Ok(key)
        }
        Attempt::PinMissing(max) => {
            let new = callback.and_then(|callback| callback.call(name, max));
            // The key is not for other selectors, so it is not cached.
            match new.map(|pin| attempt(Some(&pin))).transpose()? {
                Some(Attempt::Found(key)) => Ok(key),
                _ => Err(failure(StoreFlaw::PinMissing)),
            }
        }
    }
}

/// Opens and closes a URI once per scheme and process. For the time before the first handshake of the
/// process: with pkcs11-provider 1.0, if a token is opened later, it also verifies the signatures of servers,
/// and all connections of a forked child fail.
pub fn open_early(uri: &Uri) {
    static PROCESSES: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
    let [pkcs11, handle] = &PROCESSES;
    let process = if uri.is_handle() { handle } else { pkcs11 };
    let _errors = QuietErrors::new();
    let Some(guard) = lock() else { return };
    if process.swap(guard.process(), Ordering::Relaxed) != guard.process() {
        let (name, object) = (Path::new(""), ObjectType::Certificate);
        drop(open(&Query { uri, name, object, slot: None }, &mut Answer::default()));
    }
}

/// Empties the cache, and forgets the refused PINs.
pub fn clear_cache() {
    cached::clear();
    if let Some(guard) = lock() {
        refused::clear(&guard);
    }
}

/// The result of loading a key.
enum Attempt {
    Found(StoreKey),
    /// The provider requested a PIN of at most this length, and there is none.
    PinMissing(c_int),
}

fn load_key(
    uri: &Uri,
    name: &Path,
    leaf: Option<&X509>,
    pin: Option<&Secret>,
    guard: &Guard,
) -> Result<Attempt, Cause> {
    let failure = |flaw| Err(Cause::Store(name.to_owned(), flaw));
    let mut found = FoundKeys { name, leaf, matching: None, has_others: false };
    let mut load = |pin, slot| {
        let query = Query { uri, name, object: ObjectType::PrivateKey, slot };
        load(&query, pin, guard, &mut |object| found.add(object))
            .map(|request| (request, found.matching.take(), found.has_others))
    };
    let attempt = |key| Ok(Attempt::Found(StoreKey::new(key, guard)));
    let none = |has_others| if has_others { StoreFlaw::Mismatch } else { StoreFlaw::NoKey };
    if uri.is_handle() {
        // tpm2-openssl returns the key for any password. A wrong one fails when the key signs.
        let (request, key, has_others) = load(pin, None)?;
        return match (request.max, key) {
            (Some(max), _) if pin.is_none() => Ok(Attempt::PinMissing(max)),
            (Some(_), _) if !request.is_supplied => failure(StoreFlaw::PinUnusable),
            (_, Some(key)) => attempt(key),
            (_, None) => failure(none(has_others)),
        };
    }
    // Without a PIN, in case the process is logged in. Otherwise the provider tells which token needs a
    // login. OpenSSL would pass the PIN to all tokens that the URI describes, and lock those that have
    // another one.
    let (first, key, has_others) = load(None, None)?;
    if let Some(key) = key {
        return attempt(key);
    }
    let Some(max) = first.max else { return failure(none(has_others)) };
    let Some(pin) = pin else { return Ok(Attempt::PinMissing(max)) };
    let slot = first.slot;
    let token = slot.map_or_else(|| uri.token().to_owned(), |slot| slot.to_string());
    if refused::contains(&token, pin, guard) {
        return failure(StoreFlaw::PinRefused);
    }
    let (second, key, _) = load(Some(pin), slot)?;
    if let Some(key) = key {
        return attempt(key);
    }
    if second.max.is_some() && !second.is_supplied {
        return failure(StoreFlaw::PinUnusable);
    }
    // A successful login lasts, so a provider that requests a PIN again has refused the first one.
    let (third, key, has_others) = load(None, slot)?;
    match key {
        Some(key) => attempt(key),
        None if third.max.is_some() => {
            refused::add(&token, pin, guard);
            failure(StoreFlaw::PinRefused)
        }
        None => failure(none(has_others)),
    }
}

/// The private keys that were found.
struct FoundKeys<'a> {
    name: &'a Path,
    leaf: Option<&'a X509>,
    matching: Option<PKey<Private>>,
    has_others: bool,
}

impl FoundKeys<'_> {
    /// Adds a key. Returns whether it belongs to the leaf.
    fn add(&mut self, object: Object) -> Result<bool, Cause> {
        let Object::Key(key) = object else { return Ok(false) };
        // OpenSSL's own providers only read files.
        if ossl::key_holder(&key) == KeyHolder::OpenSsl {
            return Ok(false);
        }
        match self.leaf.map_or(Ok(()), |leaf| check_match(leaf, &key)) {
            Ok(()) => self.matching = Some(key),
            Err(Mismatch::Different(_)) => self.has_others = true,
            Err(mismatch) => return Err(mismatch.cause(Some(self.name))),
        }
        Ok(self.matching.is_some())
    }
}

/// What a provider requested while it loaded objects.
struct PinRequest {
    /// The maximum length of the PIN; `None` if the provider requested none.
    max: Option<c_int>,
    /// The slot of the token.
    slot: Option<u64>,
    /// Whether the provider got the PIN.
    is_supplied: bool,
}

/// What is loaded.
struct Query<'a> {
    uri: &'a Uri,
    name: &'a Path,
    object: ObjectType,
    /// The only slot to search.
    slot: Option<u64>,
}

/// Loads the objects behind a URI until `add` returns true.
fn load(
    query: &Query<'_>,
    pin: Option<&Secret>,
    _guard: &Guard,
    add: &mut dyn FnMut(Object) -> Result<bool, Cause>,
) -> Result<PinRequest, Cause> {
    let errors = QuietErrors::new();
    let mut answer = Answer { pin: pin.map(Secret::bytes), ..Answer::default() };
    let mut store = open(query, &mut answer)?;
    let mut count = 0;
    while !store.is_at_end() {
        if count == MAX_OBJECTS {
            return Err(Cause::Store(query.name.to_owned(), StoreFlaw::TooMany(MAX_OBJECTS)));
        }
        count += 1;
        let Some(object) = store.load() else {
            if errors.is_out_of_memory() {
                return Err(Cause::Memory(Some(query.name.to_owned())));
            }
            continue;
        };
        if add(object)? {
            break;
        }
    }
    drop(store);
    Ok(PinRequest { max: answer.requested, slot: answer.slot, is_supplied: answer.is_supplied })
}

fn open<'a>(query: &Query<'_>, answer: &'a mut Answer<'_>) -> Result<Store<'a>, Cause> {
    let Query { uri, name, object, slot } = query;
    let text = uri.for_provider(*object, *slot);
    // OpenSSL first opens a file with this name.
    let is_file = |text: &str| Path::new(text).symlink_metadata().is_ok();
    if is_file(&text) || is_file(&uri.to_string()) {
        let (file, why) = (PathBuf::from(name), Problem::AmbiguousName.into());
        return Err(Cause::Unusable { file, why });
    }
    let is_key = *object == ObjectType::PrivateKey;
    Store::open(&c_string(&text), &c_string(uri.scheme()), is_key, answer).map_err(|error| {
        let flaw = match error {
            OpenError::OldOpenSsl => StoreFlaw::OldOpenSsl,
            OpenError::NotServed => StoreFlaw::NotServed,
            OpenError::Failed => StoreFlaw::Open,
        };
        Cause::Store(PathBuf::from(name), flaw)
    })
}
