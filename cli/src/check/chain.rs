// SPDX-License-Identifier: MIT OR Apache-2.0
//! The chain of one certificate: where it comes from, where it ends, and whether it holds.

use super::order::{Layout, Role};
use super::verify::{Anchor, Verification};
use crate::inspect::{self, Side};
use crate::report::{Level, Subject};
use openssl::nid::Nid;
use openssl::x509::X509;
use std::collections::HashMap;

/// Where an intermediate was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the leaf's own file.
    Own,
    /// In the file of --issuers.
    Pool,
    /// In another entry's file; its name.
    Other(String),
}

/// A leaf and what is above it.
pub struct Chain<'a> {
    pub leaf: &'a X509,
    /// The intermediates, in order.
    pub links: Vec<(&'a X509, Origin)>,
    /// The root that ends it, where it is known.
    pub root: Option<&'a X509>,
}

impl<'a> Chain<'a> {
    pub fn certificates(&self) -> Vec<&'a X509> {
        self.links.iter().map(|(certificate, _)| *certificate).collect()
    }

    /// The last one before the root.
    fn top(&self) -> &'a X509 {
        self.links.last().map_or(self.leaf, |(certificate, _)| certificate)
    }

    /// The leaf and its intermediates: what belongs into a file.
    pub fn bundle(&self) -> Vec<&'a X509> {
        std::iter::once(self.leaf).chain(self.certificates()).collect()
    }

    /// What is to be said of it. `verified`: what came of holding it against roots, where there are
    /// any; then that decides.
    pub fn tell(
        &self,
        layout: &Layout<'_>,
        side: Side,
        verified: Option<bool>,
        subject: &mut Subject,
    ) {
        let level = if verified == Some(true) { Level::Note } else { Level::Wrong };
        self.tell_filled(side, level, subject);
        self.tell_end(layout, side, level, verified == Some(false), subject);
        if verified.is_none() {
            self.tell_verified(subject);
        }
    }

    fn tell_filled(&self, side: Side, level: Level, subject: &mut Subject) {
        for (certificate, origin) in &self.links {
            let name = inspect::name_text(certificate.subject_name());
            let from = match origin {
                Origin::Own => continue,
                Origin::Pool => "the issuer pool (--issuers)".to_owned(),
                Origin::Other(entry) => format!("the file of {entry}"),
            };
            match side {
                Side::Client => {
                    let text = format!("{name} is not in the file; it is taken from {from}");
                    subject.finding("chain_filled", Level::Note, text);
                }
                Side::Server => {
                    let text = format!("{name} is not in the file, and so is not sent");
                    let advice = format!("it is in {from}; --fix-order FILE puts it in");
                    subject.advised("chain_filled", level, text, advice);
                }
            }
        }
    }

    fn tell_end(
        &self,
        layout: &Layout<'_>,
        side: Side,
        level: Level,
        is_refused: bool,
        subject: &mut Subject,
    ) {
        let top = self.top();
        let top_name = inspect::name_text(top.subject_name());
        let issuer = inspect::name_text(top.issuer_name());
        if inspect::is_root(self.leaf) {
            let text = match side {
                Side::Client => {
                    "it is self-signed: only a server that has this very certificate among its CAs \
                     accepts it"
                }
                Side::Server => {
                    "it is self-signed: only a client that has this very certificate among its \
                     roots accepts it"
                }
            };
            subject.finding("self_signed", Level::Note, text);
            return;
        }
        if let Some(root) = self.root {
            let root = inspect::name_text(root.subject_name());
            subject.finding("chain", Level::Good, format!("the chain is complete up to {root}"));
            return;
        }
        let disconnected = layout.with(Role::AboveGap);
        if !disconnected.is_empty() {
            let text = format!(
                "an intermediate is missing: the certificate of {issuer}, which issued \
                 {top_name}; the file goes on with {}",
                layout.names(&disconnected)
            );
            let advice = format!(
                "put the missing certificate{} behind {top_name}, or name a file that holds it by \
                 --issuers; if {issuer} is itself a root, take the others out",
                fetched_from(top)
            );
            subject.advised("chain_gap", level, text, advice);
            return;
        }
        if is_refused {
            return;
        }
        let whose = match side {
            Side::Client => "servers",
            Side::Server => "clients",
        };
        let mut text = format!("the chain ends at the issuer {issuer}, whom {whose} must trust");
        let url = fetched_from(top);
        if !url.is_empty() {
            text.push_str(&format!("; its certificate can be fetched{url}"));
        }
        subject.finding("chain", Level::Good, text);
    }

    /// OpenSSL's own verification, which the other side will make; dates are looked at elsewhere.
    fn tell_verified(&self, subject: &mut Subject) {
        const KEY: &str = "chain_verifies";
        let anchor = self.root.unwrap_or(self.top());
        let between = self.certificates();
        let verification = Verification { anchors: Anchor::One(anchor), ..Verification::default() };
        match verification.run(self.leaf, &between) {
            // Nothing was verified by a certificate that stands alone.
            Ok(()) if std::ptr::eq(anchor, self.leaf) => {}
            Ok(()) => {
                let text = "every signature in the chain verifies";
                subject.finding(KEY, Level::Good, text);
            }
            Err(failure) => {
                let mut text = format!("the chain does not verify: {}", failure.words());
                if let Some(at) = &failure.certificate {
                    text.push_str(&format!(", at {}", inspect::name_text(at.subject_name())));
                }
                if failure.is_signature() {
                    let advice = "the certificate above it has the issuer's name, but another key: \
                                  get the one that the CA signs with";
                    subject.advised(KEY, Level::Wrong, text, advice);
                } else {
                    subject.finding(KEY, Level::Wrong, text);
                }
            }
        }
    }
}

/// Where the CA says that its certificate is to be had (RFC 5280, section 4.2.2.1).
fn fetched_from(certificate: &X509) -> String {
    let Some(places) = certificate.authority_info() else { return String::new() };
    let url = places.iter().find_map(|place| {
        let is_issuer = place.method().nid() == Nid::AD_CA_ISSUERS;
        place.location().uri().filter(|_| is_issuer).map(str::to_owned)
    });
    url.map_or_else(String::new, |url| format!(" from {url}"))
}

/// All roots that are at hand, by name. They are never sent.
#[derive(Default)]
pub struct Roots<'a>(HashMap<Option<u64>, Vec<&'a X509>>);

impl<'a> Roots<'a> {
    pub fn add(&mut self, certificate: &'a X509) {
        if inspect::is_root(certificate) {
            let hash = inspect::name_hash(certificate.subject_name());
            self.0.entry(hash).or_default().push(certificate);
        }
    }

    /// The one that issued this certificate.
    pub fn of(&self, certificate: &X509) -> Option<&'a X509> {
        let hash = inspect::name_hash(certificate.issuer_name());
        let named = self.0.get(&hash)?;
        let at = inspect::first_issued(named.iter().map(|root| (*root, certificate)))?;
        named.get(at).copied()
    }
}
