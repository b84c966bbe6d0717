// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ordered set of credentials, its policy and its issuer pool.
//!
//! A [`Selector`] is built by one thread. Frozen, it can no longer change and is shared by all
//! handshakes; then the index is made that a choice works with.

mod index;

use crate::choice::Policy;
use crate::credential::{self, Credential, PasswordCallback};
use crate::error::{Cause, Error};
use crate::list;
use crate::secret::Secret;
pub(crate) use index::{Index, TraitsOf};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A set of credentials that is being put together.
///
/// Every function that adds something adds all of it or nothing.
#[derive(Debug, Default)]
pub struct Selector {
    credentials: Vec<Arc<Credential>>,
    issuers: Vec<X509>,
    policy: Policy,
    password_callback: Option<PasswordCallback>,
}

impl Selector {
    /// An empty one.
    pub fn new() -> Selector {
        Selector::default()
    }

    /// How many credentials it has.
    pub fn count(&self) -> usize {
        self.credentials.len()
    }

    /// Adds what libpq's three parameters name; see [`list`] for their grammar.
    pub fn add_lists(
        &mut self,
        sslcert: &[u8],
        sslkey: Option<&[u8]>,
        passwords: &list::Passwords<'_>,
    ) -> Result<(), Error> {
        let entries = list::entries(sslcert, sslkey, passwords)?;
        let mut added = Vec::with_capacity(entries.len());
        for entry in entries {
            let number = self.count() + added.len() + 1;
            let credential = Credential::from_files(entry.certificate, entry.key, entry.password)
                .map_err(|cause| Error::Entry { number, cause })?;
            added.push(Arc::new(credential));
        }
        self.credentials.append(&mut added);
        Ok(())
    }

    /// Adds one credential. Without `key` the key is in the certificate's own file.
    pub fn add_files(
        &mut self,
        certificate: PathBuf,
        key: Option<PathBuf>,
        password: Option<Secret>,
    ) -> Result<(), Error> {
        let added = Credential::from_files(certificate, key, password);
        self.push(added)
    }

    /// Adds one that the program holds in memory.
    pub fn add_credential(
        &mut self,
        leaf: X509,
        key: PKey<Private>,
        chain: Vec<X509>,
    ) -> Result<(), Error> {
        let added = Credential::from_memory(leaf, key, chain);
        self.push(added)
    }

    fn push(&mut self, added: Result<Credential, Cause>) -> Result<(), Error> {
        let number = self.count() + 1;
        let credential = added.map_err(|cause| Error::Entry { number, cause })?;
        self.credentials.push(Arc::new(credential));
        Ok(())
    }

    /// Adds the certificates of a PEM file to the issuer pool.
    pub fn add_issuers(&mut self, pem_file: &Path) -> Result<(), Error> {
        let mut added = credential::certificates_of(pem_file).map_err(Error::Issuers)?;
        self.issuers.append(&mut added);
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
        Validation { credentials: self.credentials.clone(), callback: self.password_callback }
    }

    /// Makes the index, and moves all there is into what can no longer change.
    pub fn freeze(&mut self) -> Result<FrozenSelector, Error> {
        let parts: Vec<_> = self.credentials.iter().map(|c| (c.leaf(), c.companions())).collect();
        let index = Index::build(&parts, &self.issuers)?;
        let done = std::mem::take(self);
        Ok(FrozenSelector {
            credentials: done.credentials,
            policy: done.policy,
            password_callback: done.password_callback,
            index,
        })
    }
}

/// A selector that handshakes use.
#[derive(Debug)]
pub struct FrozenSelector {
    credentials: Vec<Arc<Credential>>,
    policy: Policy,
    password_callback: Option<PasswordCallback>,
    index: Index,
}

impl FrozenSelector {
    /// How many credentials it has.
    pub fn count(&self) -> usize {
        self.credentials.len()
    }

    /// What is needed to validate it without holding on to it.
    pub fn validation(&self) -> Validation {
        Validation { credentials: self.credentials.clone(), callback: self.password_callback }
    }

    pub(crate) fn credentials(&self) -> &[Arc<Credential>] {
        &self.credentials
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn password_callback(&self) -> Option<&PasswordCallback> {
        self.password_callback.as_ref()
    }
}

/// The credentials of a selector at one moment. Validating calls the program's password callback,
/// and nothing may be locked meanwhile.
pub struct Validation {
    credentials: Vec<Arc<Credential>>,
    callback: Option<PasswordCallback>,
}

impl Validation {
    /// Loads every key now and finds out whether it belongs to its certificate.
    pub fn run(&self) -> Result<(), Error> {
        let failure = |(i, credential): (usize, &Arc<Credential>)| {
            let cause = credential.key(self.callback.as_ref()).err()?;
            Some(Error::Entry { number: i + 1, cause })
        };
        let mut failures: Vec<Error> =
            self.credentials.iter().enumerate().filter_map(failure).collect();
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

    #[test]
    fn a_frozen_selector_may_be_used_by_several_threads() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<FrozenSelector>();
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
