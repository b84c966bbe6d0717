// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reports the server's CertificateRequest and the credential that matches it.

use super::Plan;
use super::credentials::Credentials;
use super::handshake::Handshake;
use crate::certificate;
use crate::report::{Level, Subject};
use crate::rule_text::description;
use certpick_core::choice::Reasons;
use certpick_core::decision::{Decision, Outcome};
use certpick_core::rule::Rule;

/// Reports the request and the choice.
pub fn report(plan: &Plan<'_>, handshake: &Handshake, subject: &mut Subject) {
    const KEY: &str = "client_certificate";
    let decision = handshake.decision();
    if decision.is_none() && !handshake.is_done() {
        // The handshake failed before the request.
        return;
    }
    subject.fact("asks_for_certificate", "asks for a certificate", decision.is_some());
    let Some(decision) = decision else {
        let text = "the server does not request a client certificate";
        match &plan.credentials {
            Some(_) => {
                let advice = "PostgreSQL requests one if its ssl_ca_file is set.";
                let text = format!("{text}, so none is sent");
                subject.advised(KEY, Level::Warning, text, advice);
            }
            None => {
                subject.finding(KEY, Level::Note, text);
            }
        }
        return;
    };
    let names = decision.ca_names();
    let text = match names.len() {
        0 => "the server requests a client certificate and names no CA".to_owned(),
        1 => "the server requests a client certificate and names 1 CA".to_owned(),
        n => format!("the server requests a client certificate and names {n} CAs"),
    };
    subject.fact("ca_names", "CA names", names);
    let schemes = decision.schemes();
    if !schemes.is_empty() {
        subject.fact("signature_algorithms", "signature algorithms", schemes);
    }
    let types = decision.certificate_types();
    if !types.is_empty() {
        subject.fact("certificate_types", "certificate types", types);
    }
    subject.finding(KEY, Level::Note, text);
    let compared = decision.compared();
    if !compared.is_empty() {
        subject.fact("compared", "rules compared with", compared);
    }
    if let Some(credentials) = &plan.credentials {
        choice(plan, handshake, credentials, decision, subject);
    }
    refusal(plan, handshake, subject);
}

/// Reports the chosen credential, and the verdict on each.
fn choice(
    plan: &Plan<'_>,
    handshake: &Handshake,
    credentials: &Credentials,
    decision: &Decision,
    subject: &mut Subject,
) {
    const KEY: &str = "choice";
    let chosen = decision.choice();
    match (decision.outcome(), chosen) {
        (Outcome::Sent, Some(at)) => {
            let name = credentials.name(at);
            if handshake.sends() {
                subject.finding(KEY, Level::Good, format!("{name} was sent"));
            } else {
                subject.finding(KEY, Level::Good, format!("{name} would be sent"));
                match credentials.selector.check_key(at) {
                    Ok(()) => subject.finding("key", Level::Good, "the private key can be used"),
                    Err(error) => subject.finding("key", Level::Wrong, error.to_string()),
                };
            }
        }
        (Outcome::Failed, _) => {
            let text = format!("no certificate was sent: {}", decision.message());
            subject.finding(KEY, Level::Wrong, text);
        }
        _ => {
            let was = if handshake.sends() { "was" } else { "would be" };
            let text = match credentials.entries.len() {
                1 => format!("no certificate {was} sent: the certificate does not match"),
                n => format!("no certificate {was} sent: none of the {n} certificates matches"),
            };
            subject.advised(KEY, Level::Wrong, text, "See the reasons for each certificate below.");
        }
    }
    for at in 0..credentials.entries.len() {
        subject.part(credential(plan, credentials, decision, at));
    }
}

/// Returns a credential with its verdict.
fn credential(
    plan: &Plan<'_>,
    credentials: &Credentials,
    decision: &Decision,
    at: usize,
) -> Subject {
    let mut part = Subject::new("credential", credentials.name(at));
    let entry = credentials.entries.get(at).copied().unwrap_or_default();
    part.fact("entry", "entry", i64::try_from(entry).unwrap_or(i64::MAX));
    if let Some(leaf) = credentials.selector.certificate(at) {
        let shown = ["subject", "issuer", "not_after", "days_left", "sha256"];
        let facts = certificate::facts(leaf, plan.clock.now);
        part.facts.extend(facts.into_iter().filter(|fact| shown.contains(&fact.key)));
    }
    if let Some(rule) = credentials.selector.rule(at).filter(|rule| !rule.is_empty()) {
        part.finding("rule", Level::Note, rule_text(rule, decision, at));
    }
    let against = decision.against(at).join("; ");
    let is_chosen = decision.choice() == Some(at);
    part.fact("chosen", "chosen", is_chosen);
    let (level, text) = match (is_chosen, against.is_empty()) {
        (true, true) => (Level::Good, "the credential matches and is chosen".to_owned()),
        (true, false) => (
            Level::Warning,
            format!("the credential is chosen because no other matches: {against}"),
        ),
        (false, true) => {
            (Level::Note, format!("the credential also matches, but {}", decision.preference(at)))
        }
        (false, false) => (Level::Note, against),
    };
    part.finding("verdict", level, text);
    part
}

/// Returns what a rule matches, and whether it matches here.
fn rule_text(rule: &Rule, decision: &Decision, at: usize) -> String {
    const OF_RULE: [Reasons; 3] = [Reasons::HOST, Reasons::USER, Reasons::UNVERIFIED];
    let verdict = decision.verdict(at);
    let is_match = !OF_RULE.iter().any(|reason| verdict.contains(*reason));
    let result = match (is_match, decision.is_preferred_by_rule(at)) {
        (false, _) => "does not match",
        (true, true) => "matches and names this host",
        (true, false) => "matches",
    };
    format!("the rule {result}: {}", description(rule))
}

/// Reports the alert with which the server ended the handshake because of the certificate.
fn refusal(plan: &Plan<'_>, handshake: &Handshake, subject: &mut Subject) {
    const KEY: &str = "answer";
    if !handshake.is_refused() {
        return;
    }
    let Some(alert) = handshake.alert() else { return };
    if handshake.sends() {
        subject.push(alert.finding(KEY, Level::Wrong, "the server rejects the connection"));
        return;
    }
    let text = format!(
        "the server ends the handshake because no certificate was sent: alert {}",
        alert.name()
    );
    match plan.sends() {
        true => subject.finding(KEY, Level::Note, text),
        false => subject.advised(KEY, Level::Note, text, "Send a certificate with --send."),
    };
}
