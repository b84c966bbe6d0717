// SPDX-License-Identifier: MIT OR Apache-2.0
//! A credential: one client certificate, its private key, and the intermediates to send with it.
//!
//! The certificate's file is read when the credential is added to a selector, the key when it is
//! needed. Credentials that were added together stay together in a [`Group`], so that a selector over
//! a list that was read before need not make each of them anew.

use crate::error::{Cause, Error, Problem};
use crate::file::absolute;
use crate::list::PasswordSet;
use crate::secret::Secret;
use crate::source::bundle::Bundle;
use crate::source::checked::Fetched;
use crate::source::key::{self, matching::check_match};
use crate::source::listing::{self, Listing, Reloaded};
use crate::source::loaded_keys::LoadedKeys;
use crate::source::password::PasswordCallback;
use crate::source::pem;
use crate::source::pem_file::FileCredential;
use crate::source::watched::{FileCheck, FileCheckError, WatchedFile};
use crate::x509::certificate::Certificate;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Credentials that were added together.
#[derive(Debug)]
pub struct Group {
    origin: Origin,
    /// Shared with the groups that this one becomes while its certificates stay the same.
    loaded: Arc<LoadedKeys>,
    /// Which certificate files have been opened for this selector; `None` where all have.
    opened: Option<Box<[AtomicBool]>>,
}

#[derive(Debug)]
enum Origin {
    Files {
        listing: Arc<Listing>,
        passwords: Option<Arc<PasswordSet>>,
        /// The working directory when they were added, where a file's name depends on it.
        base: Option<PathBuf>,
    },
    Memory {
        bundle: Bundle,
        key: PKey<Private>,
    },
}

impl Group {
    /// Of files, with their passwords.
    pub fn of_files(found: Fetched<Listing>, passwords: Option<PasswordSet>) -> Group {
        let listing = found.content;
        let base = if listing.has_relative_path() { std::env::current_dir().ok() } else { None };
        let count = listing.credentials().len();
        let unopened = || (0..count).map(|_| AtomicBool::new(false)).collect();
        Group {
            opened: found.is_from_cache.then(unopened),
            loaded: Arc::new(LoadedKeys::new(count)),
            origin: Origin::Files { listing, passwords: passwords.map(Arc::new), base },
        }
    }

    /// One that the program holds.
    pub fn of_memory(leaf: X509, key: PKey<Private>, chain: Vec<X509>) -> Result<Group, Cause> {
        check_match(&leaf, &key).map_err(|mismatch| mismatch.cause(None))?;
        if chain.len() >= pem::MAX_CERTIFICATES {
            let why = Problem::LongChain(pem::MAX_CERTIFICATES).into();
            return Err(Cause::Certificate { file: None, why });
        }
        let extra = chain.into_iter().map(|x| Arc::new(x.into())).collect();
        let bundle = Bundle { leaf: Arc::new(leaf.into()), extra };
        Ok(Group { origin: Origin::Memory { bundle, key }, loaded: Arc::default(), opened: None })
    }

    /// Checks the files, and returns the group with their current content, and whether a certificate has
    /// been replaced; `None` if no file was read again. `before` is the number of credentials before this
    /// group. An entry whose file can no longer be read is kept if it was opened for this selector.
    pub fn reloaded(&self, before: usize) -> Result<Option<(Group, bool)>, Error> {
        let Origin::Files { listing, passwords, base } = &self.origin else { return Ok(None) };
        let now = Instant::now();
        let was_opened = |at: usize| {
            let opened = |opened: &[AtomicBool]| {
                opened.get(at).is_some_and(|opened| opened.load(Ordering::Relaxed))
            };
            self.opened.as_deref().is_none_or(opened)
        };
        let Some(Reloaded { listing, read, different }) =
            listing.reloaded(passwords.as_deref(), base.as_deref(), before, was_opened)?
        else {
            listing::store(listing, now);
            return Ok(None);
        };
        let count = listing.credentials().len();
        let is_open = |at: usize| was_opened(at) || read.binary_search(&at).is_ok();
        let opened = (0..count).map(|at| AtomicBool::new(is_open(at))).collect();
        let loaded = match different.is_empty() {
            true => Arc::clone(&self.loaded),
            false => Arc::new(self.loaded.without(count, &different)),
        };
        let listing = Arc::new(listing);
        listing::store(&listing, now);
        let origin = Origin::Files { listing, passwords: passwords.clone(), base: base.clone() };
        let group = Group { origin, loaded, opened: Some(opened) };
        Ok(Some((group, !different.is_empty())))
    }

