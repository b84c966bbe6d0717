// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ordered set of credentials, its policy and its issuer pool.
//!
//! A [`Selector`] is built by one thread. Frozen, it can no longer change and is shared by all
//! handshakes. A choice has two phases: the [`Filter`] excludes credentials by the names in the
//! certificates, and the [`Index`] has what else must be known of the others.

mod filter;
mod frozen;
mod index;
mod names;
mod survivors;

use crate::cache::{self, Parts};
use crate::choice::Policy;
use crate::credential::issuers::IssuerFile;
use crate::credential::listing::Listing;
use crate::credential::look::{Look, Unsent, Watched};
use crate::credential::{Credential, Group, PasswordCallback, file};
use crate::error::{Cause, Error, Problem};
use crate::list::{self, PasswordSet};
use crate::secret::Secret;
pub(crate) use filter::{Filter, Place};
pub use frozen::FrozenSelector;
pub(crate) use index::{Above, Index, MAX_KEYS, TraitsOf};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
pub(crate) use survivors::Survivors;

/// A set of credentials that is being put together.
///
/// Every function that adds something adds all of it or nothing.
#[derive(Debug, Default)]
pub struct Selector {
    groups: Vec<Arc<Group>>,
    issuers: Vec<Arc<Issuers>>,
    policy: Policy,
    password_callback: Option<PasswordCallback>,
    without_cache: bool,
}

/// A file of issuers, as one selector has it.
#[derive(Debug)]
struct Issuers {
    file: Arc<IssuerFile>,
    path: PathBuf,
    /// The working directory when it was added, where the name depends on it.
    base: Option<PathBuf>,
    /// Whether it was opened for this selector.
    opened: AtomicBool,
}

impl Issuers {
    /// Checks the file, whose certificates are about to be sent.
    fn look(&self, look: Look) -> Result<(), Unsent> {
        let at = file::absolute(self.base.as_deref(), &self.path);
        let stamp = self.file.stamp();
        Watched { at: &at, name: &self.path, stamp, opened: Some(&self.opened) }.look(look)
    }

