// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loads private keys from files in PEM or DER, under libpq's rule for permissions.

pub(crate) mod cache;
mod format;
pub mod matching;

use super::password::PasswordCallback;
use super::store::{self, StoreKey};
use super::{Accepts, pem};
use crate::error::{Cause, Problem};
use crate::file;
use crate::file::bytes::find_slice;
use crate::file::private::{self, PrivateFileError};
use crate::file::stamp::{CoarseTime, Stamp};
use crate::ossl::{self, KeyHolder, QuietErrors, Refusal};
use crate::secret::Secret;
use foreign_types::ForeignType;
pub use format::KeyFormat;
use format::has_builtin_decoder;
use libc::{c_char, c_int, c_void};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use openssl_sys as ffi;
use std::path::Path;
use zeroize::Zeroize;

/// A private key that was loaded.
#[derive(Clone, Debug)]
pub enum LoadedKey {
    /// From a file or from memory.
    File(PKey<Private>),
    /// From a store. Kept as long as the key is used.
    Store(StoreKey),
}

impl LoadedKey {
    /// Returns the key.
    pub fn key(&self) -> &PKey<Private> {
        match self {
            LoadedKey::File(key) => key,
            LoadedKey::Store(key) => key.key(),
        }
    }

    /// Returns whether this process can use the key, and it has not been discarded.
    pub fn is_usable(&self) -> bool {
        match self {
            LoadedKey::File(_) => true,
            LoadedKey::Store(key) => key.is_usable(),
        }
    }

    /// Makes later handshakes load the key of a token again, because it could not sign.
    pub fn discard(&self) {
        if let LoadedKey::Store(key) = self {
            key.discard();
        }
    }
}

/// The key in the content of a file, and the source of its password.
pub type Decoded = Result<(LoadedKey, PasswordSource), Cause>;

/// The arguments for loading the key in a file.
#[derive(Clone, Copy, Debug)]
pub struct KeyFile<'a> {
    /// The path.
    pub path: &'a Path,
    /// The name in errors and for the callback.
    pub name: &'a Path,
    /// The certificate, if the file contains the URI of several keys.
    pub leaf: Option<&'a X509>,
    /// The password or PIN.
    pub password: Option<&'a Secret>,
    /// Called if the key needs a password and there is none.
    pub callback: Option<&'a PasswordCallback>,
    /// Whether the key may come from the cache of keys.
    pub use_cache: bool,
    /// Whether the file may contain a URI.
    pub accepts: Accepts,
}

impl KeyFile<'_> {
    /// Loads the key.
    pub fn load(&self) -> Result<LoadedKey, Cause> {
        let KeyFile { name, password, callback, .. } = *self;
        self.load_with(None, &|content| {
            let Some(uri) = store::wrapped_uri(content) else {
                let (key, source) = decode(content, name, password, callback)?;
                return Ok((LoadedKey::File(key), source));
            };
            let uri = if self.accepts == Accepts::Pem { Err(Problem::Restricted) } else { uri };
            let uri = uri.map_err(|problem| Cause::Key(name.to_owned(), problem.into()))?;
            let key = store::key(&uri, name, self.leaf, password, callback, self.use_cache)?;
            Ok((LoadedKey::Store(key), PasswordSource::None))
        })
    }

    /// Returns the key that `decode` finds in the content of the file. `item` is the number of the key if the
    /// file contains several. Opens the file first even if the key is in the cache, so that the process gets
    /// only keys that it may read.
    pub fn load_with(
        &self,
        item: Option<usize>,
        decode: &dyn Fn(&[u8]) -> Decoded,
    ) -> Result<LoadedKey, Cause> {
        let KeyFile { path, name, password, use_cache, .. } = *self;
        let start = CoarseTime::now();
        let cause = |error| {
            // The key stays in the cache if another effective user of the process may have access to the
            // file.
            if use_cache && !matches!(error, PrivateFileError::Stat(_) | PrivateFileError::Io(_)) {
                cache::remove(path, item);
            }
            file_cause(error, name)
        };
        let (file, before) = private::open(path).map_err(cause)?;
        if use_cache {
            if let Some(key) = cache::get(path, item, &Stamp::of(&before), password) {
                return Ok(LoadedKey::File(key));
            }
        }
        let (content, after) = private::read_all(&file, &before).map_err(cause)?;
        let (found, source) = decode(&content)?;
        let password = match source {
            PasswordSource::None => None,
            PasswordSource::List => password,
            // The callback's password is only for its selector.
            PasswordSource::Callback => return Ok(found),
        };
        // A forked child cannot use the key of a token, but would get it from the cache.
        match &found {
            LoadedKey::File(key) if use_cache && ossl::key_holder(key) == KeyHolder::OpenSsl => {
                if let Some(stamp) = file::unchanged_stamp(&before, &after, &start) {
                    cache::store(path, item, stamp, password, key);
                }
            }
            _ => {}
        }
        Ok(found)
    }
}

