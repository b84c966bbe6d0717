// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates of one file: the role of each, and whether the order is correct.

use crate::facts::{self, Authority, Side};
use crate::report::{Level, Subject};
use certpick_core::selector::MAX_KEYS;
use certpick_core::x509::chain;
use certpick_core::x509::name;
use openssl::hash::{DigestBytes, MessageDigest};
use openssl::x509::X509;
use std::collections::HashSet;

/// The role of a certificate in relation to the leaf of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Leaf,
    /// An intermediate and its position in the chain, counted from 1 above the leaf.
    Intermediate(usize),
    /// An intermediate of another chain of the leaf, because a CA is cross-signed.
    OtherChain,
    /// The root of the chain, which need not be sent.
    Root,
    /// The same as an earlier certificate in the file.
    Duplicate,
    /// Has the name of the issuer at which the chain ends, but another key.
    Namesake,
    /// A CA certificate that may be above a gap in the chain.
    AboveGap,
    /// Not in any chain of the leaf.
    Unrelated,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Leaf => "leaf",
            Role::Intermediate(_) => "intermediate",
            Role::OtherChain => "other chain",
            Role::Root => "root",
            Role::Duplicate => "duplicate",
            Role::Namesake => "name of an issuer, other key",
            Role::AboveGap => "not connected",
            Role::Unrelated => "unrelated",
        }
    }
}

/// The certificates of a file and their roles.
pub struct Layout<'a> {
    certificates: &'a [X509],
    pub roles: Vec<Role>,
}

