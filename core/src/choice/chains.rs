// SPDX-License-Identifier: MIT OR Apache-2.0
//! The graph of the certificates above the leaves, and the search for the chain that suits a request.
//!
//! A leaf has many chains if CAs are cross-signed or were renewed; listing them in advance could take
//! exponential time. Instead each request has its own search from the leaf upwards, breadth first, that
//! keeps the first chain for each set of reasons against it. A chain to a CA that the server named is
//! therefore found regardless of the number of other chains.

use super::{Candidate, Reasons};
use crate::hash::{Map, Set};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// The maximum number of certificates above a leaf: OpenSSL's default for verification
/// (SSL_CTX_set_verify_depth(3)).
pub const MAX_DEPTH: usize = 100;

/// Returns the number of steps that all searches for one request may take together. An ordinary chain
/// takes a few steps for each of its certificates.
pub(super) fn max_steps(candidates: usize) -> usize {
    100_000 + 1_000 * candidates
}

/// A certificate above a leaf. Links are identified by their numbers in the [`Graph`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The number of the issuer name.
    pub issuer: u32,
    /// notBefore, in seconds since 1970.
    pub not_before: i64,
    /// notAfter, in seconds since 1970; the certificate is still valid at that time.
    pub not_after: i64,
    /// The links that issued it.
    pub issuers: Arc<[u32]>,
    /// Other links may have issued it: a limit ended the search for its issuers.
    pub is_truncated: bool,
}

/// The beginning of a leaf's chains. Leaves of the same CA share one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Start {
    /// The links that issued the leaf.
    pub issuers: Arc<[u32]>,
    /// The links in the leaf's own file, sorted. They are preferred.
    pub bundled: Box<[u32]>,
    /// Other links may have issued the leaf: a limit ended the search for its issuers.
    pub is_truncated: bool,
}

/// The number in [`Candidate::start`] of a leaf whose issuers are unknown.
pub const NO_START: u32 = u32::MAX;

/// All links and starts, by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    links: Vec<Link>,
    starts: Vec<Start>,
    /// For each link, the latest time at which it and a chain above it are valid.
    chain_ends: Vec<i64>,
}

/// A chain that a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The links above the leaf, in the order in which they are sent.
    pub links: Vec<u32>,
    /// The reasons against the links.
    pub(super) reasons: Reasons,
    pub(super) preference: Preference,
}

/// The rank of a chain among those with the same reasons against them: the least comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Preference {
    /// The leaf's own file has intermediates, and the chain needs others.
    pub uses_other_files: bool,
    /// The chain leads to a named CA, but not by the shortest path.
    is_detour: bool,
}

/// The result of a search.
#[derive(Clone, Debug)]
pub(super) struct SearchResult {
    /// At least one chain. The reasons against any two differ.
    pub chains: Vec<Chain>,
    /// There may be other chains: the search reached a limit.
    pub is_truncated: bool,
}

/// A chain under construction, as its last link and the position of the rest in the list of paths.
struct Path {
    link: u32,
    previous: Option<usize>,
    depth: usize,
    reasons: Reasons,
}

impl Graph {
    /// Returns the graph of these links and starts.
    pub fn new(links: Vec<Link>, starts: Vec<Start>) -> Graph {
        let chain_ends = chain_ends(&links);
        Graph { links, starts, chain_ends }
    }

    /// Returns all links.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Returns the number of starts.
    pub fn start_count(&self) -> usize {
        self.starts.len()
    }

