// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks key usage, extended key usage and basic constraints.

use crate::facts::{self, Side};
use crate::report::{Level, Subject};
use certpick_core::choice::{Reason, Reasons};
use certpick_core::x509::facts::usage_reasons;
use openssl::x509::X509;

/// Reports whether a leaf certificate may be used by this side.
pub fn report_leaf(leaf: &X509, side: Side, subject: &mut Subject) {
    let (own, peer) = match side {
        Side::Client => ("client", "servers"),
        Side::Server => ("server", "clients"),
    };
    if facts::is_ca(leaf) && facts::is_root(leaf) {
        let text = "the certificate is also a CA certificate, as openssl req -x509 creates";
        subject.finding("ca_as_leaf", Level::Note, text);
    } else if facts::is_ca(leaf) {
        let text = format!("the certificate is a CA certificate, which a {own} should not use");
        let advice = "If the CA issues certificates with this key, remove the key from this \
                      machine, and use a certificate that the CA issued.";
        subject.advised("ca_as_leaf", Level::Warning, text, advice);
    }
    let fits = facts::fits_purpose(leaf, side, false);
    let reasons = match side {
        Side::Client => usage_reasons(leaf).unwrap_or_default(),
        Side::Server => Reasons::default(),
    };
    if fits && reasons.is_empty() {
        let text = format!("the certificate may be used by a TLS {own}");
        subject.finding("usage", Level::Good, text);
        return;
    }
    let advice = format!(
        "Get a certificate for {own}s, with key usage digitalSignature and extended key usage \
         {own}Auth."
    );
    let (level, consequence) = match fits {
        true => (Level::Warning, format!("some {peer} may reject it")),
        false => (Level::Wrong, format!("{peer} reject it")),
    };
    let keys =
        [("key_usage", Reasons::KEY_USAGE), ("extended_key_usage", Reasons::EXTENDED_KEY_USAGE)];
    for (key, bit) in keys.into_iter().filter(|(_, bit)| reasons.contains(*bit)) {
        for reason in Reason::ALL.iter().filter(|reason| reason.bit == bit) {
            subject.advised(key, level, format!("{}; {consequence}", reason.text), &advice);
        }
    }
    if reasons.is_empty() {
        let text =
            format!("the key usage or extended key usage is not for TLS {own}s; {consequence}");
        subject.advised("usage", level, text, &advice);
    }
}

/// Reports an intermediate that may not issue certificates for this side.
pub fn report_intermediate(certificate: &X509, side: Side, subject: &mut Subject) {
    if facts::fits_purpose(certificate, side, true) {
        return;
    }
    let text = match side {
        Side::Client => {
            "the CA may not issue certificates for TLS clients; servers reject the chain"
        }
        Side::Server => {
            "the CA may not issue certificates for TLS servers; clients reject the chain"
        }
    };
    let advice = "Its basic constraints, key usage or extended key usage forbid it. The CA must \
                  issue a new intermediate.";
    subject.advised("usage", Level::Wrong, text, advice);
}
