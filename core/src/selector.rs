// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ordered set of credentials with its policy and its issuer pool.
//!
//! A program builds a [`Selector`] and freezes it. All handshakes share the [`FrozenSelector`]. A choice
//! has two phases: the [`Filter`] excludes credentials by the names in the certificates, and the
//! survivors are judged with an [`Index`].

mod cached;
mod configured;
mod filter;
mod frozen;
mod index;
mod names;
mod reload;
mod rules;
mod survivors;
mod validation;

use crate::choice::Policy;
use crate::credential::Group;
use crate::error::{Cause, Error, Problem};
use crate::file::bytes::find_slice;
use crate::list::{self, PasswordSet};
use crate::rule::Rule;
use crate::secret::Secret;
use crate::source::Accepts;
use crate::source::in_memory::{self, InMemory};
use crate::source::issuers::IssuerFile;
use crate::source::listing::Listing;
use crate::source::password::{KeyPasswords, PasswordCallback};
pub use cached::clear_caches;
use cached::{FilterFiles, store_filter};
use configured::{Configured, SelectedConfig};
pub use filter::{CaCertificate, Filter, Origin};
pub use frozen::{FrozenSelector, FullIndex};
pub use index::{CertificateClass, ChainCertificate, Index, MAX_KEYS};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use reload::{Reloaded, SelectedIssuers};
use rules::GroupRules;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub use survivors::Survivors;
pub use validation::Validation;

const NO_CREDENTIAL: Error = Error::Argument("the selector has no credential with this index");

const CONFIGURED: Error =
    Error::Argument("the rule of a credential of a configuration file is in that file");

/// A set of credentials under construction.
///
/// A function that adds something leaves the set unchanged if it fails.
#[derive(Debug, Default)]
pub struct Selector {
    groups: Vec<Arc<Group>>,
    /// The rules of each group's entries.
    rules: Vec<GroupRules>,
    configs: Vec<SelectedConfig>,
    issuers: Vec<Arc<SelectedIssuers>>,
    policy: Policy,
    password_callback: Option<PasswordCallback>,
    without_cache: bool,
}

impl Selector {
    /// Returns an empty selector.
    pub fn new() -> Selector {
        Selector::default()
    }

    /// Returns the number of credentials.
    pub fn count(&self) -> usize {
        self.groups.iter().map(|g| g.len()).sum()
    }

    /// Returns the number of entries, each of which has one or several credentials.
    fn entries(&self) -> usize {
        self.groups.iter().map(|group| group.entries()).sum()
    }

    /// Sets whether certificates that are added later, and keys, may come from the caches of the process.
    /// The default is true.
    pub fn set_cache(&mut self, use_cache: bool) {
        self.without_cache = !use_cache;
    }

    /// Adds the credentials of libpq's parameters sslcert, sslkey and sslpassword; see [`list`] for the
    /// grammar.
    pub fn add_lists(
        &mut self,
        sslcert: &[u8],
        sslkey: Option<&[u8]>,
        passwords: &list::Passwords<'_>,
        accepts: Accepts,
    ) -> Result<(), Error> {
        if find_slice(list::CONFIG_PREFIX, sslcert).is_some() {
            return self.add_lists_with_configs(sslcert, sslkey, passwords, accepts);
        }
        let use_cache = !self.without_cache;
        let (listing, passwords) =
            Listing::of_lists(sslcert, sslkey, passwords, accepts, self.entries(), use_cache)?;
        self.push(Group::of_files(listing, passwords.map(Arc::new)));
        Ok(())
    }

    /// Like [`Selector::add_lists`], for lists that may name configuration files.
    fn add_lists_with_configs(
        &mut self,
        sslcert: &[u8],
        sslkey: Option<&[u8]>,
        passwords: &list::Passwords<'_>,
        accepts: Accepts,
    ) -> Result<(), Error> {
        let (groups, issuers) = (self.groups.len(), self.issuers.len());
        let add = |selector: &mut Selector| {
            for list::Entry { certificate, key, password } in
                list::entries(sslcert, sslkey, passwords)?
            {
                selector.add_entry(certificate, key, password, accepts)?;
            }
            Ok(())
        };
        let added = add(self);
        if added.is_err() {
            self.groups.truncate(groups);
            self.rules.truncate(groups);
            self.configs.retain(|config| config.group < groups);
            self.issuers.truncate(issuers);
        }
        added
    }

