// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names of protocol values: signature schemes, certificate types, versions, keys.

use crate::choice::{Curve, KeyType, PssHash};

/// Returns the name of a SignatureScheme in RFC 8446, section 4.2.3 (and RFC 5246 for the older
/// pairs).
pub fn scheme(value: u16) -> String {
    let name = match value {
        0x0401 => "rsa_pkcs1_sha256",
        0x0501 => "rsa_pkcs1_sha384",
        0x0601 => "rsa_pkcs1_sha512",
        0x0403 => "ecdsa_secp256r1_sha256",
        0x0503 => "ecdsa_secp384r1_sha384",
        0x0603 => "ecdsa_secp521r1_sha512",
        0x0804 => "rsa_pss_rsae_sha256",
        0x0805 => "rsa_pss_rsae_sha384",
        0x0806 => "rsa_pss_rsae_sha512",
        0x0807 => "ed25519",
        0x0808 => "ed448",
        0x0809 => "rsa_pss_pss_sha256",
        0x080a => "rsa_pss_pss_sha384",
        0x080b => "rsa_pss_pss_sha512",
        0x081a => "ecdsa_brainpoolP256r1tls13_sha256",
        0x081b => "ecdsa_brainpoolP384r1tls13_sha384",
        0x081c => "ecdsa_brainpoolP512r1tls13_sha512",
        0x0904 => "mldsa44",
        0x0905 => "mldsa65",
        0x0906 => "mldsa87",
        0x0201 => "rsa_pkcs1_sha1",
        0x0203 => "ecdsa_sha1",
        0x0202 => "dsa_sha1",
        0x0301 => "rsa_pkcs1_sha224",
        0x0303 => "ecdsa_sha224",
        0x0302 => "dsa_sha224",
        0x0402 => "dsa_sha256",
        0x0502 => "dsa_sha384",
        0x0602 => "dsa_sha512",
        _ => return format!("0x{value:04x}"),
    };
    name.to_owned()
}

/// Returns the name of a ClientCertificateType in RFC 5246, section 7.4.4, and RFC 8422.
pub fn certificate_type(value: u8) -> String {
    let name = match value {
        1 => "rsa_sign",
        2 => "dss_sign",
        3 => "rsa_fixed_dh",
        4 => "dss_fixed_dh",
        64 => "ecdsa_sign",
        65 => "rsa_fixed_ecdh",
        66 => "ecdsa_fixed_ecdh",
        _ => return value.to_string(),
    };
    name.to_owned()
}

/// Returns the name of a protocol version, given the number of SSL_version(3).
pub fn version(value: i32) -> &'static str {
    match value {
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        1 => "QUIC with TLS 1.3",
        0xfeff => "DTLS 1.0",
        0xfefd => "DTLS 1.2",
        _ => "an unknown TLS version",
    }
}

/// Returns the type of a key.
pub fn key(key: KeyType) -> String {
    match key {
        KeyType::Rsa(bits) => format!("RSA, {bits} bits"),
        KeyType::RsaPss { bits, hash, .. } => {
            let only = match hash {
                PssHash::Any => "",
                PssHash::Sha256 => ", SHA-256 only",
                PssHash::Sha384 => ", SHA-384 only",
                PssHash::Sha512 => ", SHA-512 only",
                PssHash::Other => ", one hash only",
            };
            format!("RSA-PSS, {bits} bits{only}")
        }
        KeyType::Ec(curve) => {
            let name = match curve {
                Curve::P256 => "P-256",
                Curve::P384 => "P-384",
                Curve::P521 => "P-521",
                Curve::BrainpoolP256r1 => "brainpoolP256r1",
                Curve::BrainpoolP384r1 => "brainpoolP384r1",
                Curve::BrainpoolP512r1 => "brainpoolP512r1",
                Curve::Other => "unknown curve",
            };
            format!("EC, {name}")
        }
        KeyType::Ed25519 => "Ed25519".to_owned(),
        KeyType::Ed448 => "Ed448".to_owned(),
        KeyType::Dsa => "DSA".to_owned(),
        KeyType::MlDsa44 => "ML-DSA-44".to_owned(),
        KeyType::MlDsa65 => "ML-DSA-65".to_owned(),
        KeyType::MlDsa87 => "ML-DSA-87".to_owned(),
        KeyType::Other => "unknown type".to_owned(),
    }
}