    /// How many credentials there are.
    pub fn len(&self) -> usize {
        match &self.origin {
            Origin::Files { listing, .. } => listing.credentials().len(),
            Origin::Memory { .. } => 1,
        }
    }

    /// One of them.
    pub fn credential(&self, at: usize) -> Option<Credential<'_>> {
        let of = match &self.origin {
            Origin::Files { listing, passwords, base } => Of::File {
                file: listing.credentials().get(at)?,
                passwords: passwords.as_deref(),
                base: base.as_deref(),
                loaded: &self.loaded,
                opened: self.opened.as_ref().and_then(|opened| opened.get(at)),
            },
            Origin::Memory { bundle, key } if at == 0 => Of::Memory { bundle, key },
            Origin::Memory { .. } => return None,
        };
        Some(Credential { at, of })
    }

    /// All of them, in their order.
    pub fn credentials(&self) -> impl Iterator<Item = Credential<'_>> {
        (0..self.len()).filter_map(|at| self.credential(at))
    }

    /// What its files held; `None` for one held in memory.
    pub fn listing(&self) -> Option<&Arc<Listing>> {
        match &self.origin {
            Origin::Files { listing, .. } => Some(listing),
            Origin::Memory { .. } => None,
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
        file: &'a FileCredential,
        passwords: Option<&'a PasswordSet>,
        base: Option<&'a Path>,
        loaded: &'a LoadedKeys,
        opened: Option<&'a AtomicBool>,
    },
    Memory {
        bundle: &'a Bundle,
        key: &'a PKey<Private>,
    },
}

impl<'a> Credential<'a> {
    fn bundle(&self) -> &'a Bundle {
        match self.of {
            Of::File { file, .. } => file.bundle(),
            Of::Memory { bundle, .. } => bundle,
        }
    }

    /// The certificate itself, which may not be decoded yet.
    pub fn leaf(&self) -> &'a Certificate {
        &self.bundle().leaf
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
    pub fn extra(&self) -> &'a [Arc<Certificate>] {
        &self.bundle().extra
    }

    /// The certificate's file, if it came from one.
    pub fn file(&self) -> Option<&'a Path> {
        match self.of {
            Of::File { file, .. } => Some(&file.files().certificate),
            Of::Memory { .. } => None,
        }
    }

    /// The key's file, if it comes from one.
    pub fn key_file(&self) -> Option<&'a Path> {
        match self.of {
            Of::File { file, .. } => Some(file.key_path()),
            Of::Memory { .. } => None,
        }
    }

    /// Checks the certificate's file, whose certificates are about to be sent.
    pub fn check_file(&self, check: FileCheck) -> Result<(), FileCheckError> {
        let Of::File { file, base, opened, .. } = self.of else { return Ok(()) };
        let name = &file.files().certificate;
        let at = absolute(base, name);
        WatchedFile { path: &at, name, stamp: file.stamp(), opened }.check(check)
    }

    /// The private key: read, decrypted and found to belong to the certificate, once, or once more in
    /// a forked child that cannot use the parent's. `use_cache`: what this process has decrypted
    /// before will do.
    pub fn key(
        &self,
        callback: Option<&PasswordCallback>,
        use_cache: bool,
    ) -> Result<PKey<Private>, Cause> {
        let (file, passwords, base, loaded) = match self.of {
            Of::Memory { key, .. } => return Ok(key.clone()),
            Of::File { file, passwords, base, loaded, .. } => (file, passwords, base, loaded),
        };
        if let Some(key) = loaded.get(self.at) {
            return Ok(key.clone());
        }
        let path = file.key_path();
        let at = absolute(base, path);
        let password: Option<Secret> = passwords.and_then(|passwords| passwords.get(self.at));
        let key = if use_cache {
            key::load_cached(&at, path, password.as_ref(), callback)?
        } else {
            key::load(&at, path, password.as_ref(), callback)?
        };
        check_match(self.certificate()?, &key).map_err(|mismatch| mismatch.cause(Some(path)))?;
        loaded.set(self.at, key.clone());
        Ok(key)
    }
}
