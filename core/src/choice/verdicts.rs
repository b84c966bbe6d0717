// SPDX-License-Identifier: MIT OR Apache-2.0
//! The verdicts on the candidates for one request, and the best of them.

use super::algorithms::{fits_scheme, fits_type};
use super::chains::{SearchResult, max_steps};
use super::{
    Candidate, Chain, Class, Criteria, EmptyCaList, KeyType, Link, Order, Policy, Reasons,
};
use std::cmp::Reverse;

/// The verdict on each candidate, and the chain that was judged with it.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    /// The verdicts, by the number of the candidate.
    judged: Vec<Judged>,
    /// The chains that were found, by the number of the start; `None` for a start without a candidate.
    searches: Vec<Option<SearchResult>>,
}

#[derive(Clone, Copy, Debug)]
struct Judged {
    reasons: Reasons,
    /// The number of the start, and the number of the best chain in the result of its search.
    chain: Option<(usize, usize)>,
}

/// Collects all reasons against each candidate with its best chain.
pub fn judge(candidates: &[Candidate], criteria: &Criteria<'_>, policy: &Policy) -> Verdicts {
    let mut judge = Judge::new(candidates, criteria, policy);
    let judged = candidates.iter().enumerate().map(|(number, c)| judge.judge(number, c)).collect();
    Verdicts { judged, searches: judge.searches }
}

impl Verdicts {
    /// Returns the reasons against each candidate.
    pub fn all(&self) -> impl Iterator<Item = Reasons> {
        self.judged.iter().map(|judged| judged.reasons)
    }

    /// Returns the reasons against a candidate, or `None` if there is no such candidate.
    pub fn reasons(&self, candidate: usize) -> Option<Reasons> {
        self.judged.get(candidate).map(|judged| judged.reasons)
    }

    /// Adds a reason against a candidate.
    pub fn add(&mut self, candidate: usize, reason: Reasons) {
        if let Some(judged) = self.judged.get_mut(candidate) {
            judged.reasons.add(reason);
        }
    }

    /// Replaces the reasons against a candidate.
    pub fn set(&mut self, candidate: usize, reasons: Reasons) {
        if let Some(judged) = self.judged.get_mut(candidate) {
            judged.reasons = reasons;
        }
    }

    /// Returns the chain that a candidate was judged with and is sent with; `None` if its issuers are
    /// unknown.
    pub fn chain(&self, candidate: usize) -> Option<&Chain> {
        let (start, chain) = self.judged.get(candidate)?.chain?;
        self.searches.get(start)?.as_ref()?.chains.get(chain)
    }

    /// Returns whether a candidate may have other chains, because a limit ended the search.
    pub fn is_truncated(&self, candidate: usize) -> bool {
        let search = |(start, _): (usize, usize)| self.searches.get(start)?.as_ref();
        let chain = self.judged.get(candidate).and_then(|judged| judged.chain);
        chain.and_then(search).is_some_and(|search| search.is_truncated)
    }

    /// Returns the number of the best candidate that is not excluded. `candidates` must be the candidates
    /// that were judged.
    pub fn best(
        &self,
        candidates: &[Candidate],
        user: Option<&[u8]>,
        policy: &Policy,
    ) -> Option<usize> {
        let rank = |candidate: &Candidate, reasons: Reasons| {
            let is_user = user.is_some() && candidate.common_name.as_deref() == user;
            let chain_not_after = match policy.order {
                Order::Given => 0,
                Order::LongestValid => candidate.chain_not_after,
            };
            (reasons.is_flawed(), !is_user, Reverse(chain_not_after))
        };
        let mut best = None;
        for (number, (candidate, reasons)) in candidates.iter().zip(self.all()).enumerate() {
            if reasons.exclude(policy) {
                continue;
            }
            let rank = rank(candidate, reasons);
            // The first of several candidates with the same rank.
            if best.is_none_or(|(_, best)| rank < best) {
                best = Some((number, rank));
            }
        }
        best.map(|(number, _)| number)
    }
}

