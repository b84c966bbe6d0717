// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks the server's certificate and chain as a client does.

use super::Plan;
use super::handshake::Handshake;
use super::target::Target;
use crate::certificate;
use crate::chain_error::ChainError;
use crate::facts;
use crate::hostname;
use crate::report::{Finding, Level, Subject};
use crate::strength::{self, Position};
use certpick_core::x509::name;
use openssl::x509::{X509, X509VerifyResult};

/// Reports all findings about the chain.
pub fn report(plan: &Plan<'_>, target: &Target, handshake: &Handshake, subject: &mut Subject) {
    let sent = handshake.chain();
    let Some(leaf) = sent.first() else { return };
    let order = Order::of(&sent);
    let errors = handshake.take_chain_errors();
    subject.push(host(plan, target, leaf));
    subject.push(verified(plan, handshake, &errors));
    subject.push(completeness(plan, &order, &errors));
    order.report(subject);
    for (at, certificate) in sent.iter().enumerate() {
        let mut part = certificate::subject(certificate, plan.clock.now);
        part.push(certificate::validity(certificate, plan.clock));
        let is_root = at > 0 && facts::is_root(certificate);
        let position = if at == 0 { Position::Leaf } else { Position::Intermediate };
        // The signature of a root is never verified, and its key is trusted explicitly.
        if !is_root {
            part.push(strength::finding(certificate, position));
        }
        subject.part(part);
    }
}

fn host(plan: &Plan<'_>, target: &Target, leaf: &X509) -> Finding {
    let level = plan.trust.level_of_name();
    let Some(host) = target.name_to_verify(plan.options.sni.as_deref()) else {
        let text = "the name of the certificate is not verified, because a socket has no host name";
        return Finding::new("host", Level::Note, text).advice("Set the host name with --sni.");
    };
    let finding = hostname::finding(leaf, host, level);
    match finding.level {
        Level::Good => finding,
        Level::Wrong => finding.advice(
            "Connect by a name in the certificate, or get a certificate with this subjectAltName.",
        ),
        _ => finding.advice("sslmode=verify-full would reject the server."),
    }
}

fn verified(plan: &Plan<'_>, handshake: &Handshake, errors: &[ChainError]) -> Finding {
    const KEY: &str = "verified";
    let Some(roots) = &plan.trust.roots else {
        return Finding::new(KEY, Level::Note, "not verified, because there are no roots")
            .advice("Name the roots with --sslrootcert; \"system\" means those of the system.");
    };
    if let Some(first) = errors.first() {
        let text = format!("certificate verify failed: {first} (with {roots})");
        return Finding::new(KEY, Level::Wrong, text);
    }
    let chain = handshake.ssl().verified_chain().and_then(|chain| chain.iter().last());
    let root = chain.map(|root| name::text(root.subject_name())).unwrap_or_default();
    Finding::new(KEY, Level::Good, format!("verified with {roots}, root {root}"))
}

fn completeness(plan: &Plan<'_>, order: &Order<'_>, errors: &[ChainError]) -> Finding {
    const KEY: &str = "chain";
    let top = order.top();
    let name = name::text(top.subject_name());
    let issuer = name::text(top.issuer_name());
    let roots = plan.trust.roots.as_ref();
    if facts::is_root(top) {
        let (level, text) = if order.chain.len() == 1 {
            (Level::Note, format!("{name} is self-signed, not issued by a CA"))
        } else {
            (Level::Good, format!("the chain is complete, including its root {name}"))
        };
        return match roots {
            Some(roots) if errors.iter().any(ChainError::is_untrusted_root) => {
                let text = format!("{text}; {roots} does not contain it");
                Finding::new(KEY, Level::Wrong, text)
                    .advice("To trust it, add its certificate to the roots.")
            }
            _ => Finding::new(KEY, level, text),
        };
    }
    match roots {
        Some(roots) if errors.iter().any(ChainError::is_missing_issuer) => {
            let text = format!(
                "the chain is incomplete: the issuer of {name}, {issuer}, is neither sent by the \
                 server nor in {roots}"
            );
            Finding::new(KEY, Level::Wrong, text).advice(
                "Add an intermediate to the server's ssl_cert_file, after its certificate; add a \
                 root to the client's roots.",
            )
        }
        Some(_) => Finding::new(KEY, Level::Good, format!("the chain is complete up to {issuer}")),
        None => {
            let text = format!(
                "the chain ends with {name}; it is complete if clients trust its issuer, {issuer}"
            );
            Finding::new(KEY, Level::Note, text)
        }
    }
}

/// The certificates in the order in which they were sent, and their chain.
struct Order<'a> {
    sent: &'a [X509],
    /// Indices into `sent`, from the leaf upwards.
    chain: Vec<usize>,
}

impl<'a> Order<'a> {
    fn of(sent: &'a [X509]) -> Order<'a> {
        let mut chain = vec![0];
        while let Some(&top) = chain.last() {
            if facts::is_root(&sent[top]) {
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

    fn names(&self, indices: &[usize]) -> String {
        let name = |at: &usize| name::text(self.sent[*at].subject_name());
        indices.iter().map(name).collect::<Vec<_>>().join("; ")
    }

    fn report(&self, subject: &mut Subject) {
        if !self.chain.is_sorted() {
            subject.advised(
                "chain_order",
                Level::Warning,
                "the server sends its certificates out of order; most clients reorder them, but \
                 not all",
                "Write its ssl_cert_file in the correct order with certpick check --server \
                 --fix-order.",
            );
        }
        let superfluous: Vec<usize> =
            (0..self.sent.len()).filter(|at| !self.chain.contains(at)).collect();
        if !superfluous.is_empty() {
            let text = format!(
                "the server sends certificates that are not in its chain: {}",
                self.names(&superfluous)
            );
            let advice = "Remove them from its ssl_cert_file. If one has the name of the issuer, \
                          replace it with the current certificate.";
            subject.advised("superfluous", Level::Warning, text, advice);
        }
        if self.chain.len() > 1 && facts::is_root(self.top()) {
            let text = "the server sends the root needlessly: a client that trusts it has it";
            subject.finding("root_included", Level::Note, text);
        }
    }
}
