// SPDX-License-Identifier: MIT OR Apache-2.0
//! The index of a frozen selector: what a choice needs to know of each credential, as numbers, and
//! the issuers by name, so that a request is not compared with each credential.

use crate::choice::{Candidate, Key};
use crate::credential::Credential;
use crate::credential::chain::Pool;
use crate::credential::facts::{self, Clock, Strength, StrengthClass};
use crate::error::Error;
use crate::name::{self, ByFingerprint};
use openssl::x509::{X509, X509NameRef};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What credentials have in common that one request judges alike.
#[derive(Debug)]
pub struct TraitsOf {
    /// The leaf's key.
    pub key: Key,
    /// The leaf's strength and those of the intermediates that go with it, each with a certificate
    /// that has it: a program's own security callback expects to see one.
    pub strengths: Vec<(Strength, X509)>,
}

/// Where one credential stands in the issuer pool.
#[derive(Debug)]
struct Place {
    /// The members that issued the leaf.
    issuers: Vec<u32>,
    /// The members that came in its own file.
    own: Vec<u32>,
}

/// See the module.
pub struct Index {
    candidates: Vec<Candidate>,
    traits: Vec<TraitsOf>,
    names: Names,
    pool: Pool,
    places: Vec<Place>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({} credentials, {} issuers)", self.candidates.len(), self.names.len())
    }
}

impl Index {
    pub fn build(credentials: &[Arc<Credential>], issuers: &[X509]) -> Result<Index, Error> {
        let clock = Clock::new().ok_or_else(|| Error::OpenSsl("out of memory".to_owned()))?;
        let mut pool = Pool::default();
        let own: Vec<Vec<u32>> = credentials
            .iter()
            .map(|c| c.companions().iter().filter_map(|x| pool.add(x, &clock)).collect())
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
            places: Vec::with_capacity(credentials.len()),
        };
        let mut seen = Seen::default();
        for (credential, own) in credentials.iter().zip(own) {
            index.add(credential, own, &clock, &mut seen);
        }
        Ok(index)
    }

    fn add(&mut self, credential: &Credential, own: Vec<u32>, clock: &Clock, seen: &mut Seen) {
        let leaf = credential.leaf();
        let direct = self.pool.issuers_of(leaf);
        let reachable = self.pool.reachable(&direct);
        let path = self.pool.path(&direct, &own, i64::MIN, None);

        let key = facts::key(leaf);
        let mut strengths = vec![seen.strength(leaf, key)];
        for id in &path {
            if let Some(x) = self.pool.certificate(*id) {
                strengths.push(seen.strength(x, facts::key(x)));
            }
        }
        let traits = *seen.traits.entry((key, strengths)).or_insert_with_key(|(key, ids)| {
            let known = |id: &usize| seen.strengths.get(*id).cloned();
            let strengths = ids.iter().filter_map(known).collect();
            self.traits.push(TraitsOf { key: *key, strengths });
            u32::try_from(self.traits.len() - 1).unwrap_or(u32::MAX)
        });

        let mut issuers: Vec<u32> = Vec::with_capacity(1 + reachable.len());
        issuers.push(self.names.intern(leaf));
        for id in reachable {
            if let Some(x) = self.pool.certificate(id) {
                let issuer = self.names.intern(x);
                if !issuers.contains(&issuer) {
                    issuers.push(issuer);
                }
            }
        }

        let (not_before, not_after) = clock.validity(leaf);
        let above = self.pool.validity(&direct);
        self.candidates.push(Candidate {
            issuers: issuers.into_boxed_slice(),
            traits,
            not_before: not_before.max(above.0),
            not_after: not_after.min(above.1),
            lasting: facts::usage_reasons(leaf),
            common_name: name::common_name(leaf),
        });
        self.places.push(Place { issuers: direct, own });
    }

    /// Each credential as the choice sees it.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// All traits, by the number in [`Candidate::traits`].
    pub fn traits(&self) -> &[TraitsOf] {
        &self.traits
    }

    /// The names that issued anything here.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The intermediates to send with credential `at`, in order. Where the server named CAs, a
    /// path is preferred that leads to one of them.
    pub fn chain(&self, at: usize, named: Option<&[bool]>, now: i64) -> Vec<&X509> {
        let (Some(place), Some(candidate)) = (self.places.get(at), self.candidates.get(at)) else {
            return Vec::new();
        };
        let is_named = |issuer: u32| {
            let flag = usize::try_from(issuer).ok().and_then(|i| named?.get(i).copied());
            flag.unwrap_or(false)
        };
        let member_is_named = |id: u32| {
            self.pool
                .certificate(id)
                .and_then(|x| self.names.find(x.issuer_name()))
                .is_some_and(is_named)
        };
        let leaf_is_named = candidate.issuers.first().is_some_and(|i| is_named(*i));
        let wanted: Option<&dyn Fn(u32) -> bool> =
            if named.is_none() || leaf_is_named { None } else { Some(&member_is_named) };
        let path = self.pool.path(&place.issuers, &place.own, now, wanted);
        path.into_iter().filter_map(|id| self.pool.certificate(id)).collect()
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
