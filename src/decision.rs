// SPDX-License-Identifier: MIT OR Apache-2.0
//! The record of one CertificateRequest: outcome, choice, verdicts and texts.

mod explanation;
mod terms;

use crate::choice::Reasons;
use crate::error::{Cause, Error, NONE_SUITABLE_TEXT, OutOfMemory};
use crate::judgement::{Circumstances, Judgement};
use crate::name;
use crate::ossl;
use crate::request::Request;
use crate::selector::FrozenSelector;
use libc::c_int;
use openssl_sys as ffi;
use std::sync::Arc;

/// The peer, as the program describes it (certpick_set_peer()).
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The host that the program connects to.
    pub host: Option<Box<[u8]>>,
    /// The user that the program connects as.
    pub user: Option<Box<[u8]>>,
}

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
    /// SSL_get_state(3) at the time of the request.
    pub(crate) state: c_int,
    /// Nothing was given to OpenSSL: the outcome is the one that a handshake would have.
    pub(crate) is_preview: bool,
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
        let place = self.judgement.index.survivors().place(index);
        let judged = place.and_then(|at| self.judgement.verdicts.get(at).copied());
        judged.unwrap_or_else(|| match self.request.ca_names {
            _ if index >= self.selector.count() => Reasons::default(),
            0 => Reasons::POLICY,
            _ => Reasons::ISSUER,
        })
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
        }
    }

    /// Judges the credentials that the server's CA names exclude, too. The choice does not need
    /// them. The security level is the one that the SSL has now.
    ///
    /// # Safety
    /// `ssl` is the valid SSL that the decision was made for. No other thread uses it during the
    /// call.
    pub(crate) unsafe fn complete(&mut self, ssl: *const ffi::SSL) -> Result<(), OutOfMemory> {
        if self.judgement.index.survivors().len() + self.damaged.len() >= self.selector.count() {
            return Ok(());
        }
        let whole = self.selector.whole()?;
        // SAFETY: the caller's promise.
        let mut judgement = unsafe { Judgement::new(ssl, whole.index, &self.circumstances()) };
        // Keep reasons that were found while a credential was being installed.
        let judged = self.judgement.index.survivors().iter().zip(&self.judgement.verdicts);
        for (credential, verdict) in judged {
            if let Some(at) = judgement.index.survivors().place(credential) {
                judgement.verdicts.get_mut(at).into_iter().for_each(|v| *v = *verdict);
            }
        }
        (self.judgement, self.damaged) = (judgement, whole.damaged);
        Ok(())
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

    /// Changes the outcome if OpenSSL has not sent the certificate. After the callback, OpenSSL
    /// checks the certificate again, also by criteria that it does not export (for example
    /// signature_algorithms_cert of RFC 8446, section 4.2.3), and sends none if it finds it
    /// unusable. Then it has not chosen a signature algorithm.
    ///
    /// # Safety
    /// `ssl` is the valid SSL that the decision was made for.
    pub(crate) unsafe fn settle(&mut self, ssl: *const ffi::SSL) {
        if self.outcome != Outcome::Sent || self.is_preview {
            return;
        }
        let mut nid = 0;
        // SAFETY: the caller's promise.
        let unsigned = unsafe {
            // In the state of the callback OpenSSL has not checked yet, and before the next
            // handshake the signature algorithm is reset.
            ossl::SSL_get_state(ssl) != self.state
                && ossl::SSL_in_before(ssl) == 0
                && ossl::SSL_get_signature_type_nid(ssl, &mut nid) != 1
        };
        if unsigned {
            self.outcome = Outcome::NoneSuitable;
            let place = self.chosen.and_then(|at| self.judgement.index.survivors().place(at));
            if let Some(at) = place {
                self.judgement.add(at, Reasons::SIGNATURE_ALGORITHM);
            }
        }
    }
}