impl<'a> Layout<'a> {
    /// `chain` are the intermediates of the leaf, `others` those of its other chains. `root` is the
    /// root of the chain, if it is known.
    pub fn new(
        certificates: &'a [X509],
        leaf_at: usize,
        chain: &[&X509],
        others: &[&X509],
        root: Option<&X509>,
    ) -> Layout<'a> {
        let leaf = &certificates[leaf_at];
        let top = chain.last().copied().unwrap_or(leaf);
        let is_open = root.is_none() && !facts::is_root(top);
        let mut seen: HashSet<Option<Digest>> = HashSet::from([digest(leaf)]);
        let other: HashSet<Option<Digest>> = others.iter().map(|other| digest(other)).collect();
        let role = |(at, certificate): (usize, &X509)| {
            if at == leaf_at {
                return Role::Leaf;
            }
            let digest = digest(certificate);
            let is_other = other.contains(&digest);
            if !seen.insert(digest) {
                return Role::Duplicate;
            }
            let is = |other: &&X509| **other == *certificate;
            if let Some(position) = chain.iter().position(is) {
                return Role::Intermediate(position + 1);
            }
            if is_other {
                return Role::OtherChain;
            }
            let below = std::iter::once(&top).chain(others);
            let mut below = below.map(|below| (certificate, *below));
            let is_root = facts::is_root(certificate);
            if is_root && chain::first_issued(&mut below, MAX_KEYS).is_some() {
                return Role::Root;
            }
            let is_named = name::equal(top.issuer_name(), certificate.subject_name());
            match is_open && facts::authority(certificate) != Authority::No {
                true if is_named => Role::Namesake,
                true => Role::AboveGap,
                false => Role::Unrelated,
            }
        };
        Layout { certificates, roles: certificates.iter().enumerate().map(role).collect() }
    }

    fn name(&self, at: usize) -> String {
        name::text(self.certificates[at].subject_name())
    }

    /// Returns the indices of the certificates with a role.
    pub fn with(&self, role: Role) -> Vec<usize> {
        (0..self.roles.len()).filter(|at| self.roles[*at] == role).collect()
    }

    /// Returns the names of some certificates.
    pub fn names(&self, indices: &[usize]) -> String {
        const MAX_NAMES: usize = 3;
        let mut names: Vec<String> =
            indices.iter().take(MAX_NAMES).map(|at| self.name(*at)).collect();
        if indices.len() > MAX_NAMES {
            names.push(format!("{} more", indices.len() - MAX_NAMES));
        }
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join("; ")),
            None => String::new(),
        }
    }

    /// Returns the indices of the certificates of the chain in the correct order.
    fn correct_order(&self) -> Vec<usize> {
        let rank = |role: Role| match role {
            Role::Leaf => Some(0),
            Role::Intermediate(position) => Some(position),
            Role::Root => Some(usize::MAX),
            _ => None,
        };
        let ranked = self.roles.iter().enumerate().filter_map(|(at, r)| Some((rank(*r)?, at)));
        let mut order: Vec<(usize, usize)> = ranked.collect();
        order.sort_unstable();
        order.into_iter().map(|(_, at)| at).collect()
    }

    /// Reports the roles, the order, and certificates that should not be in the file.
    pub fn report(&self, side: Side, subject: &mut Subject) {
        if self.certificates.len() == 1 {
            return;
        }
        subject.fact("in_file", "in the file", self.descriptions());
        let order = self.correct_order();
        let is_leaf_first = self.roles[0] == Role::Leaf;
        if order.is_sorted() && is_leaf_first {
            let text = "the certificates are in the correct order, leaf first";
            subject.finding("chain_order", Level::Good, text);
        } else {
            let (level, text) = match side {
                Side::Server if !is_leaf_first => (
                    Level::Wrong,
                    "the certificates are out of order: a server uses the first one as its own",
                ),
                Side::Server => (
                    Level::Warning,
                    "the intermediates are out of order; most clients reorder them, but not all",
                ),
                Side::Client => (
                    Level::Warning,
                    "the certificates are out of order; certpick sends them in the correct order, \
                     but other programs do not",
                ),
            };
            let correct: Vec<String> = order
                .iter()
                .filter(|at| self.roles[**at] != Role::Root)
                .map(|at| format!("{} ({})", at + 1, self.name(*at)))
                .collect();
            let advice = format!(
                "The correct order is {}. --fix-order FILE writes it.",
                correct.join(", then ")
            );
            subject.advised("chain_order", level, text, advice);
        }
        self.report_superfluous(side, subject);
    }

    /// Describes the certificates, one per line.
    fn descriptions(&self) -> Vec<String> {
        const MAX_LINES: usize = 20;
        let line = |at: usize| {
            let issuer = name::text(self.certificates[at].issuer_name());
            let role = self.roles[at].word();
            format!("{}. {}, issued by {issuer} ({role})", at + 1, self.name(at))
        };
        let count = self.certificates.len();
        let mut lines: Vec<String> = (0..count.min(MAX_LINES)).map(line).collect();
        if count > MAX_LINES {
            lines.push(format!("and {} more", count - MAX_LINES));
        }
        lines
    }

    fn report_superfluous(&self, side: Side, subject: &mut Subject) {
        const KEY: &str = "superfluous";
        let sent = match side {
            Side::Client => "not sent",
            Side::Server => "sent needlessly",
        };
        for at in self.with(Role::Root) {
            let text = format!(
                "the file contains the root, {}, which is {sent}: a peer that trusts it has it",
                self.name(at)
            );
            subject.finding("root_included", Level::Note, text);
        }
        let duplicates = self.with(Role::Duplicate);
        if !duplicates.is_empty() {
            let names = self.names(&duplicates);
            let text = format!("the file contains more than once: {names}");
            subject.advised(KEY, Level::Warning, text, "Keep one copy of each.");
        }
        let unrelated = self.with(Role::Unrelated);
        if !unrelated.is_empty() {
            let names = self.names(&unrelated);
            let text = format!(
                "the file contains certificates that are not in the chain and are {sent}: {names}"
            );
            subject.advised(KEY, Level::Warning, text, "Remove them from the file.");
        }
        for at in self.with(Role::Namesake) {
            let text = format!(
                "certificate {} of the file, {}, has the name of the missing issuer but another \
                 key",
                at + 1,
                self.name(at)
            );
            let is_root = facts::is_root(&self.certificates[at]);
            let level = if is_root { Level::Warning } else { Level::Wrong };
            let advice = "Replace it with the CA certificate of the key that signed.";
            subject.advised("namesake", level, text, advice);
        }
    }
}

/// The SHA-256 fingerprint of a certificate.
#[derive(PartialEq, Eq, Hash)]
struct Digest([u8; 32]);

fn digest(certificate: &X509) -> Option<Digest> {
    let digest: DigestBytes = certificate.digest(MessageDigest::sha256()).ok()?;
    Some(Digest((&*digest).try_into().ok()?))
}
