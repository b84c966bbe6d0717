// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finds credentials that are never sent, because another one is preferred for every request that
//! they match.

use super::credential::Credential;
use crate::credential_set::CredentialSet;
use crate::facts;
use crate::report::{Level, Subject};
use crate::rule_text::description;
use certpick_core::choice::{self, Candidate, Class, Criteria, KeyType, Policy, Reasons};
use certpick_core::rule::Rule;
use openssl::hash::MessageDigest;
use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

/// Every SignatureScheme that a key can match (RFC 8446, section 4.2.3, and later RFCs), including
/// those of TLS 1.2.
const SCHEMES: [u16; 29] = [
    0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0808, 0x0809,
    0x080a, 0x080b, 0x081a, 0x081b, 0x081c, 0x0904, 0x0905, 0x0906, 0x0201, 0x0203, 0x0202, 0x0301,
    0x0303, 0x0302, 0x0402, 0x0502, 0x0602,
];

/// How many patterns of rules are compared in total. If there are more, some rules are not compared.
const MAX_COMPARISONS: usize = 50_000_000;

/// A bit per scheme and certificate type that a key matches. Two keys with the same profile match the
/// same requests.
type Profile = u64;

/// The properties of a credential that requests refer to. Credentials with equal properties match
/// the same requests.
#[derive(PartialEq, Eq, Hash)]
struct Selectors {
    profile: Profile,
    /// The names of the issuers in its chain.
    issuers: BTreeSet<u32>,
}

/// All readable credentials and, for each, the credential that is always preferred to it.
pub struct Collisions<'a> {
    credentials: &'a [&'a Credential],
    set: &'a CredentialSet,
    flawed: Vec<bool>,
    selectors: Vec<Selectors>,
    /// For each credential the one that is always sent instead.
    shadowed_by: Vec<Option<usize>>,
    /// For each credential an earlier one with the same certificate.
    duplicate_of: Vec<Option<usize>>,
    comparisons_left: Cell<usize>,
}

