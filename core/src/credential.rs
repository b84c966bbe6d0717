// SPDX-License-Identifier: MIT OR Apache-2.0
//! A credential: one client certificate, its private key, and the intermediates to send with it.
//!
//! The certificate's file is read when the credential is added to a selector, the key when it is needed.
//! Credentials that were added together form a [`Group`]. Selectors with the same list share the listing
//! of the group, so that adding a list from the cache takes constant time.

use crate::error::{Cause, Error, Problem};
use crate::file::absolute;
use crate::secret::Secret;
use crate::source::Accepts;
use crate::source::bundle::Bundle;
use crate::source::checked::Fetched;
use crate::source::key::{KeyFile, LoadedKey, matching::check_match};
use crate::source::listed::{KeySource, ListedCredential};
use crate::source::listing::{self, CredentialOrigin, Listing, Reloaded};
use crate::source::loaded_keys::LoadedKeys;
use crate::source::password::{KeyPasswords, PasswordCallback};
use crate::source::pem;
use crate::source::pkcs12;
use crate::source::store;
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
    source: GroupSource,
    /// The keys that were loaded. A reloaded group shares them if its certificates have not changed.
    loaded: Arc<LoadedKeys>,
    /// For each credential, whether its file was opened for this selector; `None` if all were.
    opened: Option<Box<[AtomicBool]>>,
}

#[derive(Debug)]
enum GroupSource {
    Files {
        listing: Arc<Listing>,
        passwords: Option<Arc<KeyPasswords>>,
        /// The working directory at the time they were added, if a file name is relative.
        base: Option<PathBuf>,
    },
    Memory {
        bundle: Bundle,
        key: PKey<Private>,
    },
}

impl Group {
    /// Returns the group of the credentials of files.
    pub fn of_files(found: Fetched<Listing>, passwords: Option<Arc<KeyPasswords>>) -> Group {
        let listing = found.content;
        let base = if listing.has_relative_path() { std::env::current_dir().ok() } else { None };
        let count = listing.credentials().len();
        let unopened = || (0..count).map(|_| AtomicBool::new(false)).collect();
        Group {
            opened: found.is_from_cache.then(unopened),
            loaded: Arc::new(LoadedKeys::new(count)),
            source: GroupSource::Files { listing, passwords, base },
        }
    }

    /// Returns a group of one credential from memory. Fails if the key does not match the leaf, or if the
    /// chain is too long.
    pub fn of_memory(leaf: X509, key: PKey<Private>, chain: Vec<X509>) -> Result<Group, Cause> {
        check_match(&leaf, &key).map_err(|mismatch| mismatch.cause(None))?;
        if chain.len() >= pem::MAX_CERTIFICATES {
            let why = Problem::LongChain(pem::MAX_CERTIFICATES).into();
            return Err(Cause::Certificate { file: None, why });
        }
        let extra = chain.into_iter().map(|x| Arc::new(x.into())).collect();
        let bundle = Bundle { leaf: Arc::new(leaf.into()), extra };
        Ok(Group {
            source: GroupSource::Memory { bundle, key },
            loaded: Arc::default(),
            opened: None,
        })
    }

    /// Checks the files. Returns the group with their current content, and whether a certificate has been
    /// replaced, added or removed; `None` if no file was read again. `before` is the number of entries before
    /// this group, for error messages. A credential whose file can no longer be read is kept if the file was
    /// opened for this selector.
    pub fn reloaded(&self, before: usize) -> Result<Option<(Group, bool)>, Error> {
        let GroupSource::Files { listing, passwords, base } = &self.source else { return Ok(None) };
        let now = Instant::now();
        let was_opened = |number: usize| {
            let opened = |opened: &[AtomicBool]| {
                opened.get(number).is_some_and(|opened| opened.load(Ordering::Relaxed))
            };
            self.opened.as_deref().is_none_or(opened)
        };
        let Some(Reloaded { listing, origins, is_different }) =
            listing.reloaded(passwords.as_deref(), base.as_deref(), before, was_opened)?
        else {
            listing::put(listing, now);
            return Ok(None);
        };
        let is_open = |origin: &CredentialOrigin| {
            AtomicBool::new(origin.is_read || origin.index.is_some_and(was_opened))
        };
        let opened = origins.iter().map(is_open).collect();
        let loaded = match is_different {
            false => Arc::clone(&self.loaded),
            true => Arc::new(self.loaded.rearranged(origins.iter().map(|origin| origin.index))),
        };
        let listing = Arc::new(listing);
        listing::put(&listing, now);
        let source =
            GroupSource::Files { listing, passwords: passwords.clone(), base: base.clone() };
        let group = Group { source, loaded, opened: Some(opened) };
        Ok(Some((group, is_different)))
    }

