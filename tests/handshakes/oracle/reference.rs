// SPDX-License-Identifier: MIT OR Apache-2.0
//! A second implementation of the rules, written for clarity and not for speed.

use super::{MIDDLES, NAMES};
use certpick_core::choice::{EmptyCaList, Flawed, Order, Reasons};
use testkit::connection::SOFT;
use testkit::handshake::{Version, max_level_of_sha1};
use testkit::keys::Kind::{self, *};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    Expired,
    Early,
    KeyUsage,
    ExtendedKeyUsage,
    /// Signed with SHA-1.
    Sha1,
}

/// The path from a certificate to its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Direct,
    /// Through an intermediate in the credential's file.
    Chain,
    /// Through an intermediate outside the credential's file.
    Bare,
}

/// Common name, root, path to the root, key, flaw, validity in days.
#[derive(Clone, Copy, Debug)]
pub struct Spec(pub &'static str, pub usize, pub Via, pub Kind, pub Flaw, pub i64);

/// Returns the validity of intermediate `i` in days, unless it has expired. All differ.
pub fn middle_days(i: usize) -> i64 {
    175 + i64::try_from(i).unwrap()
}

/// The server's request and the client's settings.
#[derive(Debug)]
pub struct Asked {
    pub version: Version,
    pub names: Vec<&'static str>,
    /// If empty, all of OpenSSL's.
    pub schemes: Vec<&'static str>,
    /// If empty, those for the schemes.
    pub types: Vec<u8>,
    pub level: u32,
    pub user: Option<&'static str>,
    pub empty_ca_list: EmptyCaList,
    pub flawed: Flawed,
    pub order: Order,
}

pub struct Expected {
    pub verdicts: Vec<Reasons>,
    pub choice: Option<usize>,
    /// The intermediate that is sent.
    pub middle: Option<usize>,
}

pub fn decide(set: &[&Spec], pool: &[usize], asked: &Asked) -> Expected {
    // An intermediate in the file of one credential is used for all of them.
    let is_known =
        |root: usize| pool.contains(&root) || set.iter().any(|s| s.1 == root && s.2 == Via::Chain);
    let middle_of = |spec: &Spec| (spec.2 != Via::Direct && is_known(spec.1)).then_some(spec.1);
    let verdict = |spec: &&Spec| against(spec, middle_of(spec), set.len(), asked);
    let verdicts: Vec<Reasons> = set.iter().map(verdict).collect();

    let mut choice: Option<usize> = None;
    for at in 0..set.len() {
        let hard = if asked.flawed == Flawed::Exclude { !0 } else { !SOFT };
        if verdicts[at].0 & hard != 0 {
            continue;
        }
        let rank = |i: usize| {
            let flawed = verdicts[i].0 & SOFT != 0;
            let is_user = asked.user == Some(set[i].0);
            let end = match asked.order {
                Order::Given => 0,
                Order::LongestValid => -ends(set[i], middle_of(set[i])),
            };
            (flawed, !is_user, end)
        };
        if choice.is_none_or(|best| rank(at) < rank(best)) {
            choice = Some(at);
        }
    }
    let middle = choice.and_then(|at| middle_of(set[at]));
    Expected { verdicts, choice, middle }
}

/// Returns the days until the credential or its intermediate expires.
fn ends(spec: &Spec, middle: Option<usize>) -> i64 {
    let own = spec.5;
    match middle {
        None => own,
        Some(i) if MIDDLES[i] == Flaw::Expired => own.min(-1),
        Some(i) => own.min(middle_days(i)),
    }
}

fn against(spec: &Spec, middle: Option<usize>, count: usize, asked: &Asked) -> Reasons {
    let Spec(_, root, via, kind, flaw, _) = *spec;
    let mut reasons = Reasons::default();

    // The issuers.
    let (root_name, middle_name) = (NAMES[root], NAMES[4 + root]);
    let issuers = match (via, middle) {
        (Via::Direct, _) => vec![root_name],
        (_, Some(_)) => vec![middle_name, root_name],
        (_, None) => vec![middle_name],
    };
    if asked.names.is_empty() {
        let accepted = match asked.empty_ca_list {
            EmptyCaList::Accept => true,
            EmptyCaList::Sole => count == 1,
            EmptyCaList::SendNone => false,
        };
        if !accepted {
            reasons.add(Reasons::POLICY);
        }
    } else if !issuers.iter().any(|issuer| asked.names.contains(issuer)) {
        reasons.add(Reasons::ISSUER);
    }

    // Signature algorithms and certificate types.
    let fits = |scheme: &&str| can_sign(kind, scheme, asked.version);
    if !asked.schemes.is_empty() && !asked.schemes.iter().any(fits) {
        reasons.add(Reasons::SIGNATURE_ALGORITHM);
    }
    if asked.version == Version::Tls12 {
        let of_rsa = matches!(kind, Rsa1024 | Rsa2048 | Pss | PssSha256 | PssSha384);
        let accepted = if !asked.types.is_empty() {
            asked.types.contains(if of_rsa { &1 } else { &64 })
        } else if !asked.schemes.is_empty() {
            asked.schemes.iter().any(|scheme| scheme.starts_with("rsa") == of_rsa)
        } else {
            true
        };
        if !accepted {
            reasons.add(Reasons::CERTIFICATE_TYPE);
        }
    }

    // The security level (SSL_CTX_set_security_level(3)).
    let needed = [0, 80, 112, 128][usize::try_from(asked.level).unwrap()];
    let key_bits = match kind {
        Rsa1024 => 80,
        Rsa2048 | Pss | PssSha256 | PssSha384 => 112,
        P256 | Ed25519 | Brainpool | Koblitz => 128,
        P384 => 192,
        Ed448 => 224,
        P521 => 256,
    };
    let sha1_bits = if max_level_of_sha1() == 0 { 63 } else { 80 };
    let of_signature = |flaw: Flaw| if flaw == Flaw::Sha1 { sha1_bits } else { 128 };
    let of_middle = middle.map_or(128, |i| of_signature(MIDDLES[i]));
    if key_bits.min(of_signature(flaw)).min(of_middle) < needed {
        reasons.add(Reasons::SECURITY_LEVEL);
    }

    // The flaws of the leaf and of its intermediate.
    let mut flaws = vec![flaw];
    flaws.extend(middle.map(|i| MIDDLES[i]));
    for flaw in flaws {
        match flaw {
            Flaw::None | Flaw::Sha1 => {}
            Flaw::Expired => reasons.add(Reasons::EXPIRED),
            Flaw::Early => reasons.add(Reasons::NOT_YET_VALID),
            Flaw::KeyUsage => reasons.add(Reasons::KEY_USAGE),
            Flaw::ExtendedKeyUsage => reasons.add(Reasons::EXTENDED_KEY_USAGE),
        }
    }
    reasons
}

/// Returns whether a key can sign with an algorithm (RFC 8446, section 4.2.3). In TLS 1.2 a hash may be
/// used with any curve (RFC 5246, section 7.4.1.4.1).
fn can_sign(kind: Kind, scheme: &str, version: Version) -> bool {
    let tls13 = version == Version::Tls13;
    match scheme {
        "rsa_pkcs1_sha256" => !tls13 && matches!(kind, Rsa1024 | Rsa2048),
        "rsa_pss_rsae_sha256" | "rsa_pss_rsae_sha384" => matches!(kind, Rsa1024 | Rsa2048),
        "rsa_pss_rsae_sha512" => kind == Rsa2048,
        "rsa_pss_pss_sha256" => matches!(kind, Pss | PssSha256),
        "rsa_pss_pss_sha384" => matches!(kind, Pss | PssSha384),
        "rsa_pss_pss_sha512" => kind == Pss,
        "ecdsa_secp256r1_sha256" if tls13 => kind == P256,
        "ecdsa_secp384r1_sha384" if tls13 => kind == P384,
        "ecdsa_secp521r1_sha512" if tls13 => kind == P521,
        "ecdsa_secp256r1_sha256" | "ecdsa_secp384r1_sha384" | "ecdsa_secp521r1_sha512" => {
            matches!(kind, P256 | P384 | P521)
        }
        "ed25519" => kind == Ed25519,
        "ed448" => kind == Ed448,
        other => panic!("{other} is not in the table"),
    }
}
