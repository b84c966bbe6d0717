// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cached findings about certificates, because many leaf certificates share their intermediates.

use super::usage;
use crate::certificate::{self, Clock};
use crate::facts::{Side, StrengthClass};
use crate::report::{Finding, Subject};
use crate::strength::{self, Position};
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use std::collections::HashMap;

pub struct CertificateReports {
    side: Side,
    clock: Clock,
    /// By SHA-256 fingerprint.
    intermediates: HashMap<Vec<u8>, Subject>,
    strengths: HashMap<(StrengthClass, bool), Finding>,
}

impl CertificateReports {
    pub fn new(side: Side, clock: Clock) -> CertificateReports {
        CertificateReports { side, clock, intermediates: HashMap::new(), strengths: HashMap::new() }
    }

    /// Returns an intermediate with all its facts and findings.
    pub fn intermediate(&mut self, certificate: &X509) -> Subject {
        let digest = certificate.digest(MessageDigest::sha256());
        let digest = digest.map(|d| d.to_vec()).unwrap_or_default();
        if let Some(known) = self.intermediates.get(&digest) {
            return known.clone();
        }
        let mut subject = certificate::subject(certificate, self.clock.now);
        subject.push(certificate::validity(certificate, self.clock));
        usage::report_intermediate(certificate, self.side, &mut subject);
        subject.push(self.strength(certificate, Position::Intermediate));
        self.intermediates.insert(digest, subject.clone());
        subject
    }

    /// Returns the finding about a certificate's strength, computed once per key and signature type.
    pub fn strength(&mut self, certificate: &X509, position: Position) -> Finding {
        let class = (StrengthClass::of(certificate), position == Position::Leaf);
        let known = self.strengths.entry(class);
        known.or_insert_with(|| strength::finding(certificate, position)).clone()
    }
}
