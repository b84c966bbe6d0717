// SPDX-License-Identifier: MIT OR Apache-2.0
//! The text of certpick_explanation().

use super::{Decision, Outcome};
use super::{dates, target, terms};
use crate::choice::{Effect, EmptyCaList, Flawed, KeyType, MAX_DEPTH, Reason, Reasons};
use crate::credential::Credential;
use crate::error::{NONE_SUITABLE_TEXT, file_name};
use crate::selector::MAX_KEYS;
use crate::text::excerpt;
use crate::x509::der;
use crate::x509::facts::{self, Epoch};
use crate::x509::name;
use openssl::x509::{X509, X509Name};
use std::fmt::{self, Write};

/// How many of the CA names the text lists.
const MAX_NAMES: usize = 100;

/// Why OpenSSL may not send a certificate that was chosen. RFC 8446, section 4.2.3, has the case in which
/// the signatures of certificates are restricted.
const OMITTED: &str = "it was chosen, but OpenSSL did not send it, because OpenSSL does not allow its key, \
                       or the server does not accept the signature of a certificate in its chain";

/// Returns the text. Writing to a `String` does not fail.
pub fn text(decision: &Decision) -> String {
    let mut out = String::new();
    let _ = write_all(&mut out, decision);
    out
}

fn write_all(out: &mut String, decision: &Decision) -> fmt::Result {
    write_outcome(out, decision)?;
    write_request(out, decision)?;
    if let Some(target) = &decision.target {
        target::write(out, target)?;
    }
    for (at, credential) in decision.selector.credentials().enumerate() {
        match JudgedChain::of(decision, at) {
            Some((leaf, chain)) => {
                write_credential(out, decision, at, (credential, leaf), &chain)?;
            }
            None => write_unjudged(out, decision, at, credential)?,
        }
    }
    Ok(())
}

/// The chain with which a credential was judged.
struct JudgedChain<'a> {
    certificates: Vec<&'a X509>,
    /// The time in which all certificates, including the leaf, are valid; seconds since 1970.
    validity: (i64, i64),
    /// The search for chains stopped at a limit.
    is_truncated: bool,
}

impl<'a> JudgedChain<'a> {
    /// Returns the leaf and the chain of credential `at`, or `None` if it was not judged.
    fn of(decision: &'a Decision, at: usize) -> Option<(&'a X509, JudgedChain<'a>)> {
        let index = &decision.judgement.index;
        let candidate = index.survivors().position(at)?;
        let links = decision.judgement.chain(candidate);
        let leaf = index.candidates().get(candidate).map(|leaf| (leaf.not_before, leaf.not_after));
        let above = links.iter().filter_map(|link| index.graph().link(*link));
        let above = above.map(|link| (link.not_before, link.not_after));
        let common = |all: (i64, i64), one: (i64, i64)| (all.0.max(one.0), all.1.min(one.1));
        let chain = JudgedChain {
            certificates: index.certificates(links).collect(),
            validity: above.chain(leaf).fold((i64::MIN, i64::MAX), common),
            is_truncated: decision.judgement.verdicts.is_truncated(candidate),
        };
        Some((index.leaves().get(candidate)?, chain))
    }
}

/// Returns the reasons against credential `at`, one clause each.
pub fn against(decision: &Decision, at: usize) -> Vec<String> {
    match JudgedChain::of(decision, at) {
        Some((leaf, chain)) => reasons(decision, at, leaf, &chain),
        None => unjudged(decision, at).into_iter().collect(),
    }
}

/// Returns the reason for which a credential was not judged.
fn unjudged(decision: &Decision, at: usize) -> Option<String> {
    let damaged = decision.damaged.iter().find(|(number, _)| *number == at);
    match damaged {
        Some((_, cause)) => Some(cause.to_string()),
        None => against_verdict(decision, at, |_| String::new()).next(),
    }
}

fn write_unjudged(
    out: &mut String,
    decision: &Decision,
    at: usize,
    credential: Credential<'_>,
) -> fmt::Result {
    writeln!(out, "{}. {}: not sent", at + 1, file_of(credential))?;
    match unjudged(decision, at) {
        Some(reason) => writeln!(out, "    against: {reason}"),
        None => Ok(()),
    }
}

fn file_of(credential: Credential<'_>) -> String {
    credential.file().map_or("held in memory".to_owned(), file_name)
}

fn write_outcome(out: &mut String, decision: &Decision) -> fmt::Result {
    let count = decision.selector.count();
    match (decision.outcome, decision.chosen) {
        (Outcome::Sent, Some(at)) => {
            writeln!(out, "certpick sent credential {} of {count}.", at + 1)?;
        }
        (Outcome::Failed, _) => {
            let error = decision.error.as_ref().map(ToString::to_string).unwrap_or_default();
            writeln!(out, "certpick aborted the handshake: {error}")?;
        }
        _ => writeln!(out, "certpick sent no certificate. {NONE_SUITABLE_TEXT}.")?,
    }
    let text = |bytes: &Option<Box<[u8]>>| bytes.as_ref().map(excerpt);
    match (text(&decision.peer.host), text(&decision.peer.user)) {
        (Some(host), Some(user)) => {
            writeln!(out, "Connecting to host \"{host}\" as user \"{user}\".")
        }
        (Some(host), None) => writeln!(out, "Connecting to host \"{host}\"."),
        (None, Some(user)) => writeln!(out, "Connecting as user \"{user}\"."),
        (None, None) => Ok(()),
    }
}

