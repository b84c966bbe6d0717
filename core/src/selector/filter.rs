// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first phase of a choice: it excludes the credentials that the server's CA names rule out, by
//! the names in the certificates alone.
//!
//! A chain leads from a certificate to those whose subject is its issuer. So a credential can have no
//! chain to a named CA unless one of the names that are reached in this way is the name of one. What
//! is left is judged by the [`super::Index`]: key identifiers, signatures and dates may exclude more,
//! and never less.

use super::names::NameTable;
use super::survivors::Survivors;
use crate::choice::EmptyCaList;
use crate::error::OutOfMemory;
use crate::hash::HashMap64;
use crate::x509::certificate::Certificate;
use std::fmt;
use std::sync::Arc;

/// A certificate that may stand above a leaf.
#[derive(Debug)]
pub struct Member {
    /// The number of its subject's name.
    pub subject: u32,
    /// The number of its issuer's name.
    pub issuer: u32,
    /// Where it is: in each of these places.
    pub origins: Vec<Origin>,
}

/// Where a certificate came from, by numbers that count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One of those that came with a credential's leaf.
    Extra {
        /// The number of the credential.
        credential: usize,
        /// The place among the certificates that came with its leaf.
        at: usize,
    },
    /// One of a file of issuers.
    Issuer {
        /// The number of the file.
        file: usize,
        /// The place in the file.
        at: usize,
    },
}

/// See the module.
#[derive(Default)]
pub struct Filter {
    names: NameTable,
    /// The number of the name that issued each credential's leaf.
    issuers: Vec<u32>,
    /// By the number of a name, the credentials whose leaf it issued.
    issued: Vec<Vec<u32>>,
    /// In the order in which they were added.
    members: Vec<Member>,
    /// By the number of a name, the members whose subject it is, and those whose issuer it is.
    by_name: Vec<(Vec<u32>, Vec<u32>)>,
    /// The members in the credentials' own files; not of a file without any.
    own: Vec<(usize, Box<[u32]>)>,
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({} credentials, {} names)", self.issuers.len(), self.names.len())
    }
}

