// SPDX-License-Identifier: MIT OR Apache-2.0
//! The choice: plain values in, verdicts and a rank out.
//!
//! For every credential all reasons against it are collected. Hard reasons exclude it; soft ones
//! put it behind every credential without them, because the server is the judge and clocks are
//! wrong.

mod algorithms;
mod chains;
mod reasons;
mod verdicts;

pub use algorithms::{Curve, KeyType, PssHash};
pub use chains::{Chain, Graph, Link, MAX_DEPTH, NO_START, Start};
pub use reasons::{Effect, Reason, Reasons};
pub use verdicts::{Verdicts, judge};

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

/// A class of certificates that are judged alike in one handshake.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// The type of their public keys.
    pub key: KeyType,
    /// OpenSSL's security level refuses leaves of this class on this connection.
    pub is_refused: bool,
}

/// One credential as the choice sees it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The number of the name that issued the leaf.
    pub issuer: u32,
    /// The number of the leaf's class in [`Criteria::classes`].
    pub class: u32,
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

/// The server's request and the circumstances of the handshake, in terms of the candidates.
#[derive(Clone, Debug)]
pub struct Criteria<'a> {
    /// How many credentials the selector has; not all of them need be candidates.
    pub count: usize,
    /// TLS 1.3 (RFC 8446) binds curves to schemes and rules out PKCS#1 and SHA-1.
    pub tls13: bool,
    /// By the number of a name, whether the server named it; `None` if it named no CA.
    pub named: Option<&'a [bool]>,
    /// SignatureScheme values that both sides support; `None` before TLS 1.2, which has none: there the
    /// type of the key decides, and only RSA, DSA and ECDSA can sign.
    pub schemes: Option<&'a [u16]>,
    /// ClientCertificateType values; `None` in TLS 1.3, and if the server sent none.
    pub types: Option<&'a [u8]>,
    /// By the number in [`Candidate::class`].
    pub classes: &'a [Class],
    /// Candidates whose leaf the security level accepts although it refuses their class: a program's own
    /// callback may tell such certificates apart. Sorted.
    pub exempt: &'a [usize],
    /// The certificates that may stand above the candidates.
    pub graph: &'a Graph,
    /// By the number of the link: whether the security level refuses it.
    pub refused: &'a [bool],
    /// The user that the program connects as.
    pub user: Option<&'a [u8]>,
    /// Now, in seconds since 1970.
    pub now: i64,
}

#[cfg(test)]
mod tests;