/// Reads and decrypts the key in the file at `path`. `name` is the file's name in errors and for the
/// callback, which is called if the key is encrypted and `password` is `None`.
pub fn load(
    path: &Path,
    name: &Path,
    password: Option<&Secret>,
    callback: Option<&PasswordCallback>,
) -> Result<PKey<Private>, Cause> {
    let accepts = Accepts::Any;
    let file = KeyFile { path, name, leaf: None, password, callback, use_cache: false, accepts };
    file.load().map(|key| key.key().clone())
}

fn file_cause(error: PrivateFileError, name: &Path) -> Cause {
    let name = name.to_owned();
    match error {
        PrivateFileError::Missing => Cause::KeyMissing(name),
        PrivateFileError::Stat(why) => Cause::KeyStat(name, why),
        PrivateFileError::NotRegular => Cause::KeyNotRegular(name),
        PrivateFileError::Permissions => Cause::KeyPermissions(name),
        PrivateFileError::Io(why) => Cause::KeyFile(name, why),
    }
}

/// The source of the password that decrypted a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// The key is not encrypted.
    None,
    /// The list, or the configuration file.
    List,
    /// The program's callback.
    Callback,
}

/// Returns the key in the content of a file. `name` is the file's name in errors and for the callback; empty
/// for a key in memory.
pub(super) fn decode(
    bytes: &[u8],
    name: &Path,
    password: Option<&Secret>,
    callback: Option<&PasswordCallback>,
) -> Result<(PKey<Private>, PasswordSource), Cause> {
    let errors = QuietErrors::new();
    let format = KeyFormat::of(bytes);
    let refusal = if has_builtin_decoder(format, bytes) { -1 } else { 0 };
    let state = PasswordState::NotRequested;
    let mut request = PasswordRequest { name, password, callback, refusal, state };
    let mut read = || {
        errors.clear();
        match format {
            KeyFormat::Pem => from_pem(bytes, &mut request),
            KeyFormat::Der => from_der(bytes),
            KeyFormat::EncryptedDer => from_encrypted_der(bytes, &mut request),
            KeyFormat::Pkcs12 | KeyFormat::Unknown => None,
        }
    };
    // If OpenSSL runs out of memory while it computes the size of a key, the size stays 0.
    let key = match read() {
        Some(key) if key.bits() == 0 => read(),
        key => key,
    };
    let state = request.state;
    if !matches!(state, PasswordState::NotRequested) {
        wipe_stack();
    }
    let key = key.filter(|key| match state {
        PasswordState::NotRequested | PasswordState::Supplied(_) => true,
        // A key in a token can be loaded without a login. A key in OpenSSL was encrypted with the empty
        // password, which means "no password" here.
        PasswordState::Missing => ossl::key_holder(key) == KeyHolder::Provider,
        PasswordState::TooLong(_) => false,
    });
    if let Some(key) = key {
        let source = match state {
            PasswordState::NotRequested => PasswordSource::None,
            PasswordState::Supplied(None) => PasswordSource::List,
            // Other selectors must not get a key for which the callback may have been called.
            _ => PasswordSource::Callback,
        };
        return Ok((key, source));
    }
    let file = name.to_owned();
    if errors.is_out_of_memory() {
        return Err(Cause::Memory(Some(file)));
    }
    Err(match state {
        PasswordState::NotRequested => {
            let problem = match format {
                _ if bytes.is_empty() => Some(Problem::Empty),
                KeyFormat::Pkcs12 => Some(Problem::Pkcs12AsKey),
                KeyFormat::Unknown => Some(Problem::UnknownKey),
                KeyFormat::Pem if !pem::has_private_key(bytes) => Some(Problem::NoKey),
                _ => None,
            };
            Cause::Key(file, problem.map_or_else(|| errors.reason(), String::from))
        }
        PasswordState::Missing => Cause::PasswordMissing(file),
        PasswordState::TooLong(max) => {
            Cause::PasswordWrong(file, Problem::LongPassword(max).into())
        }
        PasswordState::Supplied(_) => {
            let reason = errors.reason();
            let needs_md5 = || find_slice(b"Proc-Type: 4,ENCRYPTED", bytes).is_some();
            match errors.refusal() {
                Some(Refusal::Derivation) => Cause::Key(file, Problem::Derivation.into()),
                None if !needs_md5() || ossl::offers_md5() => Cause::PasswordWrong(file, reason),
                _ => {
                    let lacks_default = ossl::lacks_default_algorithms();
                    Cause::Key(file, Problem::NotOffered { lacks_default }.into())
                }
            }
        }
    })
}

