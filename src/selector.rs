// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ordered set of credentials, its policy and its issuer pool.
//!
//! A [`Selector`] is built by one thread. Frozen, it can no longer change and is shared by all
//! handshakes; then the index is made that a choice works with.

mod index;

use crate::cache::{self, Parts};
use crate::choice::Policy;
use crate::credential::chain::is_same;
use crate::credential::leaf::Leaf;
use crate::credential::listing::{self, IssuerFile, Listing};
use crate::credential::{Credential, Group, PasswordCallback};
use crate::error::{Cause, Error};
use crate::list;
use crate::secret::Secret;
pub(crate) use index::{Index, MAX_KEYS, TraitsOf};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A set of credentials that is being put together.
///
/// Every function that adds something adds all of it or nothing.
#[derive(Debug, Default)]
pub struct Selector {
    groups: Vec<Arc<Group>>,
    issuers: Vec<Issuers>,
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
        let passwords = password.map_or_else(Vec::new, |p| vec![Some(p)]);
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
        self.issuers.push(Issuers { file, path, base, opened });
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

    /// What is needed to validate it without holding on to it.
    pub fn validation(&self) -> Validation {
        Validation {
            groups: self.groups.clone(),
            callback: self.password_callback,
            use_cache: !self.without_cache,
        }
    }

    /// Makes the index, and moves all there is into what can no longer change.
    pub fn freeze(&mut self) -> Result<FrozenSelector, Error> {
        let index = self.index()?;
        let done = std::mem::take(self);
        let starts = done.groups.iter().scan(0, |next, group| {
            let start = *next;
            *next += group.len();
            Some(start)
        });
        Ok(FrozenSelector {
            starts: starts.collect(),
            groups: done.groups,
            issuers: done.issuers,
            policy: done.policy,
            password_callback: done.password_callback,
            use_cache: !done.without_cache,
            index,
        })
    }

    fn index(&self) -> Result<Arc<Index>, Error> {
        let parts = self.parts();
        if let Some(index) = parts.as_ref().and_then(cache::index) {
            return Ok(index);
        }
        let credentials: Vec<(&Leaf, &[X509])> = self
            .groups
            .iter()
            .flat_map(|g| g.credentials())
            .map(|c| (c.leaf(), c.companions()))
            .collect();
        let issuers: Vec<&X509> = self.issuers.iter().flat_map(|i| i.file.certificates()).collect();
        // A certificate that OpenSSL met without memory is spoilt, so none is kept.
        let index = Index::build(&credentials, &issuers).inspect_err(|_| cache::clear())?;
        let index = Arc::new(index);
        if let Some(parts) = parts {
            cache::keep_index(&parts, &index);
        }
        Ok(index)
    }

    /// What the index is made of, if the next selector may find the same.
    fn parts(&self) -> Option<Parts> {
        if self.without_cache || !self.issuers.iter().all(|i| i.file.is_settled()) {
            return None;
        }
        let listing = |g: &Arc<Group>| g.listing().filter(|l| l.is_settled()).cloned();
        let listings = self.groups.iter().map(listing).collect::<Option<_>>()?;
        let issuers = self.issuers.iter().map(|i| Arc::clone(&i.file)).collect();
        Some(Parts { listings, issuers })
    }
}

/// A selector that handshakes use.
#[derive(Debug)]
pub struct FrozenSelector {
    groups: Vec<Arc<Group>>,
    /// The number of each group's first credential.
    starts: Vec<usize>,
    issuers: Vec<Issuers>,
    policy: Policy,
    password_callback: Option<PasswordCallback>,
    use_cache: bool,
    index: Arc<Index>,
}

impl FrozenSelector {
    /// How many credentials it has.
    pub fn count(&self) -> usize {
        self.index.candidates().len()
    }

    /// What is needed to validate it without holding on to it.
    pub fn validation(&self) -> Validation {
        Validation {
            groups: self.groups.clone(),
            callback: self.password_callback,
            use_cache: self.use_cache,
        }
    }

    /// The leaf of one of its credentials.
    pub fn certificate(&self, at: usize) -> Option<&X509> {
        self.credential(at).and_then(|credential| credential.certificate().ok())
    }

    /// Whether the key of one of its credentials can be loaded now and belongs to its certificate.
    pub fn check_key(&self, at: usize) -> Result<(), Error> {
        let Some(credential) = self.credential(at) else { return Ok(()) };
        let key = credential.key(self.password_callback.as_ref(), self.use_cache);
        key.map(|_| ()).map_err(|cause| Error::Entry { number: at + 1, cause })
    }

    /// All credentials, in their order.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = Credential<'_>> {
        self.groups.iter().flat_map(|g| g.credentials())
    }

    /// One credential.
    pub(crate) fn credential(&self, at: usize) -> Option<Credential<'_>> {
        // No group is empty, so each start is another one.
        let group = self.starts.partition_point(|start| *start <= at).checked_sub(1)?;
        self.groups.get(group)?.credential(at - self.starts.get(group)?)
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// The key of credential `at`, to be sent with these links of the index above its leaf. Every file that one
    /// of these certificates comes from is opened, if that was not done for this selector before.
    pub(crate) fn key(&self, at: usize, links: &[u32]) -> Result<PKey<Private>, Cause> {
        let no_entry = || Cause::Refused("no such entry".to_owned());
        let credential = self.credential(at).ok_or_else(no_entry)?;
        credential.open_file()?;
        for certificate in self.index.certificates(links) {
            let is_it = |other: &X509| is_same(other, certificate);
            if !credential.companions().iter().any(is_it) {
                self.open_file_with(is_it)?;
            }
        }
        credential.key(self.password_callback.as_ref(), self.use_cache)
    }

    /// Opens a file, other than that of the leaf, with such a certificate; one of them is enough.
    fn open_file_with(&self, is_it: impl Fn(&X509) -> bool) -> Result<(), Cause> {
        let of_credentials =
            self.credentials().filter(|c| c.companions().iter().any(&is_it)).map(|c| c.open_file());
        let of_issuers = self
            .issuers
            .iter()
            .filter(|i| i.file.certificates().iter().any(&is_it))
            .map(|i| listing::open_once(i.base.as_deref(), &i.path, &i.opened));
        let mut outcome = Ok(());
        for opened in of_credentials.chain(of_issuers) {
            outcome = opened;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }
}

/// The credentials of a selector at one moment. Validating calls the program's password callback,
/// and nothing may be locked meanwhile.
pub struct Validation {
    groups: Vec<Arc<Group>>,
    callback: Option<PasswordCallback>,
    use_cache: bool,
}

impl Validation {
    /// Loads every key now and finds out whether it belongs to its certificate.
    pub fn run(&self) -> Result<(), Error> {
        let failure = |(i, credential): (usize, Credential<'_>)| {
            let cause = credential.key(self.callback.as_ref(), self.use_cache).err()?;
            Some(Error::Entry { number: i + 1, cause })
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
