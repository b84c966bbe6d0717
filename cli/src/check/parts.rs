// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates above a leaf as parts of a report, and how strong each is: worked out once,
//! since many leaves have the same above them.

use super::{Calendar, usage};
use crate::certificate;
use crate::inspect::{Side, StrengthClass};
use crate::report::{Finding, Subject};
use crate::strength::{self, Place};
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use std::collections::HashMap;

pub struct Parts {
    side: Side,
    calendar: Calendar,
    /// By digest.
    known: HashMap<Vec<u8>, Subject>,
    strengths: HashMap<(StrengthClass, bool), Finding>,
}

impl Parts {
    pub fn new(side: Side, calendar: Calendar) -> Parts {
        Parts { side, calendar, known: HashMap::new(), strengths: HashMap::new() }
    }

    /// An intermediate with all that is to be said of it.
    pub fn intermediate(&mut self, certificate: &X509) -> Subject {
        let digest = certificate.digest(MessageDigest::sha256());
        let digest = digest.map(|d| d.to_vec()).unwrap_or_default();
        if let Some(known) = self.known.get(&digest) {
            return known.clone();
        }
        let Calendar { now, min_days } = self.calendar;
        let mut part = certificate::subject(certificate, now);
        part.push(certificate::validity(certificate, now, min_days));
        usage::tell_intermediate(certificate, self.side, &mut part);
        part.push(self.strength(certificate, Place::Intermediate));
        self.known.insert(digest, part.clone());
        part
    }

    /// OpenSSL's opinion of a certificate's strength, asked for once for all that are alike.
    pub fn strength(&mut self, certificate: &X509, place: Place) -> Finding {
        let class = (StrengthClass::of(certificate), place == Place::Leaf);
        let known = self.strengths.entry(class);
        known.or_insert_with(|| strength::finding(certificate, place)).clone()
    }
}
