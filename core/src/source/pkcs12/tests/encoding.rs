// SPDX-License-Identifier: MIT OR Apache-2.0
//! PKCS#12 files of a given form.

use openssl::hash::MessageDigest;
use openssl::pkcs5::{pbkdf2_hmac, scrypt};
use openssl::symm::{Cipher, encrypt};
use testkit::certificates::Identity;
use testkit::der::element;

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 4;
const DATA: &str = "1.2.840.113549.1.7.1";
const SALT: &[u8] = b"8 bytes!";
const IV: &[u8] = b"initial vector!!";

pub fn oid(text: &str) -> Vec<u8> {
    let numbers: Vec<u32> = text.split('.').map(|number| number.parse().unwrap()).collect();
    let mut bytes = vec![u8::try_from(40 * numbers[0] + numbers[1]).unwrap()];
    for number in &numbers[2..] {
        let groups: Vec<u32> = (0..5).map(|group| number >> (7 * group) & 0x7f).collect();
        let last = groups.iter().rposition(|group| *group != 0).unwrap_or(0);
        for at in (0..=last).rev() {
            bytes.push(u8::try_from(groups[at]).unwrap() | if at > 0 { 0x80 } else { 0 });
        }
    }
    element(6, &bytes)
}

pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

pub fn integer(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let zeros = bytes.iter().take(7).take_while(|byte| **byte == 0).count();
    let positive = if bytes[zeros] >= 0x80 { vec![0] } else { vec![] };
    element(2, &[&positive, &bytes[zeros..]].concat())
}

pub fn pfx(contents: &[Vec<u8>], mac: Option<Vec<u8>>) -> Vec<u8> {
    let safe = element(0xa0, &element(OCTETS, &sequence(contents)));
    sequence(&[integer(3), sequence(&[oid(DATA), safe]), mac.unwrap_or_default()])
}

/// A MacData with a MAC of zeros.
pub fn mac(iterations: &[u8]) -> Vec<u8> {
    let sha256 = sequence(&[oid("2.16.840.1.101.3.4.2.1")]);
    let digest = sequence(&[sha256, element(OCTETS, &[0; 32])]);
    sequence(&[digest, element(OCTETS, SALT), iterations.to_vec()])
}

/// A MacData by PBMAC1, of which the last field is without meaning (RFC 9579).
pub fn pbmac1(iterations: u64) -> Vec<u8> {
    let hmac = sequence(&[oid("1.2.840.113549.2.9")]);
    let parameters = sequence(&[Derivation::Pbkdf2(iterations).algorithm(), hmac]);
    let algorithm = sequence(&[oid("1.2.840.113549.1.5.14"), parameters]);
    let digest = sequence(&[algorithm, element(OCTETS, &[0; 32])]);
    sequence(&[digest, element(OCTETS, SALT), integer(1)])
}

pub fn plain(bags: &[Vec<u8>]) -> Vec<u8> {
    sequence(&[oid(DATA), element(0xa0, &element(OCTETS, &sequence(bags)))])
}

/// An EncryptedData with these bytes.
pub fn sealed(algorithm: Vec<u8>, bytes: &[u8]) -> Vec<u8> {
    let info = sequence(&[oid(DATA), algorithm, element(0x80, bytes)]);
    let data = sequence(&[integer(0), info]);
    sequence(&[oid("1.2.840.113549.1.7.6"), element(0xa0, &data)])
}

pub fn encrypted(bags: &[Vec<u8>], derivation: &Derivation, password: &str) -> Vec<u8> {
    sealed(derivation.pbes2(), &derivation.encrypt(&sequence(bags), password))
}

/// The function that derives a key from a password.
pub enum Derivation {
    /// The number of iterations.
    Pbkdf2(u64),
    /// N, r and p.
    Scrypt(u64, u64, u64),
}