/// Overwrites the stack below the caller. When OpenSSL decrypts traditional PEM, it leaves a copy of the
/// password there.
#[inline(never)]
fn wipe_stack() {
    /// More than OpenSSL uses for functions that have the password, and less than it uses in total.
    const DEPTH: usize = 16 << 10;
    let mut below = [0u8; DEPTH];
    below.zeroize();
}

fn from_pem(bytes: &[u8], request: &mut PasswordRequest<'_>) -> Option<PKey<Private>> {
    let bio = ossl::MemoryBio::new(bytes)?;
    // SAFETY: a valid BIO, and a request that outlives the call. We own the new key.
    unsafe {
        pkey(ffi::PEM_read_bio_PrivateKey(
            bio.as_ptr(),
            std::ptr::null_mut(),
            Some(password_callback),
            std::ptr::from_mut(request).cast(),
        ))
    }
}

fn from_der(bytes: &[u8]) -> Option<PKey<Private>> {
    let length = libc::c_long::try_from(bytes.len()).ok()?;
    let mut start = bytes.as_ptr();
    // SAFETY: reads at most `length` bytes. We own the new key.
    unsafe { pkey(ffi::d2i_AutoPrivateKey(std::ptr::null_mut(), &mut start, length)) }
}

fn from_encrypted_der(bytes: &[u8], request: &mut PasswordRequest<'_>) -> Option<PKey<Private>> {
    let bio = ossl::MemoryBio::new(bytes)?;
    // SAFETY: as in `from_pem`.
    unsafe {
        pkey(ffi::d2i_PKCS8PrivateKey_bio(
            bio.as_ptr(),
            std::ptr::null_mut(),
            Some(password_callback),
            std::ptr::from_mut(request).cast(),
        ))
    }
}

/// # Safety
/// `key` is NULL, or a valid key that the caller owns.
unsafe fn pkey(key: *mut ffi::EVP_PKEY) -> Option<PKey<Private>> {
    // SAFETY: the caller's promise.
    if key.is_null() { None } else { Some(unsafe { PKey::from_ptr(key) }) }
}

/// The argument of [`password_callback`].
struct PasswordRequest<'a> {
    name: &'a Path,
    password: Option<&'a Secret>,
    callback: Option<&'a PasswordCallback>,
    /// The return value if there is no password. For -1, a provider would prompt on the terminal. For 0, an
    /// empty password, it returns an error.
    refusal: c_int,
    state: PasswordState,
}

enum PasswordState {
    NotRequested,
    Missing,
    /// The password is longer than this maximum of OpenSSL's.
    TooLong(c_int),
    /// OpenSSL got a password. Contains the callback's password, if any, because the callback is called only
    /// once even if several decoders of OpenSSL request a password.
    Supplied(Option<Secret>),
}

impl PasswordRequest<'_> {
    /// Writes the password to `buffer`. Returns its length, or `refusal`.
    fn answer(&mut self, buffer: &mut [u8]) -> c_int {
        if matches!(self.state, PasswordState::Missing | PasswordState::TooLong(_)) {
            return self.refusal;
        }
        let size = c_int::try_from(buffer.len()).unwrap_or(c_int::MAX);
        let known = match (self.password, &self.state) {
            (Some(secret), _) | (None, PasswordState::Supplied(Some(secret))) => Some(secret),
            (None, _) => None,
        };
        let new = match known {
            Some(_) => None,
            None => self.callback.and_then(|callback| callback.call(self.name, size)),
        };
        let Some(bytes) = known.or(new.as_ref()).map(Secret::bytes) else {
            self.state = PasswordState::Missing;
            return self.refusal;
        };
        let (Some(target), Ok(length)) =
            (buffer.get_mut(..bytes.len()), c_int::try_from(bytes.len()))
        else {
            self.state = PasswordState::TooLong(size);
            return self.refusal;
        };
        target.copy_from_slice(bytes);
        if !matches!(self.state, PasswordState::Supplied(_)) {
            self.state = PasswordState::Supplied(new);
        }
        length
    }
}

/// OpenSSL's pem_password_cb. A panic must not unwind into C.
unsafe extern "C" fn password_callback(
    buffer: *mut c_char,
    size: c_int,
    _writing: c_int,
    request: *mut c_void,
) -> c_int {
    let Ok(length) = usize::try_from(size) else { return 0 };
    if buffer.is_null() || request.is_null() {
        return 0;
    }
    // SAFETY: a buffer of `size` bytes, and the request that `from_pem` or `from_encrypted_der` passed.
    let (buffer, request) = unsafe {
        std::ptr::write_bytes(buffer, 0, length);
        let buffer = std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length);
        (buffer, &mut *request.cast::<PasswordRequest>())
    };
    let answer = std::panic::AssertUnwindSafe(|| request.answer(buffer));
    std::panic::catch_unwind(answer).unwrap_or_else(|_| {
        request.state = PasswordState::Missing;
        0
    })
}

#[cfg(test)]
mod tests;
