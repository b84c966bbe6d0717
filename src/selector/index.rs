// SPDX-License-Identifier: MIT OR Apache-2.0
//! The index of a frozen selector: what a choice needs to know of each credential, as numbers, and
//! the issuers by name, so that a request is not compared with each credential.

mod names;

use crate::choice::{Candidate, Key, Path, Reasons};
use crate::credential::chain::Pool;
use crate::credential::facts::{self, Clock, Strength, StrengthClass};
use crate::credential::leaf::Leaf;
use crate::error::{Cause, Error, OutOfMemory};
use crate::name;
use crate::ossl::QuietErrors;
use names::Names;
use openssl::x509::X509;
use std::collections::HashMap;
use std::fmt;

/// What credentials have in common that one request judges alike.
#[derive(Debug)]
pub struct TraitsOf {
    /// The leaf's key.
    pub key: Key,
    /// The leaf's strength and those of the intermediates that go with it, each with a certificate
    /// that has it: a program's own security callback expects to see one.
    pub strengths: Vec<(Strength, X509)>,
}

/// See the module.
pub struct Index {
    candidates: Vec<Candidate>,
    traits: Vec<TraitsOf>,
    names: Names,
    pool: Pool,
    /// The members of the pool that go with each credential on each of its paths.
    chains: Vec<Vec<Vec<u32>>>,
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
        let mut pool = Pool::default();
        let mut own: Vec<Vec<u32>> = Vec::with_capacity(credentials.len());
        for (_, others) in credentials {
            let added = others.iter().filter_map(|x| pool.add(x, &clock).transpose());
            own.push(added.collect::<Result<_, _>>()?);
        }
        for issuer in issuers {
            pool.add(issuer, &clock)?;
        }
        pool.link()?;

        let mut index = Index {
            candidates: Vec::with_capacity(credentials.len()),
            traits: Vec::new(),
            names: Names::default(),
            pool,
            chains: Vec::with_capacity(credentials.len()),
        };
        let mut seen = Seen::default();
        for (at, ((leaf, _), own)) in credentials.iter().zip(own).enumerate() {
            index
                .add(leaf, &own, &clock, &mut seen)
                .map_err(|cause| Error::Entry { number: at + 1, cause })?;
        }
        Ok(index)
    }

    fn add(
        &mut self,
        leaf: &Leaf,
        own: &[u32],
        clock: &Clock,
        seen: &mut Seen,
    ) -> Result<(), Cause> {
        let known = Facts::of(leaf, &mut self.names, clock, seen)?;
        let chains = self.pool.paths(&self.issuers_of(leaf, seen)?, own);
        let paths = chains.iter().map(|chain| self.path(&known, chain, seen));
        let paths = paths.collect::<Result<_, _>>()?;
        let Facts { lasting, common_name, .. } = known;
        self.candidates.push(Candidate { paths, lasting, common_name });
        self.chains.push(chains);
        Ok(())
    }

    /// The members of the pool that issued a leaf. OpenSSL is asked about one of those that say the
    /// same of their issuer.
    fn issuers_of(&self, leaf: &Leaf, seen: &mut Seen) -> Result<Vec<u32>, Cause> {
        let Some((der, outline)) = leaf.outline() else {
            return Ok(self.pool.issuers_of(decoded(leaf)?)?);
        };
        if !self.pool.has_subject(outline.issuer(der)) {
            return Ok(Vec::new());
        }
        let parts = [outline.issuer(der), outline.authority(der), outline.algorithm(der)];
        let class = parts.map(Box::from);
        if let Some(known) = seen.issuers.get(&class) {
            return Ok(known.clone());
        }
        let certificate = decoded(leaf)?;
        let issuers = self.pool.issuers_of(certificate)?;
        if self.pool.tells_by_identifiers(certificate) {
            seen.issuers.insert(class, issuers.clone());
        }
        Ok(issuers)
    }

    fn path(&mut self, leaf: &Facts, chain: &[u32], seen: &mut Seen) -> Result<Path, Cause> {
        let key = leaf.key;
        let mut strengths = vec![leaf.strength];
        let mut issuers = vec![leaf.issuer];
        let (mut not_before, mut not_after) = leaf.validity;
        for id in chain {
            let Some(x) = self.pool.certificate(*id) else { continue };
            strengths.push(seen.strength(x, facts::key(x)?)?);
            issuers.push(self.names.intern(name::der(x.issuer_name()))?);
            if let Some((from, to)) = self.pool.validity(*id) {
                not_before = not_before.max(from);
                not_after = not_after.min(to);
            }
        }
        let traits = *seen.traits.entry((key, strengths)).or_insert_with_key(|(key, ids)| {
            let known = |id: &usize| seen.strengths.get(*id).cloned();
            let strengths = ids.iter().filter_map(known).collect();
            self.traits.push(TraitsOf { key: *key, strengths });
            u32::try_from(self.traits.len() - 1).unwrap_or(u32::MAX)
        });
        Ok(Path { issuers: issuers.into_boxed_slice(), traits, not_before, not_after })
    }

    /// How much memory it takes, about; the certificates are counted where they were read.
    pub fn bytes(&self) -> usize {
        let path = |p: &Path| size_of::<Path>() + size_of_val(&*p.issuers) + 64;
        let candidate = |c: &Candidate| {
            let name = c.common_name.as_ref().map_or(0, |n| n.len());
            size_of::<Candidate>() + name + c.paths.iter().map(path).sum::<usize>() + 128
        };
        self.candidates.iter().map(candidate).sum::<usize>() + self.names.bytes()
    }

    /// Each credential as the choice sees it.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// All traits, by the number in [`Path::traits`].
    pub fn traits(&self) -> &[TraitsOf] {
        &self.traits
    }

    /// The names that issued anything here.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The intermediates that go with credential `at` on this path, in order.
    pub fn chain(&self, at: usize, path: usize) -> impl Iterator<Item = &X509> {
        let chain = self.chains.get(at).and_then(|paths| paths.get(path));
        chain.into_iter().flatten().filter_map(|id| self.pool.certificate(*id))
    }
}

