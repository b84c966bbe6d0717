// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates of one file: which is which, and whether they stand in the right order.

use crate::inspect::{self, Authority, Side};
use crate::report::{Level, Subject};
use openssl::hash::{DigestBytes, MessageDigest};
use openssl::x509::X509;
use std::collections::HashSet;

/// What a certificate is to the file's leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Leaf,
    /// An intermediate, with its place in the chain, counted from 1 above the leaf.
    Intermediate(usize),
    /// An intermediate of another chain of the same leaf: CAs may be cross-signed.
    OtherChain,
    /// It ends the chain and need not be sent.
    Root,
    /// The same as one before it in the file.
    Duplicate,
    /// It has the name of the issuer at which the chain ends, but did not issue.
    Namesake,
    /// A CA's that may stand above a gap in the chain.
    AboveGap,
    /// It has nothing to do with the leaf.
    Stranger,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Leaf => "leaf",
            Role::Intermediate(_) => "intermediate",
            Role::OtherChain => "of another chain",
            Role::Root => "root",
            Role::Duplicate => "duplicate",
            Role::Namesake => "namesake of an issuer",
            Role::AboveGap => "not connected",
            Role::Stranger => "stranger",
        }
    }
}

/// A file's certificates, and what each is.
pub struct Layout<'a> {
    certificates: &'a [X509],
    pub roles: Vec<Role>,
}

