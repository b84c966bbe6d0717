// SPDX-License-Identifier: MIT OR Apache-2.0
//! PKCS#12 files (RFC 7292): certificates with their keys, usually encrypted.
//!
//! PKCS12_parse(3) returns only the first key, decrypts it although it may not be needed, and depends on the
//! MAC. So the bags of the file are read here, and OpenSSL decrypts them.

mod bags;
mod ber;
mod credentials;
mod encryption;
mod inspect;

use super::bundle::{Bundle, SharedCertificates};
use super::key::matching::check_match;
use super::key::{KeyFile, LoadedKey, PasswordSource};
use super::listed::{KeySource, ListedCredential};
use super::pem::MAX_CERTIFICATES;
use crate::error::{Cause, Problem};
use crate::file::bytes::find_slice;
use crate::file::{Content, private};
use crate::list::Files;
use crate::ossl::lacks_default_algorithms;
use crate::ossl::pkcs12::private_key;
use crate::secret::Secret;
use bags::KeyBag;
use encryption::Passwords;
pub use inspect::{Age, Algorithm, InspectedKey, Inspection, inspect};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509Ref;
use std::path::Path;

/// The maximum number of keys, and of credentials, in a file.
const MAX_KEYS: usize = 256;
/// The maximum number of bags and of contents, including those that certpick does not use.
const MAX_PARTS: usize = 10_000;

/// One credential of a file.
#[derive(Debug)]
pub struct Pkcs12Credential {
    /// The leaf, and all other certificates of the file.
    pub bundle: Bundle,
    /// The numbers of the keys that may be that of the leaf, the best candidate first.
    pub keys: Box<[usize]>,
}

/// Returns whether the content of a file begins like a PFX, in DER or BER, and contains no PEM.
pub fn is_pkcs12(content: &[u8]) -> bool {
    // A truncated file is recognized, too, so that its error is that of a PKCS#12 file.
    let [0x30, length, rest @ ..] = content else { return false };
    let digits = if *length > 0x80 { usize::from(length & 0x7f) } else { 0 };
    digits <= 4
        && rest.get(digits..).is_some_and(|body| body.starts_with(b"\x02\x01\x03\x30"))
        && find_slice(b"-----BEGIN ", content).is_none()
}

/// Returns the credentials of a file, of which there is at least one. Decrypts the certificates, but no keys.
/// `name` is the file's name in errors.
pub fn open(
    content: &[u8],
    name: &Path,
    password: Option<&Secret>,
    shared: &mut SharedCertificates,
) -> Result<Vec<Pkcs12Credential>, Cause> {
    bags::read(content, &mut Passwords::new(password), None)
        .and_then(|bags| credentials::credentials(bags, shared))
        .map_err(|failure| failure.cause(name, password, false))
}

/// Returns the credentials of a file that was read as an entry. `files.certificate` is its name in errors.
pub fn open_entry(
    files: &Files,
    content: &Content,
    password: Option<&Secret>,
    shared: &mut SharedCertificates,
) -> Result<Vec<ListedCredential>, Cause> {
    let name = &files.certificate;
    if !private::is_private(&content.metadata) {
        return Err(Cause::KeyPermissions(name.clone()));
    }
    let credential = |opened: Pkcs12Credential| {
        let files = Files { certificate: name.clone(), key: None };
        let key = KeySource::Pkcs12(opened.keys);
        ListedCredential::new(files, opened.bundle, key, content.stamp)
    };
    let opened = open(&content.bytes, name, password, shared)?;
    Ok(opened.into_iter().map(credential).collect())
}

/// Returns the first of the keys with these numbers that matches `leaf`, from the file or from the cache.
pub fn load_key(file: &KeyFile<'_>, keys: &[usize], leaf: &X509Ref) -> Result<LoadedKey, Cause> {
    file.load_with(keys.first().copied(), &|content| {
        let source = file.password.map_or(PasswordSource::None, |_| PasswordSource::List);
        let key = key_of(content, file.name, file.password, keys, leaf)?;
        Ok((LoadedKey::File(key), source))
    })
}

