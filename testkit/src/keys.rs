// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys.

use crate::ffi;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Rsa;
use std::sync::OnceLock;

/// Key types, with sizes, curves and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Rsa1024,
    Rsa2048,
    /// id-RSASSA-PSS without parameters, so for any hash.
    Pss,
    /// id-RSASSA-PSS for SHA-256 only.
    PssSha256,
    /// id-RSASSA-PSS for SHA-384 only.
    PssSha384,
    P256,
    P384,
    P521,
    Ed25519,
    Ed448,
    /// brainpoolP256r1, for which TLS 1.3 had no scheme before RFC 8734.
    Brainpool,
    /// secp256k1, for which TLS 1.3 has no scheme.
    Koblitz,
}

impl Kind {
    /// The kinds that TLS 1.2, TLS 1.3 and every version of OpenSSL support.
    pub const ALL: [Kind; 10] = [
        Kind::Rsa1024,
        Kind::Rsa2048,
        Kind::Pss,
        Kind::PssSha256,
        Kind::PssSha384,
        Kind::P256,
        Kind::P384,
        Kind::P521,
        Kind::Ed25519,
        Kind::Ed448,
    ];
}

/// Creates a key. RSA keys, which take long, are made once per process.
pub fn key(kind: Kind) -> PKey<Private> {
    type Made = OnceLock<PKey<Private>>;
    static RSA_1024: Made = OnceLock::new();
    static RSA_2048: Made = OnceLock::new();
    static PSS: [Made; 3] = [const { OnceLock::new() }; 3];
    match kind {
        Kind::Rsa1024 => RSA_1024.get_or_init(|| rsa(1024)).clone(),
        Kind::Rsa2048 => RSA_2048.get_or_init(|| rsa(2048)).clone(),
        Kind::Pss => PSS[0].get_or_init(|| pss(None)).clone(),
        Kind::PssSha256 => PSS[1].get_or_init(|| pss(Some("sha256"))).clone(),
        Kind::PssSha384 => PSS[2].get_or_init(|| pss(Some("sha384"))).clone(),
        Kind::P256 => ec(Nid::X9_62_PRIME256V1),
        Kind::P384 => ec(Nid::SECP384R1),
        Kind::P521 => ec(Nid::SECP521R1),
        Kind::Brainpool => ec(Nid::BRAINPOOL_P256R1),
        Kind::Koblitz => ec(Nid::SECP256K1),
        Kind::Ed25519 => PKey::generate_ed25519().unwrap(),
        Kind::Ed448 => PKey::generate_ed448().unwrap(),
    }
}

fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

fn ec(curve: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(curve).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn pss(hash: Option<&str>) -> PKey<Private> {
    let mut context = PkeyCtx::new_id(Id::RSA_PSS).unwrap();
    context.keygen_init().unwrap();
    // By name, because EVP_PKEY_CTX_set_rsa_keygen_bits(3) fails for this type in OpenSSL 1.1.1.
    ffi::set_parameter(&mut context, c"rsa_keygen_bits", "2048");
    if let Some(hash) = hash {
        for parameter in [c"rsa_pss_keygen_md", c"rsa_pss_keygen_mgf1_md"] {
            ffi::set_parameter(&mut context, parameter, hash);
        }
    }
    context.keygen().unwrap()
}
