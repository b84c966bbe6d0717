// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bags of a file (RFC 7292, section 4).
//!
//! The MAC is not verified. Files without one are accepted, and whoever can change a file can remove it, so it
//! would prove nothing; and its key derivation takes as long as a decryption. A wrong password is noticed by
//! the padding and the structure of what was decrypted.

use super::ber::{Octets, Reader};
use super::encryption::{Budget, MAX_ITERATIONS, Passwords};
use super::{Failure, MAX_KEYS};
use crate::error::Problem;
use crate::source::pem::MAX_CERTIFICATES;
use crate::x509::der::tag;
use zeroize::Zeroizing;

/// The maximum number of bags and of contents, including those that certpick does not use.
const MAX_PARTS: usize = 10_000;
/// The maximum depth of bags that contain bags.
const MAX_DEPTH: usize = 8;

/// id-data and id-encryptedData (RFC 5652).
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const ENCRYPTED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
/// bagtypes: keyBag is 1, pkcs8ShroudedKeyBag 2, certBag 3 and safeContentsBag 6.
const BAG: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01";
const X509_CERTIFICATE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";
const LOCAL_KEY_ID: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x15";

const CONTEXT_0: u8 = 0xa0;
const IMPLICIT_0: u8 = 0x80;
const SET: u8 = 0x31;

/// The bags of one content, in their order.
#[derive(Default)]
pub struct Bags {
    pub certificates: Vec<CertificateBag>,
    pub keys: Vec<KeyBag>,
}

/// A certificate.
pub struct CertificateBag {
    pub der: Vec<u8>,
    pub id: Option<Vec<u8>>,
}

/// A private key.
pub struct KeyBag {
    /// Even for a key in a content that is not encrypted, odd for another.
    pub number: usize,
    pub id: Option<Vec<u8>>,
    /// PrivateKeyInfo or EncryptedPrivateKeyInfo; empty unless the key is wanted.
    pub value: Zeroizing<Vec<u8>>,
    pub is_encrypted: bool,
}

/// What to read.
#[derive(Clone, Copy)]
pub enum Wanted<'a> {
    /// The certificates, and the identifiers of the keys.
    Certificates,
    /// The keys with these numbers.
    Keys(&'a [usize]),
}

/// Reads the contents in their order. A content is decrypted only if it may have something that is wanted,
/// and only after the iterations of all contents have been counted.
pub fn read(
    file: &[u8],
    passwords: &mut Passwords<'_>,
    wanted: Wanted<'_>,
) -> Result<Vec<Bags>, Failure> {
    let (safe, mac) = outer(file).ok_or(Problem::DamagedPkcs12)?;
    let mut walk = Walk {
        wanted,
        budget: Budget(MAX_ITERATIONS),
        parts: MAX_PARTS,
        certificates: 0,
        keys: [0; 2],
        is_encrypted: false,
    };
    if let Some(mac) = mac {
        walk.budget.spend_mac(mac)?;
    }
    let mut contents = Vec::new();
    let mut rest = Reader(Reader(&safe).get(tag::SEQUENCE).ok_or(Problem::DamagedPkcs12)?);
    while !rest.is_empty() {
        walk.count()?;
        let mut bags = Bags::default();
        let content = content(&mut rest).ok_or(Problem::DamagedPkcs12)?;
        match &content {
            Content::Plain(plain) => walk.bags(plain, MAX_DEPTH, &mut bags)?,
            Content::Encrypted { algorithm, .. } => walk.budget.spend(algorithm)?,
            Content::Other => {}
        }
        contents.push((content, bags));
    }
    if let Wanted::Keys(keys) = wanted {
        if keys.iter().all(|number| number % 2 == 0) {
            return Ok(contents.into_iter().map(|(_, bags)| bags).collect());
        }
    }
    walk.is_encrypted = true;
    let mut all = Vec::with_capacity(contents.len());
    for (content, mut bags) in contents {
        if let Content::Encrypted { algorithm, bytes } = content {
            let plain = passwords.decrypt(algorithm, &bytes)?;
            walk.bags(&plain, MAX_DEPTH, &mut bags)?;
        }
        all.push(bags);
    }
    Ok(all)
}