fn write_request(out: &mut String, decision: &Decision) -> fmt::Result {
    let request = &decision.request;
    writeln!(
        out,
        "The server requested a client certificate over {}.",
        terms::version(request.version)
    )?;
    match request.ca_names {
        0 => writeln!(out, "It named no CA, so it may accept a certificate of any CA.")?,
        1 => writeln!(out, "It accepts certificates that chain to this CA:")?,
        n => writeln!(out, "It accepts certificates that chain to one of these {n} CAs:")?,
    }
    let mut shown = 0;
    for ca in names(&request.ca_names_der).take(MAX_NAMES) {
        writeln!(out, "    {}", name::text(&ca))?;
        shown += 1;
    }
    if request.ca_names > shown {
        writeln!(out, "    and {} more", request.ca_names - shown)?;
    }
    if request.has_schemes() {
        let shown = |list: &[u16]| join(list.iter().map(|s| terms::scheme(*s)));
        writeln!(out, "It accepts the signature algorithms {}.", shown(&request.offered_schemes))?;
        let unused: Vec<u16> = request
            .offered_schemes
            .iter()
            .filter(|s| !request.schemes.contains(s))
            .copied()
            .collect();
        if !unused.is_empty() {
            writeln!(out, "Of these, this client does not use {}.", shown(&unused))?;
        }
    }
    if !request.certificate_types.is_empty() {
        let types = request.certificate_types.iter().map(|t| terms::certificate_type(*t));
        writeln!(out, "It accepts the certificate types {}.", join(types))?;
    }
    Ok(())
}

fn write_credential(
    out: &mut String,
    decision: &Decision,
    at: usize,
    (credential, leaf): (Credential<'_>, &X509),
    chain: &JudgedChain<'_>,
) -> fmt::Result {
    let key = facts::key_type(leaf).unwrap_or(KeyType::Other);
    let file = file_of(credential);
    let outcome = match (decision.chosen == Some(at), decision.outcome) {
        (true, Outcome::Sent) => "sent",
        (true, Outcome::Failed) => "chosen, but not usable",
        _ => "not sent",
    };
    writeln!(out, "{}. {}: {outcome}", at + 1, file)?;
    writeln!(out, "    subject: {}", name::text(leaf.subject_name()))?;
    writeln!(out, "    issuer:  {}", name::text(leaf.issuer_name()))?;
    writeln!(out, "    valid:   {}", dates::validity(leaf, decision.now))?;
    match credential.key_file() {
        Some(path) if Some(path) != credential.file() => {
            writeln!(out, "    key:     {}, in {}", terms::key(key), file_name(path))?;
        }
        _ => writeln!(out, "    key:     {}", terms::key(key))?,
    }
    for certificate in &chain.certificates {
        writeln!(out, "    chain:   {}", name::text(certificate.subject_name()))?;
    }
    if chain.is_truncated && !decision.verdict(at).contains(Reasons::ISSUER) {
        writeln!(out, "    limit:   {}", limit_text())?;
    }
    if decision.rules.get(at).is_some_and(|rule| rule.is_preferred) {
        let is_lifted = decision.request.ca_names == 0
            && decision.selector.policy().empty_ca_list != EmptyCaList::Accept;
        let effect =
            if is_lifted { ", so it may be sent although the server named no CA" } else { "" };
        writeln!(out, "    rule:    it is for this host{effect}")?;
    }
    let against = reasons(decision, at, leaf, chain);
    for reason in &against {
        writeln!(out, "    against: {reason}")?;
    }
    if against.is_empty() && outcome == "not sent" && decision.chosen.is_some() {
        writeln!(out, "    note:    suitable, but {}", preference(decision, at))?;
    }
    Ok(())
}

/// Returns why the chosen credential ranks before this one, which is suitable as well.
pub fn preference(decision: &Decision, at: usize) -> String {
    let index = &decision.judgement.index;
    let is_user = |i: usize| {
        let candidate = index.survivors().position(i);
        let candidate = candidate.and_then(|number| index.candidates().get(number));
        let name = candidate.and_then(|c| c.common_name.as_deref());
        name.is_some() && name == decision.peer.user.as_deref()
    };
    let is_preferred = |i: usize| decision.rules.get(i).is_some_and(|rule| rule.is_preferred);
    match decision.chosen {
        Some(chosen) if is_preferred(chosen) && !is_preferred(at) => {
            format!("credential {} has a rule for this host", chosen + 1)
        }
        Some(chosen) if is_user(chosen) && !is_user(at) => {
            format!("credential {} has the user name as its CN", chosen + 1)
        }
        Some(chosen) if chosen < at => {
            format!("credential {} comes first in the list", chosen + 1)
        }
        Some(chosen) => format!("credential {} is preferred", chosen + 1),
        None => "no credential was chosen".to_owned(),
    }
}

/// Returns the reasons against one credential in the order of the table, each with `detail` and
/// its effect.
fn against_verdict<'a>(
    decision: &'a Decision,
    at: usize,
    detail: impl Fn(Reasons) -> String + 'a,
) -> impl Iterator<Item = String> + 'a {
    let verdict = decision.verdict(at);
    let policy = decision.selector.policy();
    Reason::ALL.iter().filter(move |reason| verdict.contains(reason.bit)).map(move |reason| {
        let detail = match (reason.bit, policy.empty_ca_list) {
            (Reasons::POLICY, EmptyCaList::Sole) => {
                ": a credential is sent only if it is the only one".to_owned()
            }
            (Reasons::POLICY, _) => ": none is sent".to_owned(),
            (Reasons::HOST | Reasons::USER, _) => patterns(decision, at, reason.bit),
            _ => detail(reason.bit),
        };
        let effect = match (reason.effect, policy.flawed) {
            (Effect::Demotes, Flawed::Demote) => "; ranked after credentials without flaws",
            (Effect::Demotes, Flawed::Exclude) => "; excluded by the policy for flaws",
            _ => "",
        };
        let text = match reason.bit {
            Reasons::SIGNATURE_ALGORITHM if decision.chosen == Some(at) => OMITTED,
            _ => reason.text,
        };
        format!("{text}{detail}{effect}")
    })
}

