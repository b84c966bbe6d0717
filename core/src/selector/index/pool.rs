// SPDX-License-Identifier: MIT OR Apache-2.0
//! The issuer pool: all certificates that may stand above a leaf, and which of them issued which.
//! They are never trusted, only sent. Roots are not kept, since they are not sent.
//!
//! The issuers of a certificate are looked for only if a chain of some leaf leads to it. SharedKey
//! identifiers tell the issuer where both sides have them. Elsewhere the signature is verified, once
//! for each key that belongs to the issuer's name, until one fits.

use super::linked::{IssuerSet, Linked, address};
use crate::choice::MAX_DEPTH;
use crate::error::OutOfMemory;
use crate::hash::{Map, Set};
use crate::x509::chain::{self, IssuedClass};
use crate::x509::extensions::cache_extensions;
use crate::x509::facts::Epoch;
use openssl::x509::X509;
use std::collections::VecDeque;
use std::sync::Arc;

/// The maximum number of keys of one name that are tried on one signature.
pub const MAX_KEYS: usize = 16;

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
            comparisons: 10_000 + 20 * (credentials + members),
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
    issuers: Option<IssuerSet>,
}

/// The members that have the same subject.
#[derive(Default)]
struct Namesakes {
    keys: Vec<SharedKey>,
    key_numbers: Map<Vec<u8>, usize>,
    by_identifier: Map<Vec<u8>, Vec<u32>>,
    /// Keys with a member that has no subject key identifier.
    unidentified: Vec<usize>,
}

/// The members that have the same subject and the same key.
#[derive(Default)]
struct SharedKey {
    members: Vec<u32>,
    is_unidentified: bool,
}

/// The names of a certificate, by their numbers in the filter.
#[derive(Clone, Copy)]
pub struct NameNumbers {
    /// The number of its subject's name.
    pub subject: u32,
    /// The number of its issuer's name.
    pub issuer: u32,
}

/// See the module.
#[derive(Default)]
pub struct Pool {
    members: Vec<Member>,
    /// By the whole certificate; `None` for a root.
    known: Map<Vec<u8>, Option<u32>>,
    by_subject: Map<u32, Namesakes>,
    /// What was found for certificates that are alike to OpenSSL.
    eligible: Map<(IssuedClass, u32, Group), Arc<[u32]>>,
}

/// Members with one subject that are looked at together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Group {
    /// Those with the key identifier that the certificate has for its issuer, and others with the
    /// same keys that have none.
    Identified,
    /// Those with the key of this number.
    OfKey(usize),
    /// Those of them that have no key identifier.
    Unidentified(usize),
}

impl Pool {
    /// Adds a certificate, once; gives its number here, or `None` for a root.
    pub fn add(&mut self, x: &X509, of: NameNumbers) -> Result<Option<u32>, OutOfMemory> {
        cache_extensions(x)?;
        let digest = chain::digest(x)?;
        if let Some(known) = self.known.get(&digest) {
            return Ok(*known);
        }
        let id = u32::try_from(self.members.len()).ok();
        let id = if chain::is_root(x)? { None } else { id };
        if let Some(id) = id {
            self.add_member(id, x, of)?;
        }
        self.known.insert(digest, id);
        Ok(id)
    }