/// Returns the AuthenticatedSafe and the MacData of a PFX.
fn outer(file: &[u8]) -> Option<(Octets<'_>, Option<&[u8]>)> {
    let mut pfx = Reader(Reader(file).get(tag::SEQUENCE)?);
    if pfx.get_positive()? != 3 {
        return None;
    }
    let mut safe = Reader(pfx.get(tag::SEQUENCE)?);
    if safe.get(tag::OBJECT_IDENTIFIER)? != DATA {
        return None;
    }
    let safe = Reader(safe.get(CONTEXT_0)?).get_octets(tag::OCTET_STRING)?;
    let mac = if pfx.is_empty() { None } else { Some(pfx.get(tag::SEQUENCE)?) };
    Some((safe, mac))
}

/// The algorithms that can be seen without the password.
#[derive(Default)]
pub struct Algorithms {
    /// The AlgorithmIdentifier of each encrypted content.
    pub encryption: Vec<Vec<u8>>,
    /// The MacData.
    pub mac: Option<Vec<u8>>,
}

/// Returns the algorithms of the contents and of the MAC.
pub fn algorithms(file: &[u8]) -> Option<Algorithms> {
    let (safe, mac) = outer(file)?;
    let mut rest = Reader(Reader(&safe).get(tag::SEQUENCE)?);
    let mut encryption = Vec::new();
    while !rest.is_empty() {
        if let Content::Encrypted { algorithm, .. } = content(&mut rest)? {
            encryption.push(algorithm.to_vec());
        }
    }
    Some(Algorithms { encryption, mac: mac.map(<[u8]>::to_vec) })
}

/// A ContentInfo of the AuthenticatedSafe.
enum Content<'a> {
    Plain(Octets<'a>),
    Encrypted {
        algorithm: &'a [u8],
        bytes: Octets<'a>,
    },
    /// Encrypted for the owner of a certificate, for example.
    Other,
}

fn content<'a>(contents: &mut Reader<'a>) -> Option<Content<'a>> {
    let mut info = Reader(contents.get(tag::SEQUENCE)?);
    let kind = info.get(tag::OBJECT_IDENTIFIER)?;
    if kind == DATA {
        let mut data = Reader(info.get(CONTEXT_0)?);
        return Some(Content::Plain(data.get_octets(tag::OCTET_STRING)?));
    }
    if kind != ENCRYPTED_DATA {
        return Some(Content::Other);
    }
    let mut data = Reader(Reader(info.get(CONTEXT_0)?).get(tag::SEQUENCE)?);
    let _version = data.get(tag::INTEGER)?;
    let mut encrypted = Reader(data.get(tag::SEQUENCE)?);
    let _kind = encrypted.get(tag::OBJECT_IDENTIFIER)?;
    let algorithm = encrypted.get_element(tag::SEQUENCE)?;
    Some(Content::Encrypted { algorithm, bytes: encrypted.get_octets(IMPLICIT_0)? })
}

/// Splits an EncryptedPrivateKeyInfo into algorithm and bytes.
pub fn encrypted_key(value: &[u8]) -> Option<(&[u8], Octets<'_>)> {
    let mut info = Reader(Reader(value).get(tag::SEQUENCE)?);
    Some((info.get_element(tag::SEQUENCE)?, info.get_octets(tag::OCTET_STRING)?))
}

struct Walk<'a> {
    wanted: Wanted<'a>,
    budget: Budget,
    /// The number of parts that are left.
    parts: usize,
    certificates: usize,
    /// The number of keys in plain and in encrypted contents.
    keys: [usize; 2],
    /// Whether the content was encrypted.
    is_encrypted: bool,
}

