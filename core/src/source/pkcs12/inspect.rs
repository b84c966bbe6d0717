// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a file contains, for the program: every key is decrypted, and the algorithms are described.

use super::bags::{self, KeyBag};
use super::ber::Reader;
use super::encryption::{self, PBES2, PBMAC1, PKCS5, PKCS12_PBE, Passwords};
use super::{MAX_KEYS, decode};
use crate::error::{Cause, Problem};
use crate::hash::Set;
use crate::secret::Secret;
use crate::source::key::matching::check_match;
use crate::x509::der::tag;
use openssl::asn1::Asn1Object;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509Ref;
use std::path::{Path, PathBuf};

/// The algorithms and the keys of a file.
pub struct Inspection {
    /// The algorithms that encrypt its parts, each once.
    pub encryption: Vec<Algorithm>,
    /// The algorithm of its MAC.
    pub mac: Option<Algorithm>,
    /// Its keys. If the password is missing or wrong, only those whose encryption can be seen without it.
    pub keys: Vec<InspectedKey>,
    name: PathBuf,
}

/// A key of a file.
pub struct InspectedKey {
    /// The number by which credentials refer to it.
    pub number: usize,
    /// Whether it is encrypted.
    pub is_encrypted: bool,
    /// The key, or why it cannot be used.
    pub key: Result<PKey<Private>, Cause>,
}

/// An algorithm that encrypts a part of a file or protects its integrity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Algorithm {
    /// OpenSSL's name of the cipher or digest, or its object identifier.
    pub name: String,
    /// The iterations of the key derivation, if it has any.
    pub iterations: Option<u64>,
    /// Its age.
    pub age: Age,
}

/// The age of an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Age {
    /// It is not known to be outdated.
    Current,
    /// OpenSSL supports it, but 3.0 and later do not write it by default.
    Old,
    /// OpenSSL 3.0 and later have it only in the legacy provider.
    Legacy,
}

impl Inspection {
    /// Returns the first of the keys with these numbers that matches `leaf`, or why there is none; and
    /// whether it is encrypted.
    pub fn key(&self, numbers: &[usize], leaf: &X509Ref) -> (Result<PKey<Private>, Cause>, bool) {
        let mut first = None;
        for number in numbers {
            let Some(found) = self.keys.iter().find(|key| key.number == *number) else { continue };
            let matching = found.key.clone().and_then(|key| {
                check_match(leaf, &key).map_err(|mismatch| mismatch.cause(Some(&self.name)))?;
                Ok(key)
            });
            match matching {
                Ok(key) => return (Ok(key), found.is_encrypted),
                Err(cause) => first = first.or(Some((Err(cause), found.is_encrypted))),
            }
        }
        let missing = || Err(Cause::Key(self.name.clone(), Problem::NoKey.into()));
        first.unwrap_or_else(|| (missing(), false))
    }
}

/// Returns what a file contains. `name` is the file's name in errors.
pub fn inspect(content: &[u8], name: &Path, password: Option<&Secret>) -> Inspection {
    let algorithms = bags::algorithms(content).unwrap_or_default();
    let mut passwords = Passwords::new(password);
    let all: Vec<usize> = (0..2 * MAX_KEYS).collect();
    let in_plain_contents: Vec<usize> = all.iter().copied().filter(|n| n % 2 == 0).collect();
    let bags: Vec<KeyBag> = bags::read(content, &mut passwords, Some(&all))
        .or_else(|_| bags::read(content, &mut passwords, Some(&in_plain_contents)))
        .unwrap_or_default()
        .keys;
    let of_key = |bag: &KeyBag| Some(bags::encrypted_key(&bag.value)?.0.to_vec());
    let of_keys = bags.iter().filter(|bag| bag.is_encrypted).filter_map(of_key);
    let all = algorithms.encryption.into_iter().chain(of_keys);
    let mut known = Set::default();
    let encryption = all
        .filter_map(|bytes| cipher(&bytes))
        .filter(|algorithm| known.insert(algorithm.clone()))
        .collect();
    let key = |bag: KeyBag| InspectedKey {
        number: bag.number,
        is_encrypted: bag.is_encrypted || bag.number % 2 == 1,
        key: decode(&bag, &mut passwords).map_err(|failure| failure.cause(name, password, true)),
    };
    let keys = bags.into_iter().map(key).collect();
    let mac = algorithms.mac.as_deref().and_then(digest);
    Inspection { encryption, mac, keys, name: name.to_owned() }
}

/// Returns the identifier of an algorithm, and a reader of its parameters if they are a sequence.
fn parts(algorithm: &[u8]) -> Option<(&[u8], Option<Reader<'_>>)> {
    let (oid, mut rest) = encryption::split(algorithm)?;
    Some((oid, rest.get(tag::SEQUENCE).map(Reader)))
}