impl Filter {
    /// For each credential its leaf and the certificates that came along, and files of issuers.
    pub fn build<'a>(
        credentials: impl Iterator<Item = (&'a Certificate, &'a [Arc<Certificate>])>,
        issuers: impl Iterator<Item = &'a [Arc<Certificate>]>,
    ) -> Result<Filter, OutOfMemory> {
        let mut filter = Filter::default();
        // Files often share their intermediates.
        let mut seen: HashMap64<u32> = HashMap64::default();
        for (credential, (leaf, extra)) in credentials.enumerate() {
            let issuer = filter.names.intern(leaf.issuer())?;
            filter.issuers.push(issuer);
            let origin = |at| Origin::Extra { credential, at };
            let own = filter.add(extra, origin, &mut seen)?;
            if !own.is_empty() {
                filter.own.push((credential, own.into()));
            }
        }
        for (file, certificates) in issuers.enumerate() {
            filter.add(certificates, |at| Origin::Issuer { file, at }, &mut seen)?;
        }
        filter.issued.resize_with(filter.names.len(), Vec::new);
        filter.by_name.resize_with(filter.names.len(), Default::default);
        for (number, member) in (0..).zip(&filter.members) {
            let at = |name: u32| usize::try_from(name).unwrap_or(usize::MAX);
            let of_subject = filter.by_name.get_mut(at(member.subject));
            of_subject.into_iter().for_each(|(subjects, _)| subjects.push(number));
            let of_issuer = filter.by_name.get_mut(at(member.issuer));
            of_issuer.into_iter().for_each(|(_, issuers)| issuers.push(number));
        }
        for (credential, issuer) in filter.issuers.iter().enumerate() {
            let place = usize::try_from(*issuer).ok().and_then(|at| filter.issued.get_mut(at));
            place.into_iter().for_each(|issued| issued.extend(u32::try_from(credential)));
        }
        Ok(filter)
    }

    fn add(
        &mut self,
        certificates: &[Arc<Certificate>],
        origin: impl Fn(usize) -> Origin,
        seen: &mut HashMap64<u32>,
    ) -> Result<Vec<u32>, OutOfMemory> {
        let mut numbers = Vec::new();
        for (at, certificate) in certificates.iter().enumerate() {
            // Another number for each address, spread over all bits.
            let address = Arc::as_ptr(certificate) as u64;
            let address = address.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if let Some(known) = seen.get(&address) {
                let member = usize::try_from(*known).ok().and_then(|n| self.members.get_mut(n));
                member.into_iter().for_each(|member| member.origins.push(origin(at)));
                numbers.push(*known);
                continue;
            }
            let Ok(number) = u32::try_from(self.members.len()) else { break };
            let subject = self.names.intern(certificate.subject())?;
            let issuer = self.names.intern(certificate.issuer())?;
            self.members.push(Member { subject, issuer, origins: vec![origin(at)] });
            seen.insert(address, number);
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// How many credentials there are.
    pub fn count(&self) -> usize {
        self.issuers.len()
    }

    /// The names of all issuers, and of all members.
    pub fn names(&self) -> &NameTable {
        &self.names
    }

    /// How many members there are.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// The member with this number.
    pub fn member(&self, number: u32) -> Option<&Member> {
        self.members.get(usize::try_from(number).ok()?)
    }

    /// The members in a credential's own file.
    pub fn own(&self, credential: usize) -> &[u32] {
        let at = self.own.binary_search_by_key(&credential, |(credential, _)| *credential);
        at.ok().and_then(|at| self.own.get(at)).map_or(&[], |(_, own)| own)
    }

    /// The number of the name that issued a credential's leaf.
    pub fn issuer(&self, credential: usize) -> Option<u32> {
        self.issuers.get(credential).copied()
    }

    /// The members whose subject a name is, and those whose issuer it is.
    fn of_name(&self, name: u32) -> (&[u32], &[u32]) {
        let of_name = usize::try_from(name).ok().and_then(|at| self.by_name.get(at));
        of_name.map_or((&[], &[]), |(subjects, issuers)| (subjects, issuers))
    }

    /// The credentials that may be sent to a server that named these CAs, by the numbers of their
    /// names, or none at all.
    pub fn survivors(&self, named: Option<&[u32]>, policy: EmptyCaList) -> Survivors {
        let Some(named) = named else {
            return match policy {
                EmptyCaList::Accept => Survivors::All(self.count()),
                EmptyCaList::Sole if self.count() == 1 => Survivors::All(1),
                EmptyCaList::Sole | EmptyCaList::SendNone => Survivors::Some(Box::default()),
            };
        };
        // Downwards from the named CAs.
        let mut survivors: Vec<u32> = Vec::new();
        let mut queue: Vec<u32> = named.to_vec();
        let mut visited = Visited::new(self.names.len());
        while let Some(name) = queue.pop() {
            if visited.is_new(name) {
                let issued = usize::try_from(name).ok().and_then(|at| self.issued.get(at));
                survivors.extend(issued.into_iter().flatten());
                let below = self.of_name(name).1.iter();
                queue.extend(below.filter_map(|member| self.member(*member)).map(|m| m.subject));
            }
        }
        if survivors.len() == self.count() {
            return Survivors::All(self.count());
        }
        survivors.sort_unstable();
        Survivors::Some(survivors.into())
    }

    /// The members that may stand above these credentials, in the order in which they were added.
    pub fn above(&self, survivors: &Survivors) -> Vec<u32> {
        let mut above: Vec<u32> = Vec::new();
        let mut queue: Vec<u32> = survivors.iter().filter_map(|at| self.issuer(at)).collect();
        let mut visited = Visited::new(self.names.len());
        while let Some(name) = queue.pop() {
            if visited.is_new(name) {
                let members = self.of_name(name).0;
                above.extend(members);
                queue.extend(members.iter().filter_map(|m| self.member(*m)).map(|m| m.issuer));
            }
        }
        above.sort_unstable();
        above
    }

    /// How much memory it takes, about.
    pub fn bytes(&self) -> usize {
        let own = self.own.iter().map(|(_, own)| 48 + size_of_val(&**own)).sum::<usize>();
        self.names.bytes()
            + self.issuers.len() * 8
            + self.issued.len() * 3 * size_of::<Vec<u32>>()
            + self.members.iter().map(|m| 192 + size_of_val(&*m.origins)).sum::<usize>()
            + own
    }
}

/// The numbers that were visited.
struct Visited(Vec<bool>);

impl Visited {
    fn new(count: usize) -> Visited {
        Visited(vec![false; count])
    }

    fn is_new(&mut self, number: u32) -> bool {
        let place = usize::try_from(number).ok().and_then(|at| self.0.get_mut(at));
        place.is_some_and(|seen| !std::mem::replace(seen, true))
    }
}

#[cfg(test)]
mod tests;
