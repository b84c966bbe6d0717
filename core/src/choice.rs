// SPDX-License-Identifier: MIT OR Apache-2.0
//! The choice: plain values in, verdicts and a rank out.
//!
//! A verdict is the set of all reasons against one credential. Hard reasons exclude the credential. A
//! credential with soft reasons, such as an expired certificate, ranks behind every credential without
//! them: the server decides whether it accepts the certificate, and the client's clock may be wrong.

mod algorithms;
mod chains;
mod reasons;
mod verdicts;

pub use algorithms::{Curve, KeyType, PssHash};
pub(crate) use chains::address;
pub use chains::{Chain, Graph, Link, MAX_DEPTH, NO_START, Start};
pub use reasons::{Effect, Reason, Reasons};
pub use verdicts::{Verdicts, judge};

/// The policy for a request that names no CA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyCaList {
    /// Every credential may be sent (RFC 8446, section 4.2.4; RFC 5246, section 7.4.4).
    #[default]
    Accept,
    /// A credential may be sent only if the selector has no other one.
    Sole,
    /// No certificate is sent.
    SendNone,
}

/// The policy for a credential with soft reasons against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flawed {
    /// It ranks behind every credential without soft reasons.
    #[default]
    Demote,
    /// It is not sent.
    Exclude,
}

/// The policy for a request for which every credential is excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoneSuitable {
    /// No certificate is sent, and the handshake continues.
    #[default]
    SendNone,
    /// The handshake is aborted.
    Abort,
}

/// The last criterion of the rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The order in which the credentials were added.
    #[default]
    Given,
    /// The latest [`Candidate::chain_not_after`] first, for a set without an order (a directory).
    LongestValid,
}

/// The policy of a selector.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Policy {
    pub empty_ca_list: EmptyCaList,
    pub flawed: Flawed,
    pub none_suitable: NoneSuitable,
    pub order: Order,
}

/// A class of certificates that get the same verdict for the same request, apart from dates and names.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// The type of the public key.
    pub key: KeyType,
    /// The security level of the SSL refuses leaves of this class.
    pub is_refused: bool,
}

/// A credential as the choice sees it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The number of the leaf's issuer name.
    pub issuer: u32,
    /// The number of the leaf's class in [`Criteria::classes`].
    pub class: u32,
    /// The leaf's notBefore, in seconds since 1970.
    pub not_before: i64,
    /// The leaf's notAfter, in seconds since 1970; the leaf is still valid at that time.
    pub not_after: i64,
    /// The number of the [`Start`] of the leaf's chains, or [`NO_START`].
    pub start: u32,
    /// The latest time, in seconds since 1970, at which the leaf and one of its chains are valid.
    pub chain_not_after: i64,
    /// The soft reasons that follow from key usage and extended key usage.
    pub usage_reasons: Reasons,
    /// The leaf's common name.
    pub common_name: Option<Box<[u8]>>,
}

/// The request and the circumstances of the handshake, in terms of the candidates.
#[derive(Clone, Debug)]
pub struct Criteria<'a> {
    /// The number of credentials of the selector, which may exceed the number of candidates.
    pub count: usize,
    /// The rules of TLS 1.3 apply: a scheme requires a certain curve, and PKCS#1 v1.5 and SHA-1 are
    /// not allowed (RFC 8446, section 4.2.3).
    pub tls13: bool,
    /// For each name, by its number, whether the server named it; `None` if it named no CA.
    pub named: Option<&'a [bool]>,
    /// SignatureScheme values that both sides support; `None` before TLS 1.2, in which the type of the
    /// key decides, and only RSA, DSA and ECDSA can sign.
    pub schemes: Option<&'a [u16]>,
    /// ClientCertificateType values; `None` in TLS 1.3 and if the server sent none.
    pub types: Option<&'a [u8]>,
    /// The classes, by the number in [`Candidate::class`].
    pub classes: &'a [Class],
    /// The numbers, sorted, of candidates whose leaf the security level accepts although it refuses
    /// their class. A program's own security callback may distinguish certificates of one class.
    pub exempt: &'a [usize],
    /// The certificates above the candidates.
    pub graph: &'a Graph,
    /// For each link, by its number, whether the security level refuses it.
    pub refused: &'a [bool],
    /// The user that the program connects as.
    pub user: Option<&'a [u8]>,
    /// The current time, in seconds since 1970.
    pub now: i64,
}

#[cfg(test)]
mod tests;