/// Decrypts the keys with these numbers, in this order, and returns the first one that matches `leaf`. Fails
/// with the error of the first one if none matches.
pub fn key_of(
    content: &[u8],
    name: &Path,
    password: Option<&Secret>,
    keys: &[usize],
    leaf: &X509Ref,
) -> Result<PKey<Private>, Cause> {
    let cause = |failure: Failure| failure.cause(name, password, true);
    let mut passwords = Passwords::new(password);
    let bags = bags::read(content, &mut passwords, Some(keys)).map_err(cause)?;
    let mut first = None;
    for number in keys {
        let Some(bag) = bags.keys.iter().find(|bag| bag.number == *number) else { continue };
        let error = match decode(bag, &mut passwords) {
            Ok(key) => match check_match(leaf, &key) {
                Ok(()) => return Ok(key),
                Err(mismatch) => mismatch.cause(Some(name)),
            },
            Err(failure) => cause(failure),
        };
        if matches!(error, Cause::Memory(_)) {
            return Err(error);
        }
        first = first.or(Some(error));
    }
    Err(first.unwrap_or_else(|| cause(Failure::NoKey)))
}

/// Returns the DER of each certificate, in the order of the file.
#[cfg(fuzzing)]
pub(crate) fn certificates(content: &[u8], password: Option<&Secret>) -> Option<Vec<Vec<u8>>> {
    let bags = bags::read(content, &mut Passwords::new(password), None).ok()?;
    Some(bags.certificates.into_iter().map(|bag| bag.der).collect())
}

fn decode(bag: &KeyBag, passwords: &mut Passwords<'_>) -> Result<PKey<Private>, Failure> {
    let key = if bag.is_encrypted {
        let (algorithm, bytes) = bags::encrypted_key(&bag.value).ok_or(Failure::Damaged)?;
        private_key(&passwords.decrypt(algorithm, &bytes)?)
    } else {
        private_key(&bag.value)
    };
    key.map_err(|_| Failure::NoMemory)?.ok_or(Failure::DamagedKey)
}

/// The reason for which a file cannot be used.
#[derive(Clone, Copy, Debug)]
enum Failure {
    Damaged,
    /// OpenSSL cannot decode the certificate with this number.
    DamagedCertificate(usize),
    DamagedKey,
    NoCertificate,
    NoKey,
    TooManyCertificates,
    TooManyKeys,
    TooManyParts,
    TooManyIterations,
    /// The encryption is not supported.
    Unsupported,
    /// Likewise, but the legacy provider may support it.
    Legacy,
    /// No password decrypts it.
    Password,
    /// OpenSSL does not permit the password, the salt or the iterations.
    Derivation,
    NoMemory,
}

impl Failure {
    /// Returns the cause. `is_key`: a key was being read.
    fn cause(self, name: &Path, password: Option<&Secret>, is_key: bool) -> Cause {
        let file = name.to_owned();
        let problem = match self {
            Failure::NoMemory => return Cause::Memory(Some(file)),
            Failure::Password if password.is_none() => return Cause::PasswordMissing(file),
            Failure::Password => {
                return Cause::PasswordWrong(file, Problem::NotDecrypted.into());
            }
            Failure::Derivation => Problem::Derivation,
            Failure::NoKey => return Cause::Key(file, Problem::NoKey.into()),
            Failure::Damaged => Problem::DamagedPkcs12,
            Failure::DamagedCertificate(number) => Problem::DamagedCertificate(number),
            Failure::DamagedKey => Problem::DamagedKey,
            Failure::NoCertificate => Problem::NoCertificateInPkcs12,
            Failure::TooManyCertificates => Problem::TooManyCertificates(MAX_CERTIFICATES),
            Failure::TooManyKeys => Problem::TooManyKeys(MAX_KEYS),
            Failure::TooManyParts => Problem::TooManyParts(MAX_PARTS),
            Failure::TooManyIterations => Problem::TooManyIterations(encryption::MAX_ITERATIONS),
            Failure::Unsupported | Failure::Legacy => Problem::UnsupportedEncryption {
                is_legacy: matches!(self, Failure::Legacy),
                lacks_default: lacks_default_algorithms(),
            },
        };
        let why = problem.into();
        if is_key { Cause::Key(file, why) } else { Cause::Certificate { file: Some(file), why } }
    }
}

#[cfg(test)]
mod tests;
