// SPDX-License-Identifier: MIT OR Apache-2.0
//! The second phase of a choice: the survivors of the [`Filter`] and the certificates above them, as
//! the numbers that [`crate::choice`] judges.

mod linked;
mod pool;

use super::filter::{Filter, Origin};
use super::survivors::Survivors;
use crate::choice::{Candidate, Graph, KeyType, NO_START, Start};
use crate::error::OutOfMemory;
use crate::hash::Map;
use crate::ossl::QuietErrors;
use crate::x509::certificate::Certificate;
use crate::x509::facts::{self, Epoch, Strength, StrengthClass};
use crate::x509::name;
use linked::{IssuerSet, LinkedPool};
use openssl::x509::X509;
pub use pool::MAX_KEYS;
use pool::{Budget, NameNumbers, Pool};
use std::fmt;
use std::sync::Arc;

/// A class of certificates that get the same verdict for the same request, apart from dates and names.
#[derive(Debug)]
pub struct CertificateClass {
    /// The type of the public key.
    pub key: KeyType,
    /// The values that the security level compares.
    pub strength: Strength,
    /// One certificate of the class, which is passed to a security callback.
    pub example: X509,
    /// The class contains leaves.
    pub has_leaf: bool,
}

/// A certificate that may be sent above a leaf.
#[derive(Debug)]
pub struct ChainCertificate {
    /// The certificate.
    pub certificate: X509,
    /// The number of its class.
    pub class: u32,
    /// All places that it was read from.
    pub origins: Box<[Origin]>,
}

/// The candidates, and the graph of the certificates above them.
pub struct Index {
    survivors: Survivors,
    candidates: Vec<Candidate>,
    leaves: Vec<X509>,
    classes: Vec<CertificateClass>,
    graph: Arc<Graph>,
    /// The certificate of each link.
    links: Vec<ChainCertificate>,
    /// The budget that remained after the index was built.
    #[cfg(test)]
    budget: Budget,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({} credentials)", self.candidates.len())
    }
}

impl Index {
    /// Builds an index from the survivors, their leaves, and the CA certificates that [`Filter::above`]
    /// returns for them, with their numbers in the filter.
    pub fn build(
        filter: &Filter,
        survivors: Survivors,
        leaves: Vec<X509>,
        cas: &[(u32, &X509)],
    ) -> Result<Index, OutOfMemory> {
        let _errors = QuietErrors::new();
        let epoch = Epoch::new().ok_or(OutOfMemory)?;
        let mut pool = Pool::default();
        // Numbers in the filter, sorted, and in the pool.
        let mut numbers: Vec<(u32, u32)> = Vec::with_capacity(cas.len());
        for (in_filter, certificate) in cas {
            let Some(ca) = filter.ca(*in_filter) else { continue };
            let names = NameNumbers { subject: ca.subject, issuer: ca.issuer };
            let added = pool.add(certificate, names)?;
            numbers.extend(added.map(|in_pool| (*in_filter, in_pool)));
        }

        let mut budget = Budget::new(filter.count(), filter.ca_count());
        let mut classes = ClassTable::default();
        let mut candidates = Vec::with_capacity(leaves.len());
        let mut found: Vec<(IssuerSet, Vec<u32>)> = Vec::with_capacity(leaves.len());
        for (credential, leaf) in survivors.iter().zip(&leaves) {
            let issuer = filter.issuer(credential).unwrap_or(u32::MAX);
            let in_pool = |number: &u32| {
                let i = numbers.binary_search_by_key(number, |(in_filter, _)| *in_filter).ok()?;
                numbers.get(i).map(|(_, in_pool)| *in_pool)
            };
            let bundled: Vec<u32> = filter.bundled(credential).iter().filter_map(in_pool).collect();
            candidates.push(classes.candidate(leaf, issuer, &epoch)?);
            found.push((pool.find_issuers(leaf, issuer, &bundled, &mut budget)?, bundled));
        }
        let issuers = found.iter().map(|(issuers, bundled)| (&issuers.intermediates, &**bundled));
        pool.find_all_issuers(issuers, &mut budget)?;

        let mut linked = pool.into_linked(&epoch);
        let mut starts = StartTable::default();
        for (candidate, (issuers, bundled)) in candidates.iter_mut().zip(&found) {
            candidate.start = starts.intern(issuers, bundled, &mut linked);
        }
        let intermediate_count = linked.intermediate_count();
        let graph = Graph::new(linked.links, starts.all);
        for candidate in &mut candidates {
            candidate.chain_not_after = graph.chain_not_after(candidate);
        }
        // Several CA certificates of the filter may be the same intermediate of the pool.
        let mut in_filter: Vec<Vec<u32>> = vec![Vec::new(); intermediate_count];
        for (number, in_pool) in &numbers {
            let same = usize::try_from(*in_pool).ok().and_then(|i| in_filter.get_mut(i));
            same.into_iter().for_each(|numbers| numbers.push(*number));
        }
        let mut links = Vec::with_capacity(linked.certificates.len());
        for (certificate, in_pool) in linked.certificates {
            let class = classes.intern(&certificate, facts::key_type(&certificate)?)?;
            let same = usize::try_from(in_pool).ok().and_then(|i| in_filter.get(i));
            let cas = same.into_iter().flatten().filter_map(|number| filter.ca(*number));
            let origins = cas.flat_map(|ca| &ca.origins).copied().collect();
            links.push(ChainCertificate { certificate, class, origins });
        }
        Ok(Index {
            survivors,
            candidates,
            leaves,
            classes: classes.all,
            graph: Arc::new(graph),
            links,
            #[cfg(test)]
            budget,
        })
    }

