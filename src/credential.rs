// SPDX-License-Identifier: MIT OR Apache-2.0
//! A credential: one client certificate, its private key, and the intermediates to send with it.
//!
//! The certificate is read when the credential is made, the key when it is needed.

pub mod chain;
pub mod facts;
pub(crate) mod key;
pub mod pem;
pub mod private_file;

use crate::error::Cause;
use crate::ossl::{self, QuietErrors};
use crate::secret::Secret;
use foreign_types::{ForeignType, ForeignTypeRef};
use libc::{c_char, c_int, c_void};
use once_cell::race::OnceBox;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::x509::X509;
use std::ffi::CStr;
use std::path::{Path, PathBuf};

/// The type of the program's function that gives the password of a key file.
pub type PasswordFunction = unsafe extern "C" fn(
    buf: *mut c_char,
    size: c_int,
    key_file: *const c_char,
    arg: *mut c_void,
) -> c_int;

/// The program's own way to get a password.
#[derive(Clone, Copy, Debug)]
pub struct PasswordCallback {
    function: PasswordFunction,
    arg: *mut c_void,
}

// SAFETY: the C contract says that the function is called from any thread that makes a handshake,
// with the argument as it was given.
unsafe impl Send for PasswordCallback {}
// SAFETY: likewise.
unsafe impl Sync for PasswordCallback {}

impl PasswordCallback {
    /// # Safety
    /// `function` may be called with `arg` from any thread for as long as the selector lives, and
    /// writes no more than `size` bytes.
    pub unsafe fn new(function: PasswordFunction, arg: *mut c_void) -> PasswordCallback {
        PasswordCallback { function, arg }
    }

    /// The number of bytes written; `None` where the program has none to give.
    fn call(&self, buffer: &mut [u8], key_file: &CStr) -> Option<usize> {
        let size = c_int::try_from(buffer.len()).ok()?;
        // SAFETY: a buffer of `size` bytes and a C string, by the promise given in `new`.
        let length = unsafe {
            (self.function)(buffer.as_mut_ptr().cast(), size, key_file.as_ptr(), self.arg)
        };
        usize::try_from(length).ok().filter(|n| (1..=buffer.len()).contains(n))
    }
}

/// Where a credential's key comes from.
#[derive(Debug)]
enum KeySource {
    /// A file, perhaps the certificate's own, and the password for it.
    File {
        /// As it was given, for words.
        path: PathBuf,
        /// Where it is, should the program change its working directory meanwhile.
        absolute: PathBuf,
        password: Option<Secret>,
    },
    /// It was given together with the certificate.
    Memory(PKey<Private>),
}

/// One client certificate with what belongs to it.
#[derive(Debug)]
pub struct Credential {
    leaf: X509,
    /// What came with the leaf, in no certain order; the index makes chains of it.
    companions: Vec<X509>,
    /// The certificate's file; `None` for one held in memory.
    file: Option<PathBuf>,
    key: KeySource,
    /// The key once it has been loaded. A box that is set once without a lock: no lock may be held
    /// while the program's callback runs, nor be left locked in a forked child.
    loaded: OnceBox<PKey<Private>>,
}

impl Credential {
    /// Reads the certificate's file. The key is read when it is needed; a certificate without a
    /// key file must have the key in its own.
    pub fn from_files(
        certificate: PathBuf,
        key: Option<PathBuf>,
        password: Option<Secret>,
    ) -> Result<Credential, Cause> {
        let bytes = read_certificate_file(&certificate)?;
        let (leaf, companions) = parse(&bytes, &certificate)
            .map(chain::leaf_first)?
            .ok_or_else(|| no_certificate(&certificate))?;
        if key.is_none() && !pem::has_private_key(&bytes) {
            return Err(Cause::NoKeyBesideCertificate(certificate));
        }
        let path = key.unwrap_or_else(|| certificate.clone());
        let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        Ok(Credential {
            leaf,
            companions,
            file: Some(certificate),
            key: KeySource::File { path, absolute, password },
            loaded: OnceBox::new(),
        })
    }

    /// Takes one that the program holds.
    pub fn from_memory(
        leaf: X509,
        key: PKey<Private>,
        chain: Vec<X509>,
    ) -> Result<Credential, Cause> {
        check_match(&leaf, &key).map_err(|why| Cause::KeyMismatch(None, why))?;
        Ok(Credential {
            leaf,
            companions: chain,
            file: None,
            key: KeySource::Memory(key),
            loaded: OnceBox::new(),
        })
    }

    /// The certificate itself.
    pub fn leaf(&self) -> &X509 {
        &self.leaf
    }

    /// The certificates that came along.
    pub fn companions(&self) -> &[X509] {
        &self.companions
    }

    /// The certificate's file, if it came from one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The key's file, if it comes from one.
    pub fn key_file(&self) -> Option<&Path> {
        match &self.key {
            KeySource::File { path, .. } => Some(path),
            KeySource::Memory(_) => None,
        }
    }

    /// The private key: read, decrypted and found to belong to the certificate, once.
    pub fn key(&self, callback: Option<&PasswordCallback>) -> Result<&PKeyRef<Private>, Cause> {
        let (path, absolute, password) = match &self.key {
            KeySource::Memory(key) => return Ok(key),
            KeySource::File { path, absolute, password } => (path, absolute, password.as_ref()),
        };
        if let Some(key) = self.loaded.get() {
            return Ok(key);
        }
        let key = key::load(absolute, path, password, callback)?;
        check_match(&self.leaf, &key).map_err(|why| Cause::KeyMismatch(Some(path.clone()), why))?;
        // Two threads may get here at once; the second one's key is the same and is dropped.
        Ok(self.loaded.get_or_init(|| Box::new(key)))
    }
}

/// Whether the key belongs to the certificate; otherwise OpenSSL's words.
pub(crate) fn check_match(leaf: &X509, key: &PKeyRef<Private>) -> Result<(), String> {
    let errors = QuietErrors::new();
    // SAFETY: two valid objects, which are only read.
    match unsafe { ossl::X509_check_private_key(leaf.as_ptr(), key.as_ptr()) } {
        1 => Ok(()),
        _ => Err(errors.reason()),
    }
}

/// All certificates of a file, for the issuer pool.
pub fn certificates_of(path: &Path) -> Result<Vec<X509>, Cause> {
    let bytes = read_certificate_file(path)?;
    parse(&bytes, path)
}

fn read_certificate_file(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Cause> {
    pem::open_regular(path)
        .and_then(|(file, metadata)| pem::read_all(file, &metadata, pem::MOST_BYTES))
        .map_err(|e| Cause::CertificateFile { file: path.to_owned(), why: e.text() })
}

fn parse(bytes: &[u8], path: &Path) -> Result<Vec<X509>, Cause> {
    pem::certificates(bytes).map_err(|why| Cause::Certificate { file: Some(path.to_owned()), why })
}

fn no_certificate(path: &Path) -> Cause {
    Cause::Certificate { file: Some(path.to_owned()), why: "it holds no certificate".to_owned() }
}