    /// Returns the number of entries.
    pub fn entries(&self) -> usize {
        match &self.source {
            GroupSource::Files { listing, .. } => listing.entries(),
            GroupSource::Memory { .. } => 1,
        }
    }

    /// Returns the number of credentials of each entry.
    pub fn entry_sizes(&self) -> impl Iterator<Item = usize> {
        let (listed, in_memory) = match &self.source {
            GroupSource::Files { listing, .. } => (Some(listing.entry_sizes()), None),
            GroupSource::Memory { .. } => (None, Some(1)),
        };
        listed.into_iter().flatten().chain(in_memory)
    }

    /// Returns whether a directory may have gained or lost files.
    pub fn has_changed_directory(&self) -> bool {
        match &self.source {
            GroupSource::Files { listing, base, .. } => {
                listing.has_changed_directory(base.as_deref())
            }
            GroupSource::Memory { .. } => false,
        }
    }

    /// Returns the number of credentials.
    pub fn len(&self) -> usize {
        match &self.source {
            GroupSource::Files { listing, .. } => listing.credentials().len(),
            GroupSource::Memory { .. } => 1,
        }
    }

    /// Returns the credential with this number in the group.
    pub fn credential(&self, number: usize) -> Option<Credential<'_>> {
        let source = match &self.source {
            GroupSource::Files { listing, passwords, base } => Source::File {
                file: listing.credentials().get(number)?,
                passwords: passwords.as_deref(),
                base: base.as_deref(),
                loaded: &self.loaded,
                opened: self.opened.as_ref().and_then(|opened| opened.get(number)),
                accepts: listing.accepts(),
            },
            GroupSource::Memory { bundle, key } if number == 0 => Source::Memory { bundle, key },
            GroupSource::Memory { .. } => return None,
        };
        Some(Credential { number, source })
    }

    /// Returns all credentials, in their order.
    pub fn credentials(&self) -> impl Iterator<Item = Credential<'_>> {
        (0..self.len()).filter_map(|number| self.credential(number))
    }

    /// Returns the content of the files; `None` for a credential from memory.
    pub fn listing(&self) -> Option<&Arc<Listing>> {
        match &self.source {
            GroupSource::Files { listing, .. } => Some(listing),
            GroupSource::Memory { .. } => None,
        }
    }
}

/// One client certificate, its key and its intermediates.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    /// The number in its group.
    number: usize,
    source: Source<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    File {
        file: &'a ListedCredential,
        passwords: Option<&'a KeyPasswords>,
        base: Option<&'a Path>,
        loaded: &'a LoadedKeys,
        opened: Option<&'a AtomicBool>,
        accepts: Accepts,
    },
    Memory {
        bundle: &'a Bundle,
        key: &'a PKey<Private>,
    },
}