impl Walk<'_> {
    fn count(&mut self) -> Result<(), Failure> {
        let left = self.parts.checked_sub(1);
        self.parts = left.ok_or(Problem::TooManyParts(MAX_PARTS))?;
        Ok(())
    }

    /// Adds the bags of a SafeContents to `bags`.
    fn bags(&mut self, safe: &[u8], depth: usize, bags: &mut Bags) -> Result<(), Failure> {
        let mut rest = Reader(Reader(safe).get(tag::SEQUENCE).ok_or(Problem::DamagedPkcs12)?);
        while !rest.is_empty() {
            self.count()?;
            let mut bag = Reader(rest.get(tag::SEQUENCE).ok_or(Problem::DamagedPkcs12)?);
            let kind = bag.get(tag::OBJECT_IDENTIFIER).and_then(|oid| oid.strip_prefix(BAG));
            let value = bag.get(CONTEXT_0).ok_or(Problem::DamagedPkcs12)?;
            match kind {
                Some([kind @ (1 | 2)]) => {
                    let id = local_key_id(&mut bag).ok_or(Problem::DamagedPkcs12)?;
                    self.key(value, *kind == 2, id, bags)?;
                }
                Some([3]) => {
                    let id = local_key_id(&mut bag).ok_or(Problem::DamagedPkcs12)?;
                    self.certificate(value, id, bags)?;
                }
                Some([6]) => {
                    let depth = depth.checked_sub(1).ok_or(Problem::DamagedPkcs12)?;
                    self.bags(value, depth, bags)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn certificate(
        &mut self,
        value: &[u8],
        id: Option<Vec<u8>>,
        bags: &mut Bags,
    ) -> Result<(), Failure> {
        let parts = || {
            let mut bag = Reader(Reader(value).get(tag::SEQUENCE)?);
            let kind = bag.get(tag::OBJECT_IDENTIFIER)?;
            Some((kind, Reader(bag.get(CONTEXT_0)?)))
        };
        let (kind, mut certificate) = parts().ok_or(Problem::DamagedPkcs12)?;
        if kind != X509_CERTIFICATE || !matches!(self.wanted, Wanted::Certificates) {
            return Ok(());
        }
        if self.certificates == MAX_CERTIFICATES {
            return Err(Problem::TooManyCertificates(MAX_CERTIFICATES).into());
        }
        self.certificates += 1;
        let der = certificate.get_octets(tag::OCTET_STRING).ok_or(Problem::DamagedPkcs12)?;
        bags.certificates.push(CertificateBag { der: der.to_vec(), id });
        Ok(())
    }

    fn key(
        &mut self,
        value: &[u8],
        is_encrypted: bool,
        id: Option<Vec<u8>>,
        bags: &mut Bags,
    ) -> Result<(), Failure> {
        let value = Reader(value).get_element(tag::SEQUENCE).ok_or(Problem::DamagedPkcs12)?;
        if is_encrypted {
            let (algorithm, _) = encrypted_key(value).ok_or(Problem::DamagedPkcs12)?;
            self.budget.spend(algorithm)?;
        }
        let [plain, encrypted] = &mut self.keys;
        if *plain + *encrypted == MAX_KEYS {
            return Err(Problem::TooManyKeys(MAX_KEYS).into());
        }
        let count = if self.is_encrypted { encrypted } else { plain };
        let number = 2 * *count + usize::from(self.is_encrypted);
        *count += 1;
        let value = match self.wanted {
            Wanted::Keys(keys) if keys.contains(&number) => value.to_vec(),
            Wanted::Keys(_) => return Ok(()),
            Wanted::Certificates => Vec::new(),
        };
        bags.keys.push(KeyBag { number, id, value: Zeroizing::new(value), is_encrypted });
        Ok(())
    }
}

/// Returns the attribute localKeyID, which is the same for a key and its certificate.
#[allow(clippy::option_option)] // `None` if the attributes are damaged
fn local_key_id(bag: &mut Reader<'_>) -> Option<Option<Vec<u8>>> {
    if bag.is_empty() {
        return Some(None);
    }
    let mut attributes = Reader(bag.get(SET)?);
    while !attributes.is_empty() {
        let mut attribute = Reader(attributes.get(tag::SEQUENCE)?);
        if attribute.get(tag::OBJECT_IDENTIFIER)? == LOCAL_KEY_ID {
            let id = Reader(attribute.get(SET)?).get_octets(tag::OCTET_STRING)?;
            return Some((!id.is_empty()).then(|| id.to_vec()));
        }
    }
    Some(None)
}
