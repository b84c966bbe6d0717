// SPDX-License-Identifier: MIT OR Apache-2.0
//! The record of one CertificateRequest: outcome, choice, verdicts and texts.

mod dates;
mod explanation;
mod target;
mod terms;

use crate::choice::{Reasons, RuleMatch};
use crate::error::{Cause, Error, NONE_SUITABLE_TEXT};
use crate::judgement::{Circumstances, Judgement};
use crate::peer::Peer;
use crate::request::Request;
use crate::rule::Target;
use crate::selector::FrozenSelector;
use crate::x509::name;
use std::sync::Arc;

/// The outcome of a handshake; the numbers are part of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Outcome {
    /// The server has not requested a certificate.
    NotAsked = 0,
    /// A certificate was given to OpenSSL.
    Sent = 1,
    /// No credential suits, so no certificate was sent.
    NoneSuitable = 2,
    /// The handshake was aborted.
    Failed = 3,
}

/// The record of one request.
#[derive(Debug)]
pub struct Decision {
    pub(crate) selector: Arc<FrozenSelector>,
    pub(crate) request: Request,
    pub(crate) peer: Peer,
    /// What is known about the server and the user; `None` if the selector has no rules.
    pub(crate) target: Option<Target>,
    /// The outcomes of the rules, by the number of the credential; empty if the selector has no rules.
    pub(crate) rules: Vec<RuleMatch>,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// The verdicts on the credentials that the server's CA names do not exclude. After
    /// [`Decision::complete`], the verdicts on all credentials.
    pub(crate) judgement: Judgement,
    /// The credentials that OpenSSL cannot decode, and the causes. Set by [`Decision::complete`].
    pub(crate) damaged: Vec<(usize, Cause)>,
    pub(crate) outcome: Outcome,
    /// The credential that was chosen, even if it failed.
    pub(crate) chosen: Option<usize>,
    pub(crate) error: Option<Error>,
}

impl Decision {
    /// Returns the outcome.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the index of the credential that was sent.
    pub fn choice(&self) -> Option<usize> {
        self.chosen.filter(|_| self.outcome == Outcome::Sent)
    }

    /// Returns the reasons against credential `index`; empty if there is no such credential.
    pub fn verdict(&self, index: usize) -> Reasons {
        let rule = self.rules.get(index).copied().unwrap_or_default();
        self.judgement.reasons(index).unwrap_or_else(|| match self.request.ca_names {
            _ if index >= self.selector.count() => Reasons::default(),
            _ if !rule.reasons.is_empty() => rule.reasons,
            0 => Reasons::POLICY,
            _ => Reasons::ISSUER,
        })
    }

    /// Returns with what the rules were compared, one line each; empty if there are no rules.
    pub fn compared(&self) -> Vec<String> {
        let lines = self.target.as_ref().map(target::lines).unwrap_or_default();
        lines.into_iter().map(|(label, value)| format!("{label}: {value}")).collect()
    }

    /// Returns whether the rule of a credential names the host, so that the credential is preferred.
    pub fn is_preferred_by_rule(&self, index: usize) -> bool {
        self.rules.get(index).is_some_and(|rule| rule.is_preferred)
    }

    /// Records that the handshake is aborted.
    pub(crate) fn fail(&mut self, error: &Error) {
        self.outcome = Outcome::Failed;
        self.error = Some(error.clone());
    }

    pub(crate) fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            request: &self.request,
            user: self.peer.user.as_deref(),
            now: self.now,
            policy: self.selector.policy(),
            count: self.selector.count(),
            rules: &self.rules,
        }
    }

    /// Returns whether all credentials have been judged.
    pub(crate) fn is_complete(&self) -> bool {
        let judged = self.judgement.index.survivors().len();
        judged + self.damaged.len() >= self.selector.count()
    }

    /// Adds the verdicts on the credentials that the server's CA names exclude, which the choice does
    /// not need. `judgement` covers all credentials except the `damaged` ones.
    pub(crate) fn complete(&mut self, mut judgement: Judgement, damaged: Vec<(usize, Cause)>) {
        // Keep reasons that were found while a credential was being installed.
        let judged = self.judgement.index.survivors().iter().zip(self.judgement.verdicts.all());
        for (credential, reasons) in judged {
            if let Some(at) = judgement.index.survivors().position(credential) {
                judgement.verdicts.set(at, reasons);
            }
        }
        (self.judgement, self.damaged) = (judgement, damaged);
    }

    /// Returns the content of the CertificateRequest.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Returns the error that aborted the handshake.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Returns the text of certpick_message(): one line, or "".
    pub fn message(&self) -> String {
        match self.outcome {
            Outcome::NotAsked | Outcome::Sent => String::new(),
            Outcome::NoneSuitable => NONE_SUITABLE_TEXT.to_owned(),
            Outcome::Failed => self.error.as_ref().map(Error::to_string).unwrap_or_default(),
        }
    }

    /// Returns the text of certpick_explanation().
    pub fn explanation(&self) -> String {
        explanation::text(self)
    }

    /// Returns the reasons against credential `index`, one clause each.
    pub fn against(&self, index: usize) -> Vec<String> {
        explanation::against(self, index)
    }

    /// Returns why the chosen credential ranks before this one, which is suitable as well: a
    /// clause.
    pub fn preference(&self, index: usize) -> String {
        explanation::preference(self, index)
    }

    /// Returns the CA names that the server sent, as text.
    pub fn ca_names(&self) -> Vec<String> {
        explanation::names(&self.request.ca_names_der).map(|n| name::text(&n)).collect()
    }

    /// Returns the names of the signature algorithms that the server accepts.
    pub fn schemes(&self) -> Vec<String> {
        self.request.offered_schemes.iter().map(|s| terms::scheme(*s)).collect()
    }

    /// Returns the names of the certificate types that the server accepts (up to TLS 1.2).
    pub fn certificate_types(&self) -> Vec<String> {
        self.request.certificate_types.iter().map(|t| terms::certificate_type(*t)).collect()
    }

    /// Records that OpenSSL has not sent the chosen certificate.
    pub(crate) fn set_omitted(&mut self) {
        self.outcome = Outcome::NoneSuitable;
        let place = self.chosen.and_then(|at| self.judgement.index.survivors().position(at));
        if let Some(at) = place {
            self.judgement.verdicts.add(at, Reasons::SIGNATURE_ALGORITHM);
        }
    }
}
