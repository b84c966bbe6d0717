// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loading a private key: libpq's rule for its file, PEM and DER, and its password.

pub(crate) mod cache;
pub mod matching;

use super::password::PasswordCallback;
use super::pem;
use crate::error::{Cause, Problem};
use crate::file;
use crate::file::private::{self, Refusal};
use crate::file::stamp::{Moment, Stamp};
use crate::ossl::{self, Holder, QuietErrors};
use crate::secret::Secret;
use crate::x509::der::{Reader, tag};
use foreign_types::ForeignType;
use libc::{c_char, c_int, c_void};
use openssl::pkey::{PKey, Private};
use openssl_sys as ffi;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// Reads and decrypts the key in the file `at`, which is called `path` in words and when the
/// program is asked for its password.
pub fn load(
    at: &Path,
    path: &Path,
    password: Option<&Secret>,
    callback: Option<&PasswordCallback>,
) -> Result<PKey<Private>, Cause> {
    let bytes = private::read(at).map_err(|refusal| refused(refusal, path))?;
    decode(&bytes, path, password, callback).map(|decoded| decoded.0)
}

/// The same, without decrypting what this process has decrypted before. The file is opened all the
/// same, so that nobody gets a key that they may not read.
pub fn load_by_cache(
    at: &Path,
    path: &Path,
    password: Option<&Secret>,
    callback: Option<&PasswordCallback>,
) -> Result<PKey<Private>, Cause> {
    let before = Moment::now();
    let refused = |refusal| {
        // Nobody can use it now. Where the system refuses it, another user of this process may.
        if !matches!(refusal, Refusal::Stat(_) | Refusal::Io(_)) {
            cache::remove(at);
        }
        refused(refusal, path)
    };
    let (opened, metadata) = private::open(at).map_err(refused)?;
    let stamp = Stamp::of(&metadata);
    if let Some(key) = cache::get(at, &stamp, password) {
        return Ok(key);
    }
    let (bytes, after) = private::read_all(&opened, &metadata).map_err(refused)?;
    let (key, opened_by) = decode(&bytes, path, password, callback)?;
    let password = match opened_by {
        OpenedBy::Nothing => None,
        OpenedBy::Password => password,
        // What a program answers is for the selector that asked.
        OpenedBy::Callback => return Ok(key),
    };
    // A forked child could not use the key of a token, and it may be given from the cache there.
    if ossl::holder(&key) == Holder::OpenSsl {
        if let Some(stamp) = file::unchanged_stamp(&metadata, &after, &before) {
            cache::store(at, stamp, password, &key);
        }
    }
    Ok(key)
}

fn refused(refusal: Refusal, path: &Path) -> Cause {
    let path = path.to_owned();
    match refusal {
        Refusal::Missing => Cause::KeyMissing(path),
        Refusal::Stat(why) => Cause::KeyStat(path, why),
        Refusal::NotRegular => Cause::KeyNotRegular(path),
        Refusal::Permissions => Cause::KeyPermissions(path),
        Refusal::Io(why) => Cause::KeyFile(path, why),
    }
}

/// What it took to read a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpenedBy {
    Nothing,
    Password,
    Callback,
}

/// The format of a key file, which decides which of OpenSSL's functions reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat {
    /// PEM, with any label.
    Pem,
    /// PrivateKeyInfo of RFC 5958, or an older form: a sequence that begins with a version.
    Der,
    /// EncryptedPrivateKeyInfo of RFC 5958.
    EncryptedDer,
    /// None of these.
    Unknown,
}

impl KeyFormat {
    /// The format of these bytes. Bytes after the DER are ignored, as OpenSSL does.
    pub fn of(bytes: &[u8]) -> KeyFormat {
        if bytes.windows(11).any(|w| w == b"-----BEGIN ") {
            return KeyFormat::Pem;
        }
        let Some(content) = Reader(bytes).take(tag::SEQUENCE) else { return KeyFormat::Unknown };
        let mut parts = Reader(content);
        match (parts.any(), parts.any(), parts.is_empty()) {
            (Some((tag::INTEGER, _)), Some(_), _) => KeyFormat::Der,
            (Some((tag::SEQUENCE, _)), Some((tag::OCTET_STRING, _)), true) => {
                KeyFormat::EncryptedDer
            }
            _ => KeyFormat::Unknown,
        }
    }
}

