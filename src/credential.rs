// SPDX-License-Identifier: MIT OR Apache-2.0
//! A credential: one client certificate, its private key, and the intermediates to send with it.
//!
//! The certificate's file is read when the credential is added to a selector, the key when it is
//! needed. Credentials that were added together stay together in a [`Group`], so that a selector over
//! a list that was read before need not make each of them anew.

pub mod certificate;
pub mod chain;
pub mod der;
pub mod facts;
pub mod file;
pub mod issuers;
pub(crate) mod key;
mod keys;
pub mod listing;
pub mod look;
pub mod material;
pub mod pem;
pub mod private_file;

use crate::cache;
use crate::error::{Cause, Error, OutOfMemory, Problem};
use crate::list::PasswordSet;
use crate::ossl::{self, QuietErrors};
use crate::secret::Secret;
use certificate::Certificate;
use foreign_types::{ForeignType, ForeignTypeRef};
use keys::LoadedKeys;
use libc::{c_char, c_int, c_void};
use listing::{Entry, Found, Listing, Renewed};
use look::{Look, Unsent, Watched};
use material::Material;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::x509::X509;
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

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

/// Credentials that were added together.
#[derive(Debug)]
pub struct Group {
    source: Source,
    /// Shared with the groups that this one becomes while its certificates stay the same.
    loaded: Arc<LoadedKeys>,
    /// Which certificate files have been opened for this selector; `None` where all have.
    opened: Option<Box<[AtomicBool]>>,
}

#[derive(Debug)]
enum Source {
    Files {
        listing: Arc<Listing>,
        passwords: Option<Arc<PasswordSet>>,
        /// The working directory when they were added, where a file's name depends on it.
        base: Option<PathBuf>,
    },
    Memory {
        material: Material,
        key: PKey<Private>,
    },
}

impl Group {
    /// Of files, with their passwords.
    pub fn of_files(found: Found<Listing>, passwords: Option<PasswordSet>) -> Group {
        let listing = found.content;
        let base = if listing.has_relative_name() { std::env::current_dir().ok() } else { None };
        let count = listing.entries().len();
        let unopened = || (0..count).map(|_| AtomicBool::new(false)).collect();
        Group {
            opened: found.is_from_cache.then(unopened),
            loaded: Arc::new(LoadedKeys::new(count)),
            source: Source::Files { listing, passwords: passwords.map(Arc::new), base },
        }
    }

    /// One that the program holds.
    pub fn of_memory(leaf: X509, key: PKey<Private>, chain: Vec<X509>) -> Result<Group, Cause> {
        check_match(&leaf, &key).map_err(|mismatch| mismatch.cause(None))?;
        if chain.len() >= pem::MAX_CERTIFICATES {
            let why = Problem::LongChain(pem::MAX_CERTIFICATES).into();
            return Err(Cause::Certificate { file: None, why });
        }
        let companions = chain.into_iter().map(|x| Arc::new(x.into())).collect();
        let material = Material { leaf: Arc::new(leaf.into()), companions };
        Ok(Group { source: Source::Memory { material, key }, loaded: Arc::default(), opened: None })
    }

    /// Checks the files, and returns the group with their current content, and whether a certificate has
    /// been replaced; `None` if no file was read again. `before` is the number of credentials before this
    /// group. An entry whose file can no longer be read is kept if it was opened for this selector.
    pub fn renewed(&self, before: usize) -> Result<Option<(Group, bool)>, Error> {
        let Source::Files { listing, passwords, base } = &self.source else { return Ok(None) };
        let now = Instant::now();
        let was_opened = |at: usize| {
            let opened = |opened: &[AtomicBool]| {
                opened.get(at).is_some_and(|opened| opened.load(Ordering::Relaxed))
            };
            self.opened.as_deref().is_none_or(opened)
        };
        let Some(Renewed { listing, read, different }) =
            listing.renewed(base.as_deref(), before, was_opened)?
        else {
            cache::keep_listing(listing, now);
            return Ok(None);
        };
        let count = listing.entries().len();
        let is_open = |at: usize| was_opened(at) || read.binary_search(&at).is_ok();
        let opened = (0..count).map(|at| AtomicBool::new(is_open(at))).collect();
        let loaded = match different.is_empty() {
            true => Arc::clone(&self.loaded),
            false => Arc::new(self.loaded.without(count, &different)),
        };
        let listing = Arc::new(listing);
        cache::keep_listing(&listing, now);
        let source = Source::Files { listing, passwords: passwords.clone(), base: base.clone() };
        let group = Group { source, loaded, opened: Some(opened) };
        Ok(Some((group, !different.is_empty())))
    }

