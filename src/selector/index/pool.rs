// SPDX-License-Identifier: MIT OR Apache-2.0
//! The issuer pool: all certificates that may stand above a leaf, and which of them issued which.
//! They are never trusted, only sent. Roots are not kept, since they are not sent.
//!
//! The issuers of a certificate are looked for only if a chain of some leaf leads to it. Key
//! identifiers tell the issuer where both sides have them. Elsewhere the signature is verified, once
//! for each key that belongs to the issuer's name, until one fits.

use super::names::Names;
use crate::choice::{Link, MAX_DEPTH};
use crate::credential::chain;
use crate::credential::facts::Clock;
use crate::error::OutOfMemory;
use crate::name;
use openssl::x509::X509;
use std::collections::{HashMap, HashSet, VecDeque};

/// The maximum number of keys of one name that are tried on one signature.
pub(crate) const MAX_KEYS: usize = 16;

/// What making an index may take.
#[derive(Debug, Default)]
pub struct Work {
    /// How many more signatures may be verified.
    pub verifications: usize,
    /// How many more pairs of certificates may be compared.
    pub comparisons: usize,
}

impl Work {
    /// In proportion to what there is, so that no credential is left out of a long list.
    pub fn of(credentials: usize, members: usize) -> Work {
        Work {
            verifications: 256 + 4 * credentials,
            comparisons: 10_000 + 100 * (credentials + members),
        }
    }

    /// Takes one; `false` where none is left.
    fn take(from: &mut usize) -> bool {
        let left = from.checked_sub(1);
        *from = left.unwrap_or(0);
        left.is_some()
    }
}

/// One certificate of the pool.
struct Member {
    certificate: X509,
    /// The number of its subject's name, and of its issuer's.
    subject: u32,
    issuer: u32,
    /// The number of its key among those of its name.
    key: usize,
    has_identifier: bool,
    /// `None`: no chain leads to it.
    issuers: Option<Issuers>,
}

/// The members that issued a certificate; several where CAs are cross-signed.
#[derive(Clone, Debug, Default)]
pub struct Issuers {
    pub members: Vec<u32>,
    /// A limit was reached, so there may be others.
    pub is_cut: bool,
    /// What the certificate says of its issuer decided, and no signature.
    pub by_identifier: bool,
}

/// The members that have the same subject.
#[derive(Default)]
struct Namesakes {
    keys: Vec<Key>,
    key_numbers: HashMap<Vec<u8>, usize>,
    by_identifier: HashMap<Vec<u8>, Vec<u32>>,
    /// Keys with a member that has no subject key identifier.
    unidentified: Vec<usize>,
}

/// The members that have the same subject and the same key.
#[derive(Default)]
struct Key {
    members: Vec<u32>,
    is_unidentified: bool,
}

/// See the module.
#[derive(Default)]
pub struct Pool {
    members: Vec<Member>,
    /// By the whole certificate; `None` for a root.
    known: HashMap<Vec<u8>, Option<u32>>,
    by_subject: HashMap<u32, Namesakes>,
}

impl Pool {
    /// Adds a certificate, once; gives its number, or `None` for a root.
    pub fn add(&mut self, x: &X509, names: &mut Names) -> Result<Option<u32>, OutOfMemory> {
        let digest = chain::digest(x)?;
        if let Some(known) = self.known.get(&digest) {
            return Ok(*known);
        }
        let id = u32::try_from(self.members.len()).ok();
        let id = if chain::is_root(x)? { None } else { id };
        if let Some(id) = id {
            self.add_member(id, x, names)?;
        }
        self.known.insert(digest, id);
        Ok(id)
    }

