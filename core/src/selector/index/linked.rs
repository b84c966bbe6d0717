// SPDX-License-Identifier: MIT OR Apache-2.0
//! The intermediates that chains lead to, as the links of a graph.

use crate::choice::{Link, address};
use crate::hash::Map;
use crate::x509::facts::Epoch;
use openssl::x509::X509;
use std::sync::Arc;

/// The intermediates that issued a certificate: several if CAs are cross-signed.
#[derive(Clone, Debug, Default)]
pub struct IssuerSet {
    /// Their numbers in the pool.
    pub intermediates: Arc<[u32]>,
    /// There may be others: a limit ended the search.
    pub is_truncated: bool,
}

/// A list of intermediates, and the same certificates as links.
type Converted = (Arc<[u32]>, Arc<[u32]>);

/// The pool after the search for issuers, without the intermediates that no chain leads to.
#[derive(Default)]
pub struct LinkedPool {
    /// For each link, its certificate and its number in the pool.
    pub certificates: Vec<(X509, u32)>,
    pub links: Vec<Link>,
    /// For each intermediate, the number of its link; `None` if no chain leads to it.
    link_numbers: Vec<Option<u32>>,
    /// The lists that were converted, by the address of the list of intermediates. The reference to it
    /// ensures that no other list gets this address.
    converted: Map<usize, Converted>,
}

impl LinkedPool {
    /// Converts the intermediates of a pool, each given with the number of its issuer name and, if a
    /// chain leads to it, with its issuers.
    pub fn new(intermediates: Vec<(X509, u32, Option<IssuerSet>)>, epoch: &Epoch) -> LinkedPool {
        let mut next = 0;
        let number = |(_, _, issuers): &(X509, u32, Option<IssuerSet>)| {
            issuers.as_ref()?;
            next += 1;
            Some(next - 1)
        };
        let link_numbers: Vec<Option<u32>> = intermediates.iter().map(number).collect();
        let mut linked = LinkedPool { link_numbers, ..LinkedPool::default() };
        for (number, (certificate, issuer, issuers)) in (0..).zip(intermediates) {
            let Some(set) = issuers else { continue };
            let (not_before, not_after) = epoch.validity(&certificate);
            let issuers = linked.issuers(&set);
            let is_truncated = set.is_truncated;
            linked.links.push(Link { issuer, not_before, not_after, issuers, is_truncated });
            linked.certificates.push((certificate, number));
        }
        linked
    }

    /// Returns the number of intermediates in the pool.
    pub fn intermediate_count(&self) -> usize {
        self.link_numbers.len()
    }

    /// Converts a list of intermediates into a list of links.
    pub fn links_of(&self, intermediates: &[u32]) -> Box<[u32]> {
        let link = |number: &u32| *self.link_numbers.get(usize::try_from(*number).ok()?)?;
        intermediates.iter().filter_map(link).collect()
    }

    /// Converts a set of issuers into a list of links. Certificates that share the set share the list.
    pub fn issuers(&mut self, set: &IssuerSet) -> Arc<[u32]> {
        let intermediates = &set.intermediates;
        if let Some((_, links)) = self.converted.get(&address(intermediates)) {
            return Arc::clone(links);
        }
        let links: Arc<[u32]> = self.links_of(intermediates).into();
        let pair = (Arc::clone(intermediates), Arc::clone(&links));
        self.converted.insert(address(intermediates), pair);
        links
    }
}
