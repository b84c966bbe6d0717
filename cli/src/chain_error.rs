// SPDX-License-Identifier: MIT OR Apache-2.0
//! The error of OpenSSL's certificate verification.

use certpick_core::x509::name;
use openssl::x509::{X509, X509VerifyResult};
use openssl_sys as ffi;
use std::fmt::{self, Display};

/// Why a certificate chain did not verify.
pub struct ChainError {
    pub result: X509VerifyResult,
    /// The certificate at which the verification failed.
    pub certificate: Option<X509>,
}

impl ChainError {
    pub fn is_signature(&self) -> bool {
        self.result.as_raw() == ffi::X509_V_ERR_CERT_SIGNATURE_FAILURE
    }

    /// The issuer of a certificate is neither in the chain nor among the roots.
    pub fn is_missing_issuer(&self) -> bool {
        matches!(
            self.result.as_raw(),
            ffi::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
                | ffi::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
                | ffi::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
        )
    }

    /// The chain ends at a root that is not trusted.
    pub fn is_untrusted_root(&self) -> bool {
        matches!(
            self.result.as_raw(),
            ffi::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT | ffi::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
        )
    }
}

impl Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.result.error_string())?;
        match &self.certificate {
            Some(at) => write!(f, ", at {}", name::text(at.subject_name())),
            None => Ok(()),
        }
    }
}