impl<'a> Collisions<'a> {
    /// `credentials` are the candidates of `set`, in the same order.
    pub fn new(
        credentials: &'a [&'a Credential],
        set: &'a CredentialSet,
        now: i64,
    ) -> Collisions<'a> {
        let mut profiles: HashMap<KeyType, Profile> = HashMap::new();
        let keys: Vec<KeyType> = set.keys().collect();
        let by_key: Vec<Profile> =
            keys.iter().map(|key| *profiles.entry(*key).or_insert_with(|| profile(*key))).collect();
        let selectors = |(at, candidate): (usize, &Candidate)| Selectors {
            profile: by_key.get(candidate.class as usize).copied().unwrap_or_default(),
            issuers: set.names(at),
        };
        let selectors = set.candidates().iter().enumerate().map(selectors);
        let mut collisions = Collisions {
            credentials,
            set,
            flawed: Collisions::find_flawed(set, &keys, now),
            selectors: selectors.collect(),
            shadowed_by: Vec::new(),
            duplicate_of: Vec::new(),
            comparisons_left: Cell::new(MAX_COMPARISONS),
        };
        collisions.duplicate_of = collisions.find_duplicates();
        collisions.shadowed_by = collisions.find_shadowed();
        collisions
    }

    fn find_duplicates(&self) -> Vec<Option<usize>> {
        let mut first: HashMap<Vec<u8>, usize> = HashMap::new();
        let find = |(at, credential): (usize, &&Credential)| {
            let digest = credential.leaf()?.digest(MessageDigest::sha256()).ok()?;
            let earlier = *first.entry(digest.to_vec()).or_insert(at);
            (earlier != at).then_some(earlier)
        };
        self.credentials.iter().enumerate().map(find).collect()
    }

    /// Returns for each credential whether it has a flaw that does not depend on the request.
    fn find_flawed(set: &CredentialSet, keys: &[KeyType], now: i64) -> Vec<bool> {
        const FLAWS: [Reasons; 4] = [
            Reasons::EXPIRED,
            Reasons::NOT_YET_VALID,
            Reasons::KEY_USAGE,
            Reasons::EXTENDED_KEY_USAGE,
        ];
        let named = vec![true; set.issuers()];
        let classes: Vec<Class> =
            keys.iter().map(|key| Class { key: *key, is_refused: false }).collect();
        let criteria = Criteria {
            count: set.candidates().len(),
            tls13: false,
            named: Some(&named),
            schemes: Some(&SCHEMES),
            types: None,
            classes: &classes,
            exempt: &[],
            graph: set.graph(),
            refused: &set.accepted(),
            rules: &[],
            user: None,
            now,
        };
        let verdicts = choice::judge(set.candidates(), &criteria, &Policy::default());
        verdicts.all().map(|v| FLAWS.iter().any(|flaw| v.contains(*flaw))).collect()
    }

    fn find_shadowed(&self) -> Vec<Option<usize>> {
        // In the order of preference among credentials that match the same requests.
        let mut preferred: Vec<usize> = (0..self.credentials.len()).collect();
        preferred.sort_by_key(|at| (self.flawed[*at], *at));
        let mut shadowed_by = vec![None; self.credentials.len()];
        let mut first_of: HashMap<&Selectors, usize> = HashMap::new();
        let has_rules = (0..self.credentials.len()).any(|at| self.rule(at).is_some());
        // Only a credential with the same issuer name can cover others with that name.
        let mut by_issuer: HashMap<u32, Vec<usize>> = HashMap::new();
        for at in preferred {
            let selectors = &self.selectors[at];
            if let Some(first) = first_of.get(selectors).filter(|_| !has_rules) {
                shadowed_by[at] = Some(*first);
                continue;
            }
            let candidates = selectors.issuers.first().and_then(|name| by_issuer.get(name));
            let mut candidates = candidates.into_iter().flatten().copied();
            shadowed_by[at] = candidates.find(|other| {
                self.selectors[*other].covers(selectors) && self.rule_covers(*other, at)
            });
            first_of.insert(selectors, at);
            for name in &selectors.issuers {
                by_issuer.entry(*name).or_default().push(at);
            }
        }
        shadowed_by
    }

    /// Returns the rule of a credential; `None` if it restricts nothing.
    fn rule(&self, at: usize) -> Option<&Rule> {
        let part = self.credentials.get(at)?.config.as_ref()?;
        Some(&part.rule).filter(|rule| !rule.is_empty())
    }

    /// Returns whether the rule of credential `wide` is known to match at least as widely as that of
    /// credential `narrow`.
    fn rule_covers(&self, wide: usize, narrow: usize) -> bool {
        let none = Rule::default();
        let [wide, narrow] = [wide, narrow].map(|at| self.rule(at).unwrap_or(&none));
        if wide == narrow {
            return true;
        }
        let left = self.comparisons_left.get().checked_sub(wide.comparisons(narrow));
        self.comparisons_left.set(left.unwrap_or(0));
        left.is_some() && wide.covers(narrow)
    }

    /// Returns an earlier credential because of which the rule of credential `at` never wins, whatever
    /// the server requests and whoever the user is.
    fn hidden_by(&self, at: usize) -> Option<usize> {
        self.rule(at)?;
        let leaf = self.credentials[at].leaf()?;
        (0..at).find(|earlier| {
            let is_same = self.duplicate_of[at]
                .is_some_and(|first| first == self.duplicate_of[*earlier].unwrap_or(*earlier));
            let (hidden, winner) = (self.candidate(at), self.candidate(*earlier));
            // Credentials of one class and with the same issuer get the same verdict.
            let is_like = || {
                (hidden.class, hidden.start, hidden.issuer)
                    == (winner.class, winner.start, winner.issuer)
                    && !facts::is_root(leaf)
                    && !self.flawed[*earlier]
                    && (hidden.common_name.is_none() || hidden.common_name == winner.common_name)
            };
            (is_same || is_like()) && self.rule_covers(*earlier, at)
        })
    }

    /// Reports whether credential `at` is a duplicate or is never sent.
    pub fn report(&self, at: usize, subject: &mut Subject) {
        if let Some(winner) = self.hidden_by(at) {
            let name = &self.credentials[winner].name;
            let until = match self.duplicate_of[at] {
                Some(first) if first == self.duplicate_of[winner].unwrap_or(winner) => "",
                _ => " while that one is valid",
            };
            let why = match self.rule(winner).map(description) {
                Some(rule) => format!("its rule matches at least as widely ({rule})"),
                None => "it has no rule".to_owned(),
            };
            let text = format!(
                "the credential is never chosen{until}: {name} comes first, servers cannot distinguish \
                 the two, and {why}"
            );
            let advice = "Move this credential before the other one, or change a rule.";
            subject.advised("rule_hidden", Level::Warning, text, advice);
            return;
        }
        let duplicate_of = self.duplicate_of[at].filter(|earlier| self.rule_covers(*earlier, at));
        if let Some(earlier) = duplicate_of {
            let text =
                format!("this is the same certificate as {}", self.credentials[earlier].name);
            subject.advised("duplicate", Level::Warning, text, "Remove one of the two.");
            return;
        }
        let Some(winner) = self.shadowed_by[at] else { return };
        let name = &self.credentials[winner].name;
        let is_flawed = self.flawed[at] && !self.flawed[winner];
        let [first, second] = [winner, at].map(|c| self.credentials[c]);
        let in_file = |credential: &Credential| credential.config.as_ref().map(|part| part.file);
        let reason = match first.number == second.number {
            _ if is_flawed => "it is currently valid and meant for TLS clients",
            true if first.is_in_directory => "it is valid longer",
            true => "it comes first in the file",
            false if in_file(first).is_some() && in_file(first) == in_file(second) => {
                "it comes first in the file"
            }
            false => "it comes first in the list",
        };
        let relation = if self.selectors[winner] == self.selectors[at] {
            format!("servers cannot distinguish this certificate from {name}")
        } else {
            format!("every server that accepts this certificate also accepts {name}")
        };
        let mut text = format!("{relation}, which is sent instead because {reason}");
        let names = [at, winner].map(|c| self.candidate(c).common_name.as_deref());
        if !is_flawed && names[0].is_some() && names[0] != names[1] {
            text.push_str(", unless the connection's user is the CN of this certificate");
        }
        subject.finding("collision", Level::Note, text);
    }

    fn candidate(&self, at: usize) -> &Candidate {
        &self.set.candidates()[at]
    }
}

