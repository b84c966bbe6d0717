// SPDX-License-Identifier: MIT OR Apache-2.0
//! The immutable selector that handshakes share.

use super::cached::{self, clear_caches, store_index};
use super::configured::SelectedConfig;
use super::reload::{Reloaded, SelectedIssuers};
use super::rules::{self, GroupRules};
use super::{Filter, Index, Origin, Selector, Survivors, Validation, filter_of};
use crate::choice::{Policy, RuleMatch};
use crate::credential::{Credential, Group};
use crate::error::{Cause, Error, OutOfMemory, Problem};
use crate::rule::{Rule, Target};
use crate::source::key::LoadedKey;
use crate::source::password::PasswordCallback;
use crate::source::watched::{FileCheck, FileCheckError};
use openssl::x509::X509;
use std::sync::{Arc, Mutex};

/// The maximum number of indices that a selector keeps.
const MAX_INDICES: usize = 16;

/// A selector that is immutable. When its files change, [`FrozenSelector::reloaded`] returns a new one
/// with the same entries in the same order. An entry may then stand for other credentials.
#[derive(Debug)]
pub struct FrozenSelector {
    groups: Vec<Arc<Group>>,
    rules: Vec<GroupRules>,
    configs: Vec<SelectedConfig>,
    has_rules: bool,
    /// The number of each group's first credential.
    first_numbers: Vec<usize>,
    issuers: Vec<Arc<SelectedIssuers>>,
    policy: Policy,
    password_callback: Option<PasswordCallback>,
    use_cache: bool,
    filter: Arc<Filter>,
    /// The cache of indices may hold its indices.
    is_cacheable: bool,
    /// The most recent indices, the newest last. This lock and the next one are only tried: in a child
    /// that was forked while another thread held a lock, the lock is never released.
    indices: Mutex<Vec<Arc<Index>>>,
    /// The most recent result of [`FrozenSelector::reloaded`].
    latest: Mutex<Option<Arc<FrozenSelector>>>,
}

/// The index of all credentials that can be decoded.
#[derive(Debug)]
pub struct FullIndex {
    /// The index.
    pub index: Arc<Index>,
    /// The credentials that OpenSSL cannot decode, and the causes.
    pub damaged: Vec<(usize, Cause)>,
}

impl FrozenSelector {
    pub(super) fn new(
        selector: Selector,
        (filter, is_cacheable): (Arc<Filter>, bool),
    ) -> FrozenSelector {
        FrozenSelector {
            first_numbers: first_numbers(&selector.groups),
            groups: selector.groups,
            has_rules: selector.rules.iter().any(GroupRules::has_rules),
            rules: selector.rules,
            configs: selector.configs,
            issuers: selector.issuers,
            policy: selector.policy,
            password_callback: selector.password_callback,
            use_cache: !selector.without_cache,
            filter,
            is_cacheable,
            indices: Mutex::default(),
            latest: Mutex::default(),
        }
    }

    /// Returns the number of credentials.
    pub fn count(&self) -> usize {
        self.filter.count()
    }

    /// Returns what validating the selector needs, so that the selector need not be borrowed meanwhile.
    pub fn validation(&self) -> Validation {
        Validation {
            groups: self.groups.clone(),
            callback: self.password_callback,
            use_cache: self.use_cache,
        }
    }

    /// Returns the leaf of a credential, or `None` if it cannot be decoded.
    pub fn certificate(&self, number: usize) -> Option<&X509> {
        self.credential(number).and_then(|credential| credential.certificate().ok())
    }

    /// Loads the key of a credential. An error says why it cannot be loaded, or that it does not match the
    /// certificate.
    pub fn check_key(&self, number: usize) -> Result<(), Error> {
        let Some(credential) = self.credential(number) else { return Ok(()) };
        let key = credential.key(self.password_callback.as_ref(), self.use_cache);
        key.map(|_| ()).map_err(|cause| self.entry_error(number, cause))
    }