/// Returns the patterns of a credential's rule that do not match.
fn patterns(decision: &Decision, at: usize, reason: Reasons) -> String {
    let Some(rule) = decision.selector.rule(at) else { return String::new() };
    let patterns: Vec<&str> = match (&rule.hosts, &rule.users) {
        (Some(hosts), _) if reason == Reasons::HOST => hosts.patterns().collect(),
        (_, Some(users)) if reason == Reasons::USER => users.patterns().collect(),
        _ => return String::new(),
    };
    format!(": {}", excerpt(patterns.join(", ")))
}

/// Returns the reasons against one credential that was judged.
fn reasons(decision: &Decision, at: usize, leaf: &X509, chain: &JudgedChain<'_>) -> Vec<String> {
    let now = decision.now;
    let detail = |reason| match reason {
        Reasons::ISSUER => {
            let top = chain.certificates.last().map_or(leaf, |x| x);
            let issuer = name::text(top.issuer_name());
            let limit =
                if chain.is_truncated { format!("; {}", limit_text()) } else { String::new() };
            format!(
                "; the chain ends at the issuer {issuer}: add the intermediates between it and a \
                 CA that the server named, or use another certificate{limit}"
            )
        }
        Reasons::SECURITY_LEVEL => {
            ": its key, or the key or signature of a certificate in its chain, is too weak"
                .to_owned()
        }
        Reasons::EXPIRED => {
            let whose = whose(leaf, &chain.certificates, |_, not_after| not_after < now);
            format!(" ({whose}{} ago)", dates::duration(now.saturating_sub(chain.validity.1)))
        }
        Reasons::NOT_YET_VALID => {
            let whose = whose(leaf, &chain.certificates, |not_before, _| not_before > now);
            format!(
                " ({whose}for another {})",
                dates::duration(chain.validity.0.saturating_sub(now))
            )
        }
        Reasons::KEY => {
            let error = decision.error.as_ref().map(ToString::to_string).unwrap_or_default();
            format!(": {error}")
        }
        _ => String::new(),
    };
    against_verdict(decision, at, detail).collect()
}

/// Returns the intermediate whose dates are wrong, with a comma; empty if they are the leaf's.
fn whose(leaf: &X509, chain: &[&X509], is_wrong: impl Fn(i64, i64) -> bool) -> String {
    let is_wrong = |certificate: &X509| {
        let validity = Epoch::new().map(|epoch| epoch.validity(certificate));
        validity.is_some_and(|(not_before, not_after)| is_wrong(not_before, not_after))
    };
    match chain.iter().find(|x| is_wrong(x)) {
        _ if is_wrong(leaf) => String::new(),
        Some(x) => format!("its intermediate {}, ", name::text(x.subject_name())),
        None => "an intermediate, ".to_owned(),
    }
}

fn limit_text() -> String {
    format!(
        "the search for its chain stopped at a limit, so there may be another chain (limits: \
         {MAX_DEPTH} intermediates in a chain, {MAX_KEYS} keys with the same name tried on a signature, \
         and the number of signatures and steps)"
    )
}

fn join(items: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = items.collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// Splits a concatenation of DER names.
pub fn names(der: &[u8]) -> impl Iterator<Item = X509Name> {
    let mut rest = der;
    std::iter::from_fn(move || {
        let (first, after) = der::split_first_element(rest)?;
        rest = after;
        X509Name::from_der(first).ok()
    })
}