    /// Builds filter and index of a set of credentials, each given as its leaf and its other
    /// certificates, in any order, and of one file of issuers.
    pub fn of_all(
        credentials: &[(&X509, &[X509])],
        issuers: &[&X509],
    ) -> Result<(Filter, Index), OutOfMemory> {
        let new = |x: &X509| Arc::new(Certificate::from(x.clone()));
        let all: Vec<(Arc<Certificate>, Vec<Arc<Certificate>>)> = credentials
            .iter()
            .map(|(leaf, extra)| (new(leaf), extra.iter().map(new).collect()))
            .collect();
        let issuers: Vec<Arc<Certificate>> = issuers.iter().map(|x| new(x)).collect();
        let bundles = all.iter().map(|(leaf, extra)| (&**leaf, &**extra));
        let filter = Filter::build(bundles, std::iter::once(&*issuers))?;
        let survivors = Survivors::All(credentials.len());
        let mut cas: Vec<(u32, &X509)> = Vec::new();
        for number in filter.above(&survivors) {
            let certificate = match filter.ca(number).and_then(|ca| ca.origins.first()) {
                Some(Origin::Extra { credential, position }) => {
                    all.get(*credential).and_then(|(_, extra)| extra.get(*position))
                }
                Some(Origin::Issuer { position, .. }) => issuers.get(*position),
                None => None,
            };
            cas.extend(certificate.and_then(|x| x.get().ok()).map(|x| (number, x)));
        }
        let leaves = credentials.iter().map(|(leaf, _)| (*leaf).clone()).collect();
        let index = Index::build(&filter, survivors, leaves, &cas)?;
        Ok((filter, index))
    }

    /// Returns the approximate size in memory, in bytes, without the certificates, which the caches of
    /// files count.
    pub fn bytes(&self) -> usize {
        let candidate = |c: &Candidate| {
            size_of::<Candidate>() + 24 + c.common_name.as_ref().map_or(0, |name| name.len())
        };
        self.candidates.iter().map(candidate).sum::<usize>()
            + self.graph.bytes()
            + size_of_val(&*self.links)
            + self.survivors.bytes()
    }

    /// Returns the credentials of the index. The position in this set is the candidate's number.
    pub fn survivors(&self) -> &Survivors {
        &self.survivors
    }

