// SPDX-License-Identifier: MIT OR Apache-2.0
//! The verdicts on the candidates for one request, and the best of them.

use super::algorithms::{fits_scheme, fits_type};
use super::chains::{SearchResult, max_steps};
use super::{
    Candidate, Chain, Class, Criteria, EmptyCaList, KeyType, Link, Order, Policy, Reasons,
};
use std::cmp::Reverse;

/// The verdict on each candidate, together with the chain that was judged.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    /// By the number of the candidate.
    judged: Vec<Judged>,
    /// By the number of the start; `None` for a start that no candidate has.
    searches: Vec<Option<SearchResult>>,
}

#[derive(Clone, Copy, Debug)]
struct Judged {
    reasons: Reasons,
    /// The number of the start, and of the best chain among those that begin with it.
    chain: Option<(usize, usize)>,
}

/// Collects all reasons against each candidate, with the best of its chains.
pub fn judge(candidates: &[Candidate], criteria: &Criteria<'_>, policy: &Policy) -> Verdicts {
    let mut judge = Judge::new(candidates, criteria, policy);
    let judged = candidates.iter().enumerate().map(|(at, c)| judge.judge(at, c)).collect();
    Verdicts { judged, searches: judge.searches }
}

impl Verdicts {
    /// The reasons against each candidate.
    pub fn all(&self) -> impl Iterator<Item = Reasons> {
        self.judged.iter().map(|judged| judged.reasons)
    }

    /// The reasons against a candidate; `None` if there is no such candidate.
    pub fn reasons(&self, at: usize) -> Option<Reasons> {
        self.judged.get(at).map(|judged| judged.reasons)
    }

    /// Adds a reason against a candidate.
    pub fn add(&mut self, at: usize, reason: Reasons) {
        if let Some(judged) = self.judged.get_mut(at) {
            judged.reasons.add(reason);
        }
    }

    /// Replaces the reasons against a candidate.
    pub fn set(&mut self, at: usize, reasons: Reasons) {
        if let Some(judged) = self.judged.get_mut(at) {
            judged.reasons = reasons;
        }
    }

    /// The chain with which a candidate was judged and is sent; `None` if nothing stands above it.
    pub fn chain(&self, at: usize) -> Option<&Chain> {
        let (start, chain) = self.judged.get(at)?.chain?;
        self.searches.get(start)?.as_ref()?.chains.get(chain)
    }

    /// Returns whether a candidate may have other chains, for which the search stopped at a limit.
    pub fn is_cut(&self, at: usize) -> bool {
        let search = |(start, _): (usize, usize)| self.searches.get(start)?.as_ref();
        let chain = self.judged.get(at).and_then(|judged| judged.chain);
        chain.and_then(search).is_some_and(|search| search.is_cut)
    }

    /// The number of the best candidate that is not excluded. `candidates` are those that were judged.
    pub fn best(
        &self,
        candidates: &[Candidate],
        user: Option<&[u8]>,
        policy: &Policy,
    ) -> Option<usize> {
        let rank = |candidate: &Candidate, reasons: Reasons| {
            let is_user = user.is_some() && candidate.common_name.as_deref() == user;
            let lasts_until = match policy.order {
                Order::Given => 0,
                Order::LongestValid => candidate.lasts_until,
            };
            (reasons.is_flawed(), !is_user, Reverse(lasts_until))
        };
        let mut best = None;
        for (at, (candidate, reasons)) in candidates.iter().zip(self.all()).enumerate() {
            if reasons.exclude(policy) {
                continue;
            }
            let rank = rank(candidate, reasons);
            // Of candidates with the same rank, the first.
            if best.is_none_or(|(_, best)| rank < best) {
                best = Some((at, rank));
            }
        }
        best.map(|(at, _)| at)
    }
}

/// Values that are the same for all candidates of one request.
struct Judge<'a> {
    criteria: &'a Criteria<'a>,
    policy: &'a Policy,
    by_class: Vec<Reasons>,
    /// The reason against all candidates if the server names no CA.
    unnamed: Reasons,
    by_link: Vec<Reasons>,
    searches: Vec<Option<SearchResult>>,
    /// The number of steps that the searches may still take.
    steps: usize,
}

