// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signature algorithms and certificate types, and the keys that fit them.

/// A named curve. The curves to which no signature scheme is bound are one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Curve {
    P256,
    P384,
    P521,
    BrainpoolP256r1,
    BrainpoolP384r1,
    BrainpoolP512r1,
    Other,
}

/// The hash that the parameters of an RSA-PSS key require (RFC 4055, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum PssHash {
    Any,
    Sha256,
    Sha384,
    Sha512,
    Other,
}

/// The type and size of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum KeyType {
    /// rsaEncryption, with its size in bits.
    Rsa(u32),
    /// id-RSASSA-PSS, with the restrictions in its parameters.
    RsaPss {
        bits: u32,
        hash: PssHash,
        /// The minimum length of the salt, in bytes.
        salt: u32,
    },
    Ec(Curve),
    Ed25519,
    Ed448,
    Dsa,
    MlDsa44,
    MlDsa65,
    MlDsa87,
    /// A type that this library does not know. OpenSSL, or one of its providers, may know it.
    Other,
}

/// Returns whether a key can sign with a SignatureScheme of RFC 8446, section 4.2.3. In TLS 1.2 the
/// upper byte is the hash and the lower byte the signature algorithm (RFC 5246, section 7.4.1.4.1).
pub(super) fn fits_scheme(key: KeyType, scheme: u16, tls13: bool) -> bool {
    match scheme {
        // rsa_pkcs1_sha256, _sha384, _sha512, _sha1, and RSA with SHA-224
        0x0401 | 0x0501 | 0x0601 | 0x0201 | 0x0301 => !tls13 && matches!(key, KeyType::Rsa(_)),
        // rsa_pss_rsae_sha256, _sha384, _sha512
        0x0804 => matches!(key, KeyType::Rsa(bits) if has_pss_room(bits, 32)),
        0x0805 => matches!(key, KeyType::Rsa(bits) if has_pss_room(bits, 48)),
        0x0806 => matches!(key, KeyType::Rsa(bits) if has_pss_room(bits, 64)),
        // rsa_pss_pss_sha256, _sha384, _sha512
        0x0809 => pss_key_fits(key, 32, PssHash::Sha256),
        0x080a => pss_key_fits(key, 48, PssHash::Sha384),
        0x080b => pss_key_fits(key, 64, PssHash::Sha512),
        // ecdsa_secp256r1_sha256, _secp384r1_sha384, _secp521r1_sha512; in TLS 1.2 with any curve
        0x0403 => matches!(key, KeyType::Ec(c) if !tls13 || c == Curve::P256),
        0x0503 => matches!(key, KeyType::Ec(c) if !tls13 || c == Curve::P384),
        0x0603 => matches!(key, KeyType::Ec(c) if !tls13 || c == Curve::P521),
        0x0203 | 0x0303 => !tls13 && matches!(key, KeyType::Ec(_)),
        // ecdsa_brainpoolP*r1tls13_sha* (RFC 8734): TLS 1.3 only
        0x081a => tls13 && key == KeyType::Ec(Curve::BrainpoolP256r1),
        0x081b => tls13 && key == KeyType::Ec(Curve::BrainpoolP384r1),
        0x081c => tls13 && key == KeyType::Ec(Curve::BrainpoolP512r1),
        0x0807 => key == KeyType::Ed25519,
        0x0808 => key == KeyType::Ed448,
        // mldsa44, mldsa65, mldsa87: TLS 1.3 only
        0x0904 => tls13 && key == KeyType::MlDsa44,
        0x0905 => tls13 && key == KeyType::MlDsa65,
        0x0906 => tls13 && key == KeyType::MlDsa87,
        0x0202 | 0x0302 | 0x0402 | 0x0502 | 0x0602 => !tls13 && key == KeyType::Dsa,
        // An unknown scheme may fit a key of an unknown type. OpenSSL checks this when it signs.
        _ => key == KeyType::Other,
    }
}

/// Returns whether an RSA modulus has room for the hash, a salt of the same length (RFC 8446, section
/// 4.2.3) and two more bytes (RFC 8017, section 9.1.1).
fn has_pss_room(bits: u32, hash_bytes: u32) -> bool {
    bits.div_ceil(8) >= 2 * hash_bytes + 2
}

/// Returns whether size and parameters of an RSA-PSS key allow a hash (RFC 4055, section 3.1).
fn pss_key_fits(key: KeyType, hash_bytes: u32, hash: PssHash) -> bool {
    let KeyType::RsaPss { bits, hash: required, salt } = key else { return false };
    has_pss_room(bits, hash_bytes)
        && (required == PssHash::Any || required == hash)
        && salt <= hash_bytes
}

/// Returns whether a key has a ClientCertificateType (RFC 5246, section 7.4.4; RFC 8422, section 5.5).
pub(super) fn fits_type(key: KeyType, kind: u8) -> bool {
    match kind {
        1 => matches!(key, KeyType::Rsa(_) | KeyType::RsaPss { .. }),
        2 => key == KeyType::Dsa,
        64 => matches!(key, KeyType::Ec(_) | KeyType::Ed25519 | KeyType::Ed448),
        // Fixed (EC)DH certificates cannot sign.
        3..=6 | 20 | 65 | 66 => false,
        _ => key == KeyType::Other,
    }
}