    /// Returns the credentials as the choice sees them.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Returns the leaf of each candidate.
    pub fn leaves(&self) -> &[X509] {
        &self.leaves
    }

    /// Returns all classes, by the number in [`Candidate::class`].
    pub fn classes(&self) -> &[CertificateClass] {
        &self.classes
    }

    /// Returns the graph of the certificates above the leaves.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Returns the certificate of each link.
    pub fn links(&self) -> &[ChainCertificate] {
        &self.links
    }

    /// Returns the certificates of the links of a chain.
    pub fn certificates(&self, links: &[u32]) -> impl Iterator<Item = &X509> {
        links.iter().filter_map(|link| self.link(*link)).map(|link| &link.certificate)
    }

    /// Returns those certificates of a candidate's chain that are not in its own file.
    pub fn from_other_files(
        &self,
        candidate: usize,
        links: &[u32],
    ) -> impl Iterator<Item = &ChainCertificate> {
        let start = self.candidates.get(candidate).and_then(|c| self.graph.start(c.start));
        let bundled = start.map_or(&[][..], |start| &start.bundled);
        let others = links.iter().filter(move |link| bundled.binary_search(link).is_err());
        others.filter_map(|link| self.link(*link))
    }

    fn link(&self, number: u32) -> Option<&ChainCertificate> {
        self.links.get(usize::try_from(number).ok()?)
    }
}

/// The distinct starts, with their numbers.
#[derive(Default)]
struct StartTable {
    all: Vec<Start>,
    numbers: Map<Start, u32>,
}

impl StartTable {
    /// Returns the number of the start with these issuers and this file. Adds the start if it is new.
    fn intern(&mut self, set: &IssuerSet, bundled: &[u32], linked: &mut LinkedPool) -> u32 {
        if set.intermediates.is_empty() && !set.is_truncated {
            return NO_START;
        }
        let mut bundled = linked.links_of(bundled);
        bundled.sort_unstable();
        let issuers = linked.issuers(set);
        let start = Start { issuers, bundled, is_truncated: set.is_truncated };
        let next = u32::try_from(self.all.len()).unwrap_or(NO_START);
        *self.numbers.entry(start).or_insert_with_key(|start| {
            self.all.push(start.clone());
            next
        })
    }
}

/// The distinct classes, with their numbers.
#[derive(Default)]
struct ClassTable {
    all: Vec<CertificateClass>,
    numbers: Map<StrengthClass, u32>,
}

impl ClassTable {
    /// Returns the candidate for a leaf. `start` and `chain_not_after` are set later.
    fn candidate(
        &mut self,
        x: &X509,
        issuer: u32,
        epoch: &Epoch,
    ) -> Result<Candidate, OutOfMemory> {
        let (not_before, not_after) = epoch.validity(x);
        Ok(Candidate {
            issuer,
            class: self.intern_leaf(x, facts::key_type(x)?)?,
            not_before,
            not_after,
            start: NO_START,
            chain_not_after: not_after,
            usage_reasons: facts::usage_reasons(x)?,
            common_name: name::common_name(x)?,
        })
    }

    fn intern_leaf(&mut self, x: &X509, key: KeyType) -> Result<u32, OutOfMemory> {
        let number = self.intern(x, key)?;
        let class = usize::try_from(number).ok().and_then(|i| self.all.get_mut(i));
        if let Some(class) = class {
            class.has_leaf = true;
        }
        Ok(number)
    }

    /// Returns the number of a certificate's class. Adds the class if it is new.
    fn intern(&mut self, x: &X509, key: KeyType) -> Result<u32, OutOfMemory> {
        let class = StrengthClass::of(x, key);
        if let Some(known) = self.numbers.get(&class) {
            return Ok(*known);
        }
        let strength = class.strength(x)?;
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(CertificateClass { key, strength, example: x.clone(), has_leaf: false });
        self.numbers.insert(class, number);
        Ok(number)
    }
}

#[cfg(test)]
pub(super) mod tests;
