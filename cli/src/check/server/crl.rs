// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificate revocation lists: whether they are valid, and whether they revoke the chain.

use crate::certificate::{date, seconds, span};
use crate::certificate_file;
use crate::report::{Level, Subject, Value};
use certpick_core::error::file_name;
use certpick_core::source::pem;
use certpick_core::x509::name;
use openssl::x509::{CrlStatus, X509, X509Crl, X509CrlRef};
use std::path::Path;

/// CRLs of large CAs have many megabytes.
const MAX_BYTES: u64 = 256 << 20;

/// Reports the findings about a file with CRLs. `chain` is the leaf with its intermediates, `cas` are
/// all known CA certificates. Returns whether the file can be used for verification.
pub fn report(file: &Path, chain: &[&X509], cas: &[&X509], now: i64, server: &mut Subject) -> bool {
    let mut subject = Subject::new("crl", file_name(file));
    let lists = match read(file) {
        Ok(lists) => lists,
        Err(reason) => {
            let text = format!("could not read CRL file \"{}\": {reason}", file_name(file));
            subject.finding("crl_file", Level::Wrong, text);
            server.part(subject);
            return false;
        }
    };
    for list in &lists {
        if let [_] = lists[..] {
            report_list(list, chain, cas, now, &mut subject);
        } else {
            let mut part = Subject::new("crl", name::text(list.issuer_name()));
            report_list(list, chain, cas, now, &mut part);
            subject.part(part);
        }
    }
    server.part(subject);
    true
}

fn read(file: &Path) -> Result<Vec<X509Crl>, String> {
    const BEGIN: &[u8] = b"-----BEGIN X509 CRL-----";
    let bytes = certificate_file::read_file(file, MAX_BYTES)?;
    let starts = bytes.windows(BEGIN.len()).enumerate().filter(|(_, w)| *w == BEGIN);
    let starts: Vec<usize> = starts.map(|(at, _)| at).collect();
    if starts.is_empty() {
        return Err(match bytes.first() {
            None => "it is empty",
            Some(0x30) if X509Crl::from_der(&bytes).is_ok() => {
                "it is in DER; convert it with openssl crl -inform DER"
            }
            Some(_) => "it contains no CRL in PEM",
        }
        .to_owned());
    }
    let damaged = |at: usize| format!("CRL {} in it is damaged", at + 1);
    let list = |(at, start): (usize, &usize)| {
        pem::revocation_list(&bytes[*start..]).ok_or_else(|| damaged(at))
    };
    starts.iter().enumerate().map(list).collect()
}

fn report_list(list: &X509CrlRef, chain: &[&X509], cas: &[&X509], now: i64, subject: &mut Subject) {
    let issuer = name::text(list.issuer_name());
    subject.fact("issuer", "issuer", issuer.clone());
    report_times(list, now, subject);
    let namesakes: Vec<&&X509> =
        cas.iter().filter(|ca| name::equal(ca.subject_name(), list.issuer_name())).collect();
    let signed = |ca: &&&X509| ca.public_key().and_then(|key| list.verify(&key)).unwrap_or(false);
    if namesakes.iter().any(signed) {
        subject.finding("crl_signature", Level::Good, format!("signed by {issuer}"));
    } else if namesakes.is_empty() {
        let text = format!(
            "the issuer, {issuer}, is not in the chain, so the CRL does not apply to this certificate"
        );
        subject.finding("crl_issuer", Level::Warning, text);
        return;
    } else {
        let text = format!("the signature does not verify with the key of {issuer}");
        subject.finding("crl_signature", Level::Wrong, text);
    }
    for certificate in chain {
        if name::equal(certificate.issuer_name(), list.issuer_name()) {
            report_revocation(list, certificate, subject);
        }
    }
}

fn report_times(list: &X509CrlRef, now: i64, subject: &mut Subject) {
    const KEY: &str = "crl_validity";
    let this = seconds(list.last_update());
    let next = list.next_update().map(seconds);
    if let Some(time) = this {
        subject.fact("this_update", "this update", Value::Time(time));
    }
    if let Some(time) = next.flatten() {
        subject.fact("next_update", "next update", Value::Time(time));
    }
    match (this, next) {
        (None, _) | (_, Some(None)) => {
            subject.finding(KEY, Level::Wrong, "the dates cannot be parsed");
        }
        (Some(this), _) if this > now => {
            let text = format!("not valid before {}, {} from now", date(this), span(this - now));
            subject.finding(KEY, Level::Wrong, text);
        }
        (Some(_), Some(Some(next))) if next < now => {
            let text = format!(
                "expired on {}, {} ago; clients with this CRL reject every certificate of the CA",
                date(next),
                span(now - next)
            );
            subject.advised(KEY, Level::Wrong, text, "Get the current CRL from the CA.");
        }
        (Some(_), Some(Some(next))) => {
            let text = format!("valid until {}, {} from now", date(next), span(next - now));
            subject.finding(KEY, Level::Good, text);
        }
        (Some(_), None) => {
            let text = "the CRL does not contain the date of the next update";
            subject.finding(KEY, Level::Note, text);
        }
    }
}

fn report_revocation(list: &X509CrlRef, certificate: &X509, subject: &mut Subject) {
    let name = name::text(certificate.subject_name());
    match list.get_by_cert(certificate) {
        CrlStatus::Revoked(entry) => {
            let when = seconds(entry.revocation_date());
            let since = when.map(|t| format!(" since {}", date(t))).unwrap_or_default();
            let text = format!("{name} has been revoked{since}");
            subject.advised("revoked", Level::Wrong, text, "Get a new certificate with a new key.");
        }
        CrlStatus::NotRevoked | CrlStatus::RemoveFromCrl(_) => {
            subject.finding("revoked", Level::Good, format!("{name} is not revoked"));
        }
    }
}
