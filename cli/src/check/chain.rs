// SPDX-License-Identifier: MIT OR Apache-2.0
//! The chain of one certificate: the source of each intermediate, the end, and the signatures.

use super::order::{Layout, Role};
use super::verify::{Anchors, Verification};
use crate::facts::{self, Side};
use crate::report::{Level, Subject};
use certpick_core::selector::MAX_KEYS;
use certpick_core::x509::chain;
use certpick_core::x509::fingerprint::fingerprint;
use certpick_core::x509::name;
use openssl::nid::Nid;
use openssl::x509::X509;
use std::collections::HashMap;

/// The file in which an intermediate was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The file of the leaf.
    Own,
    /// The file of --issuers.
    Pool,
    /// The file of another credential, by its name.
    Other(String),
}

/// A leaf certificate and its chain.
pub struct Chain<'a> {
    pub leaf: &'a X509,
    /// The intermediates, from the leaf upwards.
    pub links: Vec<(&'a X509, Origin)>,
    /// The root at the end, if it is known.
    pub root: Option<&'a X509>,
}

impl<'a> Chain<'a> {
    pub fn intermediates(&self) -> Vec<&'a X509> {
        self.links.iter().map(|(certificate, _)| *certificate).collect()
    }

    /// Returns the last certificate before the root.
    fn top(&self) -> &'a X509 {
        self.links.last().map_or(self.leaf, |(certificate, _)| certificate)
    }

    /// Returns the leaf and its intermediates: the certificates to put into a file.
    pub fn bundle(&self) -> Vec<&'a X509> {
        std::iter::once(self.leaf).chain(self.intermediates()).collect()
    }

    /// Reports the findings about the chain. `verified` is the result of verifying it against a
    /// client's roots, if there are any; a gap that the roots fill is no problem.
    pub fn report(
        &self,
        layout: &Layout<'_>,
        side: Side,
        verified: Option<bool>,
        subject: &mut Subject,
    ) {
        let level = if verified == Some(true) { Level::Note } else { Level::Wrong };
        self.report_filled(side, level, subject);
        self.report_end(layout, side, level, verified == Some(false), subject);
        if verified.is_none() {
            self.report_signatures(subject);
        }
    }

    fn report_filled(&self, side: Side, level: Level, subject: &mut Subject) {
        for (certificate, origin) in &self.links {
            let name = name::text(certificate.subject_name());
            let from = match origin {
                Origin::Own => continue,
                Origin::Pool => "the issuer pool (issuers)".to_owned(),
                Origin::Other(entry) => format!("the file of {entry}"),
            };
            match side {
                Side::Client => {
                    let text = format!("{name} is not in the file and is taken from {from}");
                    subject.finding("chain_filled", Level::Note, text);
                }
                Side::Server => {
                    let text = format!("{name} is not in the file, so the server does not send it");
                    let advice = format!("It is in {from}. Add it with --fix-order FILE.");
                    subject.advised("chain_filled", level, text, advice);
                }
            }
        }
    }

    fn report_end(
        &self,
        layout: &Layout<'_>,
        side: Side,
        level: Level,
        is_refused: bool,
        subject: &mut Subject,
    ) {
        let top = self.top();
        let top_name = name::text(top.subject_name());
        let issuer = name::text(top.issuer_name());
        let peers = match side {
            Side::Client => "servers",
            Side::Server => "clients",
        };
        if facts::is_root(self.leaf) {
            let text = format!(
                "the certificate is self-signed: only {peers} that trust this certificate itself \
                 accept it"
            );
            subject.finding("self_signed", Level::Note, text);
            return;
        }
        if let Some(root) = self.root {
            let root = name::text(root.subject_name());
            subject.finding("chain", Level::Good, format!("the chain is complete up to {root}"));
            return;
        }
        let url = ca_issuers_url(top);
        let disconnected = layout.with(Role::AboveGap);
        if !disconnected.is_empty() {
            let text = format!(
                "an intermediate is missing: the certificate of {issuer}, which issued \
                 {top_name}; the file continues with {}",
                layout.names(&disconnected)
            );
            let url = url.map_or_else(String::new, |url| format!(" from {url}"));
            let advice = format!(
                "Add the missing certificate{url} to the file after {top_name}, or to the file of \
                 issuers. If {issuer} is a root, remove the other certificates."
            );
            subject.advised("chain_gap", level, text, advice);
            return;
        }
        if is_refused {
            return;
        }
        let mut text =
            format!("the chain is complete up to the issuer {issuer}, which {peers} must trust");
        if let Some(url) = url {
            text.push_str(&format!("; its certificate is available at {url}"));
        }
        subject.finding("chain", Level::Good, text);
    }

    /// Verifies the signatures with OpenSSL. Dates are reported by other findings.
    fn report_signatures(&self, subject: &mut Subject) {
        const KEY: &str = "chain_verifies";
        let anchor = self.root.unwrap_or(self.top());
        let intermediates = self.intermediates();
        let verification =
            Verification { anchors: Anchors::One(anchor), ..Verification::default() };
        match verification.run(self.leaf, &intermediates) {
            // A self-signed leaf without a chain needs no finding.
            Ok(()) if std::ptr::eq(anchor, self.leaf) => {}
            Ok(()) => {
                subject.finding(KEY, Level::Good, "all signatures in the chain are valid");
            }
            Err(error) => {
                let text = format!("the chain does not verify: {error}");
                if error.is_signature() {
                    let advice = "Its issuer in the chain has the right name but another key. Get \
                                  the CA certificate of the key that signed it.";
                    subject.advised(KEY, Level::Wrong, text, advice);
                } else {
                    subject.finding(KEY, Level::Wrong, text);
                }
            }
        }
    }
}

/// Returns the URL of the issuer's certificate (RFC 5280, section 4.2.2.1).
fn ca_issuers_url(certificate: &X509) -> Option<String> {
    certificate.authority_info()?.iter().find_map(|access| {
        let is_issuer = access.method().nid() == Nid::AD_CA_ISSUERS;
        access.location().uri().filter(|_| is_issuer).map(str::to_owned)
    })
}

/// All known roots by name. Roots are never sent.
#[derive(Default)]
pub struct RootIndex<'a>(HashMap<Option<u64>, Vec<&'a X509>>);

impl<'a> RootIndex<'a> {
    pub fn add(&mut self, certificate: &'a X509) {
        if facts::is_root(certificate) {
            let hash = fingerprint(name::der(certificate.subject_name()));
            self.0.entry(hash).or_default().push(certificate);
        }
    }

    /// Returns the root that issued this certificate.
    pub fn issuer_of(&self, certificate: &X509) -> Option<&'a X509> {
        let hash = fingerprint(name::der(certificate.issuer_name()));
        let namesakes = self.0.get(&hash)?;
        let at = chain::first_issued(namesakes.iter().map(|root| (*root, certificate)), MAX_KEYS)?;
        namesakes.get(at).copied()
    }
}
