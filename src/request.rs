// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the server asked for, read from an SSL inside one of its callbacks into plain values.

use crate::choice::{Asked, Traits};
use crate::credential::facts::Strength;
use crate::name;
use crate::ossl;
use crate::selector::{Index, TraitsOf};
use foreign_types::{ForeignType, ForeignTypeRef};
use libc::{c_int, c_uchar};
use openssl::x509::{X509, X509NameRef};
use openssl_sys as ffi;

/// TLS 1.2 and 1.3 as SSL_version(3) gives them, and DTLS 1.2, whose numbers count down.
const TLS1_2: i32 = 0x0303;
const TLS1_3: i32 = 0x0304;
const DTLS1_2: i32 = 0xfefd;

/// A CertificateRequest, and what this side's settings make of it.
#[derive(Debug)]
pub struct Request {
    /// SSL_version(3).
    pub version: i32,
    /// How many CA names the server sent.
    pub ca_names: usize,
    /// The DER of those names one after the other, for the explanation; the first ones, if there
    /// are more bytes than anybody will read.
    pub ca_names_der: Vec<u8>,
    /// By the number of the issuer: whether the server named it.
    named: Vec<bool>,
    /// SignatureScheme values that the server sent.
    pub offered_schemes: Vec<u16>,
    /// Those of them that this side can use too.
    pub schemes: Vec<u16>,
    /// ClientCertificateType values (up to TLS 1.2).
    pub certificate_types: Vec<u8>,
    /// By the number of the traits.
    traits: Vec<Traits>,
}

impl Request {
    /// Reads it.
    ///
    /// # Safety
    /// `ssl` is a valid SSL, inside its `cert_cb` or `client_cert_cb`, on the client's side.
    pub(crate) unsafe fn read(ssl: *mut ffi::SSL, index: &Index) -> Request {
        // SAFETY: the caller's promise.
        let version = unsafe { ffi::SSL_version(ssl) };
        let mut request = Request {
            version,
            ca_names: 0,
            ca_names_der: Vec::new(),
            named: vec![false; index.names().len()],
            // SAFETY: the caller's promise.
            offered_schemes: unsafe { schemes(ssl, ossl::SSL_get_sigalgs) },
            // SAFETY: the caller's promise.
            schemes: unsafe { schemes(ssl, ossl::SSL_get_shared_sigalgs) },
            // SAFETY: the caller's promise.
            certificate_types: unsafe { certificate_types(ssl) },
            // SAFETY: the caller's promise.
            traits: unsafe { traits(ssl, index) },
        };
        // SAFETY: the caller's promise.
        unsafe { request.read_names(ssl, index) };
        request
    }

    /// # Safety
    /// As for [`Request::read`].
    unsafe fn read_names(&mut self, ssl: *mut ffi::SSL, index: &Index) {
        const MOST_BYTES: usize = 256 << 10;
        // SAFETY: the caller's promise. An empty list is a stack of none, or NULL on TLS 1.3.
        let names =
            unsafe { ossl::stack_elements::<_, ffi::X509_NAME>(ossl::SSL_get0_peer_CA_list(ssl)) };
        for name in names.filter(|n| !n.is_null()) {
            // SAFETY: a valid name, which belongs to the SSL and stays during the callback.
            let name = unsafe { X509NameRef::from_ptr(name) };
            let der = name::der(name);
            self.ca_names += 1;
            if self.ca_names_der.len() + der.len() <= MOST_BYTES {
                self.ca_names_der.extend_from_slice(der);
            }
            let known = index.names().find_der(name, der).and_then(|id| usize::try_from(id).ok());
            if let Some(flag) = known.and_then(|id| self.named.get_mut(id)) {
                *flag = true;
            }
        }
    }

    /// By the number of the issuer, whether it was named; `None` where the server named nobody.
    pub fn named(&self) -> Option<&[bool]> {
        (self.ca_names > 0).then_some(&self.named[..])
    }

    /// TLS 1.3.
    pub fn is_tls13(&self) -> bool {
        self.version == TLS1_3
    }

