// SPDX-License-Identifier: MIT OR Apache-2.0
//! The security level of an SSL (SSL_CTX_set_security_level(3)), or the program's own callback for it,
//! applied to the certificates of an index.

use crate::choice::Class;
use crate::judgement::SecurityVerdicts;
use crate::ossl;
use crate::selector::{CertificateClass, ChainCertificate, Index};
use crate::x509::facts::Strength;
use foreign_types::ForeignType;
use libc::{c_int, c_void};
use openssl::x509::X509;
use openssl_sys as ffi;
use std::ptr;

/// Asks the security level of an SSL about the certificates of an index.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
pub unsafe fn judge(ssl: *const ffi::SSL, index: &Index) -> SecurityVerdicts {
    // SAFETY: the caller's promise.
    let security = unsafe { Security::of(ssl) };
    let classes = security.judge_classes(index);
    let exempt = security.exempt(index, &classes);
    SecurityVerdicts { refused: security.judge_links(index), classes, exempt }
}

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

    /// Returns whether a certificate passes: a leaf, or one above it, as `key` says.
    fn passes(&self, key: c_int, strength: &Strength, certificate: &X509) -> bool {
        let allows = |(digest, bits)| self.allows(ossl::SECOP_CA_MD, bits, digest, certificate);
        strength.signature.is_none_or(allows) && self.allows(key, strength.key_bits, 0, certificate)
    }

    /// Asks about one leaf of each class. The answer is taken for all leaves of the class.
    fn judge_classes(&self, index: &Index) -> Vec<Class> {
        let passes =
            |of: &CertificateClass| self.passes(ossl::SECOP_EE_KEY, &of.strength, &of.example);
        let judge =
            |of: &CertificateClass| Class { key: of.key, is_refused: of.has_leaf && !passes(of) };
        index.classes().iter().map(judge).collect()
    }

    /// A program's callback may tell certificates of one class apart. Returns the candidates that it
    /// accepts although it refused the first leaf of their class. A leaf that it refuses although it
    /// accepted the first one is found when the certificate is installed.
    fn exempt(&self, index: &Index, classes: &[Class]) -> Vec<usize> {
        if !classes.iter().any(|class| class.is_refused) {
            return Vec::new();
        }
        let mut exempt = Vec::new();
        let candidates = index.candidates().iter().zip(index.leaves());
        for (at, (candidate, leaf)) in candidates.enumerate() {
            let Ok(kind) = usize::try_from(candidate.class) else { continue };
            let Some(of) = index.classes().get(kind) else { continue };
            if !classes.get(kind).is_some_and(|class| class.is_refused) {
                continue;
            }
            if self.passes(ossl::SECOP_EE_KEY, &of.strength, leaf) {
                exempt.push(at);
            }
        }
        exempt
    }

    /// Returns which of the certificates above the leaves are refused, by the number of the link.
    fn judge_links(&self, index: &Index) -> Vec<bool> {
        let mut known: Vec<Option<bool>> = vec![None; index.classes().len()];
        let mut is_refused = |ChainCertificate { certificate, class, .. }: &ChainCertificate| {
            let kind = usize::try_from(*class).ok();
            let place =
                kind.and_then(|kind| Some((known.get_mut(kind)?, index.classes().get(kind)?)));
            let Some((known, of)) = place else { return true };
            let passes = || self.passes(ossl::SECOP_CA_KEY, &of.strength, certificate);
            // The answer for the first certificate of a class is taken for all, unless it is refused.
            match *known {
                Some(true) => false,
                Some(false) => !passes(),
                None => !*known.insert(passes()),
            }
        };
        index.links().iter().map(&mut is_refused).collect()
    }
}
