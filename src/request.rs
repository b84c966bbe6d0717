// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the server asked for, read from an SSL inside one of its callbacks into plain values.

use crate::error::OutOfMemory;
use crate::name;
use crate::ossl;
use crate::selector::Filter;
use foreign_types::ForeignTypeRef;
use libc::{c_int, c_uchar};
use openssl::x509::X509NameRef;
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
    /// By the number of a name in the filter: whether the server named it.
    named: Vec<bool>,
    /// The numbers of the names that it named.
    named_numbers: Vec<u32>,
    /// SignatureScheme values that the server sent.
    pub offered_schemes: Vec<u16>,
    /// Those of them that this side can use too.
    pub schemes: Vec<u16>,
    /// ClientCertificateType values (up to TLS 1.2).
    pub certificate_types: Vec<u8>,
}

impl Request {
    /// Reads it.
    ///
    /// # Safety
    /// `ssl` is a valid SSL, inside its `cert_cb` or `client_cert_cb`, on the client's side.
    pub(crate) unsafe fn read(ssl: *mut ffi::SSL, filter: &Filter) -> Result<Request, OutOfMemory> {
        // SAFETY: the caller's promise.
        let version = unsafe { ffi::SSL_version(ssl) };
        let mut request = Request {
            version,
            ca_names: 0,
            ca_names_der: Vec::new(),
            named: vec![false; filter.names().len()],
            named_numbers: Vec::new(),
            // SAFETY: the caller's promise.
            offered_schemes: unsafe { schemes(ssl, ossl::SSL_get_sigalgs) },
            // SAFETY: the caller's promise.
            schemes: unsafe { schemes(ssl, ossl::SSL_get_shared_sigalgs) },
            // SAFETY: the caller's promise.
            certificate_types: unsafe { certificate_types(ssl) },
        };
        // SAFETY: the caller's promise.
        unsafe { request.read_names(ssl, filter) }?;
        Ok(request)
    }

    /// # Safety
    /// As for [`Request::read`].
    unsafe fn read_names(
        &mut self,
        ssl: *mut ffi::SSL,
        filter: &Filter,
    ) -> Result<(), OutOfMemory> {
        const MAX_BYTES: usize = 256 << 10;
        const USUAL_BYTES: usize = 64;
        // SAFETY: the caller's promise. An empty list is a stack of none, or NULL on TLS 1.3.
        let names =
            unsafe { ossl::stack_elements::<_, ffi::X509_NAME>(ossl::SSL_get0_peer_CA_list(ssl)) };
        let count = names.size_hint().0;
        self.ca_names_der.reserve(count.saturating_mul(USUAL_BYTES).min(MAX_BYTES));
        for name in names.filter(|n| !n.is_null()) {
            // SAFETY: a valid name, which belongs to the SSL and stays during the callback.
            let name = unsafe { X509NameRef::from_ptr(name) };
            let der = name::der(name);
            self.ca_names += 1;
            if self.ca_names_der.len() + der.len() <= MAX_BYTES {
                self.ca_names_der.extend_from_slice(der);
            }
            let Some(number) = filter.names().find_der(name, der)? else { continue };
            let flag = usize::try_from(number).ok().and_then(|at| self.named.get_mut(at));
            if flag.is_some_and(|flag| !std::mem::replace(flag, true)) {
                self.named_numbers.push(number);
            }
        }
        Ok(())
    }

    /// By the number of a name, whether it was named; `None` where the server named no CA.
    pub fn named(&self) -> Option<&[bool]> {
        (self.ca_names > 0).then_some(&self.named[..])
    }

    /// The numbers of those names; `None` where the server named no CA.
    pub(crate) fn named_numbers(&self) -> Option<&[u32]> {
        (self.ca_names > 0).then_some(&self.named_numbers[..])
    }

    /// Whether the rules of TLS 1.3 apply: QUIC has its handshake (RFC 9001, section 4).
    pub fn is_tls13(&self) -> bool {
        matches!(self.version, TLS1_3 | ossl::QUIC1)
    }

    /// Signature algorithms are part of the request from TLS 1.2 on.
    pub fn has_schemes(&self) -> bool {
        self.is_tls13() || matches!(self.version, TLS1_2 | DTLS1_2)
    }

    /// SignatureScheme values that both sides can use; `None` before TLS 1.2, which has none.
    pub(crate) fn shared_schemes(&self) -> Option<&[u16]> {
        self.has_schemes().then_some(&self.schemes[..])
    }

    /// ClientCertificateType values; `None` from TLS 1.3 on, and where the server sent none.
    pub(crate) fn types(&self) -> Option<&[u8]> {
        let types = &self.certificate_types[..];
        (!self.is_tls13() && !types.is_empty()).then_some(types)
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
