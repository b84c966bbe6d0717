// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened at one request, and its words.

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

/// What the program knows of the other side.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// The host that it connects to.
    pub host: Option<Box<[u8]>>,
    /// The user that it connects as.
    pub user: Option<Box<[u8]>>,
}

/// How a handshake came out; the numbers are part of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Outcome {
    /// The server did not ask for a certificate, or has not yet.
    NotAsked = 0,
    /// A certificate was given to OpenSSL to send.
    Sent = 1,
    /// None suits, so none was sent.
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
    /// The verdicts on the credentials that the server's CA names do not exclude; on all after
    /// [`Decision::complete`].
    pub(crate) judgement: Judgement,
    /// The credentials that OpenSSL cannot decode, and why; after [`Decision::complete`].
    pub(crate) damaged: Vec<(usize, Cause)>,
    pub(crate) outcome: Outcome,
    /// The credential that was chosen, though it may have failed.
    pub(crate) chosen: Option<usize>,
    pub(crate) error: Option<Error>,
    /// SSL_get_state(3) when it was made.
    pub(crate) state: c_int,
    /// Nothing was given to OpenSSL: the outcome is what it would be.
    pub(crate) is_preview: bool,
}

impl Decision {
    /// How it came out.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The index of the credential that was sent.
    pub fn choice(&self) -> Option<usize> {
        self.chosen.filter(|_| self.outcome == Outcome::Sent)
    }

    /// What speaks against credential `index`; nothing for one that does not exist.
    pub fn verdict(&self, index: usize) -> Reasons {
        let place = self.judgement.index.survivors().place(index);
        let judged = place.and_then(|at| self.judgement.verdicts.get(at).copied());
        judged.unwrap_or_else(|| match self.request.ca_names {
            _ if index >= self.selector.count() => Reasons::default(),
            0 => Reasons::POLICY,
            _ => Reasons::ISSUER,
        })
    }

    /// Notes that the handshake is aborted.
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

    /// Judges also the credentials that the server's CA names exclude, which the choice does not need. Uses
    /// the security level that the SSL has now.
    ///
    /// # Safety
    /// `ssl` is the valid SSL that the decision was made for, used by no other thread meanwhile.
    pub(crate) unsafe fn complete(&mut self, ssl: *const ffi::SSL) -> Result<(), OutOfMemory> {
        if self.judgement.index.survivors().len() + self.damaged.len() >= self.selector.count() {
            return Ok(());
        }
        let whole = self.selector.whole()?;
        // SAFETY: the caller's promise.
        let mut judgement = unsafe { Judgement::new(ssl, whole.index, &self.circumstances()) };
        // What was found while a credential was being sent stays.
        let judged = self.judgement.index.survivors().iter().zip(&self.judgement.verdicts);
        for (credential, verdict) in judged {
            if let Some(at) = judgement.index.survivors().place(credential) {
                judgement.verdicts.get_mut(at).into_iter().for_each(|v| *v = *verdict);
            }
        }
        (self.judgement, self.damaged) = (judgement, whole.damaged);
        Ok(())
    }

    /// What the server asked for.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Why the handshake was aborted.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// One line for a person; empty where there is nothing to say.
    pub fn message(&self) -> String {
        match self.outcome {
            Outcome::NotAsked | Outcome::Sent => String::new(),
            Outcome::NoneSuitable => NONE_SUITABLE_TEXT.to_owned(),
            Outcome::Failed => self.error.as_ref().map(Error::to_string).unwrap_or_default(),
        }
    }

    /// Several lines: what the server asked for, and each credential with what speaks against it.
    pub fn explanation(&self) -> String {
        explanation::text(self)
    }

    /// All that speaks against credential `index`, in plain words.
    pub fn against(&self, index: usize) -> Vec<String> {
        explanation::against(self, index)
    }

    /// Why the chosen credential comes before this one, if nothing speaks against it.
    pub fn preference(&self, index: usize) -> &'static str {
        explanation::preference(self, index)
    }

    /// The CA names that the server sent, for people.
    pub fn ca_names(&self) -> Vec<String> {
        explanation::names(&self.request.ca_names_der).map(|n| name::text(&n)).collect()
    }

    /// The signature algorithms that the server accepts, by their names.
    pub fn schemes(&self) -> Vec<String> {
        self.request.offered_schemes.iter().map(|s| terms::scheme(*s)).collect()
    }

    /// The certificate types that the server accepts (up to TLS 1.2), by their names.
    pub fn certificate_types(&self) -> Vec<String> {
        self.request.certificate_types.iter().map(|t| terms::certificate_type(*t)).collect()
    }

    /// OpenSSL looks at a certificate once more after a callback has given it, by criteria that it
    /// tells nobody (signature_algorithms_cert of RFC 8446, section 4.2.3, for one), and sends
    /// none if it finds it unusable. That shows in the signature that was, or was not, chosen.
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
            // In the state of the callback it has not looked yet; before a handshake it has
            // forgotten.
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