    fn add_member(&mut self, id: u32, x: &X509, names: &mut Names) -> Result<(), OutOfMemory> {
        let subject = names.intern(name::der(x.subject_name()))?;
        let issuer = names.intern(name::der(x.issuer_name()))?;
        let spki = chain::public_key_der(x)?;
        let identifier = x.subject_key_id().map(|id| id.as_slice().to_vec());
        let has_identifier = identifier.is_some();

        let Namesakes { keys, key_numbers, by_identifier, unidentified } =
            self.by_subject.entry(subject).or_default();
        let key = *key_numbers.entry(spki).or_insert(keys.len());
        if key == keys.len() {
            keys.push(Key::default());
        }
        if let Some(of_key) = keys.get_mut(key) {
            of_key.members.push(id);
            if !has_identifier && !of_key.is_unidentified {
                of_key.is_unidentified = true;
                unidentified.push(key);
            }
        }
        if let Some(identifier) = identifier {
            by_identifier.entry(identifier).or_default().push(id);
        }
        let certificate = x.clone();
        self.members.push(Member {
            certificate,
            subject,
            issuer,
            key,
            has_identifier,
            issuers: None,
        });
        Ok(())
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the name with this number is the subject of a member.
    pub fn has_subject(&self, name: u32) -> bool {
        self.by_subject.contains_key(&name)
    }

    fn member(&self, id: u32) -> Option<&Member> {
        self.members.get(usize::try_from(id).ok()?)
    }

    /// Finds the members that issued this certificate, whose issuer has the name `issuer`. The keys
    /// of `own` are tried first.
    pub fn issuers_of(
        &self,
        x: &X509,
        issuer: u32,
        own: &[u32],
        work: &mut Work,
    ) -> Result<Issuers, OutOfMemory> {
        let Some(namesakes) = self.by_subject.get(&issuer) else {
            return Ok(Issuers { by_identifier: true, ..Issuers::default() });
        };
        let mut trial = Trial { pool: self, x, work, is_cut: false };
        let identifier = x.authority_key_id().map(|id| id.as_slice());
        if let Some(told) = identifier.and_then(|id| namesakes.by_identifier.get(id)) {
            let mut members = trial.that_may_have_issued(told.iter().copied())?;
            // Other certificates for the same keys, without an identifier.
            let keys: HashSet<usize> =
                members.iter().filter_map(|id| self.member(*id)).map(|m| m.key).collect();
            for key in keys {
                members.extend(trial.that_may_have_issued(self.of_key(namesakes, key, true))?);
            }
            if !members.is_empty() {
                members.sort_unstable();
                return Ok(Issuers { members, is_cut: trial.is_cut, by_identifier: true });
            }
        }

        let is_unidentified = identifier.is_some();
        let own_keys = own.iter().filter_map(|id| self.member(*id));
        let own_keys = own_keys.filter(|m| m.subject == issuer).map(|m| m.key);
        let others: Box<dyn Iterator<Item = usize>> = match is_unidentified {
            true => Box::new(namesakes.unidentified.iter().copied()),
            false => Box::new(0..namesakes.keys.len()),
        };
        let mut seen = HashSet::new();
        let mut tried = 0;
        for key in own_keys.chain(others).filter(|key| seen.insert(*key)) {
            let members = self.of_key(namesakes, key, is_unidentified);
            let members = trial.that_may_have_issued(members)?;
            let Some(first) = members.first().and_then(|id| self.member(*id)) else { continue };
            if tried == MAX_KEYS || !Work::take(&mut trial.work.verifications) {
                trial.is_cut = true;
            }
            if trial.is_cut {
                break;
            }
            tried += 1;
            if chain::verifies(&first.certificate, x)? {
                return Ok(Issuers { members, is_cut: false, by_identifier: false });
            }
        }
        Ok(Issuers { members: Vec::new(), is_cut: trial.is_cut, by_identifier: tried == 0 })
    }

    /// The members that have one key; `is_unidentified`: without a subject key identifier.
    fn of_key<'a>(
        &'a self,
        namesakes: &'a Namesakes,
        key: usize,
        is_unidentified: bool,
    ) -> impl Iterator<Item = u32> + 'a {
        let members = namesakes.keys.get(key).map_or(&[][..], |key| &key.members);
        let fits = move |id: &u32| {
            !is_unidentified || self.member(*id).is_some_and(|member| !member.has_identifier)
        };
        members.iter().copied().filter(fits)
    }

    /// Finds the issuers of all members that chains lead to. `starts` has the members at which they
    /// begin, each with the members of the leaf's own file.
    pub fn link<'a>(
        &mut self,
        starts: impl Iterator<Item = (&'a [u32], &'a [u32])>,
        work: &mut Work,
    ) -> Result<(), OutOfMemory> {
        let mut queue: VecDeque<(u32, &[u32], usize)> = VecDeque::new();
        for (above, own) in starts {
            queue.extend(above.iter().map(|id| (*id, own, 1)));
        }
        while let Some((id, own, depth)) = queue.pop_front() {
            let Some(member) = self.member(id).filter(|m| m.issuers.is_none()) else { continue };
            let issuers = if depth < MAX_DEPTH {
                self.issuers_of(&member.certificate, member.issuer, own, work)?
            } else {
                Issuers { is_cut: self.has_subject(member.issuer), ..Issuers::default() }
            };
            queue.extend(issuers.members.iter().map(|above| (*above, own, depth + 1)));
            let place = usize::try_from(id).ok().and_then(|at| self.members.get_mut(at));
            if let Some(member) = place {
                member.issuers = Some(issuers);
            }
        }
        Ok(())
    }

    /// The members that chains lead to, as links with new numbers.
    pub fn into_linked(self, clock: &Clock) -> Linked {
        let mut next = 0;
        let mut number = |member: &Member| {
            member.issuers.as_ref()?;
            next += 1;
            Some(next - 1)
        };
        let numbers: Vec<Option<u32>> = self.members.iter().map(&mut number).collect();
        let mut linked = Linked { certificates: Vec::new(), links: Vec::new(), numbers };
        for Member { certificate, issuer, issuers, .. } in self.members {
            let Some(issuers) = issuers else { continue };
            let (not_before, not_after) = clock.validity(&certificate);
            let above = linked.numbers_of(&issuers.members);
            let is_cut = issuers.is_cut;
            linked.links.push(Link { issuer, not_before, not_after, above, is_cut });
            linked.certificates.push(certificate);
        }
        linked
    }
}

/// What is left of the pool.
pub struct Linked {
    /// The certificate of each link.
    pub certificates: Vec<X509>,
    pub links: Vec<Link>,
    /// The number of each member as a link; `None` where no chain leads to it.
    numbers: Vec<Option<u32>>,
}

impl Linked {
    /// The links that these members are now.
    pub fn numbers_of(&self, members: &[u32]) -> Box<[u32]> {
        let number = |id: &u32| *self.numbers.get(usize::try_from(*id).ok()?)?;
        members.iter().filter_map(number).collect()
    }
}

/// The search for the issuers of one certificate.
struct Trial<'a> {
    pool: &'a Pool,
    x: &'a X509,
    work: &'a mut Work,
    is_cut: bool,
}

impl Trial<'_> {
    /// Those of these members that may have issued the certificate, signatures aside.
    fn that_may_have_issued(
        &mut self,
        members: impl Iterator<Item = u32>,
    ) -> Result<Vec<u32>, OutOfMemory> {
        let mut found = Vec::new();
        for id in members {
            let Some(member) = self.pool.member(id) else { continue };
            if !Work::take(&mut self.work.comparisons) {
                self.is_cut = true;
                break;
            }
            let issuer = &member.certificate;
            if !chain::is_same(issuer, self.x) && chain::may_have_issued(issuer, self.x)? {
                found.push(id);
            }
        }
        Ok(found)
    }
}
