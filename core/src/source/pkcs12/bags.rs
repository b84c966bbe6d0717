// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bags of a file (RFC 7292, section 4).
//!
//! The MAC is not verified. Files without one are accepted, and whoever can change a file can remove it, so
//! it would prove nothing; and its key derivation takes as long as a decryption. A wrong password is noticed
//! by the padding and the structure of what was decrypted.

use super::ber::{Octets, Reader};
use super::encryption::{Budget, MAX_ITERATIONS, Passwords};
use super::{Failure, MAX_CERTIFICATES, MAX_KEYS, MAX_PARTS};
use crate::file::bytes::FileContent;
use crate::hash::BuildKeyedHasher;
use crate::x509::der::tag;
use std::hash::BuildHasher;

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

/// The bags of a file, in their order.
#[derive(Default)]
pub struct Bags {
    pub certificates: Vec<CertificateBag>,
    pub keys: Vec<KeyBag>,
}

/// The attribute localKeyID, which is the same for a key and its certificate, by a keyed hash function.
pub type LocalKeyId = Option<u64>;

/// A certificate.
pub struct CertificateBag {
    pub der: Vec<u8>,
    pub id: LocalKeyId,
}

/// A private key.
pub struct KeyBag {
    /// Even for a key in a content that is not encrypted, odd for another.
    pub number: usize,
    pub id: LocalKeyId,
    /// PrivateKeyInfo or EncryptedPrivateKeyInfo; empty unless the key is wanted.
    pub value: FileContent,
    pub is_encrypted: bool,
}

