// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a certificate may be used for.

use crate::inspect::{self, Side};
use crate::report::{Level, Subject};
use certpick_core::choice::Reasons;
use openssl::x509::X509;

/// Whether a leaf may prove this side.
pub fn tell_leaf(leaf: &X509, side: Side, subject: &mut Subject) {
    if inspect::is_ca(leaf) && inspect::is_root(leaf) {
        let text = "it is also the certificate of a CA, as openssl req -x509 makes them";
        subject.finding("ca_as_leaf", Level::Note, text);
    } else if inspect::is_ca(leaf) {
        let text = match side {
            Side::Client => "it is the certificate of a CA; clients have others",
            Side::Server => "it is the certificate of a CA; servers have others",
        };
        let advice = "if the CA issues to others with this key, keep the key away from here, and \
                      use a certificate that it issued";
        subject.advised("ca_as_leaf", Level::Warning, text, advice);
    }
    let fits = inspect::fits_purpose(leaf, side, false);
    let reasons = match side {
        Side::Client => inspect::usage_reasons(leaf),
        Side::Server => Reasons::default(),
    };
    if fits && reasons.is_empty() {
        let text = match side {
            Side::Client => "it may be used by a TLS client",
            Side::Server => "it may be used by a TLS server",
        };
        subject.finding("usage", Level::Good, text);
        return;
    }
    let advice = match side {
        Side::Client => {
            "get a certificate for clients: key usage digitalSignature, extended key \
                         usage clientAuth"
        }
        Side::Server => {
            "get a certificate for servers: key usage digitalSignature, extended key \
                         usage serverAuth"
        }
    };
    let level = if fits { Level::Warning } else { Level::Wrong };
    let consequence = match (side, fits) {
        (_, true) => "; some servers may refuse it",
        (Side::Client, false) => "; servers refuse it",
        (Side::Server, false) => "; clients refuse it",
    };
    let mut told = false;
    for (reason, key, words) in [
        (Reasons::KEY_USAGE, "key_usage", "its key usage lacks digitalSignature"),
        (
            Reasons::EXTENDED_KEY_USAGE,
            "extended_key_usage",
            "its extended key usage lacks clientAuth",
        ),
    ] {
        if reasons.contains(reason) {
            subject.advised(key, level, format!("{words}{consequence}"), advice);
            told = true;
        }
    }
    if !told {
        let text = match side {
            Side::Client => "its key usage or extended key usage is not for TLS clients",
            Side::Server => "its key usage or extended key usage is not for TLS servers",
        };
        subject.advised("usage", level, format!("{text}{consequence}"), advice);
    }
}

/// Whether an intermediate may issue for this side.
pub fn tell_intermediate(certificate: &X509, side: Side, subject: &mut Subject) {
    if inspect::fits_purpose(certificate, side, true) {
        return;
    }
    let text = match side {
        Side::Client => "it may not issue certificates for TLS clients; servers refuse the chain",
        Side::Server => "it may not issue certificates for TLS servers; clients refuse the chain",
    };
    let advice = "its basic constraints, key usage or extended key usage say so; the CA must put \
                  another one in its place";
    subject.advised("usage", Level::Wrong, text, advice);
}