impl Derivation {
    fn algorithm(&self) -> Vec<u8> {
        let salt = element(OCTETS, SALT);
        match self {
            Derivation::Pbkdf2(iterations) => {
                let hmac = sequence(&[oid("1.2.840.113549.2.9"), element(5, b"")]);
                let parameters = sequence(&[salt, integer(*iterations), hmac]);
                sequence(&[oid("1.2.840.113549.1.5.12"), parameters])
            }
            Derivation::Scrypt(n, r, p) => {
                let parameters = sequence(&[salt, integer(*n), integer(*r), integer(*p)]);
                sequence(&[oid("1.3.6.1.4.1.11591.4.11"), parameters])
            }
        }
    }

    /// The AlgorithmIdentifier with AES-256-CBC.
    pub fn pbes2(&self) -> Vec<u8> {
        let aes = sequence(&[oid("2.16.840.1.101.3.4.1.42"), element(OCTETS, IV)]);
        let parameters = sequence(&[self.algorithm(), aes]);
        sequence(&[oid("1.2.840.113549.1.5.13"), parameters])
    }

    fn encrypt(&self, bytes: &[u8], password: &str) -> Vec<u8> {
        let mut key = [0; 32];
        match self {
            Derivation::Pbkdf2(iterations) => {
                let count = usize::try_from(*iterations).unwrap();
                let sha256 = MessageDigest::sha256();
                pbkdf2_hmac(password.as_bytes(), SALT, count, sha256, &mut key).unwrap();
            }
            Derivation::Scrypt(n, r, p) => {
                scrypt(password.as_bytes(), SALT, *n, *r, *p, 32 << 20, &mut key).unwrap();
            }
        }
        encrypt(Cipher::aes_256_cbc(), &key, Some(IV), bytes).unwrap()
    }
}

/// The AlgorithmIdentifier pbeWithSHAAnd3-KeyTripleDES-CBC.
pub fn triple_des(iterations: Vec<u8>) -> Vec<u8> {
    let parameters = sequence(&[element(OCTETS, SALT), iterations]);
    sequence(&[oid("1.2.840.113549.1.12.1.3"), parameters])
}

pub fn bag(kind: u32, value: &[u8], id: &[u8]) -> Vec<u8> {
    let kind = oid(&format!("1.2.840.113549.1.12.10.1.{kind}"));
    let mut attributes = Vec::new();
    if !id.is_empty() {
        let friendly_name =
            sequence(&[oid("1.2.840.113549.1.9.20"), element(0x31, b"\x1e\x02\0a")]);
        let local_key_id = [oid("1.2.840.113549.1.9.21"), element(0x31, &element(OCTETS, id))];
        attributes = element(0x31, &[friendly_name, sequence(&local_key_id)].concat());
    }
    sequence(&[kind, element(0xa0, value), attributes])
}

pub fn certificate(identity: &Identity, id: &[u8]) -> Vec<u8> {
    certificate_der(&identity.certificate.to_der().unwrap(), id)
}

pub fn certificate_der(der: &[u8], id: &[u8]) -> Vec<u8> {
    let der = element(0xa0, &element(OCTETS, der));
    bag(3, &sequence(&[oid("1.2.840.113549.1.9.22.1"), der]), id)
}

/// A keyBag.
pub fn key_bag(identity: &Identity, id: &[u8]) -> Vec<u8> {
    bag(1, &identity.key.private_key_to_pkcs8().unwrap(), id)
}

/// A pkcs8ShroudedKeyBag.
pub fn shrouded(
    identity: &Identity,
    id: &[u8],
    derivation: &Derivation,
    password: &str,
) -> Vec<u8> {
    let der = identity.key.private_key_to_pkcs8().unwrap();
    let bytes = element(OCTETS, &derivation.encrypt(&der, password));
    bag(2, &sequence(&[derivation.pbes2(), bytes]), id)
}

/// Encodes an element with an indefinite length.
pub fn indefinite(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x80], content, &[0, 0]].concat()
}