/// Whether only OpenSSL's own decoders read it: these ask no more once there is no password, and do
/// not derive a key in vain.
fn is_openssls_own(form: KeyFormat, bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const LABELS: [&[u8]; 9] = [
        b"ENCRYPTED PRIVATE KEY-----",
        b"PRIVATE KEY-----",
        b"RSA PRIVATE KEY-----",
        b"EC PRIVATE KEY-----",
        b"DSA PRIVATE KEY-----",
        b"EC PARAMETERS-----",
        b"CERTIFICATE-----",
        b"X509 CERTIFICATE-----",
        b"TRUSTED CERTIFICATE-----",
    ];
    let mut rest = bytes;
    while let Some(at) = rest.windows(BEGIN.len()).position(|w| w == BEGIN) {
        rest = rest.get(at + BEGIN.len()..).unwrap_or_default();
        if !LABELS.iter().any(|label| rest.starts_with(label)) {
            return false;
        }
    }
    form != KeyFormat::Unknown
}

fn decode(
    bytes: &[u8],
    path: &Path,
    password: Option<&Secret>,
    callback: Option<&PasswordCallback>,
) -> Result<(PKey<Private>, OpenedBy), Cause> {
    let errors = QuietErrors::new();
    let form = KeyFormat::of(bytes);
    let without = if is_openssls_own(form, bytes) { -1 } else { 0 };
    let mut asked = Asked { path, password, callback, without, state: State::NotAsked };
    let mut read = || {
        errors.clear();
        match form {
            KeyFormat::Pem => from_pem(bytes, &mut asked),
            KeyFormat::Der => from_der(bytes),
            KeyFormat::EncryptedDer => from_encrypted_der(bytes, &mut asked),
            KeyFormat::Unknown => None,
        }
    };
    // Where there was no memory to find out its size, OpenSSL takes it to have none, for good.
    let key = match read() {
        Some(key) if key.bits() == 0 => read(),
        key => key,
    };
    if !matches!(asked.state, State::NotAsked) {
        wipe_stack();
    }
    let key = key.filter(|key| match asked.state {
        State::NotAsked | State::Given(_) => true,
        // Of a token that was not logged in to. OpenSSL's own was encrypted under the empty password,
        // which is no password here.
        State::NoPassword => ossl::holder(key) == Holder::Provider,
        State::TooLong(_) => false,
    });
    if let Some(key) = key {
        let opened_by = match asked.state {
            State::NotAsked => OpenedBy::Nothing,
            State::Given(None) => OpenedBy::Password,
            // Whatever the program answered, its key is its own.
            State::Given(Some(_)) | State::NoPassword | State::TooLong(_) => OpenedBy::Callback,
        };
        return Ok((key, opened_by));
    }
    let file = path.to_owned();
    if errors.is_out_of_memory() {
        return Err(Cause::Memory(Some(file)));
    }
    Err(match asked.state {
        State::NotAsked if bytes.is_empty() => Cause::Key(file, Problem::Empty.into()),
        State::NotAsked if form == KeyFormat::Unknown => {
            Cause::Key(file, Problem::UnknownKey.into())
        }
        State::NotAsked if form == KeyFormat::Pem && !pem::has_private_key(bytes) => {
            Cause::Key(file, Problem::NoKey.into())
        }
        State::NotAsked => Cause::Key(file, errors.reason()),
        State::NoPassword => Cause::PasswordMissing(file),
        State::TooLong(max) => Cause::PasswordWrong(file, Problem::LongPassword(max).into()),
        State::Given(_) => Cause::PasswordWrong(file, errors.reason()),
    })
}

/// Overwrites the stack below the caller: OpenSSL leaves a password there when it decrypts PEM of
/// the traditional form.
#[inline(never)]
fn wipe_stack() {
    /// As deep as OpenSSL goes with a password in its hands, and less than it needs itself.
    const DEPTH: usize = 16 << 10;
    let mut below = [0u8; DEPTH];
    below.zeroize();
}

fn from_pem(bytes: &[u8], asked: &mut Asked<'_>) -> Option<PKey<Private>> {
    let bio = ossl::MemoryBio::new(bytes)?;
    // SAFETY: a valid BIO; the callback's argument outlives the call. A new key is ours.
    unsafe {
        owned(ffi::PEM_read_bio_PrivateKey(
            bio.as_ptr(),
            std::ptr::null_mut(),
            Some(password_callback),
            std::ptr::from_mut(asked).cast(),
        ))
    }
}

