// SPDX-License-Identifier: MIT OR Apache-2.0
//! The index of a frozen selector: what a choice needs to know of each credential, as numbers, and
//! the issuers by name, so that a request is not compared with each credential.

mod names;
mod pool;

use crate::choice::{Candidate, Graph, Key, NO_START, Start};
use crate::credential::facts::{self, Clock, Strength, StrengthClass};
use crate::credential::leaf::Leaf;
use crate::error::{Cause, Error, OutOfMemory};
use crate::name;
use crate::ossl::QuietErrors;
use names::Names;
use openssl::x509::X509;
pub(crate) use pool::MAX_KEYS;
use pool::{Issuers, Linked, Pool, Work};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What certificates have in common that one request judges alike.
#[derive(Debug)]
pub struct TraitsOf {
    /// The public key.
    pub key: Key,
    /// How strong they are.
    pub strength: Strength,
    /// One of them: a program's own security callback expects to see one.
    pub example: X509,
    /// There are leaves among them.
    pub has_leaf: bool,
}

/// See the module.
pub struct Index {
    candidates: Vec<Candidate>,
    traits: Vec<TraitsOf>,
    names: Names,
    graph: Arc<Graph>,
    /// The certificate of each link, and the number of its traits.
    links: Vec<(X509, u32)>,
    /// What was left of it.
    #[cfg(test)]
    work: Work,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({} credentials, {} issuers)", self.candidates.len(), self.names.len())
    }
}

impl Index {
    /// For each credential its leaf and the certificates that came along, in any order.
    pub fn build(credentials: &[(&Leaf, &[X509])], issuers: &[&X509]) -> Result<Index, Error> {
        let _errors = QuietErrors::new();
        let clock = Clock::new().ok_or(Error::Memory)?;
        let mut names = Names::default();
        let mut pool = Pool::default();
        let mut own: Vec<Vec<u32>> = Vec::with_capacity(credentials.len());
        for (_, others) in credentials {
            let added = others.iter().filter_map(|x| pool.add(x, &mut names).transpose());
            own.push(added.collect::<Result<_, _>>()?);
        }
        for issuer in issuers {
            pool.add(issuer, &mut names)?;
        }

        let mut work = Work::of(credentials.len(), pool.len());
        let mut seen = Seen::default();
        let mut candidates = Vec::with_capacity(credentials.len());
        let mut above: Vec<Issuers> = Vec::with_capacity(credentials.len());
        for (at, ((leaf, _), own)) in credentials.iter().zip(&own).enumerate() {
            let mut add = || {
                let candidate = seen.candidate(leaf, &mut names, &clock)?;
                above.push(seen.issuers(leaf, candidate.issuer, &mut pool, own, &mut work)?);
                Ok(candidate)
            };
            candidates.push(add().map_err(|cause| Error::Entry { number: at + 1, cause })?);
        }
        pool.link(above.iter().map(|a| &*a.members).zip(own.iter().map(|o| &**o)), &mut work)?;

        let mut linked = pool.into_linked(&clock);
        let mut starts = Starts::default();
        for (candidate, (above, own)) in candidates.iter_mut().zip(above.iter().zip(&own)) {
            candidate.start = starts.number(above, own, &mut linked);
        }
        let graph = Graph::new(linked.links, starts.all);
        for candidate in &mut candidates {
            candidate.lasts_until = graph.lasts_until(candidate);
        }
        let mut links = Vec::with_capacity(linked.certificates.len());
        for certificate in linked.certificates {
            let traits = seen.traits_of(&certificate, facts::key(&certificate)?)?;
            links.push((certificate, traits));
        }
        Ok(Index {
            candidates,
            traits: seen.traits,
            names,
            graph: Arc::new(graph),
            links,
            #[cfg(test)]
            work,
        })
    }

    /// How much memory it takes, about; the certificates are counted where they were read.
    pub fn bytes(&self) -> usize {
        let candidate = |c: &Candidate| {
            size_of::<Candidate>() + 16 + c.common_name.as_ref().map_or(0, |name| name.len())
        };
        self.candidates.iter().map(candidate).sum::<usize>()
            + self.graph.bytes()
            + size_of_val(&*self.links)
            + self.names.bytes()
    }

    /// Each credential as the choice sees it.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// All traits, by the number in [`Candidate::traits`].
    pub fn traits(&self) -> &[TraitsOf] {
        &self.traits
    }

    /// The names that issued anything here, and those of the issuer pool.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// What may stand above the leaves.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The certificate of each link, and the number of its traits.
    pub fn links(&self) -> &[(X509, u32)] {
        &self.links
    }

    /// The certificates of a chain above a leaf, in order.
    pub fn certificates(&self, chain: &[u32]) -> impl Iterator<Item = &X509> {
        let link = |number: &u32| self.links.get(usize::try_from(*number).ok()?);
        chain.iter().filter_map(link).map(|(x, _)| x)
    }
}

