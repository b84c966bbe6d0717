// SPDX-License-Identifier: MIT OR Apache-2.0
//! The properties of a certificate on which the choice depends, as plain values.

use super::extensions::{cache_extensions, confirm_by_copy};
use super::name;
use crate::choice::{Curve, KeyType, PssHash, Reasons};
use crate::error::OutOfMemory;
use crate::ossl::{self, QuietErrors};
use foreign_types::{ForeignType, ForeignTypeRef};
use libc::c_int;
use openssl::asn1::{Asn1Object, Asn1Time, Asn1TimeRef};
use openssl::nid::Nid;
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl_sys as ffi;

/// The start of 1970 as an ASN1_TIME, to convert other times to seconds since then.
pub struct Epoch(Asn1Time);

impl Epoch {
    /// Returns `None` on allocation failure.
    pub fn new() -> Option<Epoch> {
        Asn1Time::from_str("19700101000000Z").ok().map(Epoch)
    }

    /// Returns a time in seconds since 1970, or `None` if it cannot be read.
    pub fn seconds(&self, time: &Asn1TimeRef) -> Option<i64> {
        let since = self.0.diff(time).ok()?;
        Some(i64::from(since.days) * 86_400 + i64::from(since.secs))
    }

    /// Returns notBefore and notAfter in seconds since 1970. If one of them cannot be read, the certificate
    /// is valid at no time.
    pub fn validity(&self, certificate: &X509) -> (i64, i64) {
        let not_before = self.seconds(certificate.not_before()).unwrap_or(i64::MAX);
        let not_after = self.seconds(certificate.not_after()).unwrap_or(i64::MIN);
        (not_before, not_after)
    }
}

/// The properties of a certificate that OpenSSL's security level limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Strength {
    /// The security bits of the public key; -1 if it cannot be read.
    pub key_bits: c_int,
    /// The NID of the digest and the security bits of the signature; `None` for a self-issued certificate,
    /// whose signature OpenSSL does not check.
    pub signature: Option<(c_int, c_int)>,
}

/// The fields of a certificate that determine its [`Strength`]. Reading them takes less time than
/// computing the strength.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StrengthClass {
    key: KeyType,
    key_bits: c_int,
    /// The DER of the signature's AlgorithmIdentifier; empty for a self-issued certificate.
    algorithm: Vec<u8>,
}

impl StrengthClass {
    /// Returns the class of a certificate with a key of this type.
    pub fn of(certificate: &X509, key: KeyType) -> StrengthClass {
        // SAFETY: a valid certificate. The key belongs to it, or is NULL if OpenSSL cannot decode it.
        let key_bits = unsafe {
            let public = ossl::X509_get0_pubkey(certificate.as_ptr());
            if public.is_null() { -1 } else { ffi::EVP_PKEY_security_bits(public) }
        };
        let mut algorithm = Vec::new();
        if !name::equal(certificate.subject_name(), certificate.issuer_name()) {
            // SAFETY: the algorithm belongs to the certificate. The first call of i2d_X509_ALGOR returns the
            // length, and the second one writes that number of bytes.
            unsafe {
                let mut parameters = std::ptr::null();
                let mut signature = std::ptr::null();
                ffi::X509_get0_signature(&mut signature, &mut parameters, certificate.as_ptr());
                let length = ossl::i2d_X509_ALGOR(parameters, std::ptr::null_mut());
                algorithm.resize(usize::try_from(length).unwrap_or(0), 0);
                let mut out = algorithm.as_mut_ptr();
                ossl::i2d_X509_ALGOR(parameters, &mut out);
            }
        }
        StrengthClass { key, key_bits, algorithm }
    }

    /// Returns the strength of a certificate of this class.
    pub fn strength(&self, certificate: &X509) -> Result<Strength, OutOfMemory> {
        let mut signature = None;
        if !self.algorithm.is_empty() {
            cache_extensions(certificate)?;
            let (known, digest) = signature_info(certificate);
            if known.is_none() {
                // OpenSSL computes it when it caches the extensions, and may have run out of memory.
                confirm_by_copy(certificate, |copy| signature_info(copy).0.is_none())?;
            }
            signature = Some((digest, known.unwrap_or(-1)));
        }
        Ok(Strength { key_bits: self.key_bits, signature })
    }
}

/// Returns the security bits of a certificate's signature, if OpenSSL knows its algorithm, and the NID of
/// its digest.
fn signature_info(certificate: &X509) -> (Option<c_int>, c_int) {
    let (mut digest, mut key, mut bits, mut flags) = (0, 0, -1, 0);
    // SAFETY: a valid certificate, and four variables for the result.
    let known = unsafe {
        ossl::X509_get_signature_info(
            certificate.as_ptr(),
            &mut digest,
            &mut key,
            &mut bits,
            &mut flags,
        )
    };
    // Like OpenSSL's ssl_security_cert_sig: if the algorithm has no digest, the type of the key counts.
    ((known == 1).then_some(bits), if digest == 0 { key } else { digest })
}

