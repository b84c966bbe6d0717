// SPDX-License-Identifier: MIT OR Apache-2.0
//! A selector that handshakes use.

use super::cached::{self, clear_caches, store_index};
use super::reload::{Reloaded, SelectedIssuers};
use super::{Filter, Index, Origin, Selector, Survivors, Validation, filter_of};
use crate::choice::Policy;
use crate::credential::{Credential, Group};
use crate::error::{Cause, Error, OutOfMemory, Problem};
use crate::source::password::PasswordCallback;
use crate::source::watched::{FileCheck, FileCheckError};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::sync::{Arc, Mutex};

/// How many indices a selector keeps.
const INDICES: usize = 16;

/// A selector that can no longer change. When its files change, [`FrozenSelector::reloaded`] returns another
/// one, which has the same entries in the same order.
#[derive(Debug)]
pub struct FrozenSelector {
    groups: Vec<Arc<Group>>,
    /// The number of each group's first credential.
    starts: Vec<usize>,
    issuers: Vec<Arc<SelectedIssuers>>,
    policy: Policy,
    password_callback: Option<PasswordCallback>,
    use_cache: bool,
    filter: Arc<Filter>,
    /// Whether its indices may be in the cache.
    is_shared: bool,
    /// The indices made last, the newest at the end. This lock and the next are only tried: a child
    /// that is forked at the wrong moment would find them locked for good.
    indices: Mutex<Vec<Arc<Index>>>,
    /// With the files as they were when they last changed.
    latest: Mutex<Option<Arc<FrozenSelector>>>,
}

/// The index of as many credentials as can be judged.
#[derive(Debug)]
pub struct Whole {
    pub index: Arc<Index>,
    /// Those that cannot be decoded, and why.
    pub damaged: Vec<(usize, Cause)>,
}

impl FrozenSelector {
    pub(super) fn new(of: Selector, (filter, is_shared): (Arc<Filter>, bool)) -> FrozenSelector {
        let starts = of.groups.iter().scan(0, |next, group| {
            let start = *next;
            *next += group.len();
            Some(start)
        });
        FrozenSelector {
            starts: starts.collect(),
            groups: of.groups,
            issuers: of.issuers,
            policy: of.policy,
            password_callback: of.password_callback,
            use_cache: !of.without_cache,
            filter,
            is_shared,
            indices: Mutex::default(),
            latest: Mutex::default(),
        }
    }

    /// How many credentials it has.
    pub fn count(&self) -> usize {
        self.filter.count()
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
    pub fn credentials(&self) -> impl Iterator<Item = Credential<'_>> {
        self.groups.iter().flat_map(|g| g.credentials())
    }

