// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates that may be above the leaves, and the search for the ones that issued each other.
//! They are never trusted, only sent. Roots are left out, since they are not sent.
//!
//! The search covers only certificates that a chain from a leaf leads to. If both certificates have key
//! identifiers, these determine the issuer. Otherwise the signature is verified, once for each key with
//! the issuer's name, until one key fits.

use super::linked::{IssuerSet, LinkedPool};
use crate::choice::{MAX_DEPTH, address};
use crate::error::OutOfMemory;
use crate::hash::{Map, Set};
use crate::x509::chain::{self, IssuedClass};
use crate::x509::extensions::cache_extensions;
use crate::x509::facts::Epoch;
use openssl::x509::X509;
use std::collections::VecDeque;
use std::sync::Arc;

/// The maximum number of keys with the same name that are tried on one signature.
pub const MAX_KEYS: usize = 16;

/// The work that is left for building an index. It is limited because a file may be crafted to
/// cause much work.
#[derive(Debug, Default)]
pub struct Budget {
    /// The number of signatures that may still be verified.
    pub verifications: usize,
    /// The number of pairs of certificates that may still be compared.
    pub comparisons: usize,
}

impl Budget {
    /// Returns a budget in proportion to the input, so that it suffices for every credential of a long
    /// list.
    pub fn new(credentials: usize, cas: usize) -> Budget {
        Budget {
            verifications: 256 + 4 * credentials,
            comparisons: 10_000 + 20 * (credentials + cas),
        }
    }

    /// Subtracts one. Returns `false` if nothing is left.
    fn take(from: &mut usize) -> bool {
        let left = from.checked_sub(1);
        *from = left.unwrap_or(0);
        left.is_some()
    }
}

/// A certificate of the pool.
struct Intermediate {
    certificate: X509,
    /// The number of the subject name.
    subject: u32,
    /// The number of the issuer name.
    issuer: u32,
    /// The number of the key among those with the same subject.
    key: usize,
    /// The certificate has a subject key identifier.
    is_identified: bool,
    /// `None` if no chain leads to the certificate.
    issuers: Option<IssuerSet>,
}

/// The intermediates with the same subject.
#[derive(Default)]
struct SubjectGroup {
    keys: Vec<KeyGroup>,
    /// The number of each key, by its SubjectPublicKeyInfo.
    key_numbers: Map<Vec<u8>, usize>,
    /// The intermediates with each subject key identifier.
    by_identifier: Map<Vec<u8>, Vec<u32>>,
    /// The keys for which [`KeyGroup::has_unidentified`] is set.
    unidentified_keys: Vec<usize>,
}

/// The intermediates with the same subject and the same key.
#[derive(Default)]
struct KeyGroup {
    intermediates: Vec<u32>,
    /// One of them has no subject key identifier.
    has_unidentified: bool,
}

/// The names of a certificate, by their numbers in the filter.
#[derive(Clone, Copy)]
pub struct NameNumbers {
    pub subject: u32,
    pub issuer: u32,
}

/// The intermediates and the results of the search.
#[derive(Default)]
pub struct Pool {
    intermediates: Vec<Intermediate>,
    /// The number of each certificate, by its digest; `None` for a root.
    known: Map<Vec<u8>, Option<u32>>,
    by_subject: Map<u32, SubjectGroup>,
    /// The results of [`Pool::possible_issuers`] for each class of certificates that OpenSSL does not
    /// distinguish, with the number of the issuer name.
    possible: Map<(IssuedClass, u32, Lookup), Arc<[u32]>>,
}

/// A part of a [`SubjectGroup`] that is considered at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lookup {
    /// The intermediates whose subject key identifier is the certificate's authority key identifier,
    /// and those without an identifier that have the same keys.
    Identifier,
    /// The intermediates with the key of this number.
    Key(usize),
    /// The intermediates with the key of this number that have no subject key identifier.
    UnidentifiedKey(usize),
}

impl Pool {
    /// Adds a certificate unless it is known. Returns its number, or `None` for a root.
    pub fn add(&mut self, x: &X509, names: NameNumbers) -> Result<Option<u32>, OutOfMemory> {
        cache_extensions(x)?;
        let digest = chain::digest(x)?;
        if let Some(known) = self.known.get(&digest) {
            return Ok(*known);
        }
        let number = u32::try_from(self.intermediates.len()).ok();
        let number = if chain::is_root(x)? { None } else { number };
        if let Some(number) = number {
            self.add_intermediate(number, x, names)?;
        }
        self.known.insert(digest, number);
        Ok(number)
    }