    /// Signature algorithms are part of the request from TLS 1.2 on.
    pub fn has_schemes(&self) -> bool {
        matches!(self.version, TLS1_2 | TLS1_3 | DTLS1_2)
    }

    /// In the terms of the choice.
    pub fn asked<'a>(&'a self, user: Option<&'a [u8]>, now: i64) -> Asked<'a> {
        let types = &self.certificate_types[..];
        Asked {
            tls13: self.is_tls13(),
            named: self.named(),
            schemes: self.has_schemes().then_some(&self.schemes[..]),
            types: (!self.is_tls13() && !types.is_empty()).then_some(types),
            traits: &self.traits,
            user,
            now,
        }
    }
}

/// # Safety
/// As for [`Request::read`].
unsafe fn schemes(ssl: *mut ffi::SSL, get: ossl::SignatureAlgorithmGetter) -> Vec<u16> {
    let at = |index: c_int| {
        let (mut sign, mut hash, mut both) = (0, 0, 0);
        let (mut raw_sign, mut raw_hash): (c_uchar, c_uchar) = (0, 0);
        // SAFETY: the caller's promise, and five values to write.
        let count = unsafe {
            get(ssl, index, &mut sign, &mut hash, &mut both, &mut raw_sign, &mut raw_hash)
        };
        (count, u16::from(raw_hash) << 8 | u16::from(raw_sign))
    };
    // An index beyond the end gives 0; the first call gives the number as well.
    let (count, _) = at(0);
    (0..count.max(0)).map(|i| at(i).1).collect()
}

/// # Safety
/// As for [`Request::read`].
unsafe fn certificate_types(ssl: *mut ffi::SSL) -> Vec<u8> {
    /// SSL_get0_certificate_types(3) is a macro for it.
    const SSL_CTRL_GET_CLIENT_CERT_TYPES: c_int = 103;
    let mut types: *const c_uchar = std::ptr::null();
    // SAFETY: the caller's promise; the bytes belong to the SSL and are copied.
    unsafe {
        let out = std::ptr::from_mut(&mut types).cast();
        let count = ffi::SSL_ctrl(ssl, SSL_CTRL_GET_CLIENT_CERT_TYPES, 0, out);
        match usize::try_from(count) {
            Ok(count) if !types.is_null() => std::slice::from_raw_parts(types, count).to_vec(),
            _ => Vec::new(),
        }
    }
}

/// # Safety
/// As for [`Request::read`].
unsafe fn traits(ssl: *mut ffi::SSL, index: &Index) -> Vec<Traits> {
    // SAFETY: the caller's promise.
    let (callback, data) =
        unsafe { (ossl::SSL_get_security_callback(ssl), ossl::SSL_get0_security_ex_data(ssl)) };
    let allows = |operation: c_int, bits: c_int, nid: c_int, certificate: &X509| {
        callback.is_none_or(|security| {
            let other = certificate.as_ptr().cast();
            // SAFETY: as OpenSSL calls it for a certificate (ssl_security_cert of 1.1.1 to 4.0).
            // The answer is taken for all certificates that are as strong; a callback that looks
            // closer gets its say once more when the one that was chosen is installed.
            unsafe { security(ssl, std::ptr::null(), operation, bits, nid, other, data) != 0 }
        })
    };
    let passes = |(strength, certificate): &(Strength, X509), key_operation| {
        allows(key_operation, strength.key_bits, 0, certificate)
            && strength
                .signature
                .is_none_or(|(digest, bits)| allows(ossl::SECOP_CA_MD, bits, digest, certificate))
    };
    let judge = |of: &TraitsOf| {
        let mut operation = ossl::SECOP_EE_KEY;
        let refused = !of.strengths.iter().all(|strength| {
            let passed = passes(strength, operation);
            operation = ossl::SECOP_CA_KEY;
            passed
        });
        Traits { key: of.key, refused }
    };
    index.traits().iter().map(judge).collect()
}
