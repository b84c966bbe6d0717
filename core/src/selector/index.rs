// SPDX-License-Identifier: MIT OR Apache-2.0
//! The second phase of a choice: what it needs to know of the credentials that the [`Filter`] has left,
//! as numbers.

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
use linked::{IssuerSet, Linked};
use openssl::x509::X509;
pub use pool::MAX_KEYS;
use pool::{NameNumbers, Pool, Work};
use std::fmt;
use std::sync::Arc;

/// What certificates have in common that one request judges alike.
#[derive(Debug)]
pub struct CertificateClass {
    /// The public key.
    pub key: KeyType,
    /// How strong they are.
    pub strength: Strength,
    /// One of them: a program's own security callback expects to see one.
    pub example: X509,
    /// There are leaves among them.
    pub has_leaf: bool,
}

/// A certificate that may be sent above a leaf.
#[derive(Debug)]
pub struct ChainCertificate {
    /// The certificate.
    pub certificate: X509,
    /// The number of its traits.
    pub class: u32,
    /// Where it came from: each of these places has it.
    pub origins: Box<[Origin]>,
}

/// See the module.
pub struct Index {
    survivors: Survivors,
    candidates: Vec<Candidate>,
    leaves: Vec<X509>,
    classes: Vec<CertificateClass>,
    graph: Arc<Graph>,
    /// By the number of the link.
    links: Vec<ChainCertificate>,
    /// What was left of it.
    #[cfg(test)]
    work: Work,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({} credentials)", self.candidates.len())
    }
}

impl Index {
    /// Of these credentials, given with their leaves, and of the members of the filter that may stand
    /// above them, given with their numbers.
    pub fn build(
        filter: &Filter,
        survivors: Survivors,
        leaves: Vec<X509>,
        above: &[(u32, &X509)],
    ) -> Result<Index, OutOfMemory> {
        let _errors = QuietErrors::new();
        let clock = Epoch::new().ok_or(OutOfMemory)?;
        let mut pool = Pool::default();
        // In the order of the members.
        let mut numbers: Vec<(u32, u32)> = Vec::with_capacity(above.len());
        for (number, certificate) in above {
            let Some(member) = filter.member(*number) else { continue };
            let (subject, issuer) = (member.subject, member.issuer);
            let added = pool.add(certificate, NameNumbers { subject, issuer })?;
            numbers.extend(added.map(|id| (*number, id)));
        }

        let mut work = Work::of(filter.count(), filter.members());
        let mut seen = Seen::default();
        let mut candidates = Vec::with_capacity(leaves.len());
        let mut starts: Vec<(IssuerSet, Vec<u32>)> = Vec::with_capacity(leaves.len());
        for (credential, leaf) in survivors.iter().zip(&leaves) {
            let issuer = filter.issuer(credential).unwrap_or(u32::MAX);
            let own = filter.own(credential).iter();
            let id = |number: &u32| {
                let at = numbers.binary_search_by_key(number, |(number, _)| *number).ok()?;
                numbers.get(at).map(|(_, id)| *id)
            };
            let own: Vec<u32> = own.filter_map(id).collect();
            candidates.push(seen.candidate(leaf, issuer, &clock)?);
            starts.push((pool.issuers_of(leaf, issuer, &own, &mut work)?, own));
        }
        pool.link(starts.iter().map(|(above, own)| (&*above.members, &**own)), &mut work)?;

        let mut linked = pool.into_linked(&clock);
        let mut known = Starts::default();
        for (candidate, (above, own)) in candidates.iter_mut().zip(&starts) {
            candidate.start = known.number(above, own, &mut linked);
        }
        let of_members = linked.members();
        let graph = Graph::new(linked.links, known.all);
        for candidate in &mut candidates {
            candidate.lasts_until = graph.lasts_until(candidate);
        }
        let mut links = Vec::with_capacity(linked.certificates.len());
        // Several members may be one certificate.
        let mut of_id: Vec<Vec<u32>> = vec![Vec::new(); of_members];
        for (number, id) in &numbers {
            let place = usize::try_from(*id).ok().and_then(|at| of_id.get_mut(at));
            place.into_iter().for_each(|numbers| numbers.push(*number));
        }
        for (certificate, id) in linked.certificates {
            let class = seen.class_of(&certificate, facts::key_type(&certificate)?)?;
            let members = usize::try_from(id).ok().and_then(|at| of_id.get(at));
            let members = members.into_iter().flatten().filter_map(|number| filter.member(*number));
            let origins = members.flat_map(|member| &member.origins).copied().collect();
            links.push(ChainCertificate { certificate, class, origins });
        }
        Ok(Index {
            survivors,
            candidates,
            leaves,
            classes: seen.classes,
            graph: Arc::new(graph),
            links,
            #[cfg(test)]
            work,
        })
    }

