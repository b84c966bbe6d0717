// SPDX-License-Identifier: MIT OR Apache-2.0
//! The choice: plain values in, verdicts and a rank out.
//!
//! For every credential all reasons against it are collected. Hard reasons exclude it; soft ones
//! put it behind every credential without them, because the server is the judge and clocks are
//! wrong.

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

/// A curve as far as signature schemes are bound to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Curve {
    P256,
    P384,
    P521,
    BrainpoolP256r1,
    BrainpoolP384r1,
    BrainpoolP512r1,
    Other,
}

/// The hash that an RSA-PSS key is bound to by its parameters (RFC 4055).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum PssHash {
    Any,
    Sha256,
    Sha384,
    Sha512,
    Other,
}

/// A public key as far as the choice is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Key {
    /// rsaEncryption, with its size in bits.
    Rsa(u32),
    /// id-RSASSA-PSS, with its size in bits.
    RsaPss(u32, PssHash),
    Ec(Curve),
    Ed25519,
    Ed448,
    Dsa,
    MlDsa44,
    MlDsa65,
    MlDsa87,
    /// A kind that this library does not know; OpenSSL may.
    Other,
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
    /// Numbers of the names that issued the certificates of its chain.
    pub issuers: Box<[u32]>,
    /// Which of the request's [`Traits`] it has.
    pub traits: u32,
    /// Seconds since 1970; the chain's, where that is shorter than the leaf's.
    pub not_before: i64,
    /// Seconds since 1970, inclusive.
    pub not_after: i64,
    /// Reasons that do not depend on the server: those of the key usages.
    pub lasting: Reasons,
    /// The leaf's common name.
    pub common_name: Option<Box<[u8]>>,
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
    /// By the number in [`Candidate::traits`].
    pub traits: &'a [Traits],
    /// The user that the program connects as.
    pub user: Option<&'a [u8]>,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// All reasons against each candidate.
pub fn verdicts(candidates: &[Candidate], asked: &Asked<'_>, policy: &Policy) -> Vec<Reasons> {
    let by_traits: Vec<Reasons> = asked.traits.iter().map(|t| against_traits(t, asked)).collect();
    let unnamed = match (asked.named, policy.empty_ca_list) {
        (Some(_), _) | (None, EmptyCaList::Accept) => Reasons::default(),
        (None, EmptyCaList::Sole) if candidates.len() == 1 => Reasons::default(),
        (None, EmptyCaList::Sole | EmptyCaList::SendNone) => Reasons::POLICY,
    };
    let verdict = |candidate: &Candidate| {
        let mut reasons = candidate.lasting;
        reasons.add(unnamed);
        let traits = usize::try_from(candidate.traits).ok().and_then(|i| by_traits.get(i));
        // A candidate without traits cannot be judged, so it is not sent.
        reasons.add(traits.copied().unwrap_or(Reasons::SECURITY_LEVEL));
        if let Some(named) = asked.named {
            let is_named = |id: &u32| {
                usize::try_from(*id).ok().and_then(|i| named.get(i)).copied().unwrap_or(false)
            };
            if !candidate.issuers.iter().any(is_named) {
                reasons.add(Reasons::ISSUER);
            }
        }
        if asked.now > candidate.not_after {
            reasons.add(Reasons::EXPIRED);
        }
        if asked.now < candidate.not_before {
            reasons.add(Reasons::NOT_YET_VALID);
        }
        reasons
    };
    candidates.iter().map(verdict).collect()
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
                Order::LongestValid => Some(Reverse(candidate.not_after)),
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

/// Whether a key can sign by a SignatureScheme (RFC 8446, section 4.2.3; RFC 5246, section
/// 7.4.1.4.1, for TLS 1.2, where the upper byte is the hash and the lower one the kind of key).
fn fits_scheme(key: Key, scheme: u16, tls13: bool) -> bool {
    // RFC 8017, section 9.1.1: an RSA modulus must hold the hash, a salt of the same length and
    // two bytes more.
    let pss = |bits: u32, hash_bytes: u32| bits.div_ceil(8) >= 2 * hash_bytes + 2;
    let bound = |allowed: PssHash, to: PssHash| matches!(allowed, PssHash::Any) || allowed == to;
    match scheme {
        // rsa_pkcs1_sha256, _sha384, _sha512, and in TLS 1.2 those with SHA-1 and SHA-224
        0x0401 | 0x0501 | 0x0601 | 0x0201 | 0x0301 => !tls13 && matches!(key, Key::Rsa(_)),
        // rsa_pss_rsae_sha256, _sha384, _sha512
        0x0804 => matches!(key, Key::Rsa(bits) if pss(bits, 32)),
        0x0805 => matches!(key, Key::Rsa(bits) if pss(bits, 48)),
        0x0806 => matches!(key, Key::Rsa(bits) if pss(bits, 64)),
        // rsa_pss_pss_sha256, _sha384, _sha512
        0x0809 => matches!(key, Key::RsaPss(b, h) if pss(b, 32) && bound(h, PssHash::Sha256)),
        0x080a => matches!(key, Key::RsaPss(b, h) if pss(b, 48) && bound(h, PssHash::Sha384)),
        0x080b => matches!(key, Key::RsaPss(b, h) if pss(b, 64) && bound(h, PssHash::Sha512)),
        // ecdsa_secp256r1_sha256, _secp384r1_sha384, _secp521r1_sha512: in TLS 1.2 the hash alone
        0x0403 => matches!(key, Key::Ec(c) if !tls13 || c == Curve::P256),
        0x0503 => matches!(key, Key::Ec(c) if !tls13 || c == Curve::P384),
        0x0603 => matches!(key, Key::Ec(c) if !tls13 || c == Curve::P521),
        0x0203 | 0x0303 => !tls13 && matches!(key, Key::Ec(_)),
        // ecdsa_brainpoolP*r1tls13_sha* (RFC 8734): for TLS 1.3 alone
        0x081a => tls13 && key == Key::Ec(Curve::BrainpoolP256r1),
        0x081b => tls13 && key == Key::Ec(Curve::BrainpoolP384r1),
        0x081c => tls13 && key == Key::Ec(Curve::BrainpoolP512r1),
        0x0807 => key == Key::Ed25519,
        0x0808 => key == Key::Ed448,
        // mldsa44, mldsa65, mldsa87: for TLS 1.3 alone
        0x0904 => tls13 && key == Key::MlDsa44,
        0x0905 => tls13 && key == Key::MlDsa65,
        0x0906 => tls13 && key == Key::MlDsa87,
        0x0202 | 0x0302 | 0x0402 | 0x0502 | 0x0602 => !tls13 && key == Key::Dsa,
        // A scheme that we do not know may be that of a key which we do not know either. OpenSSL
        // has the last word.
        _ => key == Key::Other,
    }
}

/// Whether a key is of a ClientCertificateType (RFC 5246, section 7.4.4; RFC 8422, section 5.5).
fn fits_type(key: Key, kind: u8) -> bool {
    match kind {
        1 => matches!(key, Key::Rsa(_) | Key::RsaPss(..)),
        2 => key == Key::Dsa,
        64 => matches!(key, Key::Ec(_) | Key::Ed25519 | Key::Ed448),
        // Fixed (EC)DH certificates cannot sign.
        3..=6 | 20 | 65 | 66 => false,
        _ => key == Key::Other,
    }
}

#[cfg(test)]
mod tests;