    /// How many credentials there are.
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Files { listing, .. } => listing.entries().len(),
            Source::Memory { .. } => 1,
        }
    }

    /// One of them.
    pub fn credential(&self, at: usize) -> Option<Credential<'_>> {
        let of = match &self.source {
            Source::Files { listing, passwords, base } => Of::File {
                entry: listing.entries().get(at)?,
                passwords: passwords.as_deref(),
                base: base.as_deref(),
                loaded: &self.loaded,
                opened: self.opened.as_ref().and_then(|opened| opened.get(at)),
            },
            Source::Memory { material, key } if at == 0 => Of::Memory { material, key },
            Source::Memory { .. } => return None,
        };
        Some(Credential { at, of })
    }

    /// All of them, in their order.
    pub fn credentials(&self) -> impl Iterator<Item = Credential<'_>> {
        (0..self.len()).filter_map(|at| self.credential(at))
    }

    /// What its files held; `None` for one held in memory.
    pub fn listing(&self) -> Option<&Arc<Listing>> {
        match &self.source {
            Source::Files { listing, .. } => Some(listing),
            Source::Memory { .. } => None,
        }
    }
}

/// One client certificate with what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    /// Its place in its group.
    at: usize,
    of: Of<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Of<'a> {
    File {
        entry: &'a Entry,
        passwords: Option<&'a PasswordSet>,
        base: Option<&'a Path>,
        loaded: &'a LoadedKeys,
        opened: Option<&'a AtomicBool>,
    },
    Memory {
        material: &'a Material,
        key: &'a PKey<Private>,
    },
}

impl<'a> Credential<'a> {
    fn material(&self) -> &'a Material {
        match self.of {
            Of::File { entry, .. } => &entry.material,
            Of::Memory { material, .. } => material,
        }
    }

    /// The certificate itself, which may not be decoded yet.
    pub fn leaf(&self) -> &'a Certificate {
        &self.material().leaf
    }

    /// The certificate itself.
    pub fn certificate(&self) -> Result<&'a X509, Cause> {
        self.decoded(self.leaf())
    }

    /// One of its certificates, decoded.
    pub fn decoded(&self, certificate: &'a Certificate) -> Result<&'a X509, Cause> {
        certificate.get().map_err(|why| why.cause(self.file()))
    }

    /// The certificates that came along.
    pub fn companions(&self) -> &'a [Arc<Certificate>] {
        &self.material().companions
    }

    /// The certificate's file, if it came from one.
    pub fn file(&self) -> Option<&'a Path> {
        match self.of {
            Of::File { entry, .. } => Some(&entry.names.certificate),
            Of::Memory { .. } => None,
        }
    }

    /// The key's file, if it comes from one.
    pub fn key_file(&self) -> Option<&'a Path> {
        match self.of {
            Of::File { entry, .. } => Some(entry.key_path()),
            Of::Memory { .. } => None,
        }
    }

    /// Checks the certificate's file, whose certificates are about to be sent.
    pub fn look(&self, look: Look) -> Result<(), Unsent> {
        let Of::File { entry, base, opened, .. } = self.of else { return Ok(()) };
        let name = &entry.names.certificate;
        let at = file::absolute(base, name);
        Watched { at: &at, name, stamp: entry.stamp(), opened }.look(look)
    }

    /// The private key: read, decrypted and found to belong to the certificate, once, or once more in
    /// a forked child that cannot use the parent's. `use_cache`: what this process has decrypted
    /// before will do.
    pub fn key(
        &self,
        callback: Option<&PasswordCallback>,
        use_cache: bool,
    ) -> Result<PKey<Private>, Cause> {
        let (entry, passwords, base, loaded) = match self.of {
            Of::Memory { key, .. } => return Ok(key.clone()),
            Of::File { entry, passwords, base, loaded, .. } => (entry, passwords, base, loaded),
        };
        if let Some(key) = loaded.get(self.at) {
            return Ok(key.clone());
        }
        let path = entry.key_path();
        let absolute = file::absolute(base, path);
        let password: Option<Secret> = passwords.and_then(|passwords| passwords.get(self.at));
        let key = if use_cache {
            key::load_by_cache(&absolute, path, password.as_ref(), callback)?
        } else {
            key::load(&absolute, path, password.as_ref(), callback)?
        };
        check_match(self.certificate()?, &key).map_err(|mismatch| mismatch.cause(Some(path)))?;
        loaded.set(self.at, key.clone());
        Ok(key)
    }
}