/// Describes the AlgorithmIdentifier of an encryption.
fn cipher(algorithm: &[u8]) -> Option<Algorithm> {
    /// pbeWithSHAAnd3-KeyTripleDES-CBC and pbeWithSHAAnd2-KeyTripleDES-CBC.
    const TRIPLE_DES: [u8; 2] = [3, 4];
    const LEGACY_CIPHERS: [Nid; 5] =
        [Nid::RC2_CBC, Nid::RC2_40_CBC, Nid::RC2_64_CBC, Nid::DES_CBC, Nid::RC4];
    let (oid, parameters) = parts(algorithm)?;
    let iterations = encryption::iterations(algorithm, true).flatten();
    let (name, age) = match (oid.strip_prefix(PKCS5), oid.strip_prefix(PKCS12_PBE)) {
        (Some([PBES2]), _) => {
            let mut parameters = parameters?;
            parameters.get(tag::SEQUENCE)?;
            let (cipher, _) = parts(parameters.get_element(tag::SEQUENCE)?)?;
            let (name, nid) = describe(cipher);
            let age = match nid {
                nid if LEGACY_CIPHERS.contains(&nid) => Age::Legacy,
                Nid::DES_EDE3_CBC => Age::Old,
                _ => Age::Current,
            };
            (name, age)
        }
        (_, Some([number])) if TRIPLE_DES.contains(number) => (describe(oid).0, Age::Old),
        (Some([1..=11]), _) | (_, Some([_])) => (describe(oid).0, Age::Legacy),
        _ => (describe(oid).0, Age::Current),
    };
    Some(Algorithm { name, iterations, age })
}

/// Describes a MacData.
fn digest(mac: &[u8]) -> Option<Algorithm> {
    let mut fields = Reader(mac);
    let mut info = Reader(fields.get(tag::SEQUENCE)?);
    let algorithm = info.get_element(tag::SEQUENCE)?;
    fields.get_any()?;
    let (oid, parameters) = parts(algorithm)?;
    if oid.strip_prefix(PKCS5) == Some(&[PBMAC1]) {
        let mut parameters = parameters?;
        parameters.get(tag::SEQUENCE)?;
        let (scheme, _) = parts(parameters.get_element(tag::SEQUENCE)?)?;
        let iterations = encryption::iterations(algorithm, true).flatten();
        return Some(Algorithm { name: describe(scheme).0, iterations, age: Age::Current });
    }
    let iterations = if fields.is_empty() { Some(1) } else { fields.get_positive() };
    let (name, nid) = describe(oid);
    let age = if matches!(nid, Nid::SHA1 | Nid::MD5) { Age::Old } else { Age::Current };
    Some(Algorithm { name, iterations, age })
}

/// Returns OpenSSL's name of an object identifier, or its numbers.
fn describe(oid: &[u8]) -> (String, Nid) {
    let numbers = numbers(oid);
    let object = Asn1Object::from_str(&numbers).ok();
    let nid = object.map_or(Nid::UNDEF, |object| object.nid());
    let name = (nid != Nid::UNDEF).then(|| nid.long_name().ok()).flatten();
    (name.map_or(numbers, str::to_owned), nid)
}

/// Returns the numbers of an object identifier (X.690, section 8.19), separated by dots.
fn numbers(oid: &[u8]) -> String {
    let mut text = String::new();
    let mut number = 0u64;
    for byte in oid {
        number = number.saturating_mul(0x80) | u64::from(byte & 0x7f);
        if *byte >= 0x80 {
            continue;
        }
        if text.is_empty() {
            let first = (number / 40).min(2);
            text = format!("{first}.{}", number - 40 * first);
        } else {
            text.push_str(&format!(".{number}"));
        }
        number = 0;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::pkcs12::tests::{files::fixture, secret};

    fn inspected(file: &str, password: &str) -> Inspection {
        inspect(&fixture(file), Path::new("client.p12"), secret(password).as_ref())
    }

    #[test]
    fn the_algorithms_are_described_even_without_the_password() {
        let described = |file| {
            let found = inspected(file, "");
            let describe = |a: &Algorithm| (a.name.clone(), a.iterations, a.age);
            let mac = found.mac.as_ref().map(describe);
            (found.encryption.iter().map(describe).collect::<Vec<_>>(), mac)
        };
        let text = |name: &str, iterations, age| (name.to_owned(), Some(iterations), age);
        assert_eq!(
            described("openssl-3.5"),
            (
                vec![text("aes-256-cbc", 2048, Age::Current)],
                Some(text("sha256", 2048, Age::Current))
            )
        );
        assert_eq!(
            described("openssl-1.1.1"),
            (
                vec![
                    text("pbeWithSHA1And40BitRC2-CBC", 2048, Age::Legacy),
                    text("pbeWithSHA1And3-KeyTripleDES-CBC", 2048, Age::Old)
                ],
                Some(text("sha1", 2048, Age::Old))
            )
        );
        assert_eq!(
            described("openssl-3.5-pbmac1").1,
            Some(text("hmacWithSHA256", 2048, Age::Current))
        );
        assert_eq!(described("openssl-3.5-no-mac").1, None);
    }

    #[test]
    fn every_key_is_decrypted_and_the_one_of_a_leaf_is_found() {
        let found = inspected("openssl-3.5", "secret");
        let [key] = &found.keys[..] else { panic!("{}", found.keys.len()) };
        assert!(key.is_encrypted && key.key.is_ok());
        let other = testkit::certificates::Identity::self_signed("other");
        let (mismatch, _) = found.key(&[key.number], &other.certificate);
        assert!(matches!(mismatch, Err(Cause::KeyMismatch(..))));
        let (none, _) = found.key(&[1], &other.certificate);
        assert_eq!(
            none.unwrap_err().to_string(),
            "could not load private key file \"client.p12\": it holds no private key"
        );
        let wrong = inspected("openssl-3.5", "wrong");
        assert!(wrong.keys.iter().all(|key| matches!(key.key, Err(Cause::PasswordWrong(..)))));
        assert_eq!(wrong.keys.len(), 1);
    }
}
