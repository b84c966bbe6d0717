// SPDX-License-Identifier: MIT OR Apache-2.0
//! The choice: plain values in, verdicts and a rank out.
//!
//! For every credential all reasons against it are collected. Hard reasons exclude it; soft ones
//! put it behind every credential without them, because the server is the judge and clocks are
//! wrong.

mod algorithms;
mod chains;
mod reasons;

pub use algorithms::{Curve, Key, PssHash};
use algorithms::{fits_scheme, fits_type};
pub use chains::{Chain, Graph, Link, MAX_DEPTH, NO_START, Start};
use chains::{Found, max_steps};
pub use reasons::{Effect, Reason, Reasons};
use std::cmp::Reverse;

/// What to do where the server names no CA at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyCaList {
    /// Everybody will do (RFC 8446, section 4.2.4; RFC 5246, section 7.4.4).
    #[default]
    Accept,
    /// Only if there is no other credential to confuse it with.
    Sole,
    /// Send nothing.
    SendNone,
}

/// What to do with a credential that has soft reasons against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flawed {
    /// Put it behind those without.
    #[default]
    Demote,
    /// Never send it.
    Exclude,
}

/// What to do where nothing suits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoneSuitable {
    /// Send no certificate and let the server decide.
    #[default]
    SendNone,
    /// Abort the handshake.
    Abort,
}

/// What ranks credentials among which nothing else decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The order in which they were given.
    #[default]
    Given,
    /// The set has no order (a directory): the one that is valid longest comes first.
    LongestValid,
}

/// The settings of a selector.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Policy {
    pub empty_ca_list: EmptyCaList,
    pub flawed: Flawed,
    pub none_suitable: NoneSuitable,
    pub order: Order,
}

/// What many credentials have in common: worked out once for all of them.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// The leaf's public key.
    pub key: Key,
    /// OpenSSL's security level refuses such leaves on this connection.
    pub refused: bool,
}

/// One credential as the choice sees it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The number of the name that issued the leaf.
    pub issuer: u32,
    /// Which of the request's [`Traits`] the leaf has.
    pub traits: u32,
    /// From when on the leaf is valid; seconds since 1970.
    pub not_before: i64,
    /// Until when the leaf is valid; seconds since 1970, inclusive.
    pub not_after: i64,
    /// Which of the [`Graph`]'s starts its chains begin with, or [`NO_START`].
    pub start: u32,
    /// Until when the leaf and the chain that lasts longest are valid.
    pub lasts_until: i64,
    /// Reasons that do not depend on the server: those of the key usages.
    pub lasting: Reasons,
    /// The leaf's common name.
    pub common_name: Option<Box<[u8]>>,
}

/// What the server asks for, in the terms of the candidates.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// How many credentials the selector has; not all of them need be candidates.
    pub count: usize,
    /// TLS 1.3 (RFC 8446) binds curves to schemes and rules out PKCS#1 and SHA-1.
    pub tls13: bool,
    /// `None`: the server named nobody. Otherwise whether the issuer with this number was named.
    pub named: Option<&'a [bool]>,
    /// SignatureScheme values that both sides support; `None` before TLS 1.2, which has none: there
    /// the kind of key decides, and only RSA, DSA and ECDSA can sign.
    pub schemes: Option<&'a [u16]>,
    /// ClientCertificateType values; `None` from TLS 1.3 on, and where the server sent none.
    pub types: Option<&'a [u8]>,
    /// By the number in [`Candidate::traits`].
    pub traits: &'a [Traits],
    /// Candidates whose leaf the security level accepts although it refuses the traits: a program's
    /// own callback may tell certificates apart that are alike otherwise. Sorted.
    pub exempt: &'a [usize],
    /// What may stand above the candidates.
    pub graph: &'a Graph,
    /// By the number of the link: whether the security level refuses it.
    pub refused: &'a [bool],
    /// The user that the program connects as.
    pub user: Option<&'a [u8]>,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// All reasons against each candidate, for the best of its chains.
pub fn verdicts(candidates: &[Candidate], asked: &Asked<'_>, policy: &Policy) -> Vec<Reasons> {
    let mut judge = Judge::new(candidates, asked, policy);
    (0..candidates.len()).map(|at| judge.best_chain(at).0).collect()
}

/// The chain that candidate `at` is sent with.
pub fn chain(candidates: &[Candidate], at: usize, asked: &Asked<'_>, policy: &Policy) -> Chain {
    let mut judge = Judge::new(candidates, asked, policy);
    judge.best_chain(at).1.cloned().unwrap_or_default()
}

/// What is the same for all candidates of one request.
pub struct Judge<'a> {
    candidates: &'a [Candidate],
    asked: &'a Asked<'a>,
    policy: &'a Policy,
    by_traits: Vec<Reasons>,
    /// Where the server names no CA.
    unnamed: Reasons,
    by_link: Vec<Reasons>,
    /// By the number of the start; `None` for one that no candidate had yet.
    found: Vec<Option<Found>>,
    steps: usize,
}

