// SPDX-License-Identifier: MIT OR Apache-2.0
//! CA certificates for tests of chains, which need many: with Ed25519 keys, valid from 1970-01-01 for
//! ten days, and without key identifiers, so that only names and signatures connect them.

use crate::certificates::{Identity, Subject, time_text};
use crate::keys::Kind;
use openssl::x509::extension::BasicConstraints;
use openssl::x509::{X509, X509Ref};

/// Creates a name and a key, with a self-signed certificate.
pub fn party(common_name: &str) -> Identity {
    Identity::root(Subject::new(common_name).kind(Kind::Ed25519))
}

/// Issues a certificate.
pub fn issued_by(subject: &Identity, issuer: &Identity) -> X509 {
    valid_for(10, subject, issuer)
}

/// Issues a certificate that is valid for this number of days.
pub fn valid_for(days: i64, subject: &Identity, issuer: &Identity) -> X509 {
    issuer.sign(certificate(days, subject))
}

/// Issues a certificate with key identifiers. The authority key identifier is the subject key identifier
/// of `issuer_certificate`, if it has one.
pub fn identified(subject: &Identity, issuer: &Identity, issuer_certificate: &X509Ref) -> X509 {
    issuer.sign(certificate(10, subject).key_identifiers(issuer_certificate))
}

fn certificate(days: i64, subject: &Identity) -> Subject {
    let time = |day: i64| time_text(day * 86_400);
    let is_ca = BasicConstraints::new().ca().build().unwrap();
    subject.same_subject().valid_between(&time(0), &time(days)).bare().extension(is_ca)
}
