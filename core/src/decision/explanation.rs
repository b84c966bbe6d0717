// SPDX-License-Identifier: MIT OR Apache-2.0
//! The explanation of a decision: what a person wants at two in the morning.

use super::terms;
use super::{Decision, Outcome};
use crate::choice::{EmptyCaList, Flawed, KeyType, MAX_DEPTH, Policy, Reasons};
use crate::credential::Credential;
use crate::error::{NONE_SUITABLE_TEXT, file_name};
use crate::selector::MAX_KEYS;
use crate::text::excerpt;
use crate::x509::der;
use crate::x509::facts::{self, Clock};
use crate::x509::name;
use openssl::x509::{X509, X509Name};
use std::fmt::{self, Write};

/// How many CA names are shown.
const MAX_NAMES: usize = 100;

/// The whole text. Writing to a `String` does not fail.
pub fn text(decision: &Decision) -> String {
    let mut out = String::new();
    let _ = write_all(&mut out, decision);
    out
}

fn write_all(out: &mut String, decision: &Decision) -> fmt::Result {
    write_outcome(out, decision)?;
    write_request(out, decision)?;
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
    /// When all of it is valid, the leaf included.
    validity: (i64, i64),
    /// There may be others, which were not looked for.
    is_cut: bool,
}

impl<'a> JudgedChain<'a> {
    /// The chain of credential `at`, and its leaf; `None` if the credential was not judged.
    fn of(decision: &'a Decision, at: usize) -> Option<(&'a X509, JudgedChain<'a>)> {
        let index = &decision.judgement.index;
        let place = index.survivors().place(at)?;
        let links = decision.judgement.chain(place);
        let leaf = index.candidates().get(place).map(|leaf| (leaf.not_before, leaf.not_after));
        let above = links.iter().filter_map(|link| index.graph().link(*link));
        let above = above.map(|link| (link.not_before, link.not_after));
        let common = |all: (i64, i64), one: (i64, i64)| (all.0.max(one.0), all.1.min(one.1));
        let chain = JudgedChain {
            certificates: index.certificates(links).collect(),
            validity: above.chain(leaf).fold((i64::MIN, i64::MAX), common),
            is_cut: decision.judgement.verdicts.is_cut(place),
        };
        Some((index.leaves().get(place)?, chain))
    }
}

/// All that speaks against credential `at`, in plain words; nothing for one that is not there.
pub fn against(decision: &Decision, at: usize) -> Vec<String> {
    match JudgedChain::of(decision, at) {
        Some((leaf, chain)) => words(decision, at, leaf, &chain),
        None => unjudged(decision, at).into_iter().collect(),
    }
}

/// Why a credential was not judged.
fn unjudged(decision: &Decision, at: usize) -> Option<String> {
    let damaged = decision.damaged.iter().find(|(number, _)| *number == at);
    match damaged {
        Some((_, cause)) => Some(cause.to_string()),
        None if at >= decision.selector.count() => None,
        None if decision.request.ca_names == 0 => {
            Some(empty_list_words(decision.selector.policy()).to_owned())
        }
        None => Some("the server named no CA that issued it".to_owned()),
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
        "The server asked for a client certificate by {}.",
        terms::version(request.version)
    )?;
    match request.ca_names {
        0 => writeln!(out, "It named no CA, so a certificate of any CA may do.")?,
        1 => writeln!(out, "It wants one that was issued below this CA:")?,
        n => writeln!(out, "It wants one that was issued below one of these {n} CAs:")?,
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
        writeln!(out, "It accepts signatures by {}.", shown(&request.offered_schemes))?;
        let unused: Vec<u16> = request
            .offered_schemes
            .iter()
            .filter(|s| !request.schemes.contains(s))
            .copied()
            .collect();
        if !unused.is_empty() {
            writeln!(out, "Of these this side does not use {}.", shown(&unused))?;
        }
    }
    if !request.certificate_types.is_empty() {
        let types = request.certificate_types.iter().map(|t| terms::certificate_type(*t));
        writeln!(out, "It accepts certificates of type {}.", join(types))?;
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
    let key = facts::key(leaf).unwrap_or(KeyType::Other);
    let file = file_of(credential);
    let fate = match (decision.chosen == Some(at), decision.outcome) {
        (true, Outcome::Sent) => "sent",
        (true, Outcome::Failed) => "chosen, but unusable",
        _ => "not sent",
    };
    writeln!(out, "{}. {}: {fate}", at + 1, file)?;
    writeln!(out, "    subject: {}", name::text(leaf.subject_name()))?;
    writeln!(out, "    issuer:  {}", name::text(leaf.issuer_name()))?;
    write!(out, "    valid:   {} to {}", leaf.not_before(), leaf.not_after())?;
    let own_end = Clock::new().map_or(i64::MIN, |clock| clock.validity(leaf).1);
    match own_end.checked_sub(decision.now) {
        Some(left @ 0..) => writeln!(out, ", {} left", days(left))?,
        _ => writeln!(out)?,
    }
    match credential.key_file() {
        Some(path) if Some(path) != credential.file() => {
            writeln!(out, "    key:     {}, in {}", terms::key(key), file_name(path))?;
        }
        _ => writeln!(out, "    key:     {}", terms::key(key))?,
    }
    for certificate in &chain.certificates {
        writeln!(out, "    with:    {}", name::text(certificate.subject_name()))?;
    }
    if chain.is_cut && !decision.verdict(at).contains(Reasons::ISSUER) {
        writeln!(out, "    limit:   {}", limit_words())?;
    }
    let against = words(decision, at, leaf, chain);
    for reason in &against {
        writeln!(out, "    against: {reason}")?;
    }
    if let (true, "not sent", Some(chosen)) = (against.is_empty(), fate, decision.chosen) {
        let why = preference(decision, at);
        writeln!(out, "    against: nothing, but credential {} {why}", chosen + 1)?;
    }
    Ok(())
}

/// Why the chosen credential comes before this one, against which nothing speaks.
pub fn preference(decision: &Decision, at: usize) -> &'static str {
    let index = &decision.judgement.index;
    let is_user = |i: usize| {
        let place = index.survivors().place(i);
        let candidate = place.and_then(|at| index.candidates().get(at));
        let name = candidate.and_then(|c| c.common_name.as_deref());
        name.is_some() && name == decision.peer.user.as_deref()
    };
    match decision.chosen {
        Some(chosen) if is_user(chosen) && !is_user(at) => "is the one whose CN is the user",
        Some(chosen) if chosen < at => "comes first in the list",
        _ => "is preferred",
    }
}