    /// Reads the file again if it has changed. Returns `None` if it has not, or if it can no longer be
    /// read and was opened for this selector.
    fn renewed(&self) -> Result<Option<Issuers>, Cause> {
        let now = Instant::now();
        let (base, path) = (self.base.as_deref(), &self.path);
        let keep = |file: &Arc<IssuerFile>| {
            cache::keep_issuer_file(path.as_os_str().as_bytes(), file, now);
        };
        if self.file.is_current(base, path) {
            keep(&self.file);
            return Ok(None);
        }
        match IssuerFile::read(base, path).map(Arc::new) {
            Ok(file) => {
                keep(&file);
                let (path, base) = (path.clone(), self.base.clone());
                Ok(Some(Issuers { file, path, base, opened: AtomicBool::new(true) }))
            }
            Err(Cause::CertificateFile { .. }) if self.opened.load(Ordering::Relaxed) => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}

/// The parts of a selector after its files were checked.
struct Renewed {
    groups: Vec<Arc<Group>>,
    issuers: Vec<Arc<Issuers>>,
    /// A file was read again.
    is_new: bool,
    /// A certificate has been replaced.
    is_different: bool,
}

impl Renewed {
    /// Checks every file, and reads those that have changed.
    fn of(groups: &[Arc<Group>], issuers: &[Arc<Issuers>]) -> Result<Renewed, Error> {
        let (groups, issuers) = (groups.to_vec(), issuers.to_vec());
        let mut new = Renewed { groups, issuers, is_new: false, is_different: false };
        let mut before = 0;
        for group in &mut new.groups {
            if let Some((renewed, is_different)) = group.renewed(before)? {
                *group = Arc::new(renewed);
                new.is_new = true;
                new.is_different |= is_different;
            }
            before += group.len();
        }
        for issuers in &mut new.issuers {
            if let Some(renewed) = issuers.renewed().map_err(Error::Issuers)? {
                *issuers = Arc::new(renewed);
                (new.is_new, new.is_different) = (true, true);
            }
        }
        Ok(new)
    }
}

impl Selector {
    /// An empty one.
    pub fn new() -> Selector {
        Selector::default()
    }

    /// How many credentials it has.
    pub fn count(&self) -> usize {
        self.groups.iter().map(|g| g.len()).sum()
    }

    /// Whether what this process has read before will do, which is so at first: for certificates
    /// that are added from now on, and for keys.
    pub fn set_cache(&mut self, on: bool) {
        self.without_cache = !on;
    }

    /// Adds what libpq's three parameters name; see [`list`] for their grammar.
    pub fn add_lists(
        &mut self,
        sslcert: &[u8],
        sslkey: Option<&[u8]>,
        passwords: &list::Passwords<'_>,
    ) -> Result<(), Error> {
        let use_cache = !self.without_cache;
        let matched = |count| list::passwords(passwords, count, sslkey);
        let (listing, passwords) =
            Listing::of_lists(sslcert, sslkey, self.count(), use_cache, matched)?;
        self.push(Group::of_files(listing, passwords));
        Ok(())
    }

    /// Adds one credential. Without `key` the key is in the certificate's own file.
    pub fn add_files(
        &mut self,
        certificate: PathBuf,
        key: Option<PathBuf>,
        password: Option<Secret>,
    ) -> Result<(), Error> {
        let names = list::Names { certificate, key };
        let listing = Listing::of_files(names, self.count(), !self.without_cache)?;
        let passwords = password.as_ref().map(PasswordSet::whole);
        self.push(Group::of_files(listing, passwords));
        Ok(())
    }

    /// Adds one that the program holds in memory.
    pub fn add_credential(
        &mut self,
        leaf: X509,
        key: PKey<Private>,
        chain: Vec<X509>,
    ) -> Result<(), Error> {
        let number = self.count() + 1;
        let group =
            Group::of_memory(leaf, key, chain).map_err(|cause| Error::Entry { number, cause })?;
        self.push(group);
        Ok(())
    }

    fn push(&mut self, group: Group) {
        self.groups.push(Arc::new(group));
    }

    /// Adds the certificates of a PEM file to the issuer pool.
    pub fn add_issuers(&mut self, pem_file: &Path) -> Result<(), Error> {
        let found = IssuerFile::of(pem_file, !self.without_cache).map_err(Error::Issuers)?;
        let base = if pem_file.is_relative() { std::env::current_dir().ok() } else { None };
        let opened = AtomicBool::new(!found.is_from_cache);
        let (file, path) = (found.content, pem_file.to_owned());
        self.issuers.push(Arc::new(Issuers { file, path, base, opened }));
        Ok(())
    }

    /// Whom to ask for the password of a key that is encrypted and has none.
    pub fn set_password_callback(&mut self, callback: Option<PasswordCallback>) {
        self.password_callback = callback;
    }

    /// The settings.
    pub fn policy_mut(&mut self) -> &mut Policy {
        &mut self.policy
    }

    /// Returns what is needed to validate the selector without a lock, after checking all files for
    /// changes.
    pub fn validation(&mut self) -> Result<Validation, Error> {
        if !self.without_cache {
            let renewed = Renewed::of(&self.groups, &self.issuers)?;
            (self.groups, self.issuers) = (renewed.groups, renewed.issuers);
        }
        Ok(Validation {
            groups: self.groups.clone(),
            callback: self.password_callback,
            use_cache: !self.without_cache,
        })
    }

    /// Makes the filter, and moves all there is into what can no longer change.
    pub fn freeze(&mut self) -> Result<FrozenSelector, Error> {
        let filter = filter_of(&self.groups, &self.issuers, !self.without_cache)?;
        let done = std::mem::take(self);
        Ok(FrozenSelector::new(done, filter))
    }
}

/// The filter of these parts, and whether the cache may keep what is made with it.
fn filter_of(
    groups: &[Arc<Group>],
    issuers: &[Arc<Issuers>],
    use_cache: bool,
) -> Result<(Arc<Filter>, bool), Error> {
    let listings = || groups.iter().map(|group| group.listing().cloned()).collect::<Option<_>>();
    let files = || issuers.iter().map(|issuers| Arc::clone(&issuers.file)).collect();
    // What the program holds in memory is not kept for longer than by the selector.
    let listings = if use_cache { listings() } else { None };
    let parts = listings.map(|listings| Parts { listings, issuers: files() });
    if let Some(filter) = parts.as_ref().and_then(cache::filter) {
        return Ok((filter, true));
    }
    let credentials = groups.iter().flat_map(|group| group.credentials());
    let credentials = credentials.map(|c| (c.leaf(), c.companions()));
    let filter = Filter::build(credentials, issuers.iter().map(|i| i.file.certificates()))?;
    let filter = Arc::new(filter);
    if let Some(parts) = &parts {
        cache::keep_filter(parts, &filter);
    }
    Ok((filter, parts.is_some()))
}

/// The credentials of a selector at one moment. Validating calls the program's password callback,
/// and nothing may be locked meanwhile.
pub struct Validation {
    groups: Vec<Arc<Group>>,
    callback: Option<PasswordCallback>,
    use_cache: bool,
}

impl Validation {
    /// Decodes every certificate and loads every key now, and finds out whether they belong together.
    pub fn run(&self) -> Result<(), Error> {
        let check = |credential: Credential<'_>| {
            credential.look(Look::Readable).map_err(|unsent| match unsent {
                Unsent::Changed => Cause::Refused(Problem::Replaced.into()),
                Unsent::Cause(cause) => cause,
            })?;
            for companion in credential.companions() {
                credential.decoded(companion)?;
            }
            credential.key(self.callback.as_ref(), self.use_cache)
        };
        let failure = |(i, credential): (usize, Credential<'_>)| {
            Some(Error::Entry { number: i + 1, cause: check(credential).err()? })
        };
        let credentials = self.groups.iter().flat_map(|g| g.credentials());
        let mut failures: Vec<Error> = credentials.enumerate().filter_map(failure).collect();
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Error::Several(failures)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::chain::tests::{issued_by, party};

    #[test]
    fn a_frozen_selector_may_be_used_by_several_threads() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<FrozenSelector>();
    }

    #[test]
    fn a_file_with_more_certificates_than_the_limit_is_an_error_that_names_file_and_limit() {
        let one = issued_by(&party("u"), &party("CA")).to_pem().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, count: usize| {
            let path = dir.path().join(name);
            std::fs::write(&path, one.repeat(count)).unwrap();
            path
        };
        let key = Some(PathBuf::from("u.key"));
        let mut selector = Selector::new();
        selector.add_files(file("whole.crt", 1_000), key.clone(), None).unwrap();
        selector.add_issuers(&file("whole.pem", 10_000)).unwrap();
        let error = selector.add_files(file("long.crt", 1_001), key, None).unwrap_err().to_string();
        assert!(error.starts_with("entry 2: could not read certificate file \""), "{error}");
        assert!(error.ends_with("long.crt\": it holds more than 1000 certificates"), "{error}");
        let error = selector.add_issuers(&file("long.pem", 10_001)).unwrap_err().to_string();
        assert!(error.starts_with("issuers: could not read certificate file \""), "{error}");
        assert!(error.ends_with("long.pem\": it holds more than 10000 certificates"), "{error}");
        assert_eq!((selector.count(), selector.issuers.len()), (1, 1));
    }

    #[test]
    fn an_entry_that_fails_leaves_the_selector_as_it_was() {
        let mut selector = Selector::new();
        let none = list::Passwords::List(None);
        let error = selector.add_lists(b"/no/such/a.crt,/no/such/b.crt", None, &none).unwrap_err();
        let expected = "entry 1: could not read certificate file \"/no/such/a.crt\": No such file \
                        or directory";
        assert_eq!(error.to_string(), expected);
        assert_eq!(selector.count(), 0);
    }
}