/// Returns the type of the public key, with its size or parameters.
pub fn key_type(certificate: &X509) -> Result<KeyType, OutOfMemory> {
    // SAFETY: a valid certificate, to which the key belongs.
    unsafe {
        let key = ossl::X509_get0_pubkey(certificate.as_ptr());
        if key.is_null() {
            return Ok(KeyType::Other);
        }
        let bits = || u32::try_from(ffi::EVP_PKEY_bits(key)).unwrap_or(0);
        Ok(match ffi::EVP_PKEY_id(key) {
            6 => KeyType::Rsa(bits()),
            912 => KeyType::RsaPss { bits: bits(), hash: pss_hash(key)?, salt: pss_salt(key)? },
            408 => KeyType::Ec(curve(key)?),
            1087 => KeyType::Ed25519,
            1088 => KeyType::Ed448,
            116 => KeyType::Dsa,
            _ => key_type_by_name(key),
        })
    }
}

/// # Safety
/// `key` is a valid RSA-PSS key.
unsafe fn pss_hash(key: *mut ffi::EVP_PKEY) -> Result<PssHash, OutOfMemory> {
    const MANDATORY: c_int = 2;
    let mandatory = || {
        let mut nid = 0;
        // SAFETY: the caller's promise, and a variable for the result.
        let kind = unsafe { ossl::EVP_PKEY_get_default_digest_nid(key, &mut nid) };
        (kind == MANDATORY).then_some(nid)
    };
    Ok(match ossl::retry_unless_out_of_memory(mandatory)?.map(Nid::from_raw) {
        None => PssHash::Any,
        Some(Nid::SHA256) => PssHash::Sha256,
        Some(Nid::SHA384) => PssHash::Sha384,
        Some(Nid::SHA512) => PssHash::Sha512,
        Some(_) => PssHash::Other,
    })
}

/// Returns the minimum length of the salt by the parameters of an RSA-PSS key; 0 without parameters.
///
/// # Safety
/// `key` is a valid RSA-PSS key.
#[cfg(ossl3)]
unsafe fn pss_salt(key: *mut ffi::EVP_PKEY) -> Result<u32, OutOfMemory> {
    let _errors = QuietErrors::new();
    let known = || {
        let mut salt = 0;
        // SAFETY: the caller's promise, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, and a variable for the result.
        let known = unsafe { ossl::EVP_PKEY_get_int_param(key, c"saltlen".as_ptr(), &mut salt) };
        (known == 1).then_some(salt)
    };
    Ok(ossl::retry_unless_out_of_memory(known)?
        .and_then(|salt| u32::try_from(salt).ok())
        .unwrap_or(0))
}

/// # Safety
/// `key` is a valid RSA-PSS key.
#[cfg(not(ossl3))]
unsafe fn pss_salt(key: *mut ffi::EVP_PKEY) -> Result<u32, OutOfMemory> {
    // SAFETY: the parameters belong to the key and are only read.
    unsafe {
        let rsa = ossl::EVP_PKEY_get0_RSA(key);
        if rsa.is_null() {
            return Ok(0);
        }
        Ok(match ossl::RSA_get0_pss_params(rsa).as_ref() {
            // RFC 4055, section 3.1: the default is 20 bytes.
            Some(pss) if pss.salt_length.is_null() => 20,
            Some(pss) => u32::try_from(ffi::ASN1_INTEGER_get(pss.salt_length)).unwrap_or(u32::MAX),
            None => 0,
        })
    }
}

fn curve_by_nid(nid: c_int) -> Curve {
    match Nid::from_raw(nid) {
        Nid::X9_62_PRIME256V1 => Curve::P256,
        Nid::SECP384R1 => Curve::P384,
        Nid::SECP521R1 => Curve::P521,
        Nid::BRAINPOOL_P256R1 => Curve::BrainpoolP256r1,
        Nid::BRAINPOOL_P384R1 => Curve::BrainpoolP384r1,
        Nid::BRAINPOOL_P512R1 => Curve::BrainpoolP512r1,
        _ => Curve::Other,
    }
}

