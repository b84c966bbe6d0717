// SPDX-License-Identifier: MIT OR Apache-2.0
//! Assigns the keys of a file to its certificates, by the identifiers in the file.

use super::bags::{Bags, KeyBag};
use super::{Failure, MAX_KEYS, Opened};
use crate::error::Problem;
use crate::source::bundle::{Bundle, SharedCertificates};
use crate::x509::certificate::{Certificate, DecodeError, decode};
use crate::x509::chain::{IssuerAndSubject, leaf_positions};
use std::sync::Arc;

struct Known {
    certificate: Arc<Certificate>,
    /// The identifiers of all bags with this certificate.
    ids: Vec<Vec<u8>>,
    /// Whether a key has one of these identifiers.
    has_key: bool,
}

/// The leaf of a credential, as an index, and the numbers of its keys.
struct Leaf {
    at: usize,
    keys: Vec<usize>,
}

/// Returns the credentials in the order of their keys in the file.
///
/// A key belongs to the certificate with the same localKeyID. If several certificates have it, those are
/// leaves that have not issued another one of them: some programs give the identifier to the whole chain.
///
/// A key without an identifier may belong to each remaining leaf of the file. So may a key whose identifier
/// no certificate has if this is the case for all keys; otherwise it is a key without a certificate.
pub fn credentials(
    contents: Vec<Bags>,
    shared: &mut SharedCertificates,
) -> Result<Vec<Opened>, Failure> {
    let (mut known, mut keys) = (Vec::new(), Vec::new());
    for bags in contents {
        for bag in bags.certificates {
            add(&mut known, bag.der, bag.id, shared)?;
        }
        keys.extend(bags.keys);
    }
    if known.is_empty() {
        return Err(Problem::NoCertificateInPkcs12.into());
    }
    if keys.is_empty() {
        return Err(Failure::NoKey);
    }
    let leaves = leaves(&mut known, &keys)?;
    if leaves.len() > MAX_KEYS {
        return Err(Problem::TooManyKeys(MAX_KEYS).into());
    }
    let open = |leaf: Leaf| {
        let others = known.iter().enumerate().filter(|(at, _)| *at != leaf.at);
        let extra = others.map(|(_, other)| Arc::clone(&other.certificate)).collect();
        let leaf_certificate = Arc::clone(&known.get(leaf.at)?.certificate);
        let bundle = Bundle { leaf: leaf_certificate, extra };
        Some(Opened { bundle, keys: leaf.keys.into() })
    };
    Ok(leaves.into_iter().filter_map(open).collect())
}

/// Adds a certificate, or only its identifier if the certificate is there already.
fn add(
    known: &mut Vec<Known>,
    der: Vec<u8>,
    id: Option<Vec<u8>>,
    shared: &mut SharedCertificates,
) -> Result<(), Failure> {
    let certificate = match shared.certificate(der.clone()) {
        Some(certificate) => certificate,
        // Its names can be read only by OpenSSL.
        None => match decode(&der) {
            Ok(certificate) => Arc::new(certificate.into()),
            Err(DecodeError::NoMemory) => return Err(Failure::NoMemory),
            Err(DecodeError::Damaged(why)) => {
                return Err(Problem::Damaged { number: known.len() + 1, why }.into());
            }
        },
    };
    match known.iter_mut().find(|known| known.certificate.is_same(&certificate)) {
        Some(known) => known.ids.extend(id),
        None => {
            known.push(Known { certificate, ids: id.into_iter().collect(), has_key: false });
        }
    }
    Ok(())
}

fn leaves(known: &mut [Known], keys: &[KeyBag]) -> Result<Vec<Leaf>, Failure> {
    let mut leaves = Vec::new();
    let mut without = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let Some(id) = &key.id else {
            without.push(key);
            continue;
        };
        let mut same = Vec::new();
        for (at, known) in known.iter_mut().enumerate() {
            if known.ids.contains(id) {
                known.has_key = true;
                same.push(at);
            }
        }
        if same.is_empty() {
            without.push(key);
            continue;
        }
        let has_id = |key: &&KeyBag| key.id.as_ref() == Some(id);
        if keys.iter().take(at).any(|key| has_id(&key)) {
            continue;
        }
        let numbers: Vec<usize> = keys.iter().filter(has_id).map(|key| key.number).collect();
        for leaf in leaves_of(known, &same)? {
            assign(&mut leaves, leaf, &numbers);
        }
    }
    if !leaves.is_empty() {
        without.retain(|key| key.id.is_none());
    }
    let all: Vec<usize> = (0..known.len()).collect();
    let is_free = |at: &usize| known.get(*at).is_some_and(|known| !known.has_key);
    let mut free: Vec<usize> = Vec::new();
    if !without.is_empty() {
        free.extend(leaves_of(known, &all)?.into_iter().filter(is_free));
    }
    // Further certificates without issued ones may be unrelated CA certificates.
    free.truncate(without.len());
    for (at, leaf) in free.into_iter().enumerate() {
        // Programs write keys and certificates in the same order.
        let (before, after) = without.split_at_checked(at).unwrap_or_default();
        let numbers: Vec<usize> = after.iter().chain(before).map(|key| key.number).collect();
        assign(&mut leaves, leaf, &numbers);
    }
    Ok(leaves)
}

/// Returns the certificates among those at `positions` that have issued no other one of them, or the first
/// one if all have.
fn leaves_of(known: &[Known], positions: &[usize]) -> Result<Vec<usize>, Failure> {
    let among = positions.iter().filter_map(|at| known.get(*at));
    let names: Vec<IssuerAndSubject<'_>> = among
        .map(|x| IssuerAndSubject {
            issuer: x.certificate.issuer(),
            subject: x.certificate.subject(),
        })
        .collect();
    let leaves = leaf_positions(&names, MAX_KEYS + 1).map_err(|_| Failure::NoMemory)?;
    Ok(leaves.into_iter().filter_map(|leaf| positions.get(leaf).copied()).collect())
}

/// Adds keys to the credential with this leaf.
fn assign(leaves: &mut Vec<Leaf>, at: usize, numbers: &[usize]) {
    match leaves.iter_mut().find(|leaf| leaf.at == at) {
        Some(leaf) => leaf.keys.extend_from_slice(numbers),
        None => leaves.push(Leaf { at, keys: numbers.to_vec() }),
    }
}
