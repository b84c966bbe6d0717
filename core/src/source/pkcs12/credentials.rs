// SPDX-License-Identifier: MIT OR Apache-2.0
//! Assigns the keys of a file to its certificates, by the identifiers in the file.

use super::bags::{Bags, CertificateBag, KeyBag, LocalKeyId};
use super::{Failure, MAX_KEYS, Pkcs12Credential};
use crate::source::bundle::{Bundle, SharedCertificates};
use crate::x509::certificate::{Certificate, DecodeError, decode};
use crate::x509::chain::{IssuerAndSubject, leaf_positions};
use std::sync::Arc;

struct Known {
    certificate: Arc<Certificate>,
    /// The identifiers of all bags with this certificate.
    ids: Vec<LocalKeyId>,
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
    bags: Bags,
    shared: &mut SharedCertificates,
) -> Result<Vec<Pkcs12Credential>, Failure> {
    let mut known = Vec::new();
    for bag in bags.certificates {
        add(&mut known, bag, shared)?;
    }
    if known.is_empty() {
        return Err(Failure::NoCertificate);
    }
    if bags.keys.is_empty() {
        return Err(Failure::NoKey);
    }
    let leaves = leaves(&mut known, &bags.keys)?;
    if leaves.len() > MAX_KEYS {
        return Err(Failure::TooManyKeys);
    }
    let mut opened = Vec::new();
    for leaf in leaves {
        let mut extra: Vec<_> = known.iter().map(|known| Arc::clone(&known.certificate)).collect();
        let bundle = Bundle { leaf: extra.remove(leaf.at), extra };
        opened.push(Pkcs12Credential { bundle, keys: leaf.keys.into() });
    }
    Ok(opened)
}

/// Adds a certificate, or only its identifier if the certificate is there already.
fn add(
    known: &mut Vec<Known>,
    bag: CertificateBag,
    shared: &mut SharedCertificates,
) -> Result<(), Failure> {
    let certificate = match shared.certificate(bag.der.clone()) {
        Some(certificate) => certificate,
        // Its names can be read only by OpenSSL.
        None => match decode(&bag.der) {
            Ok(certificate) => Arc::new(certificate.into()),
            Err(DecodeError::NoMemory) => return Err(Failure::NoMemory),
            Err(DecodeError::Damaged(_)) => {
                return Err(Failure::DamagedCertificate(known.len() + 1));
            }
        },
    };
    match known.iter_mut().find(|known| known.certificate.is_same(&certificate)) {
        Some(known) => known.ids.push(bag.id),
        None => known.push(Known { certificate, ids: vec![bag.id], has_key: false }),
    }
    Ok(())
}

fn leaves(known: &mut [Known], keys: &[KeyBag]) -> Result<Vec<Leaf>, Failure> {
    let mut leaves = Vec::new();
    let mut without = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let mut is_known = false;
        for known in known.iter_mut() {
            if key.id.is_some() && known.ids.contains(&key.id) {
                known.has_key = true;
                is_known = true;
            }
        }
        if !is_known {
            without.push(key);
            continue;
        }
        let has_id = |other: &&KeyBag| other.id == key.id;
        if keys.iter().take(at).any(|other| has_id(&other)) {
            continue;
        }
        let numbers: Vec<usize> = keys.iter().filter(has_id).map(|key| key.number).collect();
        for leaf in leaves_of(known, key.id)? {
            assign(&mut leaves, leaf, &numbers);
        }
    }
    if !leaves.is_empty() {
        without.retain(|key| key.id.is_none());
    }
    if without.is_empty() {
        return Ok(leaves);
    }
    let mut free = leaves_of(known, None)?;
    free.retain(|at| known.get(*at).is_some_and(|known| !known.has_key));
    // Further certificates without issued ones may be unrelated CA certificates.
    free.truncate(without.len());
    for leaf in free {
        let numbers: Vec<usize> = without.iter().map(|key| key.number).collect();
        assign(&mut leaves, leaf, &numbers);
        // Programs write keys and certificates in the same order.
        without.rotate_left(1);
    }
    Ok(leaves)
}

/// Returns the certificates among those with an identifier, or among all, that have issued no other one of
/// them, or the first one if all have.
fn leaves_of(known: &[Known], id: LocalKeyId) -> Result<Vec<usize>, Failure> {
    let (mut positions, mut names) = (Vec::new(), Vec::new());
    for (at, known) in known.iter().enumerate() {
        if id.is_none() || known.ids.contains(&id) {
            let (issuer, subject) = (known.certificate.issuer(), known.certificate.subject());
            positions.push(at);
            names.push(IssuerAndSubject { issuer, subject });
        }
    }
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
