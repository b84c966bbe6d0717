// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server's request as plain values.

/// Values of SSL_version(3). The numbers of DTLS count down.
const TLS1_2: i32 = 0x0303;
const TLS1_3: i32 = 0x0304;
const DTLS1_2: i32 = 0xfefd;
/// OSSL_QUIC1_VERSION of openssl/prov_ssl.h, OpenSSL 3.2 and later.
pub const QUIC1: i32 = 1;

/// A CertificateRequest, and which of its signature algorithms this side supports.
#[derive(Debug, Default)]
pub struct Request {
    /// SSL_version(3).
    pub version: i32,
    /// The number of CA names that the server sent.
    pub ca_names: usize,
    /// The DER of those names one after the other, for the explanation; of a very long list only the
    /// first names.
    pub ca_names_der: Vec<u8>,
    /// By the number of a name in the filter: whether the server named it.
    pub(crate) named: Vec<bool>,
    /// The numbers of the names that it named.
    pub(crate) named_numbers: Vec<u32>,
    /// SignatureScheme values that the server sent.
    pub offered_schemes: Vec<u16>,
    /// Those of them that this side supports, too.
    pub schemes: Vec<u16>,
    /// ClientCertificateType values (up to TLS 1.2).
    pub certificate_types: Vec<u8>,
}

impl Request {
    /// By the number of a name, whether it was named; `None` if the server named no CA.
    pub fn named(&self) -> Option<&[bool]> {
        (self.ca_names > 0).then_some(&self.named[..])
    }

    /// The numbers of those names; `None` if the server named no CA.
    pub(crate) fn named_numbers(&self) -> Option<&[u32]> {
        (self.ca_names > 0).then_some(&self.named_numbers[..])
    }

    /// Returns whether the rules of TLS 1.3 apply. QUIC uses its handshake (RFC 9001, section 4).
    pub fn is_tls13(&self) -> bool {
        matches!(self.version, TLS1_3 | QUIC1)
    }

    /// Returns whether the request has signature algorithms, as since TLS 1.2.
    pub fn has_schemes(&self) -> bool {
        self.is_tls13() || matches!(self.version, TLS1_2 | DTLS1_2)
    }

    /// SignatureScheme values that both sides support; `None` before TLS 1.2, which has none.
    pub(crate) fn shared_schemes(&self) -> Option<&[u16]> {
        self.has_schemes().then_some(&self.schemes[..])
    }

    /// ClientCertificateType values; `None` in TLS 1.3, and if the server sent none.
    pub(crate) fn types(&self) -> Option<&[u8]> {
        let types = &self.certificate_types[..];
        (!self.is_tls13() && !types.is_empty()).then_some(types)
    }
}