    /// Returns all credentials, in their order.
    pub fn credentials(&self) -> impl Iterator<Item = Credential<'_>> {
        self.groups.iter().flat_map(|g| g.credentials())
    }

    /// Returns the credential with this number.
    pub fn credential(&self, number: usize) -> Option<Credential<'_>> {
        // No group is empty, so the first numbers are distinct.
        let group = self.group_of(number)?;
        self.groups.get(group)?.credential(number - self.first_numbers.get(group)?)
    }

    /// Returns the index of the group of a credential.
    fn group_of(&self, number: usize) -> Option<usize> {
        self.first_numbers.partition_point(|first| *first <= number).checked_sub(1)
    }

    /// Returns the error of the entry of a credential.
    pub fn entry_error(&self, number: usize, cause: Cause) -> Error {
        Error::Entry { number: self.entry_number(number), cause }
    }

    /// Returns the number of the entry of a credential, counted from 1, as in errors.
    pub fn entry_number(&self, number: usize) -> usize {
        let group = self.group_of(number).unwrap_or(0);
        let before: usize = self.groups.iter().take(group).map(|group| group.entries()).sum();
        let entry = self.credential(number).map_or(0, |credential| credential.entry());
        before + entry + 1
    }

    /// Returns a selector with the current configuration files; `None` if none has changed. Fails if one
    /// of them cannot be read or contains an error.
    fn with_current_configs(&self) -> Result<Option<Arc<FrozenSelector>>, Error> {
        if self.configs.iter().all(|config| config.configured.is_current()) {
            return Ok(None);
        }
        let mut new = Selector {
            policy: self.policy,
            password_callback: self.password_callback,
            without_cache: !self.use_cache,
            ..Selector::default()
        };
        for (index, (group, rules)) in self.groups.iter().zip(&self.rules).enumerate() {
            match self.configs.iter().find(|config| config.group == index) {
                Some(config) => new.add_config(config.configured.path())?,
                None => new.push_with_rules(Arc::clone(group), rules.clone()),
            }
        }
        for (index, issuers) in self.issuers.iter().enumerate() {
            if !self.configs.iter().any(|config| config.issuers == Some(index)) {
                new.issuers.push(Arc::clone(issuers));
            }
        }
        Ok(Some(Arc::new(new.freeze()?)))
    }

    /// Returns a selector with the current configuration files and directories; `None` if none has changed.
    /// Fails if one of them cannot be read or contains an error.
    pub fn with_current_files(&self) -> Result<Option<Arc<FrozenSelector>>, Error> {
        let configured = self.with_current_configs()?;
        let current = configured.as_deref().unwrap_or(self);
        if !current.groups.iter().any(|group| group.has_changed_directory()) {
            return Ok(configured);
        }
        Ok(current.reloaded()?.map(|(reloaded, _)| reloaded).or(configured))
    }

    /// Returns whether a credential has a rule.
    pub fn has_rules(&self) -> bool {
        self.has_rules
    }

    /// Returns the rule of a credential; `None` if its group has no rules.
    pub fn rule(&self, number: usize) -> Option<&Rule> {
        self.rules.get(self.group_of(number)?)?.get(self.credential(number)?.entry())
    }

    /// Compares the rules with a target. Returns the outcomes by the number of the credential.
    pub fn match_rules(&self, target: &Target) -> Vec<RuleMatch> {
        rules::match_all(&self.groups, &self.rules, target)
    }

    /// Returns the policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the filter.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Returns whether handshakes use the current content of the files when these change.
    pub fn follows_files(&self) -> bool {
        self.use_cache
    }

    /// Returns the selector with the content of the files that was read last.
    pub fn latest(self: &Arc<Self>) -> Arc<FrozenSelector> {
        let latest = self.latest.try_lock().ok().and_then(|latest| latest.clone());
        latest.unwrap_or_else(|| Arc::clone(self))
    }

    /// Checks every file and returns the selector with its current content.
    pub fn up_to_date(self: &Arc<Self>) -> Result<Arc<FrozenSelector>, Error> {
        let latest = self.latest();
        if !self.follows_files() {
            return Ok(latest);
        }
        let Some((reloaded, _)) = latest.reloaded()? else { return Ok(latest) };
        self.set_latest(&reloaded);
        Ok(reloaded)
    }

    /// Stores a result of [`FrozenSelector::reloaded`] for [`FrozenSelector::latest`].
    pub fn set_latest(&self, latest: &Arc<FrozenSelector>) {
        let old =
            self.latest.try_lock().ok().and_then(|mut stored| stored.replace(Arc::clone(latest)));
        drop(old);
    }

    /// Checks every file. Returns a selector with the current content of the files, and whether a
    /// certificate has been replaced; `None` if no file was read again.
    pub fn reloaded(&self) -> Result<Option<(Arc<FrozenSelector>, bool)>, Error> {
        let Reloaded { groups, issuers, is_new, is_different } =
            Reloaded::new(&self.groups, &self.issuers)?;
        if !is_new {
            return Ok(None);
        }
        let first_numbers = first_numbers(&groups);
        let (filter, is_cacheable) = filter_of(&groups, &issuers, self.use_cache)?;
        let reloaded = FrozenSelector {
            groups,
            rules: self.rules.clone(),
            configs: self.configs.clone(),
            has_rules: self.has_rules,
            first_numbers,
            issuers,
            policy: self.policy,
            password_callback: self.password_callback,
            use_cache: self.use_cache,
            filter,
            is_cacheable,
            indices: Mutex::default(),
            latest: Mutex::default(),
        };
        Ok(Some((Arc::new(reloaded), is_different)))
    }

    /// Returns the index of the survivors. A certificate in it that OpenSSL cannot decode is an error.
    pub fn index(&self, survivors: Survivors) -> Result<Arc<Index>, Error> {
        if let Some(known) = self.existing_index(&survivors) {
            return Ok(known);
        }
        let mut leaves = Vec::with_capacity(survivors.len());
        for number in survivors.iter() {
            let Some(credential) = self.credential(number) else { continue };
            let leaf = credential.certificate();
            leaves.push(leaf.map_err(|cause| self.entry_error(number, cause))?.clone());
        }
        let mut cas = Vec::new();
        for number in self.filter.above(&survivors) {
            cas.extend(self.ca(number)?.map(|x| (number, x)));
        }
        Ok(self.build_index(survivors, leaves, &cas)?)
    }

    fn existing_index(&self, survivors: &Survivors) -> Option<Arc<Index>> {
        let is_equal = |index: &&Arc<Index>| index.survivors() == survivors;
        let own = self.indices.try_lock().ok().and_then(|all| all.iter().find(is_equal).cloned());
        own.or_else(|| self.is_cacheable.then(|| cached::index(&self.filter, survivors))?)
    }

    /// Returns the index of all credentials, for an explanation. Leaves out certificates that OpenSSL
    /// cannot decode.
    pub fn full_index(&self) -> Result<FullIndex, OutOfMemory> {
        let (mut numbers, mut leaves, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
        for (number, credential) in self.credentials().enumerate() {
            match credential.certificate() {
                Ok(leaf) => {
                    numbers.extend(u32::try_from(number));
                    leaves.push(leaf.clone());
                }
                Err(Cause::Memory(_)) => return Err(OutOfMemory),
                Err(cause) => damaged.push((number, cause)),
            }
        }
        let survivors = match damaged.is_empty() {
            true => Survivors::All(self.count()),
            false => Survivors::Some(numbers.into()),
        };
        if let Some(index) = self.existing_index(&survivors) {
            return Ok(FullIndex { index, damaged });
        }
        let cas = self.filter.above(&survivors).into_iter();
        let cas = cas.filter_map(|number| Some((number, self.ca(number).ok()??)));
        let cas: Vec<(u32, &X509)> = cas.collect();
        Ok(FullIndex { index: self.build_index(survivors, leaves, &cas)?, damaged })
    }

    fn build_index(
        &self,
        survivors: Survivors,
        leaves: Vec<X509>,
        cas: &[(u32, &X509)],
    ) -> Result<Arc<Index>, OutOfMemory> {
        // After a failed allocation OpenSSL marks the extensions of a certificate as invalid permanently,
        // so the caches must not keep it.
        let index = Index::build(&self.filter, survivors, leaves, cas);
        let index = Arc::new(index.inspect_err(|_| clear_caches())?);
        if self.is_cacheable {
            store_index(&self.filter, &index);
        }
        let dropped = self.indices.try_lock().ok().map(|mut all| {
            all.push(Arc::clone(&index));
            let excess = all.len().saturating_sub(MAX_INDICES);
            all.drain(..excess).collect::<Vec<_>>()
        });
        drop(dropped);
        Ok(index)
    }

    /// Returns a CA certificate of the filter, decoded.
    fn ca(&self, number: u32) -> Result<Option<&X509>, Error> {
        match self.filter.ca(number).and_then(|ca| ca.origins.first().copied()) {
            Some(Origin::Extra { credential: number, position }) => {
                let Some(credential) = self.credential(number) else { return Ok(None) };
                let Some(certificate) = credential.extra().get(position) else { return Ok(None) };
                let decoded = credential.decoded(certificate);
                decoded.map(Some).map_err(|cause| self.entry_error(number, cause))
            }
            Some(Origin::Issuer { file, position }) => {
                let Some(issuers) = self.issuers.get(file) else { return Ok(None) };
                let Some(certificate) = issuers.file.certificates().get(position) else {
                    return Ok(None);
                };
                let decoded = certificate.get().map_err(|why| why.cause(Some(&issuers.path)));
                decoded.map(Some).map_err(Error::Issuers)
            }
            None => Ok(None),
        }
    }

    /// Returns the key of a candidate of `index`, whose leaf will be sent with these links. First checks
    /// the files of these certificates unless `check` is `None`.
    pub fn key(
        &self,
        index: &Index,
        candidate: usize,
        links: &[u32],
        check: Option<FileCheck>,
    ) -> Result<LoadedKey, FileCheckError> {
        let no_entry = || FileCheckError::Cause(Cause::Refused(Problem::NoEntry.into()));
        let number = index.survivors().credential(candidate).ok_or_else(no_entry)?;
        let credential = self.credential(number).ok_or_else(no_entry)?;
        if let Some(check) = check {
            credential.check_file(check)?;
            for certificate in index.from_other_files(candidate, links) {
                self.check_any(&certificate.origins, check)?;
            }
        }
        let key = credential.key(self.password_callback.as_ref(), self.use_cache);
        key.map_err(FileCheckError::Cause)
    }

    /// Checks the files that a certificate was read from. Returns `Ok` if one of them passes.
    fn check_any(&self, origins: &[Origin], check: FileCheck) -> Result<(), FileCheckError> {
        let mut outcome = Ok(());
        for origin in origins {
            let checked = match origin {
                Origin::Extra { credential, .. } => {
                    self.credential(*credential).map(|credential| credential.check_file(check))
                }
                Origin::Issuer { file, .. } => {
                    self.issuers.get(*file).map(|file| file.check_file(check))
                }
            };
            outcome = match (outcome, checked) {
                (_, Some(Ok(()))) => return Ok(()),
                (Err(FileCheckError::Changed), _) | (_, None) => Err(FileCheckError::Changed),
                (_, Some(failed)) => failed,
            };
        }
        outcome
    }
}

/// Returns the number of each group's first credential.
fn first_numbers(groups: &[Arc<Group>]) -> Vec<usize> {
    let first_numbers = groups.iter().scan(0, |next, group| {
        let first = *next;
        *next += group.len();
        Some(first)
    });
    first_numbers.collect()
}