/// A leaf's certificate, decoded now if need be.
fn decoded(leaf: &Leaf) -> Result<&X509, Cause> {
    leaf.get().map_err(Cause::Refused)
}

/// The starts that differ.
#[derive(Default)]
struct Starts {
    all: Vec<Start>,
    numbers: HashMap<Start, u32>,
}

impl Starts {
    fn number(&mut self, issuers: &Issuers, own: &[u32], linked: &mut Linked) -> u32 {
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
    traits: Vec<TraitsOf>,
    classes: HashMap<StrengthClass, u32>,
    /// Traits of leaves that OpenSSL has not decoded, by key and signature algorithm: few.
    outlines: Vec<(Key, Box<[u8]>, u32)>,
    /// Issuers of such leaves, by what they say of them.
    issuers: HashMap<[Box<[u8]>; 3], Issuers>,
}

impl Seen {
    /// A leaf as the choice sees it, without what stands above it.
    fn candidate(
        &mut self,
        leaf: &Leaf,
        names: &mut Names,
        clock: &Clock,
    ) -> Result<Candidate, Cause> {
        if let Some((der, outline)) = leaf.outline() {
            let known = self.traits_of_outline(leaf, outline.key, outline.algorithm(der))?;
            if let Some(traits) = known {
                return Ok(Candidate {
                    issuer: names.intern(outline.issuer(der))?,
                    traits,
                    not_before: outline.not_before,
                    not_after: outline.not_after,
                    start: NO_START,
                    lasts_until: outline.not_after,
                    lasting: outline.lasting,
                    common_name: outline.common_name.clone(),
                });
            }
        }
        let x = decoded(leaf)?;
        let traits = self.traits_of_leaf(x, facts::key(x)?)?;
        let (not_before, not_after) = clock.validity(x);
        Ok(Candidate {
            issuer: names.intern(name::der(x.issuer_name()))?,
            traits,
            not_before,
            not_after,
            start: NO_START,
            lasts_until: not_after,
            lasting: facts::usage_reasons(x)?,
            common_name: name::common_name(x)?,
        })
    }

    /// The members of the pool that issued a leaf. OpenSSL is asked about one of those that say the
    /// same of their issuer.
    fn issuers(
        &mut self,
        leaf: &Leaf,
        issuer: u32,
        pool: &mut Pool,
        own: &[u32],
        work: &mut Work,
    ) -> Result<Issuers, Cause> {
        if !pool.has_subject(issuer) {
            return Ok(Issuers::default());
        }
        let Some((der, outline)) = leaf.outline() else {
            return Ok(pool.issuers_of(decoded(leaf)?, issuer, own, work)?);
        };
        let parts = [outline.issuer(der), outline.authority(der), outline.algorithm(der)];
        let class = parts.map(Box::from);
        if let Some(known) = self.issuers.get(&class) {
            return Ok(known.clone());
        }
        let issuers = pool.issuers_of(decoded(leaf)?, issuer, own, work)?;
        if issuers.by_identifier {
            self.issuers.insert(class, issuers.clone());
        }
        Ok(issuers)
    }

    /// The traits of a leaf that has an outline, as OpenSSL finds them for one of its kind. `None`
    /// where this one turns out to be of another kind.
    fn traits_of_outline(
        &mut self,
        leaf: &Leaf,
        key: Key,
        algorithm: &[u8],
    ) -> Result<Option<u32>, Cause> {
        let known = |(k, a, _): &&(Key, Box<[u8]>, u32)| *k == key && **a == *algorithm;
        if let Some((_, _, traits)) = self.outlines.iter().find(known) {
            return Ok(Some(*traits));
        }
        let x = decoded(leaf)?;
        if facts::key(x)? != key {
            return Ok(None);
        }
        let traits = self.traits_of_leaf(x, key)?;
        self.outlines.push((key, algorithm.into(), traits));
        Ok(Some(traits))
    }

    fn traits_of_leaf(&mut self, x: &X509, key: Key) -> Result<u32, OutOfMemory> {
        let number = self.traits_of(x, key)?;
        let place = usize::try_from(number).ok().and_then(|at| self.traits.get_mut(at));
        if let Some(traits) = place {
            traits.has_leaf = true;
        }
        Ok(number)
    }

    fn traits_of(&mut self, x: &X509, key: Key) -> Result<u32, OutOfMemory> {
        let class = StrengthClass::of(x, key);
        if let Some(known) = self.classes.get(&class) {
            return Ok(*known);
        }
        let strength = class.strength(x)?;
        let number = u32::try_from(self.traits.len()).unwrap_or(u32::MAX);
        self.traits.push(TraitsOf { key, strength, example: x.clone(), has_leaf: false });
        self.classes.insert(class, number);
        Ok(number)
    }
}

#[cfg(test)]
mod tests;
