// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the server asks a client for, and which credential answers it.

use super::Plan;
use super::credentials::Credentials;
use super::handshake::Handshake;
use crate::certificate;
use crate::report::{Level, Subject};
use certpick_core::decision::{Decision, Outcome};

/// All of it.
pub fn tell(plan: &Plan<'_>, handshake: &Handshake, subject: &mut Subject) {
    const KEY: &str = "client_certificate";
    let decision = handshake.decision();
    if decision.is_none() && !handshake.is_done() {
        // It did not come so far.
        return;
    }
    subject.fact("asks_for_certificate", "asks for a certificate", decision.is_some());
    let Some(decision) = decision else {
        let text = "the server does not ask for a client certificate";
        match &plan.credentials {
            Some(_) => {
                let advice = "PostgreSQL asks when its ssl_ca_file is set";
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
    let asks = match names.len() {
        0 => "the server asks for a client certificate and names no CA".to_owned(),
        1 => "the server asks for a client certificate of 1 CA".to_owned(),
        n => format!("the server asks for a client certificate of {n} CAs"),
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
    subject.finding(KEY, Level::Note, asks);
    if let Some(credentials) = &plan.credentials {
        choice(plan, handshake, credentials, decision, subject);
    }
    refusal(plan, handshake, subject);
}

/// Which one it is, and why not the others.
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
                    Ok(()) => subject.finding("key", Level::Good, "its private key can be used"),
                    Err(error) => subject.finding("key", Level::Wrong, error.to_string()),
                };
            }
        }
        (Outcome::Failed, _) => {
            let text = format!("nothing was sent: {}", decision.message());
            subject.finding(KEY, Level::Wrong, text);
        }
        _ => {
            let would = if handshake.sends() { "is" } else { "would be" };
            let text = match credentials.files.len() {
                1 => format!("nothing {would} sent: the certificate does not suit"),
                n => format!("nothing {would} sent: none of the {n} certificates suits"),
            };
            subject.advised(KEY, Level::Wrong, text, "what speaks against each stands below");
        }
    }
    for at in 0..credentials.files.len() {
        subject.part(credential(plan, credentials, decision, at));
    }
}

/// The verdict on one.
fn credential(
    plan: &Plan<'_>,
    credentials: &Credentials,
    decision: &Decision,
    at: usize,
) -> Subject {
    let mut part = Subject::new("credential", credentials.name(at));
    part.fact("entry", "entry", i64::try_from(at + 1).unwrap_or(i64::MAX));
    if let Some(leaf) = credentials.selector.certificate(at) {
        let shown = ["subject", "issuer", "not_after", "days_left", "sha256"];
        let facts = certificate::describe(leaf, plan.now);
        part.facts.extend(facts.into_iter().filter(|fact| shown.contains(&fact.key)));
    }
    let against = decision.against(at).join("; ");
    let is_chosen = decision.choice() == Some(at);
    part.fact("chosen", "chosen", is_chosen);
    let (level, text) = match (is_chosen, against.is_empty()) {
        (true, true) => (Level::Good, "suits, and is the one".to_owned()),
        (true, false) => {
            (Level::Warning, format!("is the one, since nothing better suits: {against}"))
        }
        (false, true) => (Level::Note, format!("suits too, but {}", decision.preference(at))),
        (false, false) => (Level::Note, against),
    };
    part.finding("verdict", level, text);
    part
}

/// The server ended the handshake because of it.
fn refusal(plan: &Plan<'_>, handshake: &Handshake, subject: &mut Subject) {
    if !handshake.is_refused() {
        return;
    }
    let Some(alert) = handshake.alert() else { return };
    let text = if handshake.sends() {
        format!("the server refuses: alert {}", alert.name())
    } else {
        format!(
            "the server ends the handshake, since it was sent no certificate: alert {}",
            alert.name()
        )
    };
    let level = if handshake.sends() { Level::Wrong } else { Level::Note };
    match alert.meaning() {
        Some(meaning) if handshake.sends() => subject.advised("answer", level, text, meaning),
        Some(_) if !plan.sends() => subject.advised("answer", level, text, "--send sends one"),
        _ => subject.finding("answer", level, text),
    };
}
