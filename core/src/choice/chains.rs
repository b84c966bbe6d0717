// SPDX-License-Identifier: MIT OR Apache-2.0
//! The chains above a leaf: which certificates issued which, and the search for the chain that suits
//! a request.
//!
//! Where CAs are cross-signed or were renewed, a leaf has many chains. They are not listed in
//! advance. Each request has its own search, which goes upwards from the leaf, nearest certificates
//! first, and keeps the first chain for each set of reasons against it. So a chain to a CA that the
//! server names is found however many others there are.

use super::{Candidate, Reasons};
use crate::hash::{Map, Set};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// The maximum number of certificates above a leaf: OpenSSL's default for verification
/// (SSL_CTX_set_verify_depth(3)).
pub const MAX_DEPTH: usize = 100;

/// How many steps the searches for one request may take together, for so many candidates. An ordinary
/// chain takes a few for each of its certificates.
pub(super) fn max_steps(candidates: usize) -> usize {
    100_000 + 1_000 * candidates
}

/// A certificate that may stand above a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The number of its issuer's name.
    pub issuer: u32,
    /// From when on it is valid; seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid; seconds since 1970, inclusive.
    pub not_after: i64,
    /// The links that issued it.
    pub above: Arc<[u32]>,
    /// There may be more that issued it: the index stopped looking at one of its limits.
    pub is_cut: bool,
}

/// What is directly above a leaf. Leaves of the same CA share one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Start {
    /// The links that issued the leaf.
    pub above: Arc<[u32]>,
    /// The links in the leaf's own file, sorted: they are preferred.
    pub own: Box<[u32]>,
    /// There may be more that issued it: the index stopped looking at one of its limits.
    pub is_cut: bool,
}

/// The number of no start: nothing is known to stand above the leaf.
pub const NO_START: u32 = u32::MAX;

/// All links and starts, by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The certificates above the leaves.
    links: Vec<Link>,
    /// Where the chains of the leaves begin.
    starts: Vec<Start>,
    /// Until when the chain from each link on that lasts longest is valid.
    ends: Vec<i64>,
}

/// A chain that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The links above the leaf, in order.
    pub links: Vec<u32>,
    /// What speaks against them.
    pub(super) reasons: Reasons,
    pub(super) preference: Preference,
}

/// Of chains with the same reasons against them the least is taken, and of equal ones the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Preference {
    /// Not all of it is in the leaf's own file.
    pub is_filled: bool,
    /// It comes to a named CA, but not by the shortest way.
    is_detour: bool,
}

/// What a search found.
#[derive(Clone, Debug)]
pub(super) struct SearchResult {
    /// At least one; each has other reasons against it. Those found first are preferred.
    pub chains: Vec<Chain>,
    /// There may be other chains.
    pub is_cut: bool,
}

/// A chain under construction: its last link, and where the others are.
struct State {
    link: u32,
    below: Option<usize>,
    depth: usize,
    reasons: Reasons,
}

impl Graph {
    /// Of these.
    pub fn new(links: Vec<Link>, starts: Vec<Start>) -> Graph {
        let ends = ends(&links);
        Graph { links, starts, ends }
    }

    /// All links.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// How many starts there are.
    pub fn starts(&self) -> usize {
        self.starts.len()
    }

    /// How much memory it takes, about.
    pub fn bytes(&self) -> usize {
        let shared = |above: &Arc<[u32]>| size_of_val(&**above) / Arc::strong_count(above);
        let link = |link: &Link| size_of::<Link>() + 8 + shared(&link.above);
        let start = |s: &Start| size_of::<Start>() + shared(&s.above) + size_of_val(&*s.own);
        self.links.iter().map(link).sum::<usize>() + self.starts.iter().map(start).sum::<usize>()
    }

    /// Until when a candidate and the chain that lasts longest are valid.
    pub fn lasts_until(&self, candidate: &Candidate) -> i64 {
        let end = |link: &u32| self.ends.get(usize::try_from(*link).ok()?).copied();
        let above = self.start(candidate.start).map_or(&[][..], |start| &start.above);
        let above = above.iter().filter_map(end).max();
        candidate.not_after.min(above.unwrap_or(i64::MAX))
    }