impl Selectors {
    /// Returns whether every request that matches `other` matches `self`.
    fn covers(&self, other: &Selectors) -> bool {
        self.profile == other.profile && self.issuers.is_superset(&other.issuers)
    }
}

/// Returns the schemes and certificate types that a key matches, in TLS 1.3 and in TLS 1.2.
fn profile(key: KeyType) -> Profile {
    const TYPES: [u8; 3] = [1, 2, 64];
    let graph = choice::Graph::default();
    let fits = |tls13, scheme: u16, types: Option<&[u8]>| {
        let schemes = [scheme];
        let criteria = Criteria {
            count: 1,
            tls13,
            named: None,
            schemes: Some(&schemes),
            types,
            classes: &[Class { key, is_refused: false }],
            exempt: &[],
            graph: &graph,
            refused: &[],
            rules: &[],
            user: None,
            now: 0,
        };
        let candidate = Candidate {
            issuer: 0,
            class: 0,
            not_before: 0,
            not_after: 0,
            start: choice::NO_START,
            chain_not_after: 0,
            usage_reasons: Reasons::default(),
            common_name: None,
        };
        choice::judge(&[candidate], &criteria, &Policy::default()).reasons(0).unwrap_or_default()
    };
    let by_scheme = [true, false].into_iter().flat_map(|tls13| {
        SCHEMES.map(|s| !fits(tls13, s, None).contains(Reasons::SIGNATURE_ALGORITHM))
    });
    let by_type = TYPES.map(|t| !fits(false, 0, Some(&[t])).contains(Reasons::CERTIFICATE_TYPE));
    by_scheme.chain(by_type).fold(0, |bits, fits| (bits << 1) | u64::from(fits))
}