fn from_der(bytes: &[u8]) -> Option<PKey<Private>> {
    let length = libc::c_long::try_from(bytes.len()).ok()?;
    let mut start = bytes.as_ptr();
    // SAFETY: reads at most `length` bytes. A new key is ours.
    unsafe { owned(ffi::d2i_AutoPrivateKey(std::ptr::null_mut(), &mut start, length)) }
}

fn from_encrypted_der(bytes: &[u8], asked: &mut Asked<'_>) -> Option<PKey<Private>> {
    let bio = ossl::MemoryBio::new(bytes)?;
    // SAFETY: as in `from_pem`.
    unsafe {
        owned(ffi::d2i_PKCS8PrivateKey_bio(
            bio.as_ptr(),
            std::ptr::null_mut(),
            Some(password_callback),
            std::ptr::from_mut(asked).cast(),
        ))
    }
}

/// # Safety
/// `key` is NULL or a key that nobody else frees.
unsafe fn owned(key: *mut ffi::EVP_PKEY) -> Option<PKey<Private>> {
    // SAFETY: the caller's promise.
    if key.is_null() { None } else { Some(unsafe { PKey::from_ptr(key) }) }
}

/// What the callback below knows and learns.
struct Asked<'a> {
    path: &'a Path,
    password: Option<&'a Secret>,
    callback: Option<&'a PasswordCallback>,
    /// What OpenSSL is told where there is no password. Told that there is none (-1), a provider would
    /// ask on the terminal; an empty one (0) it takes for a refusal.
    without: c_int,
    state: State,
}

enum State {
    NotAsked,
    NoPassword,
    TooLong(c_int),
    /// Given; kept when it came from the program's callback, which is asked once however often
    /// OpenSSL's decoders ask us.
    Given(Option<Secret>),
}

impl Asked<'_> {
    /// Writes the password to `buffer` and gives its length, or `without`.
    fn answer(&mut self, buffer: &mut [u8]) -> c_int {
        if matches!(self.state, State::NoPassword | State::TooLong(_)) {
            return self.without;
        }
        let size = c_int::try_from(buffer.len()).unwrap_or(c_int::MAX);
        let known = match (self.password, &self.state) {
            (Some(secret), _) | (None, State::Given(Some(secret))) => Some(secret),
            (None, _) => None,
        };
        let asked = match known {
            Some(_) => None,
            None => self.callback.and_then(|ask| ask_program(ask, self.path, size)),
        };
        let Some(bytes) = known.or(asked.as_ref()).map(Secret::bytes) else {
            self.state = State::NoPassword;
            return self.without;
        };
        let (Some(room), Ok(length)) =
            (buffer.get_mut(..bytes.len()), c_int::try_from(bytes.len()))
        else {
            self.state = State::TooLong(size);
            return self.without;
        };
        room.copy_from_slice(bytes);
        if !matches!(self.state, State::Given(_)) {
            self.state = State::Given(asked);
        }
        length
    }
}

fn ask_program(ask: &PasswordCallback, path: &Path, size: c_int) -> Option<Secret> {
    let name = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut buffer = Zeroizing::new(vec![0u8; usize::try_from(size).ok()?]);
    let length = ask.call(&mut buffer, &name)?;
    buffer.truncate(length);
    Secret::from_wiped(buffer)
}

/// OpenSSL's pem_password_cb. A panic in here must not reach C.
unsafe extern "C" fn password_callback(
    buffer: *mut c_char,
    size: c_int,
    _writing: c_int,
    asked: *mut c_void,
) -> c_int {
    let Ok(length) = usize::try_from(size) else { return 0 };
    if buffer.is_null() || asked.is_null() {
        return 0;
    }
    // SAFETY: OpenSSL gives a buffer of `size` bytes, and the pointer that `decode` gave it.
    let (buffer, asked) = unsafe {
        std::ptr::write_bytes(buffer, 0, length);
        (std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length), &mut *asked.cast::<Asked>())
    };
    let answer = std::panic::AssertUnwindSafe(|| asked.answer(buffer));
    std::panic::catch_unwind(answer).unwrap_or_else(|_| {
        asked.state = State::NoPassword;
        0
    })
}

#[cfg(test)]
mod tests;