/// A copy of a certificate, decoded anew.
fn anew(certificate: &X509) -> Option<X509> {
    // SAFETY: a valid certificate; the copy is ours.
    unsafe {
        let copy = ossl::X509_dup(certificate.as_ptr());
        if copy.is_null() { None } else { Some(X509::from_ptr(copy)) }
    }
}

/// OpenSSL notes in a certificate what its extensions say when it first needs to know. Where there
/// is no memory for that, it notes for good that they are damaged, and such a certificate must not
/// be judged. This makes it note it.
pub(crate) fn settle_extensions(certificate: &X509) -> Result<(), OutOfMemory> {
    /// EXFLAG_INVALID and EXFLAG_NO_FINGERPRINT of openssl/x509v3.h.
    const DAMAGED: u32 = 0x80 | 0x10_0000;
    let is_damaged = |x: &X509| {
        let _errors = QuietErrors::new();
        // SAFETY: a valid certificate.
        unsafe { openssl_sys::X509_get_extension_flags(x.as_ptr()) & DAMAGED != 0 }
    };
    if is_damaged(certificate) {
        verify_by_copy(certificate, is_damaged)?;
    }
    Ok(())
}

/// Whether something bad holds for a copy of a certificate as well, and so for it indeed.
fn verify_by_copy(certificate: &X509, bad: impl Fn(&X509) -> bool) -> Result<(), OutOfMemory> {
    match ossl::sure(|| anew(certificate).filter(|copy| !bad(copy)))? {
        Some(_) => Err(OutOfMemory),
        None => Ok(()),
    }
}

/// Whether the key belongs to the certificate; otherwise OpenSSL's words.
pub(crate) fn check_match(leaf: &X509, key: &PKeyRef<Private>) -> Result<(), Mismatch> {
    let errors = QuietErrors::new();
    // SAFETY: two valid objects, which are only read.
    match unsafe { ossl::X509_check_private_key(leaf.as_ptr(), key.as_ptr()) } {
        1 => Ok(()),
        _ if errors.is_out_of_memory() => Err(Mismatch::Unknown),
        _ => Err(Mismatch::Is(errors.reason())),
    }
}

/// Why a key is not known to belong to a certificate.
pub(crate) enum Mismatch {
    /// It does not, in OpenSSL's words.
    Is(String),
    /// There was no memory to find out.
    Unknown,
}

impl Mismatch {
    /// In the terms of an entry; no file for a key held in memory.
    pub(crate) fn cause(self, file: Option<&Path>) -> Cause {
        let file = file.map(Path::to_owned);
        match self {
            Mismatch::Is(why) => Cause::KeyMismatch(file, why),
            Mismatch::Unknown => Cause::Memory(file),
        }
    }
}