/// # Safety
/// `key` is a valid EC key.
#[cfg(ossl3)]
unsafe fn curve(key: *mut ffi::EVP_PKEY) -> Result<Curve, OutOfMemory> {
    let nid = || {
        let mut name: [libc::c_char; 64] = [0; 64];
        let mut length = 0;
        // SAFETY: the caller's promise. OpenSSL writes a NUL-terminated name that fits in the buffer.
        unsafe {
            let room = name.len();
            let known = ossl::EVP_PKEY_get_group_name(key, name.as_mut_ptr(), room, &mut length);
            (known == 1).then(|| ffi::OBJ_sn2nid(name.as_ptr()))
        }
    };
    Ok(ossl::retry_unless_out_of_memory(nid)?.map_or(Curve::Other, curve_by_nid))
}

/// # Safety
/// `key` is a valid EC key.
#[cfg(not(ossl3))]
unsafe fn curve(key: *mut ffi::EVP_PKEY) -> Result<Curve, OutOfMemory> {
    // SAFETY: the group belongs to the key.
    unsafe {
        let ec = ossl::EVP_PKEY_get0_EC_KEY(key);
        if ec.is_null() {
            return Ok(Curve::Other);
        }
        let group = ffi::EC_KEY_get0_group(ec);
        if group.is_null() {
            return Ok(Curve::Other);
        }
        Ok(curve_by_nid(ffi::EC_GROUP_get_curve_name(group)))
    }
}

/// # Safety
/// `key` is a valid key.
#[cfg(ossl3)]
unsafe fn key_type_by_name(key: *mut ffi::EVP_PKEY) -> KeyType {
    // SAFETY: the name is NULL, or a C string that lives as long as the key.
    let name = unsafe {
        let name = ossl::EVP_PKEY_get0_type_name(key);
        if name.is_null() {
            return KeyType::Other;
        }
        std::ffi::CStr::from_ptr(name)
    };
    match name.to_bytes() {
        b"ML-DSA-44" => KeyType::MlDsa44,
        b"ML-DSA-65" => KeyType::MlDsa65,
        b"ML-DSA-87" => KeyType::MlDsa87,
        _ => KeyType::Other,
    }
}

/// # Safety
/// None. Unsafe like the variant for OpenSSL 3.
#[cfg(not(ossl3))]
unsafe fn key_type_by_name(_key: *mut ffi::EVP_PKEY) -> KeyType {
    KeyType::Other
}

/// Returns the soft reasons that follow from key usage and extended key usage (RFC 5280, sections 4.2.1.3
/// and 4.2.1.12). An extension that cannot be decoded permits nothing.
pub fn usage_reasons(certificate: &X509) -> Result<Reasons, OutOfMemory> {
    const NID_KEY_USAGE: c_int = 83;
    const NID_EXT_KEY_USAGE: c_int = 126;
    const NID_CLIENT_AUTH: c_int = 130;
    const DIGITAL_SIGNATURE: c_int = 0;
    const ABSENT: c_int = -1;

    let mut reasons = Reasons::default();
    let _errors = QuietErrors::new();
    // Returns the value, which is NULL if it cannot be decoded, and whether the extension is absent.
    let extension = |nid| {
        let decode = || {
            let mut critical = 0;
            // SAFETY: a valid certificate. We own the decoded value.
            let value = unsafe {
                let next = std::ptr::null_mut();
                ffi::X509_get_ext_d2i(certificate.as_ptr(), nid, &mut critical, next)
            };
            let absent = value.is_null() && critical == ABSENT;
            (absent || !value.is_null()).then_some((value, absent))
        };
        Ok(ossl::retry_unless_out_of_memory(decode)?.unwrap_or((std::ptr::null_mut(), false)))
    };

    let (usage, absent) = extension(NID_KEY_USAGE)?;
    if !absent {
        let usage = usage.cast::<ffi::ASN1_BIT_STRING>();
        // SAFETY: NULL or a bit string, which is freed once. Both functions accept NULL.
        let may_sign = unsafe {
            let bit = ossl::ASN1_BIT_STRING_get_bit(usage, DIGITAL_SIGNATURE);
            ffi::ASN1_BIT_STRING_free(usage);
            bit == 1
        };
        if !may_sign {
            reasons.add(Reasons::KEY_USAGE);
        }
    }

    let (purposes, absent) = extension(NID_EXT_KEY_USAGE)?;
    if !absent {
        let is_client = !purposes.is_null() && {
            // SAFETY: a stack of objects, which `purposes` owns and frees.
            let purposes = unsafe { Stack::<Asn1Object>::from_ptr(purposes.cast()) };
            purposes.iter().any(|o| {
                // SAFETY: a valid object.
                unsafe { ffi::OBJ_obj2nid(o.as_ptr()) == NID_CLIENT_AUTH }
            })
        };
        if !is_client {
            reasons.add(Reasons::EXTENDED_KEY_USAGE);
        }
    }
    Ok(reasons)
}