    /// Adds an entry that is neither split nor unquoted. If `key` is `None`, the key is where the certificate
    /// is.
    pub fn add_entry(
        &mut self,
        certificate: PathBuf,
        key: Option<PathBuf>,
        password: Option<Secret>,
        accepts: Accepts,
    ) -> Result<(), Error> {
        let bytes = certificate.as_os_str().as_bytes();
        let config = bytes.strip_prefix(list::CONFIG_PREFIX).filter(|_| accepts != Accepts::File);
        let Some(config) = config else {
            let files = list::Files { certificate, key };
            let passwords = password.as_ref().map(PasswordSet::single).map(KeyPasswords::Set);
            let (before, use_cache) = (self.entries(), !self.without_cache);
            let listing = Listing::of_entry(files, passwords.as_ref(), accepts, before, use_cache)?;
            self.push(Group::of_files(listing, passwords.map(Arc::new)));
            return Ok(());
        };
        let cause = if accepts == Accepts::Pem {
            Some(Problem::Restricted)
        } else if certificate.exists() {
            Some(Problem::AmbiguousName)
        } else if key.is_some() {
            Some(Problem::KeyBesideConfig)
        } else if password.is_some() {
            Some(Problem::PasswordBesideConfig)
        } else {
            None
        };
        if let Some(problem) = cause {
            let cause = Cause::Unusable { file: certificate, why: problem.into() };
            return Err(Error::Entry { number: self.entries() + 1, cause });
        }
        self.add_config(Path::new(OsStr::from_bytes(config)))
    }

    /// Adds the credentials of a certificate file, PEM or PKCS#12. If `key` is `None`, that file also
    /// contains the key.
    pub fn add_files(
        &mut self,
        certificate: PathBuf,
        key: Option<PathBuf>,
        password: Option<Secret>,
    ) -> Result<(), Error> {
        self.add_entry(certificate, key, password, Accepts::File)
    }

    /// Adds a credential from memory. Fails if the key does not match the leaf.
    pub fn add_credential(
        &mut self,
        leaf: X509,
        key: PKey<Private>,
        chain: Vec<X509>,
    ) -> Result<(), Error> {
        self.push_from_memory(Group::of_memory(leaf, key, chain))
    }

    /// Adds a credential from text in memory; see [`in_memory::decode`].
    pub fn add_pem(
        &mut self,
        certificates: &[u8],
        key: Option<&[u8]>,
        password: Option<&Secret>,
    ) -> Result<(), Error> {
        let decoded = in_memory::decode(certificates, key, password);
        self.push_from_memory(
            decoded.and_then(|InMemory { leaf, key, chain }| Group::of_memory(leaf, key, chain)),
        )
    }

    fn push_from_memory(&mut self, group: Result<Group, Cause>) -> Result<(), Error> {
        let number = self.entries() + 1;
        self.push(group.map_err(|cause| Error::Entry { number, cause })?);
        Ok(())
    }

    fn push(&mut self, group: Group) {
        self.push_with_rules(Arc::new(group), GroupRules::default());
    }

    fn push_with_rules(&mut self, group: Arc<Group>, rules: GroupRules) {
        self.groups.push(group);
        self.rules.push(rules);
    }

    /// Adds every credential of a configuration file, with its rule, and the file's issuers.
    pub fn add_config(&mut self, path: &Path) -> Result<(), Error> {
        let use_cache = !self.without_cache;
        let configured = Configured::open(path, use_cache)?;
        let passwords = Arc::clone(&configured.passwords);
        let listing =
            Listing::of_entries(&configured.entries, Some(&passwords), self.entries(), use_cache)?;
        let issuers = configured.issuers().map(|file| {
            let found = IssuerFile::open(file, use_cache).map_err(Error::Issuers)?;
            Ok::<_, Error>(SelectedIssuers::new(file, found))
        });
        let issuers = issuers.transpose()?.map(|issuers| {
            self.issuers.push(Arc::new(issuers));
            self.issuers.len() - 1
        });
        let rules = configured.rules.clone();
        self.configs.push(SelectedConfig { configured, group: self.groups.len(), issuers });
        self.push_with_rules(Arc::new(Group::of_files(listing, Some(passwords))), rules);
        Ok(())
    }