    fn add_member(&mut self, id: u32, x: &X509, of: NameNumbers) -> Result<(), OutOfMemory> {
        let NameNumbers { subject, issuer } = of;
        let spki = chain::public_key_der(x)?;
        let identifier = x.subject_key_id().map(|id| id.as_slice().to_vec());
        let has_identifier = identifier.is_some();

        let Namesakes { keys, key_numbers, by_identifier, unidentified } =
            self.by_subject.entry(subject).or_default();
        let key = *key_numbers.entry(spki).or_insert(keys.len());
        if key == keys.len() {
            keys.push(SharedKey::default());
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
        &mut self,
        x: &X509,
        issuer: u32,
        own: &[u32],
        work: &mut Work,
    ) -> Result<IssuerSet, OutOfMemory> {
        if !self.has_subject(issuer) {
            return Ok(IssuerSet::default());
        }
        let class = IssuedClass::of(x)?;
        let has_identifier = x.authority_key_id().is_some();
        let mut is_cut = false;
        if has_identifier {
            match self.eligible(x, class.as_ref(), issuer, Group::Identified, work)? {
                Some(members) if members.is_empty() => {}
                Some(members) => return Ok(IssuerSet { members, is_cut }),
                None => is_cut = true,
            }
        }
        let own: Vec<usize> = self.own_keys(issuer, own);
        let mut seen = Set::default();
        let mut tried = 0;
        for at in 0.. {
            // Not as one list: that would be as long for each of the certificates.
            let key = own.get(at).copied();
            let key = key.or_else(|| self.key(issuer, at - own.len(), has_identifier));
            let Some(key) = key else { break };
            if !seen.insert(key) {
                continue;
            }
            let group = if has_identifier { Group::Unidentified(key) } else { Group::OfKey(key) };
            let members = self.eligible(x, class.as_ref(), issuer, group, work)?;
            let first = members.as_ref().and_then(|members| self.member(*members.first()?));
            let (Some(members), Some(first)) = (&members, first) else {
                if members.is_none() {
                    is_cut = true;
                    break;
                }
                continue;
            };
            if tried == MAX_KEYS || !Work::take(&mut work.verifications) {
                is_cut = true;
                break;
            }
            tried += 1;
            if chain::verifies(&first.certificate, x)? {
                let members = Arc::clone(members);
                return Ok(IssuerSet { members, is_cut: false });
            }
        }
        Ok(IssuerSet { members: Arc::default(), is_cut })
    }

    /// The keys of this name that members of `own` have.
    fn own_keys(&self, name: u32, own: &[u32]) -> Vec<usize> {
        let own = own.iter().filter_map(|id| self.member(*id));
        own.filter(|member| member.subject == name).map(|member| member.key).collect()
    }

    /// One of the keys of this name, counted from 0. `is_unidentified`: of those that have a member
    /// without a key identifier.
    fn key(&self, name: u32, at: usize, is_unidentified: bool) -> Option<usize> {
        let namesakes = self.by_subject.get(&name)?;
        match is_unidentified {
            true => namesakes.unidentified.get(at).copied(),
            false => (at < namesakes.keys.len()).then_some(at),
        }
    }

    /// The members of a group that may have issued a certificate, signatures aside. `None` where the
    /// work is used up.
    fn eligible(
        &mut self,
        x: &X509,
        class: Option<&IssuedClass>,
        issuer: u32,
        group: Group,
        work: &mut Work,
    ) -> Result<Option<Arc<[u32]>>, OutOfMemory> {
        let class = class.map(|class| (class.clone(), issuer, group));
        if let Some(known) = class.as_ref().and_then(|class| self.eligible.get(class)) {
            let known = Arc::clone(known);
            return Ok(Work::take(&mut work.comparisons).then_some(known));
        }
        if work.comparisons == 0 {
            return Ok(None);
        }
        let mut found = Vec::new();
        for id in self.group(x, issuer, group) {
            let Some(member) = self.member(id) else { continue };
            if !Work::take(&mut work.comparisons) {
                return Ok(None);
            }
            if chain::may_have_issued(&member.certificate, x)? {
                found.push(id);
            }
        }
        let found: Arc<[u32]> = found.into();
        if let Some(class) = class {
            self.eligible.insert(class, Arc::clone(&found));
        }
        Ok(Some(found))
    }

    /// The members of a group, in the order in which they were added.
    fn group(&self, x: &X509, name: u32, group: Group) -> Vec<u32> {
        let Some(namesakes) = self.by_subject.get(&name) else { return Vec::new() };
        let of_key = |key: usize| namesakes.keys.get(key).map_or(&[][..], |key| &key.members);
        let is_unidentified =
            |id: &u32| self.member(*id).is_some_and(|member| !member.has_identifier);
        match group {
            Group::OfKey(key) => of_key(key).to_vec(),
            Group::Unidentified(key) => {
                of_key(key).iter().copied().filter(is_unidentified).collect()
            }
            Group::Identified => {
                let identifier = x.authority_key_id().map(|id| id.as_slice());
                let told = identifier.and_then(|id| namesakes.by_identifier.get(id));
                let mut members = told.cloned().unwrap_or_default();
                let told = members.iter().filter_map(|id| self.member(*id));
                let keys: Set<usize> = told.map(|member| member.key).collect();
                for key in keys {
                    members.extend(of_key(key).iter().copied().filter(is_unidentified));
                }
                members.sort_unstable();
                members
            }
        }
    }

    /// Finds the issuers of all members that chains lead to. `starts` has the members at which they
    /// begin, each with the members of the leaf's own file.
    pub fn link<'a>(
        &mut self,
        starts: impl Iterator<Item = (&'a [u32], &'a [u32])>,
        work: &mut Work,
    ) -> Result<(), OutOfMemory> {
        let mut queue: VecDeque<(u32, &[u32], usize)> = VecDeque::new();
        let mut queued: Set<usize> = Set::default();
        for (above, own) in starts {
            // Most leaves share their issuers, which need not be put in again.
            if queued.insert(above.as_ptr() as usize) {
                queue.extend(above.iter().map(|id| (*id, own, 1)));
            }
        }
        while let Some((id, own, depth)) = queue.pop_front() {
            let Some(member) = self.member(id).filter(|m| m.issuers.is_none()) else { continue };
            let (x, issuer) = (member.certificate.clone(), member.issuer);
            let issuers = if depth < MAX_DEPTH {
                self.issuers_of(&x, issuer, own, work)?
            } else {
                IssuerSet { is_cut: self.has_subject(issuer), ..IssuerSet::default() }
            };
            if queued.insert(address(&issuers.members)) {
                queue.extend(issuers.members.iter().map(|above| (*above, own, depth + 1)));
            }
            let place = usize::try_from(id).ok().and_then(|at| self.members.get_mut(at));
            if let Some(member) = place {
                member.issuers = Some(issuers);
            }
        }
        Ok(())
    }

    /// The members that chains lead to, as links with new numbers.
    pub fn into_linked(self, clock: &Epoch) -> Linked {
        let members = self.members.into_iter();
        Linked::of(members.map(|m| (m.certificate, m.issuer, m.issuers)).collect(), clock)
    }
}
