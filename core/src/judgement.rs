// SPDX-License-Identifier: MIT OR Apache-2.0
//! The verdicts on the credentials of an index for one request.

use crate::choice::{self, Class, Criteria, Policy, Reasons, Verdicts};
use crate::request::Request;
use crate::selector::Index;
use std::sync::Arc;

/// The survivors of the filter, and the verdicts on them.
#[derive(Debug)]
pub struct Judgement {
    /// The index of the credentials that were judged.
    pub index: Arc<Index>,
    /// The verdicts, by the number of the candidate in the index.
    pub verdicts: Verdicts,
}

/// The verdicts of OpenSSL's security level on the certificates of an index.
#[derive(Debug, Default)]
pub struct SecurityVerdicts {
    /// See [`Criteria::classes`].
    pub classes: Vec<Class>,
    /// See [`Criteria::exempt`].
    pub exempt: Vec<usize>,
    /// See [`Criteria::refused`].
    pub refused: Vec<bool>,
}

/// The values of one handshake on which the verdicts on all credentials depend.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The server's request.
    pub request: &'a Request,
    /// The user that the program connects as.
    pub user: Option<&'a [u8]>,
    /// The current time, in seconds since 1970.
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

    /// Returns the best candidate that is not excluded.
    pub fn best(&self, circumstances: &Circumstances<'_>) -> Option<usize> {
        let Circumstances { user, policy, .. } = circumstances;
        self.verdicts.best(self.index.candidates(), *user, policy)
    }

    /// Returns the links that a candidate is sent with.
    pub fn chain(&self, candidate: usize) -> &[u32] {
        self.verdicts.chain(candidate).map_or(&[], |chain| &chain.links)
    }

    /// Returns the reasons against a credential, or `None` if it was not judged.
    pub fn reasons(&self, credential: usize) -> Option<Reasons> {
        self.verdicts.reasons(self.index.survivors().position(credential)?)
    }
}
