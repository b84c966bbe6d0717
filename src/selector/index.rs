// SPDX-License-Identifier: MIT OR Apache-2.0
//! The index of a frozen selector: what a choice needs to know of each credential, as numbers, and
//! the issuers by name, so that a request is not compared with each credential.

use crate::choice::{Candidate, Key, Path};
use crate::credential::chain::Pool;
use crate::credential::facts::{self, Clock, Strength, StrengthClass};
use crate::error::Error;
use crate::name::{self, ByFingerprint};
use openssl::x509::{X509, X509NameRef};
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
    pub fn build(credentials: &[(&X509, &[X509])], issuers: &[&X509]) -> Result<Index, Error> {
        let clock = Clock::new().ok_or_else(|| Error::OpenSsl("out of memory".to_owned()))?;
        let mut pool = Pool::default();
        let own: Vec<Vec<u32>> = credentials
            .iter()
            .map(|(_, others)| others.iter().filter_map(|x| pool.add(x, &clock)).collect())
            .collect();
        for issuer in issuers {
            pool.add(issuer, &clock);
        }
        pool.link();

        let mut index = Index {
            candidates: Vec::with_capacity(credentials.len()),
            traits: Vec::new(),
            names: Names::default(),
            pool,
            chains: Vec::with_capacity(credentials.len()),
        };
        let mut seen = Seen::default();
        for ((leaf, _), own) in credentials.iter().zip(own) {
            index.add(leaf, &own, &clock, &mut seen);
        }
        Ok(index)
    }

    fn add(&mut self, leaf: &X509, own: &[u32], clock: &Clock, seen: &mut Seen) {
        let chains = self.pool.paths(&self.pool.issuers_of(leaf), own);
        let paths = chains.iter().map(|chain| self.path(leaf, chain, clock, seen)).collect();
        self.candidates.push(Candidate {
            paths,
            lasting: facts::usage_reasons(leaf),
            common_name: name::common_name(leaf),
        });
        self.chains.push(chains);
    }

    fn path(&mut self, leaf: &X509, chain: &[u32], clock: &Clock, seen: &mut Seen) -> Path {
        let key = facts::key(leaf);
        let mut strengths = vec![seen.strength(leaf, key)];
        let mut issuers = vec![self.names.intern(leaf)];
        let (mut not_before, mut not_after) = clock.validity(leaf);
        for id in chain {
            let Some(x) = self.pool.certificate(*id) else { continue };
            strengths.push(seen.strength(x, facts::key(x)));
            issuers.push(self.names.intern(x));
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
        Path { issuers: issuers.into_boxed_slice(), traits, not_before, not_after }
    }

    /// How much memory it takes, about; the certificates are counted where they were read.
    pub fn bytes(&self) -> usize {
        let path = |p: &Path| size_of::<Path>() + size_of_val(&*p.issuers) + 64;
        let candidate = |c: &Candidate| {
            let name = c.common_name.as_ref().map_or(0, |n| n.len());
            size_of::<Candidate>() + name + c.paths.iter().map(path).sum::<usize>() + 128
        };
        self.candidates.iter().map(candidate).sum::<usize>() + self.names.len() * 64
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

/// What was met while the index was built, so that it is worked out once.
#[derive(Default)]
struct Seen {
    classes: HashMap<StrengthClass, usize>,
    strengths: Vec<(Strength, X509)>,
    traits: HashMap<(Key, Vec<usize>), u32>,
}

impl Seen {
    fn strength(&mut self, certificate: &X509, key: Key) -> usize {
        let class = StrengthClass::of(certificate, key);
        if let Some(known) = self.classes.get(&class) {
            return *known;
        }
        self.strengths.push((class.strength(certificate), certificate.clone()));
        let id = self.strengths.len() - 1;
        self.classes.insert(class, id);
        id
    }
}

/// The distinct names of issuers, each with a number.
#[derive(Default)]
pub struct Names {
    /// A certificate that has the name as its issuer: it keeps the name alive.
    holders: Vec<X509>,
    by_fingerprint: ByFingerprint<Vec<u32>>,
    /// Those without a fingerprint, which every name is compared with.
    odd: Vec<u32>,
}

impl Names {
    /// The number of this certificate's issuer, a new one if need be.
    fn intern(&mut self, certificate: &X509) -> u32 {
        let name = certificate.issuer_name();
        if let Some(known) = self.find(name) {
            return known;
        }
        let id = u32::try_from(self.holders.len()).unwrap_or(u32::MAX);
        match name::fingerprint(name::der(name)) {
            Some(fingerprint) => self.by_fingerprint.entry(fingerprint).or_default().push(id),
            None => self.odd.push(id),
        }
        self.holders.push(certificate.clone());
        id
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.holders.len()
    }

    /// The number of the name that X509_NAME_cmp finds equal.
    pub fn find(&self, name: &X509NameRef) -> Option<u32> {
        self.find_der(name, name::der(name))
    }

    /// The same for a name whose DER is at hand.
    pub fn find_der(&self, name: &X509NameRef, der: &[u8]) -> Option<u32> {
        let is_equal = |id: &&u32| {
            let holder = usize::try_from(**id).ok().and_then(|i| self.holders.get(i));
            holder.is_some_and(|x| name::equal(x.issuer_name(), name))
        };
        match name::fingerprint(der) {
            Some(f) => {
                let known = self.by_fingerprint.get(&f).map_or(&[][..], Vec::as_slice);
                known.iter().chain(&self.odd).find(is_equal).copied()
            }
            // Cannot be told by its fingerprint: ask about all.
            None => {
                let all = 0..u32::try_from(self.holders.len()).unwrap_or(0);
                all.into_iter().find(|id| is_equal(&id))
            }
        }
    }
}