    fn add_intermediate(
        &mut self,
        number: u32,
        x: &X509,
        names: NameNumbers,
    ) -> Result<(), OutOfMemory> {
        let NameNumbers { subject, issuer } = names;
        let spki = chain::public_key_der(x)?;
        let identifier = x.subject_key_id().map(|id| id.as_slice().to_vec());
        let is_identified = identifier.is_some();

        let SubjectGroup { keys, key_numbers, by_identifier, unidentified_keys } =
            self.by_subject.entry(subject).or_default();
        let key = *key_numbers.entry(spki).or_insert(keys.len());
        if key == keys.len() {
            keys.push(KeyGroup::default());
        }
        if let Some(group) = keys.get_mut(key) {
            group.intermediates.push(number);
            if !is_identified && !group.has_unidentified {
                group.has_unidentified = true;
                unidentified_keys.push(key);
            }
        }
        if let Some(identifier) = identifier {
            by_identifier.entry(identifier).or_default().push(number);
        }
        let (certificate, issuers) = (x.clone(), None);
        let new = Intermediate { certificate, subject, issuer, key, is_identified, issuers };
        self.intermediates.push(new);
        Ok(())
    }

    fn has_subject(&self, name: u32) -> bool {
        self.by_subject.contains_key(&name)
    }

    fn intermediate(&self, number: u32) -> Option<&Intermediate> {
        self.intermediates.get(usize::try_from(number).ok()?)
    }

    /// Finds the intermediates that issued a certificate. `issuer` is the number of its issuer name.
    /// The keys of `bundled` are tried first.
    pub fn find_issuers(
        &mut self,
        x: &X509,
        issuer: u32,
        bundled: &[u32],
        budget: &mut Budget,
    ) -> Result<IssuerSet, OutOfMemory> {
        if !self.has_subject(issuer) {
            return Ok(IssuerSet::default());
        }
        let class = IssuedClass::of(x)?;
        let has_identifier = x.authority_key_id().is_some();
        let mut is_truncated = false;
        if has_identifier {
            match self.possible_issuers(x, class.as_ref(), issuer, Lookup::Identifier, budget)? {
                Some(found) if found.is_empty() => {}
                Some(intermediates) => return Ok(IssuerSet { intermediates, is_truncated }),
                None => is_truncated = true,
            }
        }
        let bundled: Vec<usize> = self.bundled_keys(issuer, bundled);
        let mut seen = Set::default();
        let mut tried = 0;
        for i in 0.. {
            // The keys are not collected first: that would take quadratic time for many certificates.
            let key = bundled.get(i).copied();
            let key = key.or_else(|| self.nth_key(issuer, i - bundled.len(), has_identifier));
            let Some(key) = key else { break };
            if !seen.insert(key) {
                continue;
            }
            let lookup =
                if has_identifier { Lookup::UnidentifiedKey(key) } else { Lookup::Key(key) };
            let found = self.possible_issuers(x, class.as_ref(), issuer, lookup, budget)?;
            let Some(intermediates) = found else {
                is_truncated = true;
                break;
            };
            let first = intermediates.first().and_then(|number| self.intermediate(*number));
            let Some(first) = first else { continue };
            if tried == MAX_KEYS || !Budget::take(&mut budget.verifications) {
                is_truncated = true;
                break;
            }
            tried += 1;
            if chain::verifies(&first.certificate, x)? {
                return Ok(IssuerSet { intermediates, is_truncated: false });
            }
        }
        Ok(IssuerSet { intermediates: Arc::default(), is_truncated })
    }

    /// Returns the keys of the intermediates in `bundled` that have this subject.
    fn bundled_keys(&self, subject: u32, bundled: &[u32]) -> Vec<usize> {
        let bundled = bundled.iter().filter_map(|number| self.intermediate(*number));
        bundled.filter(|x| x.subject == subject).map(|x| x.key).collect()
    }

    /// Returns the `n`th key with this subject, from 0; if `only_unidentified`, the `n`th of those keys
    /// for which [`KeyGroup::has_unidentified`] is set.
    fn nth_key(&self, subject: u32, n: usize, only_unidentified: bool) -> Option<usize> {
        let group = self.by_subject.get(&subject)?;
        match only_unidentified {
            true => group.unidentified_keys.get(n).copied(),
            false => (n < group.keys.len()).then_some(n),
        }
    }

