// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which keys can sign by which signature algorithms, and are of which certificate types.

/// A curve as far as signature schemes are bound to one.
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

/// The hash that an RSA-PSS key is bound to by its parameters (RFC 4055).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum PssHash {
    Any,
    Sha256,
    Sha384,
    Sha512,
    Other,
}

/// A public key as far as the choice is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum KeyType {
    /// rsaEncryption, with its size in bits.
    Rsa(u32),
    /// id-RSASSA-PSS, with what its parameters bind it to.
    RsaPss {
        bits: u32,
        hash: PssHash,
        /// The least length of the salt, in bytes.
        salt: u32,
    },
    Ec(Curve),
    Ed25519,
    Ed448,
    Dsa,
    MlDsa44,
    MlDsa65,
    MlDsa87,
    /// A kind that this library does not know; OpenSSL may.
    Other,
}

/// Whether a key can sign by a SignatureScheme (RFC 8446, section 4.2.3; RFC 5246, section
/// 7.4.1.4.1, for TLS 1.2, where the upper byte is the hash and the lower one the kind of key).
pub(super) fn fits_scheme(key: KeyType, scheme: u16, tls13: bool) -> bool {
    match scheme {
        // rsa_pkcs1_sha256, _sha384, _sha512, and in TLS 1.2 those with SHA-1 and SHA-224
        0x0401 | 0x0501 | 0x0601 | 0x0201 | 0x0301 => !tls13 && matches!(key, KeyType::Rsa(_)),
        // rsa_pss_rsae_sha256, _sha384, _sha512
        0x0804 => matches!(key, KeyType::Rsa(bits) if pss_fits(bits, 32)),
        0x0805 => matches!(key, KeyType::Rsa(bits) if pss_fits(bits, 48)),
        0x0806 => matches!(key, KeyType::Rsa(bits) if pss_fits(bits, 64)),
        // rsa_pss_pss_sha256, _sha384, _sha512
        0x0809 => pss_key(key, 32, PssHash::Sha256),
        0x080a => pss_key(key, 48, PssHash::Sha384),
        0x080b => pss_key(key, 64, PssHash::Sha512),
        // ecdsa_secp256r1_sha256, _secp384r1_sha384, _secp521r1_sha512: in TLS 1.2 the hash alone
        0x0403 => matches!(key, KeyType::Ec(c) if !tls13 || c == Curve::P256),
        0x0503 => matches!(key, KeyType::Ec(c) if !tls13 || c == Curve::P384),
        0x0603 => matches!(key, KeyType::Ec(c) if !tls13 || c == Curve::P521),
        0x0203 | 0x0303 => !tls13 && matches!(key, KeyType::Ec(_)),
        // ecdsa_brainpoolP*r1tls13_sha* (RFC 8734): for TLS 1.3 alone
        0x081a => tls13 && key == KeyType::Ec(Curve::BrainpoolP256r1),
        0x081b => tls13 && key == KeyType::Ec(Curve::BrainpoolP384r1),
        0x081c => tls13 && key == KeyType::Ec(Curve::BrainpoolP512r1),
        0x0807 => key == KeyType::Ed25519,
        0x0808 => key == KeyType::Ed448,
        // mldsa44, mldsa65, mldsa87: for TLS 1.3 alone
        0x0904 => tls13 && key == KeyType::MlDsa44,
        0x0905 => tls13 && key == KeyType::MlDsa65,
        0x0906 => tls13 && key == KeyType::MlDsa87,
        0x0202 | 0x0302 | 0x0402 | 0x0502 | 0x0602 => !tls13 && key == KeyType::Dsa,
        // A scheme that we do not know may be that of a key which we do not know either. OpenSSL
        // has the last word.
        _ => key == KeyType::Other,
    }
}

/// RFC 8017, section 9.1.1: an RSA modulus must hold the hash, a salt of the same length (RFC 8446,
/// section 4.2.3) and two bytes more.
fn pss_fits(bits: u32, hash_bytes: u32) -> bool {
    bits.div_ceil(8) >= 2 * hash_bytes + 2
}

/// Whether an RSA-PSS key can sign with a hash, by its size and parameters (RFC 4055, section 3.1).
fn pss_key(key: KeyType, hash_bytes: u32, hash: PssHash) -> bool {
    let KeyType::RsaPss { bits, hash: bound, salt } = key else { return false };
    pss_fits(bits, hash_bytes) && (bound == PssHash::Any || bound == hash) && salt <= hash_bytes
}

/// Whether a key is of a ClientCertificateType (RFC 5246, section 7.4.4; RFC 8422, section 5.5).
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