/// The reasons against one credential, in plain words.
fn words(decision: &Decision, at: usize, leaf: &X509, chain: &JudgedChain<'_>) -> Vec<String> {
    let verdict = decision.verdict(at);
    let policy = decision.selector.policy();
    let mut words = Vec::new();
    let mut say = |reason: Reasons, text: String| {
        if verdict.contains(reason) {
            words.push(text);
        }
    };
    let top = chain.certificates.last().map_or(leaf, |x| x);
    let issuer = name::text(top.issuer_name());
    let limit = if chain.is_cut { format!("; {}", limit_words()) } else { String::new() };
    say(
        Reasons::ISSUER,
        format!(
            "the server named no CA that issued it: its chain ends at the issuer {issuer}; if that \
             is not a CA that the server trusts, another certificate is needed, or the \
             intermediates between the two{limit}"
        ),
    );
    let signed = if decision.outcome == Outcome::NoneSuitable && decision.chosen == Some(at) {
        "OpenSSL found no way to sign with it that the server accepts, so nothing was sent"
    } else {
        "its key can sign by none of the signature algorithms that both sides accept"
    };
    say(Reasons::SIGNATURE_ALGORITHM, signed.to_owned());
    let types = "its key is of none of the certificate types that the server accepts";
    say(Reasons::CERTIFICATE_TYPE, types.to_owned());
    let level = "OpenSSL's security level refuses it: its key, or the key or signature of a \
                 certificate in its chain, is too weak";
    say(Reasons::SECURITY_LEVEL, level.to_owned());
    say(Reasons::POLICY, empty_list_words(policy).to_owned());
    let behind = match policy.flawed {
        Flawed::Demote => "it comes behind any without a flaw",
        Flawed::Exclude => "the policy excludes it",
    };
    let now = decision.now;
    let expired = at_fault(leaf, &chain.certificates, |_, not_after| not_after < now);
    let since = days(now.saturating_sub(chain.validity.1));
    say(Reasons::EXPIRED, format!("{expired} expired {since} ago; {behind}"));
    let early = at_fault(leaf, &chain.certificates, |not_before, _| not_before > now);
    let until = days(chain.validity.0.saturating_sub(now));
    say(Reasons::NOT_YET_VALID, format!("{early} is not valid for another {until}; {behind}"));
    say(Reasons::KEY_USAGE, format!("its key usage lacks digitalSignature; {behind}"));
    say(Reasons::EXTENDED_KEY_USAGE, format!("its extended key usage lacks clientAuth; {behind}"));
    let error = decision.error.as_ref().map(ToString::to_string).unwrap_or_default();
    say(Reasons::KEY, format!("it was the one to send, but: {error}"));
    words
}

/// Which certificate has the wrong dates: the credential's own, or one of those that go with it.
fn at_fault(leaf: &X509, chain: &[&X509], is_wrong: impl Fn(i64, i64) -> bool) -> String {
    let is_wrong = |certificate: &X509| {
        let validity = Clock::new().map(|clock| clock.validity(certificate));
        validity.is_some_and(|(not_before, not_after)| is_wrong(not_before, not_after))
    };
    match chain.iter().find(|x| is_wrong(x)) {
        _ if is_wrong(leaf) => "it".to_owned(),
        Some(x) => format!("the intermediate {}", name::text(x.subject_name())),
        None => "an intermediate".to_owned(),
    }
}

/// The limits of the search for chains.
fn limit_words() -> String {
    format!(
        "the search for its chain stopped at a limit, so there may be another chain (a chain has at \
         most {MAX_DEPTH} intermediates, at most {MAX_KEYS} keys of one name are tried on a \
         signature, and the number of signatures and steps is limited)"
    )
}

fn empty_list_words(policy: &Policy) -> &'static str {
    match policy.empty_ca_list {
        EmptyCaList::Sole => {
            "the server named no CA, and the policy then sends a certificate only if it is the \
             only one"
        }
        _ => "the server named no CA, and the policy then sends none",
    }
}

fn days(seconds: i64) -> String {
    match seconds / 86_400 {
        0 if seconds < 7200 => format!("{} minutes", seconds / 60),
        0 => format!("{} hours", seconds / 3600),
        1 => "1 day".to_owned(),
        n => format!("{n} days"),
    }
}

fn join(items: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = items.collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// The names whose DER stands one after the other.
pub fn names(der: &[u8]) -> impl Iterator<Item = X509Name> {
    let mut rest = der;
    std::iter::from_fn(move || {
        let (first, after) = der::split_first(rest)?;
        rest = after;
        X509Name::from_der(first).ok()
    })
}
