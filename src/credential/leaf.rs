// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client certificate that OpenSSL may not have decoded yet: decoding its public key costs more
//! than all else about it, and of a long list one certificate is used.

use super::outline::Outline;
use crate::ossl::{self, QuietErrors};
use foreign_types::ForeignType;
use once_cell::race::OnceBox;
use openssl::x509::X509;
use std::fmt;

/// See the module.
pub struct Leaf {
    /// What can be told without OpenSSL; `None` where it is decoded already.
    outline: Option<(Box<[u8]>, Outline)>,
    decoded: OnceBox<X509>,
    /// Read under OpenSSL's global library context, so that it may be in the cache. It is decoded
    /// under the same: another thread's own context may be freed before it.
    is_global: bool,
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leaf(decoded: {})", self.decoded.get().is_some())
    }
}

impl From<X509> for Leaf {
    fn from(certificate: X509) -> Leaf {
        Leaf {
            outline: None,
            decoded: OnceBox::with_value(Box::new(certificate)),
            is_global: false,
        }
    }
}

impl Leaf {
    /// Of DER; `None` for a certificate that only OpenSSL can tell about.
    pub fn outlined(der: Vec<u8>) -> Option<Leaf> {
        let outline = Outline::read(&der)?;
        let outline = Some((der.into_boxed_slice(), outline));
        let is_global = ossl::has_global_context();
        Some(Leaf { outline, decoded: OnceBox::new(), is_global })
    }

    /// What is known without OpenSSL, and the DER to which it refers.
    pub fn outline(&self) -> Option<(&[u8], &Outline)> {
        self.outline.as_ref().map(|(der, outline)| (&**der, outline))
    }

    /// The certificate, decoded when it is first asked for. An error is in OpenSSL's words.
    pub fn get(&self) -> Result<&X509, String> {
        self.decoded.get_or_try_init(|| {
            let der = self.outline.as_ref().map_or(&[][..], |(der, _)| der);
            let decoded =
                if self.is_global { ossl::in_global_context(|| decode(der)) } else { decode(der) };
            decoded.map(Box::new)
        })
    }

    /// How long its DER is.
    pub fn der_length(&self) -> usize {
        match (&self.outline, self.decoded.get()) {
            (Some((der, _)), _) => der.len(),
            (None, Some(certificate)) => der_length(certificate),
            (None, None) => 0,
        }
    }
}

/// How long a certificate's DER is.
pub fn der_length(certificate: &X509) -> usize {
    // SAFETY: a valid certificate; with no place to write to, only the length is given.
    let length = unsafe { openssl_sys::i2d_X509(certificate.as_ptr(), std::ptr::null_mut()) };
    usize::try_from(length).unwrap_or(0)
}

/// A certificate of its DER, or OpenSSL's words.
pub fn decode(der: &[u8]) -> Result<X509, String> {
    let errors = QuietErrors::new();
    let mut start = der.as_ptr();
    let Ok(length) = libc::c_long::try_from(der.len()) else { return Err("too long".to_owned()) };
    // SAFETY: reads at most `length` bytes. A new certificate is ours.
    unsafe {
        let new = openssl_sys::d2i_X509(std::ptr::null_mut(), &mut start, length);
        if new.is_null() { Err(errors.reason()) } else { with_key(X509::from_ptr(new)) }
    }
}

/// A certificate that OpenSSL has read, with its whole public key: where there is no memory to decode
/// that, OpenSSL leaves it out as if it were of an unknown kind, or takes it to be of no strength.
pub fn with_key(certificate: X509) -> Result<X509, String> {
    let has_key = |x: &X509| {
        let _errors = QuietErrors::new();
        // SAFETY: a valid certificate, whose key is only looked at.
        unsafe {
            let key = ossl::X509_get0_pubkey(x.as_ptr());
            !key.is_null() && openssl_sys::EVP_PKEY_security_bits(key) > 0
        }
    };
    if has_key(&certificate) {
        return Ok(certificate);
    }
    let anew = ossl::sure(|| super::anew(&certificate).filter(has_key));
    anew.map(|anew| anew.unwrap_or(certificate)).map_err(|_| NO_MEMORY.to_owned())
}

/// In the place of OpenSSL's words.
pub const NO_MEMORY: &str = "out of memory";
