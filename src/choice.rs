// SPDX-License-Identifier: MIT OR Apache-2.0
//! The choice: plain values in, verdicts and a rank out.
//!
//! For every credential all reasons against it are collected. Hard reasons exclude it; soft ones
//! put it behind every credential without them, because the server is the judge and clocks are
//! wrong.

mod algorithms;

pub use algorithms::{Curve, Key, PssHash};
use algorithms::{fits_scheme, fits_type};
use std::cmp::Reverse;

/// A set of reasons against one credential; the bits are part of the ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons(pub u32);

impl Reasons {
    /// No certificate of its chain was issued by a CA that the server named.
    pub const ISSUER: Reasons = Reasons(0x1);
    /// Its key fits none of the signature algorithms.
    pub const SIGNATURE_ALGORITHM: Reasons = Reasons(0x2);
    /// Its key fits none of the certificate types (up to TLS 1.2).
    pub const CERTIFICATE_TYPE: Reasons = Reasons(0x4);
    /// OpenSSL's security level refuses it.
    pub const SECURITY_LEVEL: Reasons = Reasons(0x8);
    /// The server named no CA, and the policy then sends nothing, or not this one.
    pub const POLICY: Reasons = Reasons(0x10);
    /// It, or a certificate that it depends on, has expired.
    pub const EXPIRED: Reasons = Reasons(0x100);
    /// It, or a certificate that it depends on, is not valid yet.
    pub const NOT_YET_VALID: Reasons = Reasons(0x200);
    /// Its key usage lacks digitalSignature.
    pub const KEY_USAGE: Reasons = Reasons(0x400);
    /// Its extended key usage lacks clientAuth.
    pub const EXTENDED_KEY_USAGE: Reasons = Reasons(0x800);
    /// It was chosen, but its key could not be used: the handshake was aborted.
    pub const KEY: Reasons = Reasons(0x1_0000);

    const SOFT: u32 = 0xf00;

    /// Nothing speaks against it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// All of `other` are among them.
    pub fn contains(self, other: Reasons) -> bool {
        self.0 & other.0 == other.0
    }
    /// Adds `other`.
    pub fn add(&mut self, other: Reasons) {
        self.0 |= other.0;
    }
    /// Some of them exclude the credential under this policy.
    pub fn exclude(self, policy: &Policy) -> bool {
        let hard = match policy.flawed {
            Flawed::Demote => !Reasons::SOFT,
            Flawed::Exclude => !0,
        };
        self.0 & hard != 0
    }
    fn is_flawed(self) -> bool {
        self.0 & Reasons::SOFT != 0
    }
}

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
    /// OpenSSL's security level refuses such certificates on this connection.
    pub refused: bool,
}

/// One credential as the choice sees it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The chains that it can be sent with, at least one; several where CAs are cross-signed or
    /// were renewed. The first one that nothing speaks against is taken.
    pub paths: Box<[Path]>,
    /// Reasons that do not depend on the server: those of the key usages.
    pub lasting: Reasons,
    /// The leaf's common name.
    pub common_name: Option<Box<[u8]>>,
}

/// A leaf with one of its chains.
#[derive(Clone, Debug)]
pub struct Path {
    /// Numbers of the names that issued its certificates, the leaf's first.
    pub issuers: Box<[u32]>,
    /// Which of the request's [`Traits`] it has.
    pub traits: u32,
    /// From when on all of it is valid; seconds since 1970.
    pub not_before: i64,
    /// Until when all of it is valid; seconds since 1970, inclusive.
    pub not_after: i64,
}

impl Candidate {
    /// Until when the path that lasts longest is valid.
    pub fn not_after(&self) -> i64 {
        self.paths.iter().map(|p| p.not_after).max().unwrap_or(i64::MIN)
    }
}

/// What the server asks for, in the terms of the candidates.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// TLS 1.3 (RFC 8446) binds curves to schemes and rules out PKCS#1 and SHA-1.
    pub tls13: bool,
    /// `None`: the server named nobody. Otherwise whether the issuer with this number was named.
    pub named: Option<&'a [bool]>,
    /// SignatureScheme values that both sides support; `None` before TLS 1.2, which has none: there
    /// the kind of key decides, and only RSA, DSA and ECDSA can sign.
    pub schemes: Option<&'a [u16]>,
    /// ClientCertificateType values; `None` from TLS 1.3 on, and where the server sent none.
    pub types: Option<&'a [u8]>,
    /// By the number in [`Path::traits`].
    pub traits: &'a [Traits],
    /// Candidates and their paths which the security level accepts although it refuses the traits:
    /// a program's own callback may tell certificates apart that are alike otherwise. Sorted.
    pub exempt: &'a [(usize, usize)],
    /// The user that the program connects as.
    pub user: Option<&'a [u8]>,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// All reasons against each candidate, for the best of its paths.
