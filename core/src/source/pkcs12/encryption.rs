// SPDX-License-Identifier: MIT OR Apache-2.0
//! The encryption of the parts of a file: its cost and the password.

use super::Failure;
use super::ber::Reader;
use crate::ossl::pkcs12::{DecryptError, Decrypted, decrypt};
use crate::secret::Secret;
use crate::x509::der::tag;

/// The maximum number of iterations of key derivation in a file. 600,000, which OWASP recommends for one
/// key, take 0.15 s. Fuzzing needs fast inputs.
pub const MAX_ITERATIONS: u64 = if cfg!(fuzzing) { 10_000 } else { 10_000_000 };

/// PKCS #5 (1.2.840.113549.1.5). The other numbers are those of PBES1.
pub const PKCS5: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05";
const PBKDF2: u8 = 12;
pub const PBES2: u8 = 13;
pub const PBMAC1: u8 = 14;
/// pkcs-12PbeIds (RFC 7292, appendix C).
pub const PKCS12_PBE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01";
/// id-scrypt (RFC 7914).
const SCRYPT: &[u8] = b"\x2b\x06\x01\x04\x01\xda\x47\x04\x0b";

/// The number of iterations that are left.
pub struct Budget(pub u64);

impl Budget {
    /// Subtracts the iterations for an AlgorithmIdentifier. An unknown algorithm is an error, because its
    /// cost is unknown.
    pub fn spend(&mut self, algorithm: &[u8]) -> Result<(), Failure> {
        self.subtract(iterations(algorithm, true).ok_or(Failure::Damaged)?)
    }

    /// Subtracts the iterations for a MacData (RFC 7292, section 4), although the MAC is not verified.
    pub fn spend_mac(&mut self, mac: &[u8]) -> Result<(), Failure> {
        let count = || {
            let mut parts = Reader(mac);
            let mut digest = Reader(parts.get(tag::SEQUENCE)?);
            let algorithm = digest.get_element(tag::SEQUENCE)?;
            parts.get_any()?;
            let count = if parts.is_empty() { 1 } else { parts.get_positive()? };
            let is_pbmac1 = split(algorithm)?.0.strip_prefix(PKCS5) == Some(&[PBMAC1]);
            if is_pbmac1 { iterations(algorithm, true) } else { Some(Some(count)) }
        };
        self.subtract(count().ok_or(Failure::Damaged)?)
    }

    fn subtract(&mut self, iterations: Option<u64>) -> Result<(), Failure> {
        let left = self.0.checked_sub(iterations.ok_or(Failure::Unsupported)?);
        self.0 = left.ok_or(Failure::TooManyIterations)?;
        Ok(())
    }
}

/// Returns the identifier of an algorithm and a reader of the rest.
pub fn split(algorithm: &[u8]) -> Option<(&[u8], Reader<'_>)> {
    let mut fields = Reader(Reader(algorithm).get(tag::SEQUENCE)?);
    Some((fields.get(tag::OBJECT_IDENTIFIER)?, fields))
}

/// Returns the number of iterations of an encryption or a MAC, or, if not `is_outer`, of the key derivation
/// function of one; `Some(None)` for an unknown one, and `None` if the parameters are damaged.
#[allow(clippy::option_option)]
pub fn iterations(algorithm: &[u8], is_outer: bool) -> Option<Option<u64>> {
    let (oid, mut rest) = split(algorithm)?;
    let (pkcs5, is_scrypt) = (oid.strip_prefix(PKCS5), oid == SCRYPT);
    let is_known = match is_outer {
        true => pkcs5.is_some() || oid.starts_with(PKCS12_PBE),
        false => pkcs5 == Some(&[PBKDF2]) || is_scrypt,
    };
    if !is_known {
        return Some(None);
    }
    let mut parameters = Reader(rest.get(tag::SEQUENCE)?);
    // PBES2-params and PBMAC1-params begin with a key derivation function (RFC 8018, appendix A).
    if let Some([PBES2 | PBMAC1]) = pkcs5 {
        return iterations(parameters.get_element(tag::SEQUENCE)?, false);
    }
    let _salt = parameters.get_any()?;
    let mut count = parameters.get_positive()?;
    if is_scrypt {
        // One unit of the product of scrypt's cost, block size and parallelization takes about as long as two
        // iterations of PBKDF2.
        for _ in 0..2 {
            count = count.saturating_mul(parameters.get_positive()?);
        }
        count = count.saturating_mul(2);
    }
    Some(Some(count))
}

/// The passwords that may decrypt a file: the one that was given, or the two forms of "no password".
pub struct Passwords<'a> {
    candidates: [Option<&'a [u8]>; 2],
    /// The position of the password that has decrypted a part.
    first: usize,
}

impl<'a> Passwords<'a> {
    pub fn new(given: Option<&'a Secret>) -> Passwords<'a> {
        match given {
            // Without a NULL password: `first` skips it.
            Some(given) => Passwords { candidates: [None, Some(given.bytes())], first: 1 },
            // Not b"": OpenSSL gets a pointer that it may read.
            None => Passwords { candidates: [Some(c"".to_bytes()), None], first: 0 },
        }
    }

    /// Decrypts a part, which is one SEQUENCE.
    pub fn decrypt(&mut self, algorithm: &[u8], bytes: &[u8]) -> Result<Decrypted, Failure> {
        for (at, candidate) in self.candidates.into_iter().enumerate().skip(self.first) {
            // PBES2 does not distinguish the two forms of "no password".
            if candidate.is_none() && at > 0 && !is_legacy(algorithm) {
                break;
            }
            match decrypt(algorithm, bytes, candidate) {
                // The padding is right for one wrong password in 256.
                Ok(plain) if is_sequence(&plain) => {
                    self.first = at;
                    return Ok(plain);
                }
                Ok(_) | Err(DecryptError::Padding) => {}
                Err(DecryptError::Derivation) if candidate.is_none_or(<[u8]>::is_empty) => {}
                Err(DecryptError::Derivation) => return Err(Failure::Derivation),
                Err(DecryptError::NoMemory) => return Err(Failure::NoMemory),
                Err(DecryptError::Algorithm) => {
                    return Err(match is_legacy(algorithm) {
                        true => Failure::Legacy,
                        false => Failure::Unsupported,
                    });
                }
            }
        }
        Err(Failure::Password)
    }
}

fn is_sequence(plain: &[u8]) -> bool {
    let mut all = Reader(plain);
    all.get(tag::SEQUENCE).is_some() && all.is_empty()
}

/// Returns whether an algorithm is not PBES2. OpenSSL 3 has all others but those with Triple DES only in its
/// legacy provider.
fn is_legacy(algorithm: &[u8]) -> bool {
    split(algorithm).is_some_and(|(oid, _)| oid.strip_prefix(PKCS5) != Some(&[PBES2]))
}
