// SPDX-License-Identifier: MIT OR Apache-2.0
//! Applies the security level of an SSL (SSL_CTX_set_security_level(3)), or the program's own security
//! callback, to the certificates of an index.

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

/// Returns the certificates of an index that the security level refuses. Calls the security callback once
/// for each class if possible.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
pub unsafe fn judge(ssl: *const ffi::SSL, index: &Index) -> SecurityVerdicts {
    // SAFETY: the caller's promise.
    let level = unsafe { SecurityLevel::of(ssl) };
    let classes = level.judge_classes(index);
    let exempt = level.exempt(index, &classes);
    SecurityVerdicts { refused: level.judge_links(index), classes, exempt }
}

struct SecurityLevel {
    ssl: *const ffi::SSL,
    callback: Option<ossl::SecurityCallback>,
    data: *mut c_void,
}

impl SecurityLevel {
    /// Returns the security level of an SSL.
    ///
    /// # Safety
    /// `ssl` is a valid SSL, which outlives the result.
    unsafe fn of(ssl: *const ffi::SSL) -> SecurityLevel {
        // SAFETY: the caller's promise.
        let (callback, data) =
            unsafe { (ossl::SSL_get_security_callback(ssl), ossl::SSL_get0_security_ex_data(ssl)) };
        SecurityLevel { ssl, callback, data }
    }

    fn allows(&self, operation: c_int, bits: c_int, nid: c_int, certificate: &X509) -> bool {
        let Some(callback) = self.callback else { return true };
        let other = certificate.as_ptr().cast();
        // SAFETY: as OpenSSL calls it for a certificate (ssl_security_cert of 1.1.1 to 4.0).
        unsafe { callback(self.ssl, ptr::null(), operation, bits, nid, other, self.data) != 0 }
    }

    /// Returns whether a certificate passes. `key_operation` is SECOP_EE_KEY for a leaf and SECOP_CA_KEY for
    /// another certificate.
    fn passes(&self, key_operation: c_int, strength: &Strength, certificate: &X509) -> bool {
        let allows = |(digest, bits)| self.allows(ossl::SECOP_CA_MD, bits, digest, certificate);
        strength.signature.is_none_or(allows)
            && self.allows(key_operation, strength.key_bits, 0, certificate)
    }

    /// Judges the example of each class that has leaves. The verdict applies to all leaves of the class.
    fn judge_classes(&self, index: &Index) -> Vec<Class> {
        let passes =
            |c: &CertificateClass| self.passes(ossl::SECOP_EE_KEY, &c.strength, &c.example);
        let judge =
            |c: &CertificateClass| Class { key: c.key, is_refused: c.has_leaf && !passes(c) };
        index.classes().iter().map(judge).collect()
    }

    /// Returns the candidates that a program's callback accepts although it refused the example of their
    /// class. The opposite case, a refused leaf in an accepted class, is found when the certificate is
    /// installed.
    fn exempt(&self, index: &Index, classes: &[Class]) -> Vec<usize> {
        if !classes.iter().any(|class| class.is_refused) {
            return Vec::new();
        }
        let mut exempt = Vec::new();
        let candidates = index.candidates().iter().zip(index.leaves());
        for (number, (candidate, leaf)) in candidates.enumerate() {
            let Ok(number_of_class) = usize::try_from(candidate.class) else { continue };
            let Some(class) = index.classes().get(number_of_class) else { continue };
            if !classes.get(number_of_class).is_some_and(|class| class.is_refused) {
                continue;
            }
            if self.passes(ossl::SECOP_EE_KEY, &class.strength, leaf) {
                exempt.push(number);
            }
        }
        exempt
    }

    /// Returns for each link whether it is refused.
    fn judge_links(&self, index: &Index) -> Vec<bool> {
        let mut known: Vec<Option<bool>> = vec![None; index.classes().len()];
        let mut is_refused = |ChainCertificate { certificate, class, .. }: &ChainCertificate| {
            let number = usize::try_from(*class).ok();
            let class = number.and_then(|i| Some((known.get_mut(i)?, index.classes().get(i)?)));
            let Some((known, class)) = class else { return true };
            let passes = || self.passes(ossl::SECOP_CA_KEY, &class.strength, certificate);
            // If the first certificate of a class passes, all do. Otherwise each one is judged.
            match *known {
                Some(true) => false,
                Some(false) => !passes(),
                None => !*known.insert(passes()),
            }
        };
        index.links().iter().map(&mut is_refused).collect()
    }
}