    /// Returns the intermediates of a lookup that may have issued a certificate by all criteria but the
    /// signature. Returns `None` if the budget is exhausted.
    fn possible_issuers(
        &mut self,
        x: &X509,
        class: Option<&IssuedClass>,
        issuer: u32,
        lookup: Lookup,
        budget: &mut Budget,
    ) -> Result<Option<Arc<[u32]>>, OutOfMemory> {
        let key = class.map(|class| (class.clone(), issuer, lookup));
        if let Some(known) = key.as_ref().and_then(|key| self.possible.get(key)) {
            let known = Arc::clone(known);
            return Ok(Budget::take(&mut budget.comparisons).then_some(known));
        }
        if budget.comparisons == 0 {
            return Ok(None);
        }
        let mut found = Vec::new();
        for number in self.look_up(x, issuer, lookup) {
            let Some(intermediate) = self.intermediate(number) else { continue };
            if !Budget::take(&mut budget.comparisons) {
                return Ok(None);
            }
            if chain::may_have_issued(&intermediate.certificate, x)? {
                found.push(number);
            }
        }
        let found: Arc<[u32]> = found.into();
        if let Some(key) = key {
            self.possible.insert(key, Arc::clone(&found));
        }
        Ok(Some(found))
    }

    /// Returns the intermediates of a lookup, in the order in which they were added.
    fn look_up(&self, x: &X509, subject: u32, lookup: Lookup) -> Vec<u32> {
        let Some(group) = self.by_subject.get(&subject) else { return Vec::new() };
        let of_key = |key: usize| group.keys.get(key).map_or(&[][..], |key| &key.intermediates);
        let is_unidentified =
            |number: &u32| self.intermediate(*number).is_some_and(|x| !x.is_identified);
        match lookup {
            Lookup::Key(key) => of_key(key).to_vec(),
            Lookup::UnidentifiedKey(key) => {
                of_key(key).iter().copied().filter(is_unidentified).collect()
            }
            Lookup::Identifier => {
                let identifier = x.authority_key_id().map(|id| id.as_slice());
                let identified = identifier.and_then(|id| group.by_identifier.get(id));
                let mut found = identified.cloned().unwrap_or_default();
                let identified = found.iter().filter_map(|number| self.intermediate(*number));
                let keys: Set<usize> = identified.map(|x| x.key).collect();
                for key in keys {
                    found.extend(of_key(key).iter().copied().filter(is_unidentified));
                }
                found.sort_unstable();
                found
            }
        }
    }

    /// Finds the issuers of all intermediates that chains lead to. `starts` has, for each leaf, its
    /// issuers and the intermediates of its file.
    pub fn find_all_issuers<'a>(
        &mut self,
        starts: impl Iterator<Item = (&'a Arc<[u32]>, &'a [u32])>,
        budget: &mut Budget,
    ) -> Result<(), OutOfMemory> {
        let mut queue: VecDeque<(u32, &[u32], usize)> = VecDeque::new();
        // The lists that were queued; most leaves share theirs.
        let mut queued: Set<usize> = Set::default();
        for (issuers, bundled) in starts {
            if queued.insert(address(issuers)) {
                queue.extend(issuers.iter().map(|number| (*number, bundled, 1)));
            }
        }
        while let Some((number, bundled, depth)) = queue.pop_front() {
            let intermediate = self.intermediate(number).filter(|x| x.issuers.is_none());
            let Some(intermediate) = intermediate else { continue };
            let (x, issuer) = (intermediate.certificate.clone(), intermediate.issuer);
            let issuers = if depth < MAX_DEPTH {
                self.find_issuers(&x, issuer, bundled, budget)?
            } else {
                IssuerSet { is_truncated: self.has_subject(issuer), ..IssuerSet::default() }
            };
            if queued.insert(address(&issuers.intermediates)) {
                let above = issuers.intermediates.iter();
                queue.extend(above.map(|number| (*number, bundled, depth + 1)));
            }
            let found = usize::try_from(number).ok().and_then(|i| self.intermediates.get_mut(i));
            if let Some(intermediate) = found {
                intermediate.issuers = Some(issuers);
            }
        }
        Ok(())
    }

    /// Converts the intermediates that chains lead to into links.
    pub fn into_linked(self, epoch: &Epoch) -> LinkedPool {
        let all = self.intermediates.into_iter();
        LinkedPool::new(all.map(|x| (x.certificate, x.issuer, x.issuers)).collect(), epoch)
    }
}