    /// Returns the approximate size in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let shared = |list: &Arc<[u32]>| size_of_val(&**list) / Arc::strong_count(list);
        let link = |link: &Link| size_of::<Link>() + 8 + shared(&link.issuers);
        let start = |s: &Start| size_of::<Start>() + shared(&s.issuers) + size_of_val(&*s.bundled);
        self.links.iter().map(link).sum::<usize>() + self.starts.iter().map(start).sum::<usize>()
    }

    /// Returns the latest time at which a candidate and one of its chains are valid.
    pub fn chain_not_after(&self, candidate: &Candidate) -> i64 {
        let end = |link: &u32| self.chain_ends.get(usize::try_from(*link).ok()?).copied();
        let issuers = self.start(candidate.start).map_or(&[][..], |start| &start.issuers);
        candidate.not_after.min(issuers.iter().filter_map(end).max().unwrap_or(i64::MAX))
    }

    /// Returns the link with this number.
    pub fn link(&self, number: u32) -> Option<&Link> {
        self.links.get(usize::try_from(number).ok()?)
    }

    /// Returns the start with this number.
    pub fn start(&self, number: u32) -> Option<&Start> {
        self.starts.get(usize::try_from(number).ok()?)
    }

    /// Returns the links of all chains that begin with a start.
    pub fn reachable(&self, start: &Start) -> Vec<u32> {
        let mut found = start.issuers.to_vec();
        let mut seen: Set<u32> = found.iter().copied().collect();
        let mut seen_lists: Set<usize> = Set::default();
        let mut next = 0;
        while let Some(link) = found.get(next).and_then(|number| self.link(*number)) {
            if seen_lists.insert(address(&link.issuers)) {
                found.extend(link.issuers.iter().filter(|number| seen.insert(**number)));
            }
            next += 1;
        }
        found
    }

    /// Searches for chains. `against` has the reasons against each link; [`Reasons::ISSUER`] counts
    /// against a chain only if it counts against all of its links. Subtracts the steps that were taken
    /// from `steps`.
    pub(super) fn search(
        &self,
        start: &Start,
        against: &[Reasons],
        steps: &mut usize,
    ) -> SearchResult {
        let (bundled, is_truncated) = (&start.bundled, start.is_truncated);
        let mut search = Search { graph: self, bundled, against, steps, is_truncated };
        let mut chains = search.run(&start.issuers);
        if chains.is_empty() {
            chains.push(Chain { reasons: Reasons::ISSUER, ..Chain::default() });
        }
        SearchResult { chains, is_truncated: search.is_truncated }
    }
}

struct Search<'a> {
    graph: &'a Graph,
    bundled: &'a [u32],
    against: &'a [Reasons],
    steps: &'a mut usize,
    is_truncated: bool,
}

impl<'a> Search<'a> {
    fn run(&mut self, issuers: &'a [u32]) -> Vec<Chain> {
        let mut chains: Vec<Chain> = Vec::new();
        let mut paths: Vec<Path> = Vec::new();
        // Of several paths to a link with the same reasons against them, the first is enough.
        let mut seen: Set<(u32, Reasons)> = Set::default();
        let mut seen_lists: Set<(usize, Reasons)> = Set::default();
        for link in self.in_order(issuers).into_iter().flatten() {
            let reasons = self.against(link);
            if seen.insert((link, reasons)) {
                paths.push(Path { link, previous: None, depth: 1, reasons });
            }
        }
        let mut next = 0;
        while let Some(&Path { link, depth, reasons, .. }) = paths.get(next) {
            let Some(chain) = self.complete(&paths, next) else { break };
            let is_perfect = chain.reasons.is_empty() && chain.preference == Preference::default();
            match chains.iter_mut().find(|known| known.reasons == chain.reasons) {
                Some(known) if known.preference > chain.preference => *known = chain,
                Some(_) => {}
                None => chains.push(chain),
            }
            let Some(last) = self.graph.link(link).filter(|_| !is_perfect) else { break };
            if depth < MAX_DEPTH && seen_lists.insert((address(&last.issuers), reasons)) {
                let Some(issuers) = self.in_order(&last.issuers) else { break };
                for link in issuers {
                    let reasons = join(reasons, self.against(link));
                    if path_to(&paths, next).all(|path| path.link != link)
                        && seen.insert((link, reasons))
                    {
                        let previous = Some(next);
                        paths.push(Path { link, previous, depth: depth + 1, reasons });
                    }
                }
            }
            next += 1;
        }
        chains
    }

    /// Returns the chain that begins with a path and continues with the first issuer of each certificate.
    /// Returns `None` if no steps are left.
    fn complete(&mut self, paths: &[Path], number: usize) -> Option<Chain> {
        let mut links: Vec<u32> = path_to(paths, number).map(|path| path.link).collect();
        links.reverse();
        let mut reasons = paths.get(number)?.reasons;
        while let Some(last) = links.last().and_then(|number| self.graph.link(*number)) {
            self.is_truncated |= last.is_truncated;
            // CAs that certify each other would repeat a certificate.
            let issuer = self.in_order(&last.issuers)?.find(|link| !links.contains(link));
            let Some(link) = issuer else { break };
            if links.len() >= MAX_DEPTH {
                self.is_truncated = true;
                break;
            }
            reasons = join(reasons, self.against(link));
            links.push(link);
        }
        let is_bundled = |link: &u32| self.bundled.binary_search(link).is_ok();
        let preference = Preference {
            uses_other_files: !self.bundled.is_empty() && !links.iter().all(is_bundled),
            is_detour: paths.get(number)?.reasons.contains(Reasons::ISSUER),
        };
        Some(Chain { links, reasons, preference })
    }