impl<'a> Layout<'a> {
    /// `chain` is what goes with the leaf, `others` what would on other paths. `root` ends the
    /// chain, where it is known.
    pub fn new(
        certificates: &'a [X509],
        leaf_at: usize,
        chain: &[&X509],
        others: &[&X509],
        root: Option<&X509>,
    ) -> Layout<'a> {
        let leaf = &certificates[leaf_at];
        let top = chain.last().copied().unwrap_or(leaf);
        let is_open = root.is_none() && !inspect::is_root(top);
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
            if let Some(place) = chain.iter().position(is) {
                return Role::Intermediate(place + 1);
            }
            if is_other {
                return Role::OtherChain;
            }
            let below = std::iter::once(&top).chain(others);
            let mut below = below.map(|below| (certificate, *below));
            let is_root = inspect::is_root(certificate);
            if is_root && inspect::first_issued(&mut below).is_some() {
                return Role::Root;
            }
            let is_named = inspect::same_name(top.issuer_name(), certificate.subject_name());
            match is_open && inspect::authority(certificate) != Authority::No {
                true if is_named => Role::Namesake,
                true => Role::AboveGap,
                false => Role::Stranger,
            }
        };
        Layout { certificates, roles: certificates.iter().enumerate().map(role).collect() }
    }

    fn name(&self, at: usize) -> String {
        inspect::name_text(self.certificates[at].subject_name())
    }

    /// Places in the file of those with a role.
    pub fn with(&self, role: Role) -> Vec<usize> {
        (0..self.roles.len()).filter(|at| self.roles[*at] == role).collect()
    }

    /// The names of some certificates, not more than anybody reads.
    pub fn names(&self, places: &[usize]) -> String {
        const MOST: usize = 3;
        let mut names: Vec<String> = places.iter().take(MOST).map(|at| self.name(*at)).collect();
        if places.len() > MOST {
            names.push(format!("{} more", places.len() - MOST));
        }
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join("; ")),
            None => String::new(),
        }
    }

    /// The places in the file in the order in which its certificates should stand.
    fn right_order(&self) -> Vec<usize> {
        let rank = |role: Role| match role {
            Role::Leaf => Some(0),
            Role::Intermediate(place) => Some(place),
            Role::Root => Some(usize::MAX),
            _ => None,
        };
        let ranked = self.roles.iter().enumerate().filter_map(|(at, r)| Some((rank(*r)?, at)));
        let mut order: Vec<(usize, usize)> = ranked.collect();
        order.sort_unstable();
        order.into_iter().map(|(_, at)| at).collect()
    }

    /// Says which is which, whether the order is right, and what ought not to be in the file.
    pub fn tell(&self, side: Side, subject: &mut Subject) {
        if self.certificates.len() == 1 {
            return;
        }
        subject.fact("in_file", "in the file", self.each());
        let order = self.right_order();
        let is_leaf_first = self.roles[0] == Role::Leaf;
        if order.is_sorted() && is_leaf_first {
            let text = "the certificates are in the right order, the leaf first";
            subject.finding("chain_order", Level::Good, text);
        } else {
            let (level, text) = match side {
                Side::Server if !is_leaf_first => (
                    Level::Wrong,
                    "the certificates are out of order: a server takes the first one for its own",
                ),
                Side::Server => (
                    Level::Warning,
                    "the certificates are out of order; most clients sort them, not all",
                ),
                Side::Client => (
                    Level::Warning,
                    "the certificates are out of order; certpick sends them in the right one, \
                     other programs do not",
                ),
            };
            let right: Vec<String> = order
                .iter()
                .filter(|at| self.roles[**at] != Role::Root)
                .map(|at| format!("{} ({})", at + 1, self.name(*at)))
                .collect();
            let advice = format!(
                "the right order is {}; --fix-order FILE writes them so",
                right.join(", then ")
            );
            subject.advised("chain_order", level, text, advice);
        }
        self.tell_superfluous(side, subject);
    }

    /// A line for each, not more than anybody reads.
    fn each(&self) -> Vec<String> {
        const MOST: usize = 20;
        let line = |at: usize| {
            let issuer = inspect::name_text(self.certificates[at].issuer_name());
            let role = self.roles[at].word();
            format!("{}. {}, issued by {issuer} ({role})", at + 1, self.name(at))
        };
        let count = self.certificates.len();
        let mut lines: Vec<String> = (0..count.min(MOST)).map(line).collect();
        if count > MOST {
            lines.push(format!("and {} more", count - MOST));
        }
        lines
    }

    fn tell_superfluous(&self, side: Side, subject: &mut Subject) {
        let sends = match side {
            Side::Client => "is not sent",
            Side::Server => "is sent for nothing",
        };
        for at in self.with(Role::Root) {
            let text = format!(
                "the file holds the root, {}, which {sends}: whoever verifies has it",
                self.name(at)
            );
            subject.finding("root_included", Level::Note, text);
        }
        let duplicates = self.with(Role::Duplicate);
        if !duplicates.is_empty() {
            let names = self.names(&duplicates);
            let text = format!("the file holds more than once: {names}");
            subject.advised("superfluous", Level::Warning, text, "keep one of each");
        }
        let strangers = self.with(Role::Stranger);
        if !strangers.is_empty() {
            let names = self.names(&strangers);
            let text = match side {
                Side::Client => format!(
                    "the file holds what has nothing to do with the leaf and is not sent: {names}"
                ),
                Side::Server => format!(
                    "the file holds what has nothing to do with the leaf and is sent for nothing: \
                     {names}"
                ),
            };
            subject.advised("superfluous", Level::Warning, text, "take it out of the file");
        }
        for at in self.with(Role::Namesake) {
            let text = format!(
                "certificate {} of the file, {}, has the name of the issuer that is needed, but \
                 its key is not the one that signed",
                at + 1,
                self.name(at)
            );
            let is_root = inspect::is_root(&self.certificates[at]);
            let level = if is_root { Level::Warning } else { Level::Wrong };
            let advice = "replace it by the certificate that the CA has for its signing key";
            subject.advised("namesake", level, text, advice);
        }
    }
}

/// What tells certificates apart.
#[derive(PartialEq, Eq, Hash)]
struct Digest([u8; 32]);

fn digest(certificate: &X509) -> Option<Digest> {
    let digest: DigestBytes = certificate.digest(MessageDigest::sha256()).ok()?;
    Some(Digest((&*digest).try_into().ok()?))
}