    /// The link with this number.
    pub fn link(&self, number: u32) -> Option<&Link> {
        self.links.get(usize::try_from(number).ok()?)
    }

    /// The start with this number.
    pub fn start(&self, number: u32) -> Option<&Start> {
        self.starts.get(usize::try_from(number).ok()?)
    }

    /// All links above a start.
    pub fn reachable(&self, start: &Start) -> Vec<u32> {
        let mut found = start.above.to_vec();
        let mut seen: Set<u32> = found.iter().copied().collect();
        let mut lists: Set<usize> = Set::default();
        let mut next = 0;
        while let Some(link) = found.get(next).and_then(|number| self.link(*number)) {
            if lists.insert(address(&link.above)) {
                found.extend(link.above.iter().filter(|number| seen.insert(**number)));
            }
            next += 1;
        }
        found
    }

    /// Searches upwards. `against` has the reasons against each link by itself; of a chain
    /// [`Reasons::ISSUER`] counts where it counts against all of its links. What the search takes of
    /// `steps` is gone.
    pub(super) fn search(
        &self,
        start: &Start,
        against: &[Reasons],
        steps: &mut usize,
    ) -> SearchResult {
        let own = &start.own;
        let mut search = Search { graph: self, own, against, steps, is_cut: start.is_cut };
        let mut chains = search.run(&start.above);
        if chains.is_empty() {
            chains.push(Chain { reasons: Reasons::ISSUER, ..Chain::default() });
        }
        SearchResult { chains, is_cut: search.is_cut }
    }
}

struct Search<'a> {
    graph: &'a Graph,
    own: &'a [u32],
    against: &'a [Reasons],
    steps: &'a mut usize,
    is_cut: bool,
}

impl<'a> Search<'a> {
    fn run(&mut self, above: &'a [u32]) -> Vec<Chain> {
        let mut chains: Vec<Chain> = Vec::new();
        let mut states: Vec<State> = Vec::new();
        // Two ways to one link with the same reasons against them are the same to the server.
        let mut seen: Set<(u32, Reasons)> = Set::default();
        let mut seen_lists: Set<(usize, Reasons)> = Set::default();
        for link in self.above(above).into_iter().flatten() {
            let reasons = self.against(link);
            if seen.insert((link, reasons)) {
                states.push(State { link, below: None, depth: 1, reasons });
            }
        }
        let mut next = 0;
        while let Some(&State { link, depth, reasons, .. }) = states.get(next) {
            let Some(chain) = self.complete(&states, next) else { break };
            let is_perfect = chain.reasons.is_empty() && chain.preference == Preference::default();
            match chains.iter_mut().find(|known| known.reasons == chain.reasons) {
                Some(known) if known.preference > chain.preference => *known = chain,
                Some(_) => {}
                None => chains.push(chain),
            }
            let Some(at) = self.graph.link(link).filter(|_| !is_perfect) else { break };
            if depth < MAX_DEPTH && seen_lists.insert((address(&at.above), reasons)) {
                let Some(above) = self.above(&at.above) else { break };
                for link in above {
                    let reasons = join(reasons, self.against(link));
                    if below(&states, next).all(|state| state.link != link)
                        && seen.insert((link, reasons))
                    {
                        states.push(State { link, below: Some(next), depth: depth + 1, reasons });
                    }
                }
            }
            next += 1;
        }
        chains
    }

    /// The chain up to a state, continued as far as it goes. `None` where no more steps are left.
    fn complete(&mut self, states: &[State], at: usize) -> Option<Chain> {
        let mut links: Vec<u32> = below(states, at).map(|state| state.link).collect();
        links.reverse();
        let mut reasons = states.get(at)?.reasons;
        while let Some(last) = links.last().and_then(|number| self.graph.link(*number)) {
            self.is_cut |= last.is_cut;
            // CAs that certify each other must not bring a certificate twice.
            let fresh = self.above(&last.above)?.find(|link| !links.contains(link));
            let Some(link) = fresh else { break };
            if links.len() >= MAX_DEPTH {
                self.is_cut = true;
                break;
            }
            reasons = join(reasons, self.against(link));
            links.push(link);
        }
        let is_own = |link: &u32| self.own.binary_search(link).is_ok();
        let preference = Preference {
            is_filled: !self.own.is_empty() && !links.iter().all(is_own),
            is_detour: states.get(at)?.reasons.contains(Reasons::ISSUER),
        };
        Some(Chain { links, reasons, preference })
    }

