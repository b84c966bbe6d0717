// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries that servers cannot tell apart by what they ask for, and which of them is sent.

use super::entry::Entry;
use crate::inspect::Set;
use crate::report::{Level, Subject};
use certpick_core::choice::{self, Candidate, Class, Criteria, KeyType, Policy, Reasons};
use openssl::hash::MessageDigest;
use std::collections::{BTreeSet, HashMap};

/// Every SignatureScheme that a key can be for (RFC 8446, section 4.2.3, and later ones), and those
/// of TLS 1.2.
const SCHEMES: [u16; 29] = [
    0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0808, 0x0809,
    0x080a, 0x080b, 0x081a, 0x081b, 0x081c, 0x0904, 0x0905, 0x0906, 0x0201, 0x0203, 0x0202, 0x0301,
    0x0303, 0x0302, 0x0402, 0x0502, 0x0602,
];

/// Which requests fit a key: two keys with the same profile are the same to every server.
type Profile = u64;

/// A credential as servers see it: which requests fit its key, and by which names it is asked for.
#[derive(PartialEq, Eq, Hash)]
struct View {
    profile: Profile,
    names: BTreeSet<u32>,
}

/// The entries that could be read, by what servers see of them.
pub struct Equals<'a> {
    entries: &'a [&'a Entry],
    set: &'a Set,
    flawed: Vec<bool>,
    views: Vec<View>,
    /// For each entry the one that is sent in its place, always.
    behind: Vec<Option<usize>>,
    /// For each entry an earlier one with the very same certificate.
    same: Vec<Option<usize>>,
}

impl<'a> Equals<'a> {
    /// `entries` are the candidates of `set`.
    pub fn new(entries: &'a [&'a Entry], set: &'a Set, now: i64) -> Equals<'a> {
        let mut profiles: HashMap<KeyType, Profile> = HashMap::new();
        let keys: Vec<KeyType> = set.keys().collect();
        let by_class: Vec<Profile> =
            keys.iter().map(|key| *profiles.entry(*key).or_insert_with(|| profile(*key))).collect();
        let view = |(at, candidate): (usize, &Candidate)| View {
            profile: by_class.get(candidate.class as usize).copied().unwrap_or_default(),
            names: set.names(at),
        };
        let views = set.candidates().iter().enumerate().map(view);
        let mut equals = Equals {
            entries,
            set,
            flawed: Equals::find_flawed(set, &keys, now),
            views: views.collect(),
            behind: Vec::new(),
            same: Vec::new(),
        };
        equals.same = equals.find_same();
        equals.behind = equals.find_behind();
        equals
    }

    fn find_same(&self) -> Vec<Option<usize>> {
        let mut first: HashMap<Vec<u8>, usize> = HashMap::new();
        let find = |(at, entry): (usize, &&Entry)| {
            let digest = entry.leaf()?.digest(MessageDigest::sha256()).ok()?;
            let earlier = *first.entry(digest.to_vec()).or_insert(at);
            (earlier != at).then_some(earlier)
        };
        self.entries.iter().enumerate().map(find).collect()
    }

    /// Whether something speaks against each entry that does not depend on the server.
    fn find_flawed(set: &Set, keys: &[KeyType], now: i64) -> Vec<bool> {
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
            user: None,
            now,
        };
        let verdicts = choice::judge(set.candidates(), &criteria, &Policy::default());
        verdicts.all().map(|v| FLAWS.iter().any(|flaw| v.contains(*flaw))).collect()
    }

    fn find_behind(&self) -> Vec<Option<usize>> {
        // In the order in which a choice prefers them, among those that a server finds equal.
        let mut preferred: Vec<usize> = (0..self.entries.len()).collect();
        preferred.sort_by_key(|at| (self.flawed[*at], *at));
        let mut behind = vec![None; self.entries.len()];
        let mut first_of: HashMap<&View, usize> = HashMap::new();
        // Those that are asked for by this name: only one of them can cover another such view.
        let mut by_name: HashMap<u32, Vec<usize>> = HashMap::new();
        for at in preferred {
            let view = &self.views[at];
            if let Some(first) = first_of.get(view) {
                behind[at] = Some(*first);
                continue;
            }
            let candidates = view.names.first().and_then(|name| by_name.get(name));
            let mut candidates = candidates.into_iter().flatten().copied();
            behind[at] = candidates.find(|wider| covers(&self.views[*wider], view));
            first_of.insert(view, at);
            for name in &view.names {
                by_name.entry(*name).or_default().push(at);
            }
        }
        behind
    }

    /// What is to be said of entry `at`.
    pub fn tell(&self, at: usize, is_ranked: bool, subject: &mut Subject) {
        if let Some(earlier) = self.same[at] {
            let text = format!("it is the same certificate as {}", self.entries[earlier].name);
            subject.advised("duplicate", Level::Warning, text, "one of them is enough");
            return;
        }
        let Some(winner) = self.behind[at] else { return };
        let name = &self.entries[winner].name;
        let is_flawed = self.flawed[at] && !self.flawed[winner];
        let rule = match (is_flawed, is_ranked) {
            (true, _) => "nothing speaks against that one",
            (false, true) => "that one is valid longer",
            (false, false) => "that one comes first in the list",
        };
        let seen = if self.views[winner] == self.views[at] {
            format!("servers cannot tell it from {name}")
        } else {
            format!("every server that accepts it also accepts {name}")
        };
        let mut text = format!("{seen}, which is sent in its place: {rule}");
        let names = [at, winner].map(|e| self.candidate(e).common_name.as_deref());
        if !is_flawed && names[0].is_some() && names[0] != names[1] {
            text.push_str(", unless the user of the connection is the CN of this one");
        }
        subject.finding("collision", Level::Note, text);
    }

    fn candidate(&self, at: usize) -> &Candidate {
        &self.set.candidates()[at]
    }
}

/// Whether a server that takes `narrow` takes `wide` too.
fn covers(wide: &View, narrow: &View) -> bool {
    wide.profile == narrow.profile && wide.names.is_superset(&narrow.names)
}

/// By the choice itself: which schemes and certificate types a key fits, in TLS 1.3 and before.
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
            user: None,
            now: 0,
        };
        let candidate = Candidate {
            issuer: 0,
            class: 0,
            not_before: 0,
            not_after: 0,
            start: choice::NO_START,
            lasts_until: 0,
            lasting: Reasons::default(),
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
