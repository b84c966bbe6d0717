// SPDX-License-Identifier: MIT OR Apache-2.0
//! The formats of key files.

use crate::x509::der::{Reader, tag};

/// The format of a key file, which decides which of OpenSSL's functions reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat {
    /// PEM, with any label.
    Pem,
    /// PrivateKeyInfo of RFC 5958, or a traditional form. Both are sequences that begin with a version.
    Der,
    /// EncryptedPrivateKeyInfo of RFC 5958.
    EncryptedDer,
    /// PFX of RFC 7292, which is a sequence that begins with version 3.
    Pkcs12,
    /// None of these.
    Unknown,
}

impl KeyFormat {
    /// Returns the format of a file. Ignores bytes after the DER, like OpenSSL.
    pub fn of(bytes: &[u8]) -> KeyFormat {
        if bytes.windows(11).any(|w| w == b"-----BEGIN ") {
            return KeyFormat::Pem;
        }
        let Some(content) = Reader(bytes).get(tag::SEQUENCE) else { return KeyFormat::Unknown };
        let mut parts = Reader(content);
        match (parts.get_any(), parts.get_any(), parts.is_empty()) {
            (Some((tag::INTEGER, [3])), Some((tag::SEQUENCE, _)), _) => KeyFormat::Pkcs12,
            (Some((tag::INTEGER, _)), Some(_), _) => KeyFormat::Der,
            (Some((tag::SEQUENCE, _)), Some((tag::OCTET_STRING, _)), true) => {
                KeyFormat::EncryptedDer
            }
            _ => KeyFormat::Unknown,
        }
    }
}

/// Returns whether only OpenSSL's own decoders read the file. They accept -1 for "no password" and then
/// neither ask again nor derive a key from an empty password.
pub fn has_builtin_decoder(format: KeyFormat, bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const LABELS: [&[u8]; 9] = [
        b"ENCRYPTED PRIVATE KEY-----",
        b"PRIVATE KEY-----",
        b"RSA PRIVATE KEY-----",
        b"EC PRIVATE KEY-----",
        b"DSA PRIVATE KEY-----",
        b"EC PARAMETERS-----",
        b"CERTIFICATE-----",
        b"X509 CERTIFICATE-----",
        b"TRUSTED CERTIFICATE-----",
    ];
    let mut rest = bytes;
    while let Some(at) = rest.windows(BEGIN.len()).position(|w| w == BEGIN) {
        rest = rest.get(at + BEGIN.len()..).unwrap_or_default();
        if !LABELS.iter().any(|label| rest.starts_with(label)) {
            return false;
        }
    }
    format != KeyFormat::Unknown
}