pub fn verdicts(candidates: &[Candidate], asked: &Asked<'_>, policy: &Policy) -> Vec<Reasons> {
    let judge = Judge::new(candidates.len(), asked, policy);
    candidates.iter().enumerate().map(|(at, candidate)| judge.best_path(at, candidate).1).collect()
}

/// The path that candidate `at` is sent with.
pub fn path(candidates: &[Candidate], at: usize, asked: &Asked<'_>, policy: &Policy) -> usize {
    let judge = Judge::new(candidates.len(), asked, policy);
    candidates.get(at).map_or(0, |candidate| judge.best_path(at, candidate).0)
}

/// What is the same for all candidates of one request.
struct Judge<'a> {
    asked: &'a Asked<'a>,
    policy: &'a Policy,
    by_traits: Vec<Reasons>,
    unnamed: Reasons,
}

impl<'a> Judge<'a> {
    fn new(candidates: usize, asked: &'a Asked<'a>, policy: &'a Policy) -> Judge<'a> {
        let unnamed = match (asked.named, policy.empty_ca_list) {
            (Some(_), _) | (None, EmptyCaList::Accept) => Reasons::default(),
            (None, EmptyCaList::Sole) if candidates == 1 => Reasons::default(),
            (None, EmptyCaList::Sole | EmptyCaList::SendNone) => Reasons::POLICY,
        };
        let by_traits = asked.traits.iter().map(|t| against_traits(t, asked)).collect();
        Judge { asked, policy, by_traits, unnamed }
    }

    /// A candidate's best path, and what speaks against it.
    fn best_path(&self, at: usize, candidate: &Candidate) -> (usize, Reasons) {
        let judge = |(i, path)| {
            let mut reasons = self.against_path(at, i, path);
            reasons.add(candidate.lasting);
            reasons.add(self.unnamed);
            (i, reasons)
        };
        if let [only] = &*candidate.paths {
            return judge((0, only));
        }
        let judged = candidate.paths.iter().enumerate().map(judge);
        let rank = |(i, reasons): &(usize, Reasons)| {
            // Of paths that are all excluded, people want to hear of the one to a named CA.
            let unnamed = reasons.contains(Reasons::ISSUER);
            let excluded = reasons.exclude(self.policy);
            (excluded, unnamed, reasons.is_flawed(), reasons.0.count_ones(), *i)
        };
        // One without a path cannot be judged, so it is not sent.
        judged.min_by_key(rank).unwrap_or((0, Reasons::SECURITY_LEVEL))
    }

    fn against_path(&self, at: usize, number: usize, path: &Path) -> Reasons {
        let mut reasons = Reasons::default();
        let traits = usize::try_from(path.traits).ok().and_then(|i| self.by_traits.get(i));
        let mut against = traits.copied().unwrap_or(Reasons::SECURITY_LEVEL);
        if against.contains(Reasons::SECURITY_LEVEL)
            && self.asked.exempt.binary_search(&(at, number)).is_ok()
        {
            against = Reasons(against.0 & !Reasons::SECURITY_LEVEL.0);
        }
        reasons.add(against);
        if let Some(named) = self.asked.named {
            let is_named = |id: &u32| {
                usize::try_from(*id).ok().and_then(|i| named.get(i)).copied().unwrap_or(false)
            };
            if !path.issuers.iter().any(is_named) {
                reasons.add(Reasons::ISSUER);
            }
        }
        if self.asked.now > path.not_after {
            reasons.add(Reasons::EXPIRED);
        }
        if self.asked.now < path.not_before {
            reasons.add(Reasons::NOT_YET_VALID);
        }
        reasons
    }
}

/// The index of the best candidate that is not excluded.
pub fn best(
    candidates: &[Candidate],
    verdicts: &[Reasons],
    user: Option<&[u8]>,
    policy: &Policy,
) -> Option<usize> {
    candidates
        .iter()
        .zip(verdicts)
        .enumerate()
        .filter(|(_, (_, reasons))| !reasons.exclude(policy))
        .min_by_key(|(index, (candidate, reasons))| {
            let is_user = user.is_some() && candidate.common_name.as_deref() == user;
            let longest = match policy.order {
                Order::Given => None,
                Order::LongestValid => Some(Reverse(candidate.not_after())),
            };
            (reasons.is_flawed(), !is_user, longest, *index)
        })
        .map(|(index, _)| index)
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