    /// Returns a list of links, those of the leaf's own file first. Takes one step for each of them and
    /// one more; returns `None` if fewer are left.
    fn in_order(&mut self, links: &'a [u32]) -> Option<impl Iterator<Item = u32> + use<'a>> {
        let left = self.steps.checked_sub(links.len() + 1);
        self.is_truncated |= left.is_none();
        *self.steps = left.unwrap_or(0);
        let bundled = self.bundled;
        let is_bundled = |link: &u32| bundled.binary_search(link).is_ok();
        let first = links.iter().copied().filter(move |link| is_bundled(link));
        let others = links.iter().copied().filter(move |link| !is_bundled(link));
        left.map(|_| first.chain(others))
    }

    /// Returns the reasons against a link alone.
    fn against(&self, link: u32) -> Reasons {
        let known = usize::try_from(link).ok().and_then(|i| self.against.get(i));
        known.copied().unwrap_or(Reasons::SECURITY_LEVEL)
    }
}

/// Returns for each link the latest time at which it and a chain above it are valid: the latest such time
/// of its issuers, but at most the link's own notAfter.
fn chain_ends(links: &[Link]) -> Vec<i64> {
    // Many links share a list of issuers, which is processed once: `issued` has the links that each list
    // issued, and `lists` the lists that each link is in.
    let mut list_numbers: Map<usize, usize> = Map::default();
    let mut issued: Vec<Vec<usize>> = Vec::new();
    let mut lists: Vec<Vec<usize>> = vec![Vec::new(); links.len()];
    for (number, link) in links.iter().enumerate() {
        let list = *list_numbers.entry(address(&link.issuers)).or_insert(issued.len());
        if list == issued.len() {
            issued.push(Vec::new());
            for issuer in link.issuers.iter() {
                let of_issuer = usize::try_from(*issuer).ok().and_then(|i| lists.get_mut(i));
                of_issuer.into_iter().for_each(|lists| lists.push(list));
            }
        }
        issued.get_mut(list).into_iter().for_each(|issued| issued.push(number));
    }
    let mut ends: Vec<Option<i64>> = vec![None; links.len()];
    // First from the links without issuers downwards, then from the links that only have issuers which
    // certify each other.
    for without_issuers in [true, false] {
        let is_first = |(number, link): &(usize, &Link)| {
            ends.get(*number) == Some(&None) && (!without_issuers || link.issuers.is_empty())
        };
        let first = links.iter().enumerate().filter(is_first);
        let mut queue: BinaryHeap<(i64, usize)> = first.map(|(i, x)| (x.not_after, i)).collect();
        // The queue yields the latest time first, so the first value of a link or a list is final.
        while let Some((end, number)) = queue.pop() {
            let Some(unset) = ends.get_mut(number).filter(|end| end.is_none()) else { continue };
            *unset = Some(end);
            for list in lists.get(number).into_iter().flatten() {
                for below in issued.get_mut(*list).map(std::mem::take).into_iter().flatten() {
                    if let Some(link) = links.get(below) {
                        queue.push((end.min(link.not_after), below));
                    }
                }
            }
        }
    }
    ends.into_iter().map(|end| end.unwrap_or(i64::MIN)).collect()
}

/// Returns the address of a list, which identifies a list that several certificates share.
pub(crate) fn address(list: &Arc<[u32]>) -> usize {
    list.as_ptr() as usize
}

/// Returns a path and its predecessors, from the last link to the first.
fn path_to(paths: &[Path], number: usize) -> impl Iterator<Item = &Path> {
    std::iter::successors(paths.get(number), |path| paths.get(path.previous?))
}

/// Returns the reasons against a chain from the reasons against its two parts.
fn join(a: Reasons, b: Reasons) -> Reasons {
    let issuer = a.0 & b.0 & Reasons::ISSUER.0;
    Reasons((a.0 | b.0) & !Reasons::ISSUER.0 | issuer)
}
