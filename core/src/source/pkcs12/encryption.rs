// SPDX-License-Identifier: MIT OR Apache-2.0
//! The encryption of the parts of a file: its cost and the password.

use super::Failure;
use super::ber::Reader;
use crate::error::Problem;
use crate::ossl::pkcs12::{DecryptError, Decrypted, decrypt};
use crate::secret::Secret;
use crate::x509::der::tag;

/// The maximum number of iterations of key derivation in a file. 600,000, which OWASP recommends for one
/// key, take 0.15 s. Fuzzing needs fast inputs.
pub const MAX_ITERATIONS: u64 = if cfg!(fuzzing) { 10_000 } else { 10_000_000 };

/// PKCS #5 (1.2.840.113549.1.5): PBES1 has the numbers 1 to 11.
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
    /// Adds the iterations for an AlgorithmIdentifier.
    pub fn spend(&mut self, algorithm: &[u8]) -> Result<(), Failure> {
        let unsupported = Problem::UnsupportedEncryption { is_legacy: false };
        let iterations = iterations(algorithm)?.ok_or(unsupported)?;
        self.subtract(iterations)
    }

    /// Adds the iterations for a MacData (RFC 7292, section 4), although the MAC is not verified.
    pub fn spend_mac(&mut self, mac: &[u8]) -> Result<(), Failure> {
        let count = || {
            let mut parts = Reader(mac);
            let mut digest = Reader(parts.get(tag::SEQUENCE)?);
            let algorithm = digest.get_element(tag::SEQUENCE)?;
            parts.get_any()?;
            let iterations = if parts.is_empty() { 1 } else { parts.get_positive()? };
            Some((algorithm, iterations))
        };
        let (algorithm, iterations) = count().ok_or(Problem::DamagedPkcs12)?;
        let (oid, _) = parts(algorithm).ok_or(Problem::DamagedPkcs12)?;
        if oid.strip_prefix(PKCS5) == Some(&[PBMAC1]) {
            return self.spend(algorithm);
        }
        self.subtract(iterations)
    }

    fn subtract(&mut self, iterations: u64) -> Result<(), Failure> {
        let left = self.0.checked_sub(iterations);
        self.0 = left.ok_or(Problem::TooManyIterations(MAX_ITERATIONS))?;
        Ok(())
    }
}

/// Returns the identifier of an algorithm and a reader of its parameters, which are a sequence.
pub fn parts(algorithm: &[u8]) -> Option<(&[u8], Option<Reader<'_>>)> {
    let mut fields = Reader(Reader(algorithm).get(tag::SEQUENCE)?);
    let oid = fields.get(tag::OBJECT_IDENTIFIER)?;
    Some((oid, fields.get(tag::SEQUENCE).map(Reader)))
}

/// Returns the number of iterations; `None` for an unknown algorithm, whose cost is unknown.
pub fn iterations(algorithm: &[u8]) -> Result<Option<u64>, Problem> {
    let (oid, parameters) = parts(algorithm).ok_or(Problem::DamagedPkcs12)?;
    let mut parameters = parameters.ok_or(Problem::DamagedPkcs12)?;
    let count = match (oid.strip_prefix(PKCS5), oid.strip_prefix(PKCS12_PBE)) {
        // PBES2-params and PBMAC1-params begin with a key derivation function (RFC 8018, appendix A).
        (Some([PBES2 | PBMAC1]), _) => {
            let function = parameters.get_element(tag::SEQUENCE);
            return derivation(function.ok_or(Problem::DamagedPkcs12)?);
        }
        (Some([1..=11]), _) | (_, Some([_])) => salted(&mut parameters),
        _ => return Ok(None),
    };
    count.map(Some).ok_or(Problem::DamagedPkcs12)
}

/// Like [`iterations`], for a key derivation function.
fn derivation(function: &[u8]) -> Result<Option<u64>, Problem> {
    let (oid, parameters) = parts(function).ok_or(Problem::DamagedPkcs12)?;
    let mut parameters = parameters.ok_or(Problem::DamagedPkcs12)?;
    let count = if oid.strip_prefix(PKCS5) == Some(&[PBKDF2]) {
        salted(&mut parameters)
    } else if oid == SCRYPT {
        scrypt(&mut parameters)
    } else {
        return Ok(None);
    };
    count.map(Some).ok_or(Problem::DamagedPkcs12)
}

/// Reads a salt and a number of iterations.
fn salted(parameters: &mut Reader<'_>) -> Option<u64> {
    parameters.get_any()?;
    parameters.get_positive()
}

/// Reads scrypt's cost, block size and parallelization. One unit of their product takes about as long as
/// two iterations of PBKDF2.
fn scrypt(parameters: &mut Reader<'_>) -> Option<u64> {
    parameters.get_any()?;
    let mut product = 2u64;
    for _ in 0..3 {
        product = product.saturating_mul(parameters.get_positive()?);
    }
    Some(product)
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
            // The second candidate is not tried.
            Some(given) => Passwords { candidates: [None, Some(given.bytes())], first: 1 },
            None => Passwords { candidates: [Some(c"".to_bytes()), None], first: 0 },
        }
    }

    /// Decrypts a part, which is one SEQUENCE.
    pub fn decrypt(&mut self, algorithm: &[u8], bytes: &[u8]) -> Result<Decrypted, Failure> {
        for (at, candidate) in self.candidates.into_iter().enumerate().skip(self.first) {
            match decrypt(algorithm, bytes, candidate) {
                // The padding is right for one wrong password in 256.
                Ok(plain) if is_sequence(&plain) => {
                    self.first = at;
                    return Ok(plain);
                }
                Ok(_) | Err(DecryptError::Padding) => {}
                Err(DecryptError::NoMemory) => return Err(Failure::NoMemory),
                Err(DecryptError::Algorithm) => {
                    return Err(
                        Problem::UnsupportedEncryption { is_legacy: is_legacy(algorithm) }.into()
                    );
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

/// Returns whether an algorithm is one of those that OpenSSL 3 has in its legacy provider: all but the two
/// with Triple DES and PBES2 with another cipher than RC2 and DES.
fn is_legacy(algorithm: &[u8]) -> bool {
    let Some((oid, _)) = parts(algorithm) else { return false };
    oid.strip_prefix(PKCS5) != Some(&[PBES2])
}
