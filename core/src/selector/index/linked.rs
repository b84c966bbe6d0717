// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates of the pool that chains lead to, as the links of a graph.

use crate::choice::Link;
use crate::hash::Map;
use crate::x509::facts::Epoch;
use openssl::x509::X509;
use std::sync::Arc;

/// The members that issued a certificate; several where CAs are cross-signed.
#[derive(Clone, Debug, Default)]
pub struct IssuerSet {
    pub members: Arc<[u32]>,
    /// A limit was reached, so there may be others.
    pub is_cut: bool,
}

/// IssuerSet of several certificates: as members, and as links.
type Shared = (Arc<[u32]>, Arc<[u32]>);

/// What is left of the pool.
#[derive(Default)]
pub struct Linked {
    /// The certificate of each link, and its number among the members.
    pub certificates: Vec<(X509, u32)>,
    pub links: Vec<Link>,
    /// The number of each member as a link; `None` where no chain leads to it.
    numbers: Vec<Option<u32>>,
    /// By the address of the members.
    known: Map<usize, Shared>,
}

/// By which a list of members that several certificates share is known.
pub fn address(members: &Arc<[u32]>) -> usize {
    members.as_ptr() as usize
}

impl Linked {
    /// Of the certificates of a pool, each with the number of its issuer's name, and with its issuers if a
    /// chain leads to it.
    pub fn of(members: Vec<(X509, u32, Option<IssuerSet>)>, clock: &Epoch) -> Linked {
        let mut next = 0;
        let number = |(_, _, issuers): &(X509, u32, Option<IssuerSet>)| {
            issuers.as_ref()?;
            next += 1;
            Some(next - 1)
        };
        let numbers: Vec<Option<u32>> = members.iter().map(number).collect();
        let mut linked = Linked { numbers, ..Linked::default() };
        for (id, (certificate, issuer, issuers)) in (0..).zip(members) {
            let Some(issuers) = issuers else { continue };
            let (not_before, not_after) = clock.validity(&certificate);
            let above = linked.above(&issuers);
            let is_cut = issuers.is_cut;
            linked.links.push(Link { issuer, not_before, not_after, above, is_cut });
            linked.certificates.push((certificate, id));
        }
        linked
    }

    /// How many members there were.
    pub fn members(&self) -> usize {
        self.numbers.len()
    }

    /// The links that these members are now.
    pub fn numbers_of(&self, members: &[u32]) -> Box<[u32]> {
        let number = |id: &u32| *self.numbers.get(usize::try_from(*id).ok()?)?;
        members.iter().filter_map(number).collect()
    }

    /// The links that these issuers are now.
    pub fn above(&mut self, issuers: &IssuerSet) -> Arc<[u32]> {
        let members = &issuers.members;
        if let Some((_, known)) = self.known.get(&address(members)) {
            return Arc::clone(known);
        }
        let above: Arc<[u32]> = self.numbers_of(members).into();
        // The members are kept, so that no others have their address.
        self.known.insert(address(members), (Arc::clone(members), Arc::clone(&above)));
        above
    }
}
