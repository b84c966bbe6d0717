// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server's certificate and its chain, as a client judges them.

use super::Plan;
use super::handshake::{Doubt, Handshake};
use super::target::Target;
use crate::certificate;
use crate::hostname::{self, Match};
use crate::inspect;
use crate::report::{Finding, Level, Subject};
use crate::strength::{self, Place};
use openssl::x509::{X509, X509VerifyResult};

/// All that is to be said of them.
pub fn tell(plan: &Plan<'_>, target: &Target, handshake: &Handshake, subject: &mut Subject) {
    let sent = handshake.chain();
    let Some(leaf) = sent.first() else { return };
    let order = Order::of(&sent);
    let doubts = handshake.doubts();
    subject.push(host(plan, target, leaf));
    subject.push(verified(plan, handshake, &doubts));
    subject.push(completeness(plan, &order, &doubts));
    order.tell(subject);
    for (at, certificate) in sent.iter().enumerate() {
        let mut part = certificate::subject(certificate, plan.now);
        part.push(certificate::validity(certificate, plan.now, plan.min_days()));
        let is_root = at > 0 && inspect::is_root(certificate);
        let place = if at == 0 { Place::Leaf } else { Place::Intermediate };
        // Nobody looks at a root's signature, and whoever trusts it has weighed its key.
        if !is_root {
            part.push(strength::finding(certificate, place));
        }
        subject.part(part);
    }
}

fn host(plan: &Plan<'_>, target: &Target, leaf: &X509) -> Finding {
    const KEY: &str = "host";
    let level = plan.trust.level_of_name();
    let Some(host) = target.name_to_verify(plan.options.sni.as_deref()) else {
        let text = "a socket has no name to look for in the certificate; --sni gives one";
        return Finding::new(KEY, Level::Note, text);
    };
    let finding = match hostname::matches(leaf, host) {
        Match::Yes(name) => {
            let text = format!("the certificate is for the host {host}, by the name {name}");
            return Finding::new(KEY, Level::Good, text);
        }
        Match::No(names) if names.is_empty() => Finding::new(
            KEY,
            level,
            format!("the certificate is not for the host {host}: it names none"),
        ),
        Match::No(names) => Finding::new(
            KEY,
            level,
            format!("the certificate is not for the host {host}, only for {}", names.join(", ")),
        ),
        Match::Refused(why) => {
            let text =
                format!("whether the certificate is for the host {host} cannot be told: {why}");
            Finding::new(KEY, level, text)
        }
    };
    match level {
        Level::Wrong => finding
            .advice("connect by a name that it has, or get one with this name (subjectAltName)"),
        _ => finding.advice("sslmode=verify-full would refuse the server"),
    }
}

fn verified(plan: &Plan<'_>, handshake: &Handshake, doubts: &[Doubt]) -> Finding {
    const KEY: &str = "verified";
    let Some(roots) = plan.trust.name() else {
        return Finding::new(KEY, Level::Note, "not verified: no roots are known here")
            .advice("--sslrootcert names them; \"system\" stands for the system's");
    };
    let Some(first) = doubts.first() else {
        let verified = handshake.ssl().verified_chain().and_then(|chain| chain.iter().last());
        let by = verified.map(|root| inspect::name_text(root.subject_name()));
        let text = format!("verified by {roots}, root {}", by.unwrap_or_default());
        return Finding::new(KEY, Level::Good, text);
    };
    Finding::new(KEY, Level::Wrong, format!("{} (by {roots})", first.words()))
}

/// What OpenSSL says when it found no way to a root.
fn lacks_issuer(doubt: &Doubt) -> bool {
    // X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT (_LOCALLY), UNABLE_TO_VERIFY_LEAF_SIGNATURE.
    matches!(doubt.result.as_raw(), 2 | 20 | 21)
}

