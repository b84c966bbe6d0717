// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chains: which certificate issued which, put in order, with gaps filled from the issuer pool.
//!
//! What is sent is leaf first, then each certificate's issuer, without the root (RFC 8446, section
//! 4.4.2), without duplicates and without certificates that have nothing to do with it.

use super::facts::Clock;
use super::settle_extensions;
use crate::error::OutOfMemory;
use crate::name::{self, ByFingerprint};
use crate::ossl;
use foreign_types::ForeignType;
use openssl::x509::X509;
use openssl_sys as ffi;
use std::collections::HashSet;

/// No chain is longer: OpenSSL's own bound for verification (SSL_CTX_set_verify_depth(3)).
const MOST_DEPTH: usize = 100;

/// So many chains of one leaf are looked at: more than any sensible set of cross-signed CAs has.
const MOST_PATHS: usize = 64;

/// The leaf of a file, whatever its place in it, and the others. `None` for an empty file.
pub fn leaf_first(mut certificates: Vec<X509>) -> Option<(X509, Vec<X509>)> {
    let leaf = leaf_position(&certificates);
    if certificates.is_empty() {
        return None;
    }
    let leaf = certificates.remove(leaf);
    Some((leaf, certificates))
}

/// Which certificate of a file is the leaf.
///
/// OpenSSL takes the first certificate of a file for the leaf, and so do we, unless it issued
/// another one of the file: then the file is out of order.
pub fn leaf_position(certificates: &[X509]) -> usize {
    let issues_another = |at: usize| {
        certificates.get(at).is_some_and(|issuer| {
            certificates.iter().enumerate().any(|(i, other)| {
                i != at && name::equal(other.issuer_name(), issuer.subject_name())
            })
        })
    };
    if certificates.len() > 1 && issues_another(0) {
        (0..certificates.len()).find(|at| !issues_another(*at)).unwrap_or(0)
    } else {
        0
    }
}

/// Whether it is signed with its own key.
pub fn is_root(certificate: &X509) -> Result<bool, OutOfMemory> {
    let own = name::equal(certificate.subject_name(), certificate.issuer_name());
    Ok(own && may_have_issued(certificate, certificate)?)
}

/// X509_check_issued(3): names, key identifiers and keyCertSign agree.
fn may_have_issued(issuer: &X509, certificate: &X509) -> Result<bool, OutOfMemory> {
    settle_extensions(issuer)?;
    settle_extensions(certificate)?;
    // It asks of which kind the issuer's key is, for which OpenSSL may need memory.
    let agree = || {
        // SAFETY: two valid certificates, in which OpenSSL caches what their extensions say.
        let found = unsafe { ffi::X509_check_issued(issuer.as_ptr(), certificate.as_ptr()) };
        (found == 0).then_some(())
    };
    Ok(ossl::sure(agree)?.is_some())
}

/// Whether `issuer` issued `certificate`. Key identifiers on both sides are evidence enough; where
/// one is missing, CAs of the same name are told apart by the signature.
pub fn issued(issuer: &X509, certificate: &X509) -> Result<bool, OutOfMemory> {
    if !may_have_issued(issuer, certificate)? {
        return Ok(false);
    }
    if issuer.subject_key_id().is_some() && certificate.authority_key_id().is_some() {
        return Ok(true);
    }
    let verify = || {
        let good = issuer.public_key().and_then(|key| certificate.verify(&key));
        good.unwrap_or(false).then_some(())
    };
    Ok(ossl::sure(verify)?.is_some())
}

/// One certificate of the pool.
struct Member {
    certificate: X509,
    not_before: i64,
    not_after: i64,
    issuers: Vec<u32>,
}

/// The issuer pool: certificates that may fill a gap in a chain. They are never trusted, only
/// sent. Roots are not kept, since they are not sent.
#[derive(Default)]
pub struct Pool {
    members: Vec<Member>,
    by_subject: ByFingerprint<Vec<u32>>,
    /// Those whose subject has no fingerprint.
    odd: Vec<u32>,
}

impl Pool {
    /// Adds a certificate, once; gives its number, or `None` for a root.
    pub fn add(&mut self, certificate: &X509, clock: &Clock) -> Result<Option<u32>, OutOfMemory> {
        let bucket = name::fingerprint(name::der(certificate.subject_name()));
        for id in self.with_subject(bucket) {
            if self.certificate(id).is_some_and(|known| is_same(known, certificate)) {
                return Ok(Some(id));
            }
        }
        if is_root(certificate)? {
            return Ok(None);
        }
        let Ok(id) = u32::try_from(self.members.len()) else { return Ok(None) };
        let (not_before, not_after) = clock.validity(certificate);
        let certificate = certificate.clone();
        self.members.push(Member { certificate, not_before, not_after, issuers: Vec::new() });
        match bucket {
            Some(fingerprint) => self.by_subject.entry(fingerprint).or_default().push(id),
            None => self.odd.push(id),
        }
        Ok(Some(id))
    }