/// Intermediate results that all candidates of one request share.
struct Judge<'a> {
    criteria: &'a Criteria<'a>,
    policy: &'a Policy,
    /// The reasons against each class.
    against_classes: Vec<Reasons>,
    /// The reason against every candidate by the policy for an empty CA list.
    against_all: Reasons,
    /// The reasons against each link alone.
    against_links: Vec<Reasons>,
    searches: Vec<Option<SearchResult>>,
    /// The number of steps that the searches may still take.
    steps: usize,
}

impl<'a> Judge<'a> {
    fn new(candidates: &[Candidate], criteria: &'a Criteria<'a>, policy: &'a Policy) -> Judge<'a> {
        let against_all = match (criteria.named, policy.empty_ca_list) {
            (Some(_), _) | (None, EmptyCaList::Accept) => Reasons::default(),
            (None, EmptyCaList::Sole) if criteria.count == 1 => Reasons::default(),
            (None, EmptyCaList::Sole | EmptyCaList::SendNone) => Reasons::POLICY,
        };
        Judge {
            criteria,
            policy,
            against_classes: criteria
                .classes
                .iter()
                .map(|class| against_class(class, criteria))
                .collect(),
            against_all,
            against_links: against_links(criteria),
            searches: (0..criteria.graph.start_count()).map(|_| None).collect(),
            steps: max_steps(candidates.len()),
        }
    }

    /// Judges a candidate with its best chain.
    fn judge(&mut self, number: usize, candidate: &Candidate) -> Judged {
        let leaf = self.against_leaf(number, candidate);
        let is_named = is_named(self.criteria, candidate.issuer);
        let join = |above: Reasons| {
            let issuer = if is_named { Reasons::ISSUER.0 } else { 0 };
            Reasons(leaf.0 | above.0 & !issuer)
        };
        let policy = self.policy;
        let rank = |chain: &Chain| {
            let reasons = join(chain.reasons);
            // If every chain is excluded, the explanation is about a chain to a named CA.
            let unnamed = reasons.contains(Reasons::ISSUER);
            let excluded = reasons.exclude(policy);
            let flaws = (reasons.is_flawed(), reasons.0.count_ones());
            (excluded, unnamed, flaws, chain.preference.uses_other_files)
        };
        let best = self.search(candidate.start).and_then(|(start, found)| {
            let chains = found.chains.iter().enumerate();
            let (best, chain) = chains.min_by_key(|(_, chain)| rank(chain))?;
            Some(((start, best), chain.reasons))
        });
        Judged {
            reasons: join(best.map_or(Reasons::ISSUER, |(_, above)| above)),
            chain: best.map(|(chain, _)| chain),
        }
    }

    /// Returns the chains of a start, and its number. Searches once for each start.
    fn search(&mut self, start: u32) -> Option<(usize, &SearchResult)> {
        let graph = self.criteria.graph;
        let number = usize::try_from(start).ok()?;
        let result = self.searches.get_mut(number)?;
        let start = graph.start(start)?;
        let steps = &mut self.steps;
        Some((
            number,
            result.get_or_insert_with(|| graph.search(start, &self.against_links, steps)),
        ))
    }

    fn against_leaf(&self, number: usize, candidate: &Candidate) -> Reasons {
        let class = usize::try_from(candidate.class).ok().and_then(|i| self.against_classes.get(i));
        let mut reasons = class.copied().unwrap_or(Reasons::SECURITY_LEVEL);
        let is_exempt = || self.criteria.exempt.binary_search(&number).is_ok();
        if reasons.contains(Reasons::SECURITY_LEVEL) && is_exempt() {
            reasons = Reasons(reasons.0 & !Reasons::SECURITY_LEVEL.0);
        }
        reasons.add(candidate.usage_reasons);
        reasons.add(self.against_all);
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

/// Returns the reasons against each link alone.
fn against_links(criteria: &Criteria<'_>) -> Vec<Reasons> {
    let against = |(number, link): (usize, &Link)| {
        let mut reasons = against_dates(link.not_before, link.not_after, criteria.now);
        if !is_named(criteria, link.issuer) {
            reasons.add(Reasons::ISSUER);
        }
        if criteria.refused.get(number).copied().unwrap_or(true) {
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
