// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verifies the server's chain against the roots of a client, and checks the roots.

use crate::certificate::{self, Clock};
use crate::chain_error::ChainError;
use crate::check::verify::{Anchors, Strict, Verification};
use crate::facts::{self, Authority};
use crate::report::{Level, Subject};
use crate::roots::Roots;
use certpick_core::x509::name;
use openssl::ssl::{SslContext, SslMethod};
use openssl::x509::{X509, X509PurposeId};
use openssl_sys as ffi;
use std::path::PathBuf;

/// Verifies a chain, without and then with the CRLs. Returns whether it verifies without them.
pub fn verify(
    roots: &Roots,
    leaf: &X509,
    sent: &[&X509],
    crls: &[PathBuf],
    subject: &mut Subject,
) -> bool {
    let run = |crls: &[PathBuf]| {
        let anchors = match roots {
            Roots::File(_, certificates) => Anchors::Roots(certificates),
            Roots::System => Anchors::System,
        };
        let strict =
            Strict { purpose: X509PurposeId::SSL_SERVER, security_level: default_security_level() };
        Verification { anchors, strict: Some(strict), crls }.run(leaf, sent)
    };
    let client = format!("a client with {roots}");
    let plain = run(&[]);
    let verifies = plain.is_ok();
    report_result("verified", &client, plain, subject);
    if verifies && !crls.is_empty() {
        report_result("crl_check", &format!("{client} and the CRLs"), run(crls), subject);
    }
    verifies
}

fn report_result(
    key: &'static str,
    client: &str,
    result: Result<(), ChainError>,
    subject: &mut Subject,
) {
    let Err(error) = result else {
        subject.finding(key, Level::Good, format!("{client} accepts the chain"));
        return;
    };
    let text = format!("{client} rejects the chain: {error}");
    let at = error.certificate.as_ref();
    let issuer = at.map(|at| name::text(at.issuer_name())).unwrap_or_default();
    let advice = if error.is_missing_issuer() {
        format!(
            "The certificate of {issuer} is missing. Add an intermediate to the server's file, or \
             a root to the client's roots."
        )
    } else if error.is_untrusted_root() {
        format!("Add the certificate of {issuer} to the client's roots.")
    } else {
        match error.result.as_raw() {
            ffi::X509_V_ERR_UNABLE_TO_GET_CRL => format!("A current CRL of {issuer} is required."),
            // EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK.
            66..=68 => "OpenSSL's default security level on this machine rejects it.".to_owned(),
            _ => {
                subject.finding(key, Level::Wrong, text);
                return;
            }
        }
    };
    subject.advised(key, Level::Wrong, text, advice);
}

/// Returns the security level of a program on this machine that does not set one.
fn default_security_level() -> i32 {
    use foreign_types::ForeignTypeRef;
    let Ok(context) = SslContext::builder(SslMethod::tls_client()) else { return 1 };
    let context = context.build();
    // SAFETY: the context is valid.
    unsafe { ffi::SSL_CTX_get_security_level(context.as_ptr()) }
}

/// Adds a root and the findings about it.
pub fn report_root(root: &X509, leaf: &X509, clock: Clock, subject: &mut Subject) {
    const KEY: &str = "root_ca";
    const ADVICE: &str = "Create a root with the extension basicConstraints=critical,CA:TRUE.";
    let mut part = certificate::subject(root, clock.now);
    part.kind = "root";
    if root != leaf {
        match facts::authority(root) {
            Authority::Constrained => {
                part.finding(KEY, Level::Good, "the basic constraints identify a CA certificate")
            }
            Authority::Version1 => {
                let text = "the root is an X.509 version 1 certificate, which OpenSSL accepts as a root \
                            but others do not";
                part.advised(KEY, Level::Warning, text, ADVICE)
            }
            Authority::Otherwise => {
                let text = "the root has no basic constraints, only a key usage for CAs, which OpenSSL \
                            accepts but others do not";
                part.advised(KEY, Level::Warning, text, ADVICE)
            }
            Authority::No => {
                let text = "the root is not a CA certificate, so no chain can end at it";
                part.advised(KEY, Level::Wrong, text, ADVICE)
            }
        };
    }
    part.push(certificate::validity(root, clock));
    subject.part(part);
}
