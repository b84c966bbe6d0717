// SPDX-License-Identifier: MIT OR Apache-2.0
//! The content of a CertificateRequest as plain values.

/// Values of SSL_version(3). Later versions of DTLS have smaller numbers, so they cannot be compared.
const TLS1_2: i32 = 0x0303;
const TLS1_3: i32 = 0x0304;
const DTLS1_2: i32 = 0xfefd;
/// OSSL_QUIC1_VERSION of openssl/prov_ssl.h (OpenSSL 3.2 and later).
pub const QUIC1: i32 = 1;

/// A CertificateRequest, and the signature algorithms that both sides support.
#[derive(Debug, Default)]
pub struct Request {
    /// SSL_version(3).
    pub version: i32,
    /// The number of CA names that the server sent.
    pub ca_names: usize,
    /// The concatenated DER of the names, for the explanation. A very long list is truncated.
    pub ca_names_der: Vec<u8>,
    /// For each name of the filter, by its number, whether the server named it.
    pub(crate) named: Vec<bool>,
    /// The numbers of the names for which `named` is true.
    pub(crate) named_numbers: Vec<u32>,
    /// SignatureScheme values that the server sent.
    pub offered_schemes: Vec<u16>,
    /// SignatureScheme values that both sides support.
    pub schemes: Vec<u16>,
    /// ClientCertificateType values (up to TLS 1.2).
    pub certificate_types: Vec<u8>,
}

impl Request {
    /// Returns for each name of the filter whether the server named it; `None` if it named no CA.
    pub fn named(&self) -> Option<&[bool]> {
        (self.ca_names > 0).then_some(&self.named[..])
    }

    /// Returns the numbers of the names that the server named; `None` if it named no CA. Names that are not
    /// in the filter have no number, so the result may be empty.
    pub(crate) fn named_numbers(&self) -> Option<&[u32]> {
        (self.ca_names > 0).then_some(&self.named_numbers[..])
    }

    /// Returns whether the rules of TLS 1.3 apply. QUIC uses its handshake (RFC 9001, section 4).
    pub fn is_tls13(&self) -> bool {
        matches!(self.version, TLS1_3 | QUIC1)
    }

    /// Returns whether the protocol version has signature algorithms (TLS 1.2 and later).
    pub fn has_schemes(&self) -> bool {
        self.is_tls13() || matches!(self.version, TLS1_2 | DTLS1_2)
    }

    /// Returns the SignatureScheme values that both sides support; `None` before TLS 1.2.
    pub(crate) fn shared_schemes(&self) -> Option<&[u16]> {
        self.has_schemes().then_some(&self.schemes[..])
    }

    /// Returns the ClientCertificateType values; `None` in TLS 1.3 and if the server sent none.
    pub(crate) fn types(&self) -> Option<&[u8]> {
        let types = &self.certificate_types[..];
        (!self.is_tls13() && !types.is_empty()).then_some(types)
    }
}
