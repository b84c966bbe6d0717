// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first phase of a choice: excludes the credentials that cannot have a chain to a CA that the
//! server named, by the names in the certificates alone.
//!
//! A chain leads from a certificate to those whose subject is its issuer. A credential can have a chain
//! to a named CA only if one of the names on such a path is the name of that CA. The survivors are
//! judged with the [`super::Index`]. Key identifiers, signatures and dates exclude more credentials, but
//! never readmit one.

use super::names::NameTable;
use super::survivors::Survivors;
use crate::choice::EmptyCaList;
use crate::error::OutOfMemory;
use crate::hash::HashMap64;
use crate::x509::certificate::Certificate;
use std::fmt;
use std::sync::Arc;

/// A certificate other than a leaf, which may be above one. The files of a list share the objects of equal
/// certificates; other duplicates are found when the index is built.
#[derive(Debug)]
pub struct CaCertificate {
    /// The number of the subject name.
    pub subject: u32,
    /// The number of the issuer name.
    pub issuer: u32,
    /// All places that it was read from.
    pub origins: Vec<Origin>,
}

/// The place that a CA certificate was read from. The numbers count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The certificates that belong to a credential.
    Extra {
        /// The number of the credential.
        credential: usize,
        /// The position in `Credential::extra`.
        position: usize,
    },
    /// A file of the issuer pool.
    Issuer {
        /// The number of the file.
        file: usize,
        /// The position in the file.
        position: usize,
    },
}

/// The names of all certificates of a selector.
#[derive(Default)]
pub struct Filter {
    names: NameTable,
    /// For each credential, the number of its leaf's issuer name.
    issuers: Vec<u32>,
    /// For each name, the credentials whose leaf has it as issuer.
    issued: Vec<Vec<u32>>,
    /// The CA certificates in the order in which they were added.
    cas: Vec<CaCertificate>,
    /// For each name, the CA certificates that have it as subject, and those that have it as issuer.
    by_name: Vec<(Vec<u32>, Vec<u32>)>,
    /// The CA certificates of each credential that has any, sorted by credential.
    bundled: Vec<(usize, Box<[u32]>)>,
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({} credentials, {} names)", self.issuers.len(), self.names.len())
    }
}

