// SPDX-License-Identifier: MIT OR Apache-2.0
//! A set of credentials as a selector has it.

use certpick_core::Error;
use certpick_core::choice::{self, Candidate, Class, Criteria, Graph, KeyType, Policy};
use certpick_core::selector::{Filter, Index};
use openssl::x509::X509;
use std::collections::BTreeSet;

/// A set of credentials as in a selector, with the chains that their certificates and the issuer pool
/// form.
pub struct CredentialSet {
    filter: Filter,
    index: Index,
}

impl CredentialSet {
    /// Builds the set. Each credential is a leaf and the other certificates of its file, in any order.
    pub fn new(credentials: &[(&X509, &[X509])], issuers: &[X509]) -> Result<CredentialSet, Error> {
        let (filter, index) = Index::of_all(credentials, &issuers.iter().collect::<Vec<_>>())?;
        Ok(CredentialSet { filter, index })
    }

    /// Returns the credentials in the representation of [`choice`].
    pub fn candidates(&self) -> &[Candidate] {
        self.index.candidates()
    }

    /// Returns the key types of the leaves, indexed by [`Candidate::class`].
    pub fn keys(&self) -> impl Iterator<Item = KeyType> {
        self.index.classes().iter().map(|class| class.key)
    }

    /// Returns the number of different names. Issuers are numbers below it.
    pub fn issuers(&self) -> usize {
        self.filter.names().len()
    }

    /// Returns the intermediates that are sent with credential `at` to a server that names no CA, in
    /// order. Prefers a chain that is valid at the time `now`.
    pub fn chain(&self, at: usize, now: i64) -> impl Iterator<Item = &X509> {
        let classes: Vec<Class> = self.keys().map(|key| Class { key, is_refused: false }).collect();
        let criteria = Criteria {
            count: self.candidates().len(),
            tls13: false,
            named: None,
            schemes: None,
            types: None,
            classes: &classes,
            exempt: &[],
            graph: self.graph(),
            refused: &self.accepted(),
            user: None,
            now,
        };
        let verdicts = choice::judge(self.candidates(), &criteria, &Policy::default());
        let links = verdicts.chain(at).map_or(&[][..], |chain| &chain.links);
        let certificates: Vec<&X509> = self.index.certificates(links).collect();
        certificates.into_iter()
    }

    /// Returns the intermediates of all chains of credential `at`, without duplicates.
    pub fn reachable(&self, at: usize) -> impl Iterator<Item = &X509> {
        let certificates: Vec<&X509> = self.index.certificates(&self.above(at)).collect();
        certificates.into_iter()
    }

    /// Returns the numbers of the CA names that match credential `at`: the issuers of its leaf and of
    /// all its intermediates.
    pub fn names(&self, at: usize) -> BTreeSet<u32> {
        let above = self.above(at);
        let links = above.iter().filter_map(|link| self.graph().link(*link)).map(|x| x.issuer);
        links.chain(self.candidates().get(at).map(|leaf| leaf.issuer)).collect()
    }

    /// Returns the graph of issuers, for [`Criteria::graph`].
    pub fn graph(&self) -> &Graph {
        self.index.graph()
    }

    /// Returns that the security level accepts every certificate, for [`Criteria::refused`].
    pub fn accepted(&self) -> Vec<bool> {
        vec![false; self.graph().links().len()]
    }

    fn above(&self, at: usize) -> Vec<u32> {
        let start = self.candidates().get(at).and_then(|leaf| self.graph().start(leaf.start));
        start.map_or_else(Vec::new, |start| self.graph().reachable(start))
    }
}
