// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the server asked for, read from an SSL inside one of its callbacks into plain values.

use crate::choice::{Asked, Graph, Traits};
use crate::credential::facts::Strength;
use crate::error::OutOfMemory;
use crate::name;
use crate::ossl;
use crate::selector::{FrozenSelector, Index, TraitsOf};
use foreign_types::{ForeignType, ForeignTypeRef};
use libc::{c_int, c_uchar, c_void};
use openssl::x509::{X509, X509NameRef};
use openssl_sys as ffi;
use std::ptr;
use std::sync::Arc;

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
    /// See [`Asked::exempt`].
    exempt: Vec<usize>,
    /// By the number of the link: whether the security level refuses it.
    refused: Vec<bool>,
    graph: Arc<Graph>,
}

impl Request {
    /// Reads it.
    ///
    /// # Safety
    /// `ssl` is a valid SSL, inside its `cert_cb` or `client_cert_cb`, on the client's side.
    pub(crate) unsafe fn read(
        ssl: *mut ffi::SSL,
        selector: &FrozenSelector,
    ) -> Result<Request, OutOfMemory> {
        let index = selector.index();
        // SAFETY: the caller's promise.
        let security = unsafe { Security::of(ssl) };
        let traits = security.judge_traits(index);
        let exempt = security.exempt(selector, &traits);
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
            traits,
            exempt,
            refused: security.judge_links(index),
            graph: Arc::clone(index.graph()),
        };
        // SAFETY: the caller's promise.
        unsafe { request.read_names(ssl, index) }?;
        Ok(request)
    }

    /// # Safety
    /// As for [`Request::read`].
    unsafe fn read_names(&mut self, ssl: *mut ffi::SSL, index: &Index) -> Result<(), OutOfMemory> {
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
            let known = index.names().find_der(name, der)?;
            let known = known.and_then(|id| usize::try_from(id).ok());
            if let Some(flag) = known.and_then(|id| self.named.get_mut(id)) {
                *flag = true;
            }
        }
        Ok(())
    }

    /// By the number of the issuer, whether it was named; `None` where the server named nobody.
    pub fn named(&self) -> Option<&[bool]> {
        (self.ca_names > 0).then_some(&self.named[..])
    }

    /// Whether the rules of TLS 1.3 apply: QUIC has its handshake (RFC 9001, section 4).
    pub fn is_tls13(&self) -> bool {
        matches!(self.version, TLS1_3 | ossl::QUIC1)
    }

    /// Signature algorithms are part of the request from TLS 1.2 on.
    pub fn has_schemes(&self) -> bool {
        self.is_tls13() || matches!(self.version, TLS1_2 | DTLS1_2)
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
            exempt: &self.exempt,
            graph: &self.graph,
            refused: &self.refused,
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
    fn exempt(&self, selector: &FrozenSelector, traits: &[Traits]) -> Vec<usize> {
        if !traits.iter().any(|t| t.refused) {
            return Vec::new();
        }
        let index = selector.index();
        let mut exempt = Vec::new();
        let candidates = index.candidates().iter().zip(selector.credentials());
        for (at, (candidate, credential)) in candidates.enumerate() {
            let Ok(kind) = usize::try_from(candidate.traits) else { continue };
            let Some(of) = index.traits().get(kind) else { continue };
            if !traits.get(kind).is_some_and(|t| t.refused) {
                continue;
            }
            let Ok(leaf) = credential.certificate() else { continue };
            if self.passes(ossl::SECOP_EE_KEY, &of.strength, leaf) {
                exempt.push(at);
            }
        }
        exempt
    }

    /// The same for the certificates above the leaves.
    fn judge_links(&self, index: &Index) -> Vec<bool> {
        let mut known: Vec<Option<bool>> = vec![None; index.traits().len()];
        let mut is_refused = |(certificate, kind): &(X509, u32)| {
            let kind = usize::try_from(*kind).ok();
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
