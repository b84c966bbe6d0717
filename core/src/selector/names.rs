// SPDX-License-Identifier: MIT OR Apache-2.0
//! The distinct names of a filter, each with a number.

use crate::error::OutOfMemory;
use crate::hash::{self, HashMap64};
use crate::ossl;
use crate::x509::fingerprint::{fingerprint, suffix_hash};
use crate::x509::name;
use once_cell::race::OnceBox;
use once_cell::unsync::OnceCell;
use openssl::x509::{X509Name, X509NameRef};

/// The names and their numbers. Names are equal if X509_NAME_cmp(3) says so, which ignores, for example, case
/// and repeated spaces.
#[derive(Default)]
pub struct NameTable {
    names: Vec<KnownName>,
    /// The numbers by a hash of the DER, for names that are encoded identically, as most are. Of names
    /// with the same hash, only the first is in this map.
    by_bytes: HashMap64<u32>,
    by_fingerprint: HashMap64<Vec<u32>>,
    /// The endings of the names, which rule out most names that are not in the table.
    endings: HashMap64<()>,
    /// The names without a fingerprint. Every name is compared with them.
    without_fingerprint: Vec<u32>,
}

struct KnownName {
    der: Box<[u8]>,
    /// Decoded when the name is first compared with one that is encoded differently.
    name: OnceBox<X509Name>,
}

/// The reason why a name could not be decoded.
enum DecodeError {
    Damaged,
    NoMemory,
}

impl From<OutOfMemory> for DecodeError {
    fn from(_: OutOfMemory) -> DecodeError {
        DecodeError::NoMemory
    }
}

fn decode(der: &[u8]) -> Result<Option<X509Name>, OutOfMemory> {
    ossl::retry_unless_out_of_memory(|| name::decode(der))
}

impl KnownName {
    /// Returns the decoded name; `None` if it is damaged, and thus equal to no other.
    fn name(&self) -> Result<Option<&X509Name>, OutOfMemory> {
        match self
            .name
            .get_or_try_init(|| decode(&self.der)?.map(Box::new).ok_or(DecodeError::Damaged))
        {
            Ok(name) => Ok(Some(name)),
            Err(DecodeError::Damaged) => Ok(None),
            Err(DecodeError::NoMemory) => Err(OutOfMemory),
        }
    }
}

impl NameTable {
    /// Returns the number of a name in DER. Adds the name if it is new.
    pub fn intern(&mut self, der: &[u8]) -> Result<u32, OutOfMemory> {
        let decoded = OnceCell::new();
        let is_equal = |known: &X509NameRef| {
            let name = decoded.get_or_try_init(|| decode(der))?;
            Ok(name.as_ref().is_some_and(|name| name::equal(known, name)))
        };
        if let Some(known) = self.find(der, is_equal)? {
            return Ok(known);
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.by_bytes.entry(hash::bytes(der)).or_insert(number);
        match fingerprint(der) {
            Some(fingerprint) => {
                self.by_fingerprint.entry(fingerprint).or_default().push(number);
                self.endings.extend(suffix_hash(der).map(|suffix_hash| (suffix_hash, ())));
            }
            None => self.without_fingerprint.push(number),
        }
        self.names.push(KnownName { der: der.into(), name: OnceBox::new() });
        Ok(number)
    }

    /// Returns the number of names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns the approximate size in memory, in bytes.
    pub fn bytes(&self) -> usize {
        self.names.iter().map(|known| 96 + known.der.len()).sum()
    }

    /// Returns the number of the name that is equal to this one. `der` is its DER.
    pub fn find_der(&self, name: &X509NameRef, der: &[u8]) -> Result<Option<u32>, OutOfMemory> {
        self.find(der, |known| Ok(name::equal(known, name)))
    }

    fn find(
        &self,
        der: &[u8],
        is_equal: impl Fn(&X509NameRef) -> Result<bool, OutOfMemory>,
    ) -> Result<Option<u32>, OutOfMemory> {
        let known = |number: u32| usize::try_from(number).ok().and_then(|i| self.names.get(i));
        let same = self.by_bytes.get(&hash::bytes(der)).copied();
        if let Some(number) = same.filter(|n| known(*n).is_some_and(|k| *k.der == *der)) {
            return Ok(Some(number));
        }
        let is_unknown =
            suffix_hash(der).is_some_and(|suffix_hash| !self.endings.contains_key(&suffix_hash));
        if self.without_fingerprint.is_empty() && is_unknown {
            return Ok(None);
        }
        let first_equal = |numbers: &mut dyn Iterator<Item = u32>| {
            for number in numbers {
                let Some(known) = known(number) else { continue };
                if let Some(name) = known.name()? {
                    if is_equal(name)? {
                        return Ok(Some(number));
                    }
                }
            }
            Ok(None)
        };
        match fingerprint(der) {
            Some(fingerprint) => {
                let bucket = self.by_fingerprint.get(&fingerprint).map_or(&[][..], Vec::as_slice);
                first_equal(&mut bucket.iter().chain(&self.without_fingerprint).copied())
            }
            // A name without a fingerprint is compared with all names.
            None => first_equal(&mut (0..u32::try_from(self.names.len()).unwrap_or(0))),
        }
    }
}