    /// Of all credentials, for each its leaf and the certificates that came along, in any order.
    pub fn of_all(
        credentials: &[(&X509, &[X509])],
        issuers: &[&X509],
    ) -> Result<(Filter, Index), OutOfMemory> {
        let new = |x: &X509| Arc::new(Certificate::from(x.clone()));
        let all: Vec<(Arc<Certificate>, Vec<Arc<Certificate>>)> = credentials
            .iter()
            .map(|(leaf, others)| (new(leaf), others.iter().map(new).collect()))
            .collect();
        let issuers: Vec<Arc<Certificate>> = issuers.iter().map(|x| new(x)).collect();
        let parts = all.iter().map(|(leaf, others)| (&**leaf, &**others));
        let filter = Filter::build(parts, std::iter::once(&*issuers))?;
        let survivors = Survivors::All(credentials.len());
        let mut above: Vec<(u32, &X509)> = Vec::new();
        for number in filter.above(&survivors) {
            let certificate = match filter.member(number).and_then(|member| member.origins.first())
            {
                Some(Origin::Extra { credential, at }) => {
                    all.get(*credential).and_then(|(_, others)| others.get(*at))
                }
                Some(Origin::Issuer { at, .. }) => issuers.get(*at),
                None => None,
            };
            above.extend(certificate.and_then(|x| x.get().ok()).map(|x| (number, x)));
        }
        let leaves = credentials.iter().map(|(leaf, _)| (*leaf).clone()).collect();
        let index = Index::build(&filter, survivors, leaves, &above)?;
        Ok((filter, index))
    }

    /// How much memory it takes, about; the certificates are counted where they were read.
    pub fn bytes(&self) -> usize {
        let candidate = |c: &Candidate| {
            size_of::<Candidate>() + 24 + c.common_name.as_ref().map_or(0, |name| name.len())
        };
        self.candidates.iter().map(candidate).sum::<usize>()
            + self.graph.bytes()
            + size_of_val(&*self.links)
            + self.survivors.bytes()
    }

    /// Of which credentials it is.
    pub fn survivors(&self) -> &Survivors {
        &self.survivors
    }

    /// Each credential as the choice sees it.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The certificate of each candidate.
    pub fn leaves(&self) -> &[X509] {
        &self.leaves
    }

    /// All traits, by the number in [`Candidate::traits`].
    pub fn classes(&self) -> &[CertificateClass] {
        &self.classes
    }

    /// What may stand above the leaves.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The certificate of each link.
    pub fn links(&self) -> &[ChainCertificate] {
        &self.links
    }

    /// The certificates of a chain above a leaf, in order.
    pub fn above(&self, chain: &[u32]) -> impl Iterator<Item = &ChainCertificate> {
        chain.iter().filter_map(|number| self.links.get(usize::try_from(*number).ok()?))
    }

    /// The same as OpenSSL has them.
    pub fn certificates(&self, chain: &[u32]) -> impl Iterator<Item = &X509> {
        self.above(chain).map(|above| &above.certificate)
    }

    /// The certificates of a candidate's chain that are not in its own file, in order.
    pub fn foreign(
        &self,
        candidate: usize,
        chain: &[u32],
    ) -> impl Iterator<Item = &ChainCertificate> {
        let start = self.candidates.get(candidate).and_then(|c| self.graph.start(c.start));
        let own = start.map_or(&[][..], |start| &start.own);
        let is_foreign = move |number: &&u32| own.binary_search(number).is_err();
        let links = chain.iter().filter(is_foreign);
        links.filter_map(|number| self.links.get(usize::try_from(*number).ok()?))
    }
}

/// The starts that differ.
#[derive(Default)]
struct Starts {
    all: Vec<Start>,
    numbers: Map<Start, u32>,
}

impl Starts {
    fn number(&mut self, issuers: &IssuerSet, own: &[u32], linked: &mut Linked) -> u32 {
        if issuers.members.is_empty() && !issuers.is_cut {
            return NO_START;
        }
        let mut own = linked.numbers_of(own);
        own.sort_unstable();
        let above = linked.above(issuers);
        let start = Start { above, own, is_cut: issuers.is_cut };
        let next = u32::try_from(self.all.len()).unwrap_or(NO_START);
        *self.numbers.entry(start).or_insert_with_key(|start| {
            self.all.push(start.clone());
            next
        })
    }
}

/// What was met while the index was built, so that it is worked out once.
#[derive(Default)]
struct Seen {
    classes: Vec<CertificateClass>,
    numbers: Map<StrengthClass, u32>,
}

impl Seen {
    /// A leaf as the choice sees it, without what stands above it.
    fn candidate(
        &mut self,
        x: &X509,
        issuer: u32,
        clock: &Epoch,
    ) -> Result<Candidate, OutOfMemory> {
        let (not_before, not_after) = clock.validity(x);
        Ok(Candidate {
            issuer,
            class: self.class_of_leaf(x, facts::key_type(x)?)?,
            not_before,
            not_after,
            start: NO_START,
            lasts_until: not_after,
            lasting: facts::usage_reasons(x)?,
            common_name: name::common_name(x)?,
        })
    }

    fn class_of_leaf(&mut self, x: &X509, key: KeyType) -> Result<u32, OutOfMemory> {
        let number = self.class_of(x, key)?;
        let place = usize::try_from(number).ok().and_then(|at| self.classes.get_mut(at));
        if let Some(class) = place {
            class.has_leaf = true;
        }
        Ok(number)
    }

    fn class_of(&mut self, x: &X509, key: KeyType) -> Result<u32, OutOfMemory> {
        let class = StrengthClass::of(x, key);
        if let Some(known) = self.numbers.get(&class) {
            return Ok(*known);
        }
        let strength = class.strength(x)?;
        let number = u32::try_from(self.classes.len()).unwrap_or(u32::MAX);
        self.classes.push(CertificateClass { key, strength, example: x.clone(), has_leaf: false });
        self.numbers.insert(class, number);
        Ok(number)
    }
}

#[cfg(test)]
pub(super) mod tests;