/// And when the root that the server sent is not one of ours.
fn lacks_root(doubt: &Doubt) -> bool {
    // DEPTH_ZERO_SELF_SIGNED_CERT, SELF_SIGNED_CERT_IN_CHAIN.
    matches!(doubt.result.as_raw(), 18 | 19)
}

fn completeness(plan: &Plan<'_>, order: &Order<'_>, doubts: &[Doubt]) -> Finding {
    const KEY: &str = "chain";
    let top = order.top();
    let name = inspect::name_text(top.subject_name());
    let issuer = inspect::name_text(top.issuer_name());
    let roots = plan.trust.name();
    if inspect::is_root(top) {
        let text = if order.chain.len() == 1 {
            format!("{name} signed itself, and no CA stands behind it")
        } else {
            format!("the chain is complete: it ends with its root, {name}")
        };
        return match roots {
            Some(roots) if doubts.iter().any(lacks_root) => {
                Finding::new(KEY, Level::Wrong, format!("{text}; {roots} does not hold it"))
                    .advice("if it is to be trusted, put its certificate among the roots")
            }
            _ => {
                let level = if order.chain.len() == 1 { Level::Note } else { Level::Good };
                Finding::new(KEY, level, text)
            }
        };
    }
    match roots {
        Some(_) if !doubts.iter().any(lacks_issuer) => {
            let text = format!("the chain is complete, up to {issuer}");
            Finding::new(KEY, Level::Good, text)
        }
        Some(roots) => {
            let text = format!(
                "the chain is incomplete: it ends with {name}, whose issuer, {issuer}, the server \
                 does not send, and {roots} does not hold"
            );
            Finding::new(KEY, Level::Wrong, text).advice(
                "an intermediate belongs into the server's ssl_cert_file, after its own \
                 certificate; a root among the client's roots",
            )
        }
        None => {
            let text = format!(
                "the chain ends with {name}; whether it is complete depends on whether clients \
                 have its issuer, {issuer}, as a root"
            );
            Finding::new(KEY, Level::Note, text)
        }
    }
}

/// The certificates as they were sent, and the chain that they make.
struct Order<'a> {
    sent: &'a [X509],
    /// Places among those sent, from the leaf upwards.
    chain: Vec<usize>,
}

impl<'a> Order<'a> {
    fn of(sent: &'a [X509]) -> Order<'a> {
        let mut chain = vec![0];
        while let Some(&top) = chain.last() {
            if inspect::is_root(&sent[top]) {
                break;
            }
            let issued = |at: &usize| {
                !chain.contains(at) && sent[*at].issued(&sent[top]) == X509VerifyResult::OK
            };
            match (0..sent.len()).find(issued) {
                Some(next) => chain.push(next),
                None => break,
            }
        }
        Order { sent, chain }
    }

    fn top(&self) -> &'a X509 {
        &self.sent[self.chain.last().copied().unwrap_or(0)]
    }

    fn names(&self, places: &[usize]) -> String {
        let name = |at: &usize| inspect::name_text(self.sent[*at].subject_name());
        places.iter().map(name).collect::<Vec<_>>().join("; ")
    }

    fn tell(&self, subject: &mut Subject) {
        if !self.chain.is_sorted() {
            subject.advised(
                "chain_order",
                Level::Warning,
                "the server sends its certificates out of order; most clients sort them, not all",
                "each should follow the one that it issued: certpick check --server --fix-order",
            );
        }
        let superfluous: Vec<usize> =
            (0..self.sent.len()).filter(|at| !self.chain.contains(at)).collect();
        if !superfluous.is_empty() {
            let text = format!(
                "the server sends what has nothing to do with its certificate: {}",
                self.names(&superfluous)
            );
            let advice = "take it out of its ssl_cert_file; if it should be the issuer, it is an \
                          outdated one";
            subject.advised("superfluous", Level::Warning, text, advice);
        }
        if self.chain.len() > 1 && inspect::is_root(self.top()) {
            let text = "the server sends the root as well: whoever trusts it has it";
            subject.finding("root_included", Level::Note, text);
        }
    }
}