/// A leaf's certificate, decoded now if need be.
fn decoded(leaf: &Leaf) -> Result<&X509, Cause> {
    leaf.get().map_err(Cause::Refused)
}

/// What a path needs to know of its leaf.
struct Facts {
    key: Key,
    strength: usize,
    /// The number of its issuer's name.
    issuer: u32,
    validity: (i64, i64),
    lasting: Reasons,
    common_name: Option<Box<[u8]>>,
}

impl Facts {
    fn of(leaf: &Leaf, names: &mut Names, clock: &Clock, seen: &mut Seen) -> Result<Facts, Cause> {
        if let Some((der, outline)) = leaf.outline() {
            if let Some(strength) =
                seen.strength_of_outline(leaf, outline.key, outline.algorithm(der))?
            {
                return Ok(Facts {
                    key: outline.key,
                    strength,
                    issuer: names.intern(outline.issuer(der))?,
                    validity: (outline.not_before, outline.not_after),
                    lasting: outline.lasting,
                    common_name: outline.common_name.clone(),
                });
            }
        }
        let certificate = decoded(leaf)?;
        let key = facts::key(certificate)?;
        Ok(Facts {
            key,
            strength: seen.strength(certificate, key)?,
            issuer: names.intern(name::der(certificate.issuer_name()))?,
            validity: clock.validity(certificate),
            lasting: facts::usage_reasons(certificate)?,
            common_name: name::common_name(certificate)?,
        })
    }
}

/// What was met while the index was built, so that it is worked out once.
#[derive(Default)]
struct Seen {
    classes: HashMap<StrengthClass, usize>,
    strengths: Vec<(Strength, X509)>,
    traits: HashMap<(Key, Vec<usize>), u32>,
    /// Strengths of leaves that OpenSSL has not decoded, by key and signature algorithm: few.
    outlines: Vec<(Key, Box<[u8]>, usize)>,
    /// Issuers of such leaves, by what they say of them.
    issuers: HashMap<[Box<[u8]>; 3], Vec<u32>>,
}

impl Seen {
    /// The strength of a leaf that has an outline, as OpenSSL finds it for one of its kind. `None`
    /// where this one turns out to be of another kind.
    fn strength_of_outline(
        &mut self,
        leaf: &Leaf,
        key: Key,
        algorithm: &[u8],
    ) -> Result<Option<usize>, Cause> {
        let known = |(k, a, _): &&(Key, Box<[u8]>, usize)| *k == key && **a == *algorithm;
        if let Some((_, _, strength)) = self.outlines.iter().find(known) {
            return Ok(Some(*strength));
        }
        let certificate = decoded(leaf)?;
        if facts::key(certificate)? != key {
            return Ok(None);
        }
        let strength = self.strength(certificate, key)?;
        self.outlines.push((key, algorithm.into(), strength));
        Ok(Some(strength))
    }

    fn strength(&mut self, certificate: &X509, key: Key) -> Result<usize, OutOfMemory> {
        let class = StrengthClass::of(certificate, key);
        if let Some(known) = self.classes.get(&class) {
            return Ok(*known);
        }
        self.strengths.push((class.strength(certificate)?, certificate.clone()));
        let id = self.strengths.len() - 1;
        self.classes.insert(class, id);
        Ok(id)
    }
}

#[cfg(test)]
mod tests;