    /// Finds out which member issued which, once all are in.
    pub fn link(&mut self) -> Result<(), OutOfMemory> {
        let issuers = self.members.iter().map(|m| self.issuers_of(&m.certificate));
        let issuers: Vec<Vec<u32>> = issuers.collect::<Result<_, _>>()?;
        for (member, issuers) in self.members.iter_mut().zip(issuers) {
            member.issuers = issuers;
        }
        Ok(())
    }

    /// The members that issued this certificate; several where CAs are cross-signed.
    pub fn issuers_of(&self, certificate: &X509) -> Result<Vec<u32>, OutOfMemory> {
        if self.members.is_empty() {
            return Ok(Vec::new());
        }
        let bucket = name::fingerprint(name::der(certificate.issuer_name()));
        let mut issuers = Vec::new();
        for id in self.with_subject(bucket) {
            let Some(member) = self.certificate(id) else { continue };
            if !is_same(member, certificate) && issued(member, certificate)? {
                issuers.push(id);
            }
        }
        Ok(issuers)
    }

    /// Whether a member has this name, given in DER, for its subject, as far as fingerprints tell.
    pub fn has_subject(&self, name: &[u8]) -> bool {
        !self.members.is_empty() && !self.with_subject(name::fingerprint(name)).is_empty()
    }

    /// Whether what the certificate says of its issuer is all that [`issued`] needs to know of it.
    pub fn tells_by_identifiers(&self, certificate: &X509) -> bool {
        let bucket = name::fingerprint(name::der(certificate.issuer_name()));
        let has_identifier =
            |id: u32| self.certificate(id).is_some_and(|m| m.subject_key_id().is_some());
        certificate.authority_key_id().is_some()
            && self.with_subject(bucket).into_iter().all(has_identifier)
    }

    fn with_subject(&self, bucket: Option<u64>) -> Vec<u32> {
        match bucket {
            Some(f) => {
                let known = self.by_subject.get(&f).map_or(&[][..], Vec::as_slice);
                known.iter().chain(&self.odd).copied().collect()
            }
            None => (0..u32::try_from(self.members.len()).unwrap_or(0)).collect(),
        }
    }

    /// The certificate with this number.
    pub fn certificate(&self, id: u32) -> Option<&X509> {
        self.member(id).map(|m| &m.certificate)
    }

    fn member(&self, id: u32) -> Option<&Member> {
        self.members.get(usize::try_from(id).ok()?)
    }

    /// When a member is valid.
    pub fn validity(&self, id: u32) -> Option<(i64, i64)> {
        self.member(id).map(|m| (m.not_before, m.not_after))
    }

    /// The chains of a leaf that these members issued: intermediates in order, without the leaf. At
    /// least one, which may be empty; more where CAs are cross-signed or were renewed. For each
    /// member that can be reached there is one that leads to it by the shortest way, and on from
    /// there. Members of the leaf's own file come first.
    pub fn paths(&self, issuers: &[u32], own: &[u32]) -> Vec<Vec<u32>> {
        let own_first = |ids: &[u32]| {
            let (mut first, others): (Vec<u32>, Vec<u32>) =
                ids.iter().partition(|id| own.contains(id));
            first.extend(others);
            first
        };
        let above = |id: u32| self.member(id).map_or(&[][..], |m| &m.issuers);

        // Breadth first: each member with the place of the one below it.
        let mut reached: Vec<(u32, Option<usize>)> =
            own_first(issuers).into_iter().map(|id| (id, None)).collect();
        let mut seen: HashSet<u32> = issuers.iter().copied().collect();
        let mut next = 0;
        while let Some((id, _)) = reached.get(next).copied().filter(|_| next < MOST_PATHS) {
            for issuer in own_first(above(id)) {
                if seen.insert(issuer) {
                    reached.push((issuer, Some(next)));
                }
            }
            next += 1;
        }

        let mut paths: Vec<Vec<u32>> = Vec::new();
        for (at, _) in reached.iter().enumerate().take(MOST_PATHS) {
            let mut path = Vec::new();
            let mut below = Some(at);
            while let Some((id, parent)) = below.and_then(|b| reached.get(b)) {
                path.push(*id);
                below = *parent;
            }
            path.reverse();
            while let Some(last) = path.last().filter(|_| path.len() < MOST_DEPTH) {
                // A cycle of cross-signed CAs must not bring a certificate twice.
                let fresh = own_first(above(*last)).into_iter().find(|id| !path.contains(id));
                let Some(fresh) = fresh else { break };
                path.push(fresh);
            }
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            paths.push(Vec::new());
        }
        paths
    }
}

fn is_same(a: &X509, b: &X509) -> bool {
    a.as_ptr() == b.as_ptr() || a == b
}

#[cfg(test)]
mod tests;