impl Filter {
    /// Builds the filter from the leaf and the other certificates of each credential, and the
    /// certificates of each file of the issuer pool.
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
            let origin = |position| Origin::Extra { credential, position };
            let bundled = filter.add(extra, origin, &mut seen)?;
            if !bundled.is_empty() {
                filter.bundled.push((credential, bundled.into()));
            }
        }
        for (file, certificates) in issuers.enumerate() {
            filter.add(certificates, |position| Origin::Issuer { file, position }, &mut seen)?;
        }
        filter.issued.resize_with(filter.names.len(), Vec::new);
        filter.by_name.resize_with(filter.names.len(), Default::default);
        for (number, ca) in (0..).zip(&filter.cas) {
            let index = |name: u32| usize::try_from(name).unwrap_or(usize::MAX);
            let of_subject = filter.by_name.get_mut(index(ca.subject));
            of_subject.into_iter().for_each(|(subjects, _)| subjects.push(number));
            let of_issuer = filter.by_name.get_mut(index(ca.issuer));
            of_issuer.into_iter().for_each(|(_, issuers)| issuers.push(number));
        }
        for (credential, issuer) in filter.issuers.iter().enumerate() {
            let issued = usize::try_from(*issuer).ok().and_then(|i| filter.issued.get_mut(i));
            issued.into_iter().for_each(|issued| issued.extend(u32::try_from(credential)));
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
        for (position, certificate) in certificates.iter().enumerate() {
            // The map does not hash its keys. A multiplication by an odd number is a bijection that
            // spreads the addresses.
            let address = Arc::as_ptr(certificate) as u64;
            let address = address.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if let Some(known) = seen.get(&address) {
                let ca = usize::try_from(*known).ok().and_then(|i| self.cas.get_mut(i));
                ca.into_iter().for_each(|ca| ca.origins.push(origin(position)));
                numbers.push(*known);
                continue;
            }
            let Ok(number) = u32::try_from(self.cas.len()) else { break };
            let subject = self.names.intern(certificate.subject())?;
            let issuer = self.names.intern(certificate.issuer())?;
            self.cas.push(CaCertificate { subject, issuer, origins: vec![origin(position)] });
            seen.insert(address, number);
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// Returns the number of credentials.
    pub fn count(&self) -> usize {
        self.issuers.len()
    }

    /// Returns the names of all issuers and of all CA certificates.
    pub fn names(&self) -> &NameTable {
        &self.names
    }

    /// Returns the number of CA certificates.
    pub fn ca_count(&self) -> usize {
        self.cas.len()
    }

    /// Returns the CA certificate with this number.
    pub fn ca(&self, number: u32) -> Option<&CaCertificate> {
        self.cas.get(usize::try_from(number).ok()?)
    }

    /// Returns the numbers of the CA certificates in a credential's own file.
    pub fn bundled(&self, credential: usize) -> &[u32] {
        let found = self.bundled.binary_search_by_key(&credential, |(credential, _)| *credential);
        found.ok().and_then(|i| self.bundled.get(i)).map_or(&[], |(_, bundled)| bundled)
    }

    /// Returns the number of the issuer name of a credential's leaf.
    pub fn issuer(&self, credential: usize) -> Option<u32> {
        self.issuers.get(credential).copied()
    }

    /// Returns the CA certificates that have a name as subject, and those that have it as issuer.
    fn of_name(&self, name: u32) -> (&[u32], &[u32]) {
        let of_name = usize::try_from(name).ok().and_then(|i| self.by_name.get(i));
        of_name.map_or((&[], &[]), |(subjects, issuers)| (subjects, issuers))
    }

    /// Returns the credentials that may have a chain to one of the CAs that the server named, given by
    /// the numbers of their names. If the server named none, `policy` decides.
    pub fn survivors(&self, named: Option<&[u32]>, policy: EmptyCaList) -> Survivors {
        let Some(named) = named else {
            return match policy {
                EmptyCaList::Accept => Survivors::All(self.count()),
                EmptyCaList::Sole if self.count() == 1 => Survivors::All(1),
                EmptyCaList::Sole | EmptyCaList::SendNone => Survivors::none(),
            };
        };
        // From the named CAs down to the leaves.
        let mut survivors: Vec<u32> = Vec::new();
        let mut queue: Vec<u32> = named.to_vec();
        let mut visited = Visited::new(self.names.len());
        while let Some(name) = queue.pop() {
            if visited.insert(name) {
                let issued = usize::try_from(name).ok().and_then(|i| self.issued.get(i));
                survivors.extend(issued.into_iter().flatten());
                let below = self.of_name(name).1.iter();
                queue.extend(below.filter_map(|number| self.ca(*number)).map(|ca| ca.subject));
            }
        }
        if survivors.len() == self.count() {
            return Survivors::All(self.count());
        }
        survivors.sort_unstable();
        Survivors::Some(survivors.into())
    }

    /// Returns the numbers of the CA certificates that may be above these credentials, sorted.
    pub fn above(&self, survivors: &Survivors) -> Vec<u32> {
        let mut above: Vec<u32> = Vec::new();
        let mut queue: Vec<u32> = survivors.iter().filter_map(|c| self.issuer(c)).collect();
        let mut visited = Visited::new(self.names.len());
        while let Some(name) = queue.pop() {
            if visited.insert(name) {
                let cas = self.of_name(name).0;
                above.extend(cas);
                queue.extend(cas.iter().filter_map(|number| self.ca(*number)).map(|ca| ca.issuer));
            }
        }
        above.sort_unstable();
        above
    }

    /// Returns the approximate size in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let bundled = self.bundled.iter().map(|(_, numbers)| 48 + size_of_val(&**numbers));
        self.names.bytes()
            + self.issuers.len() * 8
            + self.issued.len() * 3 * size_of::<Vec<u32>>()
            + self.cas.iter().map(|ca| 192 + size_of_val(&*ca.origins)).sum::<usize>()
            + bundled.sum::<usize>()
    }
}

/// The names that a traversal has visited.
struct Visited(Vec<bool>);

impl Visited {
    fn new(count: usize) -> Visited {
        Visited(vec![false; count])
    }

    /// Marks a name as visited. Returns whether it was not visited before.
    fn insert(&mut self, name: u32) -> bool {
        let visited = usize::try_from(name).ok().and_then(|i| self.0.get_mut(i));
        visited.is_some_and(|visited| !std::mem::replace(visited, true))
    }
}

#[cfg(test)]
mod tests;
