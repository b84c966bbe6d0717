// SPDX-License-Identifier: MIT OR Apache-2.0
//! What speaks against credentials in one handshake: the request and the security level of an SSL,
//! applied to an index.

use crate::choice::{self, Asked, Judge, Policy, Reasons, Traits};
use crate::credential::facts::Strength;
use crate::ossl;
use crate::request::Request;
use crate::selector::{Above, Index, TraitsOf};
use foreign_types::ForeignType;
use libc::{c_int, c_void};
use openssl::x509::X509;
use openssl_sys as ffi;
use std::ptr;
use std::sync::Arc;

/// Some of the credentials of a selector, judged.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub index: Arc<Index>,
    /// By the number of the traits.
    traits: Vec<Traits>,
    /// See [`Asked::exempt`].
    exempt: Vec<usize>,
    /// By the number of the link: whether the security level refuses it.
    refused: Vec<bool>,
    /// By the place of a credential in the index.
    pub verdicts: Vec<Reasons>,
}

/// What is the same for all credentials of a selector in one handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances<'a> {
    pub request: &'a Request,
    /// The user that the program connects as.
    pub user: Option<&'a [u8]>,
    /// In seconds since 1970.
    pub now: i64,
    pub policy: &'a Policy,
    /// How many credentials the selector has.
    pub count: usize,
}

impl Judgement {
    /// Judges the credentials of an index.
    ///
    /// # Safety
    /// `ssl` is a valid SSL, used by no other thread meanwhile.
    pub unsafe fn new(
        ssl: *const ffi::SSL,
        index: Arc<Index>,
        circumstances: &Circumstances<'_>,
    ) -> Judgement {
        // SAFETY: the caller's promise.
        let security = unsafe { Security::of(ssl) };
        let traits = security.judge_traits(&index);
        let exempt = security.exempt(&index, &traits);
        let refused = security.judge_links(&index);
        let mut new = Judgement { index, traits, exempt, refused, verdicts: Vec::new() };
        let asked = new.asked(circumstances);
        new.verdicts = choice::verdicts(new.index.candidates(), &asked, circumstances.policy);
        new
    }

    fn asked<'a>(&'a self, circumstances: &Circumstances<'a>) -> Asked<'a> {
        let request = circumstances.request;
        Asked {
            count: circumstances.count,
            tls13: request.is_tls13(),
            named: request.named(),
            schemes: request.shared_schemes(),
            types: request.types(),
            traits: &self.traits,
            exempt: &self.exempt,
            graph: self.index.graph(),
            refused: &self.refused,
            user: circumstances.user,
            now: circumstances.now,
        }
    }

    /// The place of the best credential that is not excluded.
    pub fn best(&self, circumstances: &Circumstances<'_>) -> Option<usize> {
        let Circumstances { user, policy, .. } = circumstances;
        choice::best(self.index.candidates(), &self.verdicts, *user, policy)
    }

    /// Adds a reason against the credential at this place.
    pub fn add(&mut self, at: usize, reason: Reasons) {
        if let Some(verdict) = self.verdicts.get_mut(at) {
            verdict.add(reason);
        }
    }

    /// Calls `work` with the judge.
    pub fn with_judge<T>(
        &self,
        circumstances: &Circumstances<'_>,
        work: impl FnOnce(&mut Judge<'_>) -> T,
    ) -> T {
        let asked = self.asked(circumstances);
        work(&mut Judge::new(self.index.candidates(), &asked, circumstances.policy))
    }

    /// The links that the credential at this place is sent with.
    pub fn chain(&self, at: usize, circumstances: &Circumstances<'_>) -> Vec<u32> {
        let asked = self.asked(circumstances);
        choice::chain(self.index.candidates(), at, &asked, circumstances.policy).links
    }
}

/// The security level of one SSL (SSL_CTX_set_security_level(3)), or the program's own callback for
/// it.
struct Security {
    ssl: *const ffi::SSL,
    callback: Option<ossl::SecurityCallback>,
    data: *mut c_void,
}

impl Security {
    /// # Safety
    /// `ssl` is a valid SSL, which outlives the result.
    unsafe fn of(ssl: *const ffi::SSL) -> Security {
        // SAFETY: the caller's promise.
        let (callback, data) =
            unsafe { (ossl::SSL_get_security_callback(ssl), ossl::SSL_get0_security_ex_data(ssl)) };
        Security { ssl, callback, data }
    }

    fn allows(&self, operation: c_int, bits: c_int, nid: c_int, certificate: &X509) -> bool {
        let Some(callback) = self.callback else { return true };
        let other = certificate.as_ptr().cast();
        // SAFETY: as OpenSSL calls it for a certificate (ssl_security_cert of 1.1.1 to 4.0).
        unsafe { callback(self.ssl, ptr::null(), operation, bits, nid, other, self.data) != 0 }
    }

    /// Whether a leaf passes, or a certificate above one (`key` says which).
    fn passes(&self, key: c_int, strength: &Strength, certificate: &X509) -> bool {
        let allows = |(digest, bits)| self.allows(ossl::SECOP_CA_MD, bits, digest, certificate);
        strength.signature.is_none_or(allows) && self.allows(key, strength.key_bits, 0, certificate)
    }

    /// One leaf of each kind is asked about, and the answer taken for all that are as strong.
    fn judge_traits(&self, index: &Index) -> Vec<Traits> {
        let passes = |of: &TraitsOf| self.passes(ossl::SECOP_EE_KEY, &of.strength, &of.example);
        let judge = |of: &TraitsOf| Traits { key: of.key, refused: of.has_leaf && !passes(of) };
        index.traits().iter().map(judge).collect()
    }

    /// A program's callback may look closer than at the strength. What it accepts of a kind of which
    /// it refused the first is found here; what it refuses of one that it accepted is found when
    /// the certificate is installed.
    fn exempt(&self, index: &Index, traits: &[Traits]) -> Vec<usize> {
        if !traits.iter().any(|t| t.refused) {
            return Vec::new();
        }
        let mut exempt = Vec::new();
        let candidates = index.candidates().iter().zip(index.leaves());
        for (at, (candidate, leaf)) in candidates.enumerate() {
            let Ok(kind) = usize::try_from(candidate.traits) else { continue };
            let Some(of) = index.traits().get(kind) else { continue };
            if !traits.get(kind).is_some_and(|t| t.refused) {
                continue;
            }
            if self.passes(ossl::SECOP_EE_KEY, &of.strength, leaf) {
                exempt.push(at);
            }
        }
        exempt
    }

    /// The same for the certificates above the leaves.
    fn judge_links(&self, index: &Index) -> Vec<bool> {
        let mut known: Vec<Option<bool>> = vec![None; index.traits().len()];
        let mut is_refused = |Above { certificate, traits, .. }: &Above| {
            let kind = usize::try_from(*traits).ok();
            let place =
                kind.and_then(|kind| Some((known.get_mut(kind)?, index.traits().get(kind)?)));
            let Some((known, of)) = place else { return true };
            let passes = || self.passes(ossl::SECOP_CA_KEY, &of.strength, certificate);
            // The first of its kind answers for all, unless it is refused.
            match *known {
                Some(true) => false,
                Some(false) => !passes(),
                None => !*known.insert(passes()),
            }
        };
        index.links().iter().map(&mut is_refused).collect()
    }
}