    /// Returns the rule of the entry of a credential, to change it. Fails if there is no such credential.
    pub fn rule_mut(&mut self, number: usize) -> Result<&mut Rule, Error> {
        let mut first = 0;
        for (index, (group, rules)) in self.groups.iter().zip(&mut self.rules).enumerate() {
            if let Some(number) = number.checked_sub(first).filter(|n| *n < group.len()) {
                if self.configs.iter().any(|config| config.group == index) {
                    return Err(CONFIGURED);
                }
                let entry = group.credential(number).ok_or(NO_CREDENTIAL)?.entry();
                return rules.get_mut(entry, group.entries()).ok_or(NO_CREDENTIAL);
            }
            first += group.len();
        }
        Err(NO_CREDENTIAL)
    }

    /// Adds the certificates of a PEM file to the issuer pool.
    pub fn add_issuers(&mut self, pem_file: &Path) -> Result<(), Error> {
        let found = IssuerFile::open(pem_file, !self.without_cache).map_err(Error::Issuers)?;
        self.issuers.push(Arc::new(SelectedIssuers::new(pem_file, found)));
        Ok(())
    }

    /// Sets the callback that supplies the password of an encrypted key for which none was given.
    pub fn set_password_callback(&mut self, callback: Option<PasswordCallback>) {
        self.password_callback = callback;
    }

    /// Returns the policy, which can be changed until the selector is frozen.
    pub fn policy_mut(&mut self) -> &mut Policy {
        &mut self.policy
    }

    /// Reloads the files that have changed, and returns what validating the selector needs.
    pub fn validation(&mut self) -> Result<Validation, Error> {
        if !self.without_cache {
            let reloaded = Reloaded::new(&self.groups, &self.issuers)?;
            (self.groups, self.issuers) = (reloaded.groups, reloaded.issuers);
        }
        Ok(Validation {
            groups: self.groups.clone(),
            callback: self.password_callback,
            use_cache: !self.without_cache,
        })
    }

    /// Builds the filter and moves everything into a frozen selector. Leaves this one empty.
    pub fn freeze(&mut self) -> Result<FrozenSelector, Error> {
        let filter = filter_of(&self.groups, &self.issuers, !self.without_cache)?;
        Ok(FrozenSelector::new(std::mem::take(self), filter))
    }
}

/// Returns the filter, and whether the cache may hold indices that are built with it.
fn filter_of(
    groups: &[Arc<Group>],
    issuers: &[Arc<SelectedIssuers>],
    use_cache: bool,
) -> Result<(Arc<Filter>, bool), Error> {
    let listings = || groups.iter().map(|group| group.listing().cloned()).collect::<Option<_>>();
    let issuer_files = || issuers.iter().map(|issuers| Arc::clone(&issuers.file)).collect();
    // Credentials from memory are not cached, so that the program decides how long they exist.
    let listings = if use_cache { listings() } else { None };
    let files = listings.map(|listings| FilterFiles { listings, issuers: issuer_files() });
    if let Some(filter) = files.as_ref().and_then(cached::filter) {
        return Ok((filter, true));
    }
    let credentials = groups.iter().flat_map(|group| group.credentials());
    let credentials = credentials.map(|c| (c.leaf(), c.extra()));
    let filter = Filter::build(credentials, issuers.iter().map(|i| i.file.certificates()))?;
    let filter = Arc::new(filter);
    if let Some(files) = &files {
        store_filter(files, &filter);
    }
    Ok((filter, files.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::chains::{issued_by, party};
    use testkit::directory::Directory;

    #[test]
    fn threads_can_share_a_frozen_selector() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<FrozenSelector>();
    }

    #[test]
    fn a_file_with_more_certificates_than_the_limit_is_an_error_that_names_file_and_limit() {
        let one = issued_by(&party("u"), &party("CA")).to_pem().unwrap();
        let directory = Directory::new();
        let file = |name: &str, count: usize| directory.write(name, one.repeat(count));
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
    fn a_failed_entry_leaves_the_selector_unchanged() {
        let mut selector = Selector::new();
        let none = list::Passwords::List(None);
        let error = selector
            .add_lists(b"/no/such/a.crt,/no/such/b.crt", None, &none, Accepts::Any)
            .unwrap_err();
        let expected = "entry 1: could not read certificate file \"/no/such/a.crt\": No such file \
                        or directory";
        assert_eq!(error.to_string(), expected);
        assert_eq!(selector.count(), 0);
    }
}