/// Reads the certificates and the identifiers of all keys. With `wanted`, reads only the keys with these
/// numbers. Decrypts an encrypted content only if it may contain what is wanted, after the iterations of all
/// contents were counted.
pub fn read(
    file: &[u8],
    passwords: &mut Passwords<'_>,
    wanted: Option<&[usize]>,
) -> Result<Bags, Failure> {
    let (safe, mac) = outer(file).ok_or(Failure::Damaged)?;
    let safe = Reader(&safe).get(tag::SEQUENCE).ok_or(Failure::Damaged)?;
    let mut walk = Walk {
        wanted,
        hasher: BuildKeyedHasher::default(),
        is_counting: true,
        is_encrypted: false,
        budget: Budget(MAX_ITERATIONS),
        parts: MAX_PARTS,
        keys: [0; 2],
        found: Bags::default(),
    };
    if let Some(mac) = mac {
        walk.budget.spend_mac(mac)?;
    }
    walk.contents(safe, None)?;
    walk.is_counting = false;
    walk.parts = MAX_PARTS;
    let needs_encrypted = wanted.is_none_or(|keys| keys.iter().any(|number| number % 2 == 1));
    walk.contents(safe, needs_encrypted.then_some(passwords))?;
    Ok(walk.found)
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

/// Returns the algorithms of the first [`MAX_PARTS`] contents and of the MAC.
pub fn algorithms(file: &[u8]) -> Option<Algorithms> {
    let (safe, mac) = outer(file)?;
    let mut rest = Reader(Reader(&safe).get(tag::SEQUENCE)?);
    let mut encryption = Vec::new();
    for _ in 0..MAX_PARTS {
        if rest.is_empty() {
            break;
        }
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
    wanted: Option<&'a [usize]>,
    hasher: BuildKeyedHasher,
    /// Whether iterations are counted, and nothing else is done.
    is_counting: bool,
    /// Whether the current content is encrypted.
    is_encrypted: bool,
    budget: Budget,
    /// The number of parts that are left.
    parts: usize,
    /// The number of keys in plain and in encrypted contents.
    keys: [usize; 2],
    found: Bags,
}

impl Walk<'_> {
    /// Reads the contents. Skips encrypted ones without passwords.
    fn contents(
        &mut self,
        safe: &[u8],
        mut passwords: Option<&mut Passwords<'_>>,
    ) -> Result<(), Failure> {
        let mut rest = Reader(safe);
        while !rest.is_empty() {
            self.count()?;
            match content(&mut rest).ok_or(Failure::Damaged)? {
                Content::Plain(plain) => self.bags(&plain, MAX_DEPTH)?,
                Content::Encrypted { algorithm, .. } if self.is_counting => {
                    self.budget.spend(algorithm)?;
                }
                Content::Encrypted { algorithm, bytes } => {
                    let Some(passwords) = passwords.as_deref_mut() else { continue };
                    let plain = passwords.decrypt(algorithm, &bytes)?;
                    self.is_encrypted = true;
                    self.bags(&plain, MAX_DEPTH)?;
                    self.is_encrypted = false;
                }
                Content::Other => {}
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Failure> {
        self.parts = self.parts.checked_sub(1).ok_or(Failure::TooManyParts)?;
        Ok(())
    }

    /// Reads a SafeContents.
    fn bags(&mut self, safe: &[u8], depth: usize) -> Result<(), Failure> {
        let mut rest = Reader(Reader(safe).get(tag::SEQUENCE).ok_or(Failure::Damaged)?);
        while !rest.is_empty() {
            self.count()?;
            let bag = rest.get(tag::SEQUENCE).and_then(split).ok_or(Failure::Damaged)?;
            match bag.kind.strip_prefix(BAG) {
                Some([1]) => self.key(&bag, false)?,
                Some([2]) => self.key(&bag, true)?,
                Some([3]) if self.wanted.is_none() && !self.is_counting => {
                    self.certificate(&bag)?;
                }
                Some([6]) => {
                    let depth = depth.checked_sub(1).ok_or(Failure::Damaged)?;
                    self.bags(bag.value, depth)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn certificate(&mut self, bag: &Bag<'_>) -> Result<(), Failure> {
        let parts = || {
            let mut bag = Reader(Reader(bag.value).get(tag::SEQUENCE)?);
            let kind = bag.get(tag::OBJECT_IDENTIFIER)?;
            Some((kind, Reader(bag.get(CONTEXT_0)?)))
        };
        let (kind, mut certificate) = parts().ok_or(Failure::Damaged)?;
        if kind != X509_CERTIFICATE {
            return Ok(());
        }
        if self.found.certificates.len() == MAX_CERTIFICATES {
            return Err(Failure::TooManyCertificates);
        }
        let id = self.local_key_id(bag)?;
        let der = certificate.get_octets(tag::OCTET_STRING).ok_or(Failure::Damaged)?.to_vec();
        self.found.certificates.push(CertificateBag { der, id });
        Ok(())
    }

    fn key(&mut self, bag: &Bag<'_>, is_encrypted: bool) -> Result<(), Failure> {
        let value = Reader(bag.value).get_element(tag::SEQUENCE).ok_or(Failure::Damaged)?;
        // The keys in plain contents were counted before.
        if is_encrypted && (self.is_counting || self.is_encrypted) {
            self.budget.spend(encrypted_key(value).ok_or(Failure::Damaged)?.0)?;
        }
        if self.is_counting {
            return Ok(());
        }
        let [plain, encrypted] = &mut self.keys;
        if *plain + *encrypted == MAX_KEYS {
            return Err(Failure::TooManyKeys);
        }
        let count = if self.is_encrypted { encrypted } else { plain };
        let number = 2 * *count + usize::from(self.is_encrypted);
        *count += 1;
        let kept = match self.wanted {
            Some(keys) if keys.contains(&number) => value,
            Some(_) => return Ok(()),
            None => &[],
        };
        let mut value = FileContent::zeros(kept.len());
        value.bytes_mut().copy_from_slice(kept);
        let id = self.local_key_id(bag)?;
        self.found.keys.push(KeyBag { number, id, value, is_encrypted });
        Ok(())
    }

    fn local_key_id(&self, bag: &Bag<'_>) -> Result<LocalKeyId, Failure> {
        let id = attribute(bag.attributes, LOCAL_KEY_ID).ok_or(Failure::Damaged)?;
        Ok((!id.is_empty()).then(|| self.hasher.hash_one(&*id)))
    }
}

/// A SafeBag.
struct Bag<'a> {
    kind: &'a [u8],
    value: &'a [u8],
    attributes: &'a [u8],
}

fn split(bag: &[u8]) -> Option<Bag<'_>> {
    let mut bag = Reader(bag);
    let kind = bag.get(tag::OBJECT_IDENTIFIER)?;
    let value = bag.get(CONTEXT_0)?;
    let attributes = if bag.is_empty() { &[] } else { bag.get(SET)? };
    Some(Bag { kind, value, attributes })
}

/// Returns the value of an attribute, an OCTET STRING; empty if there is none.
fn attribute<'a>(attributes: &'a [u8], kind: &[u8]) -> Option<Octets<'a>> {
    let mut attributes = Reader(attributes);
    while !attributes.is_empty() {
        let mut attribute = Reader(attributes.get(tag::SEQUENCE)?);
        if attribute.get(tag::OBJECT_IDENTIFIER)? == kind {
            return Reader(attribute.get(SET)?).get_octets(tag::OCTET_STRING);
        }
    }
    Some(Octets::Slice(&[]))
}
