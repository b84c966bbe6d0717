// SPDX-License-Identifier: MIT OR Apache-2.0
//! The verdicts on the credentials of an index for one request.

use crate::choice::{self, Class, Criteria, Policy, Reasons, Verdicts};
use crate::request::Request;
use crate::selector::Index;
use std::sync::Arc;

/// Some of the credentials of a selector, and the verdicts on them.
#[derive(Debug)]
pub struct Judgement {
    /// The credentials that were judged.
    pub index: Arc<Index>,
    /// By the place of a credential in the index.
    pub verdicts: Verdicts,
}

/// The answers of OpenSSL's security level to the certificates of an index.
#[derive(Debug, Default)]
pub struct SecurityVerdicts {
    /// By the number of the class.
    pub classes: Vec<Class>,
    /// See [`Criteria::exempt`].
    pub exempt: Vec<usize>,
    /// By the number of the link: whether it is refused.
    pub refused: Vec<bool>,
}

/// Values that are the same for all credentials of a selector in one handshake.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The server's request.
    pub request: &'a Request,
    /// The user that the program connects as.
    pub user: Option<&'a [u8]>,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// The selector's policy.
    pub policy: &'a Policy,
    /// The number of credentials of the selector.
    pub count: usize,
}

impl Judgement {
    /// Judges the credentials of an index.
    pub fn new(
        index: Arc<Index>,
        security: &SecurityVerdicts,
        circumstances: &Circumstances<'_>,
    ) -> Judgement {
        let request = circumstances.request;
        let criteria = Criteria {
            count: circumstances.count,
            tls13: request.is_tls13(),
            named: request.named(),
            schemes: request.shared_schemes(),
            types: request.types(),
            classes: &security.classes,
            exempt: &security.exempt,
            graph: index.graph(),
            refused: &security.refused,
            user: circumstances.user,
            now: circumstances.now,
        };
        let verdicts = choice::judge(index.candidates(), &criteria, circumstances.policy);
        Judgement { index, verdicts }
    }

    /// The place of the best credential that is not excluded.
    pub fn best(&self, circumstances: &Circumstances<'_>) -> Option<usize> {
        let Circumstances { user, policy, .. } = circumstances;
        self.verdicts.best(self.index.candidates(), *user, policy)
    }

    /// The links that the credential at this place is sent with.
    pub fn chain(&self, at: usize) -> &[u32] {
        self.verdicts.chain(at).map_or(&[], |chain| &chain.links)
    }

    /// The reasons against a credential, by its number in the selector; `None` if it was not judged.
    pub fn reasons(&self, credential: usize) -> Option<Reasons> {
        self.verdicts.reasons(self.index.survivors().place(credential)?)
    }
}