    /// One credential.
    pub fn credential(&self, at: usize) -> Option<Credential<'_>> {
        // No group is empty, so each start is another one.
        let group = self.starts.partition_point(|start| *start <= at).checked_sub(1)?;
        self.groups.get(group)?.credential(at - self.starts.get(group)?)
    }

    /// Its policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The filter over all of its credentials.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Whether it follows its files when they change.
    pub fn follows_files(&self) -> bool {
        self.use_cache
    }

    /// The selector as its files were when they last changed.
    pub fn latest(self: &Arc<Self>) -> Arc<FrozenSelector> {
        let latest = self.latest.try_lock().ok().and_then(|latest| latest.clone());
        latest.unwrap_or_else(|| Arc::clone(self))
    }

    /// The selector with the current content of its files.
    pub fn up_to_date(self: &Arc<Self>) -> Result<Arc<FrozenSelector>, Error> {
        let latest = self.latest();
        if !self.follows_files() {
            return Ok(latest);
        }
        let Some((reloaded, _)) = latest.reloaded()? else { return Ok(latest) };
        self.set_latest(&reloaded);
        Ok(reloaded)
    }

    /// Keeps what [`FrozenSelector::reloaded`] made.
    pub fn set_latest(&self, latest: &Arc<FrozenSelector>) {
        let old = self.latest.try_lock().ok().and_then(|mut kept| kept.replace(Arc::clone(latest)));
        drop(old);
    }

    /// Checks every file. Returns a selector with the current content of the files, and whether a
    /// certificate has been replaced; `None` if no file was read again.
    pub fn reloaded(&self) -> Result<Option<(Arc<FrozenSelector>, bool)>, Error> {
        let Reloaded { groups, issuers, is_new, is_different } =
            Reloaded::of(&self.groups, &self.issuers)?;
        if !is_new {
            return Ok(None);
        }
        let (filter, is_shared) = filter_of(&groups, &issuers, self.use_cache)?;
        let reloaded = FrozenSelector {
            groups,
            starts: self.starts.clone(),
            issuers,
            policy: self.policy,
            password_callback: self.password_callback,
            use_cache: self.use_cache,
            filter,
            is_shared,
            indices: Mutex::default(),
            latest: Mutex::default(),
        };
        Ok(Some((Arc::new(reloaded), is_different)))
    }

    /// The index of these credentials. A certificate of theirs that OpenSSL cannot decode is an error.
    pub fn index(&self, survivors: Survivors) -> Result<Arc<Index>, Error> {
        if let Some(known) = self.known_index(&survivors) {
            return Ok(known);
        }
        let mut leaves = Vec::with_capacity(survivors.len());
        for at in survivors.iter() {
            let Some(credential) = self.credential(at) else { continue };
            let leaf = credential.certificate();
            leaves.push(leaf.map_err(|cause| Error::Entry { number: at + 1, cause })?.clone());
        }
        let mut above = Vec::new();
        for number in self.filter.above(&survivors) {
            above.extend(self.member(number)?.map(|x| (number, x)));
        }
        Ok(self.build(survivors, leaves, &above)?)
    }

    fn known_index(&self, survivors: &Survivors) -> Option<Arc<Index>> {
        let is_it = |index: &&Arc<Index>| index.survivors() == survivors;
        let known = self.indices.try_lock().ok().and_then(|all| all.iter().find(is_it).cloned());
        known.or_else(|| self.is_shared.then(|| cached::index(&self.filter, survivors))?)
    }

    /// The index of all credentials, for explanations. What is damaged is left out.
    pub fn whole(&self) -> Result<Whole, OutOfMemory> {
        let (mut numbers, mut leaves, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
        for (at, credential) in self.credentials().enumerate() {
            match credential.certificate() {
                Ok(leaf) => {
                    numbers.extend(u32::try_from(at));
                    leaves.push(leaf.clone());
                }
                Err(Cause::Memory(_)) => return Err(OutOfMemory),
                Err(cause) => damaged.push((at, cause)),
            }
        }
        let survivors = match damaged.is_empty() {
            true => Survivors::All(self.count()),
            false => Survivors::Some(numbers.into()),
        };
        if let Some(index) = self.known_index(&survivors) {
            return Ok(Whole { index, damaged });
        }
        let above = self.filter.above(&survivors).into_iter();
        let above = above.filter_map(|number| Some((number, self.member(number).ok()??)));
        let above: Vec<(u32, &X509)> = above.collect();
        Ok(Whole { index: self.build(survivors, leaves, &above)?, damaged })
    }

    fn build(
        &self,
        survivors: Survivors,
        leaves: Vec<X509>,
        above: &[(u32, &X509)],
    ) -> Result<Arc<Index>, OutOfMemory> {
        // A certificate that OpenSSL met without memory is spoilt, so none is kept.
        let index = Index::build(&self.filter, survivors, leaves, above);
        let index = Arc::new(index.inspect_err(|_| clear_caches())?);
        if self.is_shared {
            store_index(&self.filter, &index);
        }
        let dropped = self.indices.try_lock().ok().map(|mut all| {
            all.push(Arc::clone(&index));
            let too_many = all.len().saturating_sub(INDICES);
            all.drain(..too_many).collect::<Vec<_>>()
        });
        drop(dropped);
        Ok(index)
    }

    /// A member of the filter, decoded.
    fn member(&self, number: u32) -> Result<Option<&X509>, Error> {
        match self.filter.member(number).and_then(|member| member.origins.first().copied()) {
            Some(Origin::Extra { credential: number, at }) => {
                let Some(credential) = self.credential(number) else { return Ok(None) };
                let Some(certificate) = credential.extra().get(at) else { return Ok(None) };
                let decoded = credential.decoded(certificate);
                decoded.map(Some).map_err(|cause| Error::Entry { number: number + 1, cause })
            }
            Some(Origin::Issuer { file, at }) => {
                let Some(issuers) = self.issuers.get(file) else { return Ok(None) };
                let Some(certificate) = issuers.file.certificates().get(at) else {
                    return Ok(None);
                };
                let decoded = certificate.get().map_err(|why| why.cause(Some(&issuers.path)));
                decoded.map(Some).map_err(Error::Issuers)
            }
            None => Ok(None),
        }
    }

    /// Returns the key of credential `at`, which is to be sent with these links of `index` above its leaf,
    /// after checking the files of these certificates as `check` says.
    pub fn key(
        &self,
        at: usize,
        index: &Index,
        links: &[u32],
        check: Option<FileCheck>,
    ) -> Result<PKey<Private>, FileCheckError> {
        let no_entry = || FileCheckError::Cause(Cause::Refused(Problem::NoEntry.into()));
        let credential = self.credential(at).ok_or_else(no_entry)?;
        if let Some(check) = check {
            credential.check_file(check)?;
            let candidate = index.survivors().place(at).ok_or_else(no_entry)?;
            for above in index.foreign(candidate, links) {
                self.check_one_of(&above.origins, check)?;
            }
        }
        let key = credential.key(self.password_callback.as_ref(), self.use_cache);
        key.map_err(FileCheckError::Cause)
    }

    /// Checks the files that a certificate is in, until one passes.
    fn check_one_of(&self, origins: &[Origin], check: FileCheck) -> Result<(), FileCheckError> {
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