    /// The links directly above, those of the leaf's own file first. Looking at them takes a step
    /// each, and one more; `None` where not as many are left.
    fn above(&mut self, links: &'a [u32]) -> Option<impl Iterator<Item = u32> + use<'a>> {
        let left = self.steps.checked_sub(links.len() + 1);
        self.is_cut |= left.is_none();
        *self.steps = left.unwrap_or(0);
        let own = self.own;
        let is_own = |link: &u32| own.binary_search(link).is_ok();
        let first = links.iter().copied().filter(move |link| is_own(link));
        let others = links.iter().copied().filter(move |link| !is_own(link));
        left.map(|_| first.chain(others))
    }

    /// What speaks against a link by itself.
    fn against(&self, link: u32) -> Reasons {
        let known = usize::try_from(link).ok().and_then(|at| self.against.get(at));
        known.copied().unwrap_or(Reasons::SECURITY_LEVEL)
    }
}

/// Until when the chain from each link on that lasts longest is valid: that of the links above it
/// which lasts longest, and no longer than the link itself.
fn ends(links: &[Link]) -> Vec<i64> {
    // Many links have their list of issuers in common.
    let mut numbers: Map<usize, usize> = Map::default();
    let mut below: Vec<Vec<usize>> = Vec::new();
    let mut lists: Vec<Vec<usize>> = vec![Vec::new(); links.len()];
    for (at, link) in links.iter().enumerate() {
        let number = *numbers.entry(address(&link.above)).or_insert(below.len());
        if number == below.len() {
            below.push(Vec::new());
            for above in link.above.iter() {
                let place = usize::try_from(*above).ok().and_then(|above| lists.get_mut(above));
                place.into_iter().for_each(|lists| lists.push(number));
            }
        }
        below.get_mut(number).into_iter().for_each(|below| below.push(at));
    }
    let mut ends: Vec<Option<i64>> = vec![None; links.len()];
    // From the tops downwards; then from any link of those rings of CAs that have no top.
    for from_tops in [true, false] {
        let is_first = |(at, link): &(usize, &Link)| {
            ends.get(*at) == Some(&None) && (!from_tops || link.above.is_empty())
        };
        let first = links.iter().enumerate().filter(is_first);
        let mut queue: BinaryHeap<(i64, usize)> = first.map(|(at, x)| (x.not_after, at)).collect();
        // Greatest first, so that the first value is the final one: of a link, and of a list.
        while let Some((end, at)) = queue.pop() {
            let Some(place) = ends.get_mut(at).filter(|end| end.is_none()) else { continue };
            *place = Some(end);
            for list in lists.get(at).into_iter().flatten() {
                for below in below.get_mut(*list).map(std::mem::take).into_iter().flatten() {
                    if let Some(link) = links.get(below) {
                        queue.push((end.min(link.not_after), below));
                    }
                }
            }
        }
    }
    ends.into_iter().map(|end| end.unwrap_or(i64::MIN)).collect()
}

/// By which a list that several links have in common is known.
fn address(links: &Arc<[u32]>) -> usize {
    links.as_ptr() as usize
}

/// A state and those below it.
fn below(states: &[State], at: usize) -> impl Iterator<Item = &State> {
    std::iter::successors(states.get(at), |state| states.get(state.below?))
}

/// The reasons against a chain of which these count against two parts.
fn join(a: Reasons, b: Reasons) -> Reasons {
    let issuer = a.0 & b.0 & Reasons::ISSUER.0;
    Reasons((a.0 | b.0) & !Reasons::ISSUER.0 | issuer)
}