impl<'a> Credential<'a> {
    fn bundle(&self) -> &'a Bundle {
        match self.source {
            Source::File { file, .. } => file.bundle(),
            Source::Memory { bundle, .. } => bundle,
        }
    }

    /// Returns the index of its entry in the group.
    pub fn entry(&self) -> usize {
        match self.source {
            Source::File { file, .. } => file.entry(),
            Source::Memory { .. } => 0,
        }
    }

    /// Returns the leaf, which may not be decoded yet.
    pub fn leaf(&self) -> &'a Certificate {
        &self.bundle().leaf
    }

    /// Returns the leaf, decoded.
    pub fn certificate(&self) -> Result<&'a X509, Cause> {
        self.decoded(self.leaf())
    }

    /// Decodes a certificate of this credential. An error names the file.
    pub fn decoded(&self, certificate: &'a Certificate) -> Result<&'a X509, Cause> {
        certificate.get().map_err(|why| why.cause(self.file()))
    }

    /// Returns the other certificates of the file, or those that the program supplied with the leaf.
    pub fn extra(&self) -> &'a [Arc<Certificate>] {
        &self.bundle().extra
    }

    /// Returns the name of the certificate file; `None` for a credential from memory.
    pub fn file(&self) -> Option<&'a Path> {
        match self.source {
            Source::File { file, .. } => Some(&file.files().certificate),
            Source::Memory { .. } => None,
        }
    }

    /// Returns the name of the key file; `None` for a credential from memory.
    pub fn key_file(&self) -> Option<&'a Path> {
        match self.source {
            Source::File { file, .. } => Some(file.key_path()),
            Source::Memory { .. } => None,
        }
    }

    /// Checks the certificate file before a certificate from it is sent.
    pub fn check_file(&self, check: FileCheck) -> Result<(), FileCheckError> {
        let Source::File { file, base, opened, .. } = self.source else { return Ok(()) };
        if !file.has_file() {
            return Ok(());
        }
        let name = &file.files().certificate;
        let at = absolute(base, name);
        WatchedFile { path: &at, name, stamp: file.stamp(), opened }.check(check)
    }

    /// Returns the private key. Loads it once, or once more in a forked child if the child cannot use the
    /// parent's key. `use_cache`: the key may come from the cache of decrypted keys. Fails if the key cannot
    /// be loaded or does not match the leaf.
    pub fn key(
        &self,
        callback: Option<&PasswordCallback>,
        use_cache: bool,
    ) -> Result<LoadedKey, Cause> {
        let (file, passwords, base, loaded, accepts) = match self.source {
            Source::Memory { key, .. } => return Ok(LoadedKey::File(key.clone())),
            Source::File { file, passwords, base, loaded, accepts, .. } => {
                (file, passwords, base, loaded, accepts)
            }
        };
        if let Some(key) = loaded.get(self.number) {
            return Ok(key.clone());
        }
        let password: Option<Secret> = match passwords {
            Some(passwords) => passwords.get(file.entry())?,
            None => None,
        };
        let leaf = self.certificate()?;
        let password = password.as_ref();
        let from_file = |name: &Path, load: &dyn Fn(&KeyFile<'_>) -> Result<LoadedKey, Cause>| {
            let path = &absolute(base, name);
            let leaf = Some(leaf);
            load(&KeyFile { path, name, leaf, password, callback, use_cache, accepts })
        };
        let matching = |file: &KeyFile<'_>| {
            let key = file.load()?;
            let matched = match key {
                LoadedKey::File(ref key) => check_match(leaf, key),
                LoadedKey::Store(_) => Ok(()),
            };
            matched.map(|()| key).map_err(|mismatch| mismatch.cause(Some(file.name)))
        };
        let key = match file.key_source() {
            KeySource::File => from_file(file.key_path(), &matching)?,
            KeySource::Uri { uri, name } => {
                let key = store::key(uri, name, Some(leaf), password, callback, use_cache)?;
                LoadedKey::Store(key)
            }
            KeySource::Files(files) => {
                let no_entry = || Cause::Refused(Problem::NoEntry.into());
                let (last, others) = files.split_last().ok_or_else(no_entry)?;
                let mut others = others.iter().map(|path| from_file(path, &matching));
                // A key of another certificate leads to the next file, any other error to a failure.
                let found = others.find(|key| !matches!(key, Err(Cause::KeyMismatch(..))));
                found.unwrap_or_else(|| from_file(last, &matching))?
            }
            KeySource::Pkcs12(keys) => {
                from_file(file.key_path(), &|file| pkcs12::load_key(file, keys, leaf))?
            }
        };
        loaded.set(self.number, key.clone());
        Ok(key)
    }
}