impl<'a> Judge<'a> {
    /// For these candidates and this request.
    pub fn new(candidates: &'a [Candidate], asked: &'a Asked<'a>, policy: &'a Policy) -> Judge<'a> {
        let unnamed = match (asked.named, policy.empty_ca_list) {
            (Some(_), _) | (None, EmptyCaList::Accept) => Reasons::default(),
            (None, EmptyCaList::Sole) if asked.count == 1 => Reasons::default(),
            (None, EmptyCaList::Sole | EmptyCaList::SendNone) => Reasons::POLICY,
        };
        Judge {
            candidates,
            asked,
            policy,
            by_traits: asked.traits.iter().map(|t| against_traits(t, asked)).collect(),
            unnamed,
            by_link: against_links(asked),
            found: (0..asked.graph.starts()).map(|_| None).collect(),
            steps: max_steps(candidates.len()),
        }
    }

    /// What speaks against candidate `at` with its best chain, and that chain; none where nothing
    /// stands above it.
    pub fn best_chain(&mut self, at: usize) -> (Reasons, Option<&Chain>) {
        // One that is not there cannot be judged, so it is not sent.
        let Some(candidate) = self.candidates.get(at) else {
            return (Reasons::SECURITY_LEVEL, None);
        };
        let leaf = self.against_leaf(at, candidate);
        let is_named = is_named(self.asked, candidate.issuer);
        let join = |above: Reasons| {
            let issuer = if is_named { Reasons::ISSUER.0 } else { 0 };
            Reasons(leaf.0 | above.0 & !issuer)
        };
        let policy = self.policy;
        let rank = |chain: &Chain| {
            let reasons = join(chain.reasons);
            // Of chains that are all excluded, people want to hear of the one to a named CA.
            let unnamed = reasons.contains(Reasons::ISSUER);
            let excluded = reasons.exclude(policy);
            let flaws = (reasons.is_flawed(), reasons.0.count_ones());
            (excluded, unnamed, flaws, chain.place.is_filled)
        };
        let found = self.find(candidate.start);
        let best = found.and_then(|found| found.chains.iter().min_by_key(|chain| rank(chain)));
        (join(best.map_or(Reasons::ISSUER, |chain| chain.reasons)), best)
    }

    /// Whether candidate `at` may have other chains, which were not looked for because of a limit.
    pub fn is_cut(&mut self, at: usize) -> bool {
        let start = self.candidates.get(at).map_or(u32::MAX, |candidate| candidate.start);
        self.find(start).is_some_and(|found| found.is_cut)
    }

    /// The chains that begin with a start, searched for once.
    fn find(&mut self, start: u32) -> Option<&Found> {
        let graph = self.asked.graph;
        let place = self.found.get_mut(usize::try_from(start).ok()?)?;
        let start = graph.start(start)?;
        let steps = &mut self.steps;
        Some(place.get_or_insert_with(|| graph.search(start, &self.by_link, steps)))
    }

    fn against_leaf(&self, at: usize, candidate: &Candidate) -> Reasons {
        let traits = usize::try_from(candidate.traits).ok().and_then(|i| self.by_traits.get(i));
        let mut reasons = traits.copied().unwrap_or(Reasons::SECURITY_LEVEL);
        if reasons.contains(Reasons::SECURITY_LEVEL) && self.asked.exempt.binary_search(&at).is_ok()
        {
            reasons = Reasons(reasons.0 & !Reasons::SECURITY_LEVEL.0);
        }
        reasons.add(candidate.lasting);
        reasons.add(self.unnamed);
        reasons.add(against_dates(candidate.not_before, candidate.not_after, self.asked.now));
        reasons
    }
}

/// Whether the server named this issuer, or names none at all.
fn is_named(asked: &Asked<'_>, issuer: u32) -> bool {
    let flag = |named: &[bool]| usize::try_from(issuer).ok().and_then(|i| named.get(i)).copied();
    asked.named.is_none_or(|named| flag(named).unwrap_or(false))
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

/// What speaks against each link by itself.
fn against_links(asked: &Asked<'_>) -> Vec<Reasons> {
    let against = |(at, link): (usize, &Link)| {
        let mut reasons = against_dates(link.not_before, link.not_after, asked.now);
        if !is_named(asked, link.issuer) {
            reasons.add(Reasons::ISSUER);
        }
        if asked.refused.get(at).copied().unwrap_or(true) {
            reasons.add(Reasons::SECURITY_LEVEL);
        }
        reasons
    };
    asked.graph.links().iter().enumerate().map(against).collect()
}

/// The index of the best candidate that is not excluded.
pub fn best(
    candidates: &[Candidate],
    verdicts: &[Reasons],
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
    for (at, (candidate, reasons)) in candidates.iter().zip(verdicts).enumerate() {
        if reasons.exclude(policy) {
            continue;
        }
        let rank = rank(candidate, *reasons);
        // Of equal ones the first.
        if best.is_none_or(|(_, best)| rank < best) {
            best = Some((at, rank));
        }
    }
    best.map(|(at, _)| at)
}

fn against_traits(traits: &Traits, asked: &Asked<'_>) -> Reasons {
    let mut reasons = Reasons::default();
    let can_sign = match asked.schemes {
        Some(schemes) => schemes.iter().any(|s| fits_scheme(traits.key, *s, asked.tls13)),
        None => matches!(traits.key, Key::Rsa(_) | Key::Dsa | Key::Ec(_) | Key::Other),
    };
    if !can_sign {
        reasons.add(Reasons::SIGNATURE_ALGORITHM);
    }
    if asked.types.is_some_and(|t| !t.iter().any(|t| fits_type(traits.key, *t))) {
        reasons.add(Reasons::CERTIFICATE_TYPE);
    }
    if traits.refused {
        reasons.add(Reasons::SECURITY_LEVEL);
    }
    reasons
}

#[cfg(test)]
mod tests;