impl<'a> Judge<'a> {
    fn new(candidates: &[Candidate], criteria: &'a Criteria<'a>, policy: &'a Policy) -> Judge<'a> {
        let unnamed = match (criteria.named, policy.empty_ca_list) {
            (Some(_), _) | (None, EmptyCaList::Accept) => Reasons::default(),
            (None, EmptyCaList::Sole) if criteria.count == 1 => Reasons::default(),
            (None, EmptyCaList::Sole | EmptyCaList::SendNone) => Reasons::POLICY,
        };
        Judge {
            criteria,
            policy,
            by_class: criteria.classes.iter().map(|class| against_class(class, criteria)).collect(),
            unnamed,
            by_link: against_links(criteria),
            searches: (0..criteria.graph.starts()).map(|_| None).collect(),
            steps: max_steps(candidates.len()),
        }
    }

    /// Judges a candidate with the best of its chains.
    fn judge(&mut self, at: usize, candidate: &Candidate) -> Judged {
        let leaf = self.against_leaf(at, candidate);
        let is_named = is_named(self.criteria, candidate.issuer);
        let join = |above: Reasons| {
            let issuer = if is_named { Reasons::ISSUER.0 } else { 0 };
            Reasons(leaf.0 | above.0 & !issuer)
        };
        let policy = self.policy;
        let rank = |chain: &Chain| {
            let reasons = join(chain.reasons);
            // If all chains are excluded, the one to a named CA is the one to explain.
            let unnamed = reasons.contains(Reasons::ISSUER);
            let excluded = reasons.exclude(policy);
            let flaws = (reasons.is_flawed(), reasons.0.count_ones());
            (excluded, unnamed, flaws, chain.preference.is_filled)
        };
        let best = self.search(candidate.start).and_then(|(start, found)| {
            let chains = found.chains.iter().enumerate();
            let (number, chain) = chains.min_by_key(|(_, chain)| rank(chain))?;
            Some(((start, number), chain.reasons))
        });
        Judged {
            reasons: join(best.map_or(Reasons::ISSUER, |(_, above)| above)),
            chain: best.map(|(chain, _)| chain),
        }
    }

    /// The chains that begin with a start, searched for once.
    fn search(&mut self, start: u32) -> Option<(usize, &SearchResult)> {
        let graph = self.criteria.graph;
        let number = usize::try_from(start).ok()?;
        let place = self.searches.get_mut(number)?;
        let start = graph.start(start)?;
        let steps = &mut self.steps;
        Some((number, place.get_or_insert_with(|| graph.search(start, &self.by_link, steps))))
    }

    fn against_leaf(&self, at: usize, candidate: &Candidate) -> Reasons {
        let class = usize::try_from(candidate.class).ok().and_then(|i| self.by_class.get(i));
        let mut reasons = class.copied().unwrap_or(Reasons::SECURITY_LEVEL);
        let is_exempt = || self.criteria.exempt.binary_search(&at).is_ok();
        if reasons.contains(Reasons::SECURITY_LEVEL) && is_exempt() {
            reasons = Reasons(reasons.0 & !Reasons::SECURITY_LEVEL.0);
        }
        reasons.add(candidate.lasting);
        reasons.add(self.unnamed);
        reasons.add(against_dates(candidate.not_before, candidate.not_after, self.criteria.now));
        reasons
    }
}

/// Returns whether the server named this issuer, or named no CA.
fn is_named(criteria: &Criteria<'_>, issuer: u32) -> bool {
    let flag = |named: &[bool]| usize::try_from(issuer).ok().and_then(|i| named.get(i)).copied();
    criteria.named.is_none_or(|named| flag(named).unwrap_or(false))
}

fn against_dates(not_before: i64, not_after: i64, now: i64) -> Reasons {
    let mut reasons = Reasons::default();
    if now > not_after {
        reasons.add(Reasons::EXPIRED);
    }
    if now < not_before {
        reasons.add(Reasons::NOT_YET_VALID);
    }
    reasons
}

/// The reasons against each link by itself.
fn against_links(criteria: &Criteria<'_>) -> Vec<Reasons> {
    let against = |(at, link): (usize, &Link)| {
        let mut reasons = against_dates(link.not_before, link.not_after, criteria.now);
        if !is_named(criteria, link.issuer) {
            reasons.add(Reasons::ISSUER);
        }
        if criteria.refused.get(at).copied().unwrap_or(true) {
            reasons.add(Reasons::SECURITY_LEVEL);
        }
        reasons
    };
    criteria.graph.links().iter().enumerate().map(against).collect()
}

fn against_class(class: &Class, criteria: &Criteria<'_>) -> Reasons {
    let mut reasons = Reasons::default();
    let can_sign = match criteria.schemes {
        Some(schemes) => schemes.iter().any(|s| fits_scheme(class.key, *s, criteria.tls13)),
        None => {
            matches!(class.key, KeyType::Rsa(_) | KeyType::Dsa | KeyType::Ec(_) | KeyType::Other)
        }
    };
    if !can_sign {
        reasons.add(Reasons::SIGNATURE_ALGORITHM);
    }
    if criteria.types.is_some_and(|types| !types.iter().any(|t| fits_type(class.key, *t))) {
        reasons.add(Reasons::CERTIFICATE_TYPE);
    }
    if class.is_refused {
        reasons.add(Reasons::SECURITY_LEVEL);
    }
    reasons
}
