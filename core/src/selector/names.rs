// SPDX-License-Identifier: MIT OR Apache-2.0
//! The distinct names of issuers, each with a number.

use crate::error::OutOfMemory;
use crate::hash::{self, HashMap64};
use crate::ossl;
use crate::x509::fingerprint::{fingerprint, suffix_hash};
use crate::x509::name;
use once_cell::race::OnceBox;
use once_cell::unsync::OnceCell;
use openssl::x509::{X509Name, X509NameRef};

/// See the module.
#[derive(Default)]
pub struct NameTable {
    known: Vec<KnownName>,
    /// By a hash of the bytes: most names are spelled in one way. Of two with the same hash only the
    /// first is here.
    by_bytes: HashMap64<u32>,
    by_fingerprint: HashMap64<Vec<u32>>,
    /// How they end: most names that are not here end otherwise.
    endings: HashMap64<()>,
    /// Those without a fingerprint, which every name is compared with.
    odd: Vec<u32>,
}

struct KnownName {
    der: Box<[u8]>,
    /// Decoded when it is to be compared with one that is spelled otherwise.
    name: OnceBox<X509Name>,
}

/// Why a name could not be decoded.
enum Odd {
    Damaged,
    NoMemory,
}

impl From<OutOfMemory> for Odd {
    fn from(_: OutOfMemory) -> Odd {
        Odd::NoMemory
    }
}

fn decode(der: &[u8]) -> Result<Option<X509Name>, OutOfMemory> {
    ossl::retry_unless_out_of_memory(|| name::decode(der))
}

impl KnownName {
    /// `None`: it is equal to none.
    fn name(&self) -> Result<Option<&X509Name>, OutOfMemory> {
        match self.name.get_or_try_init(|| decode(&self.der)?.map(Box::new).ok_or(Odd::Damaged)) {
            Ok(name) => Ok(Some(name)),
            Err(Odd::Damaged) => Ok(None),
            Err(Odd::NoMemory) => Err(OutOfMemory),
        }
    }
}

impl NameTable {
    /// The number of this name, given in DER; a new one if need be.
    pub fn intern(&mut self, der: &[u8]) -> Result<u32, OutOfMemory> {
        let own = OnceCell::new();
        let is_equal = |known: &X509NameRef| {
            let own = own.get_or_try_init(|| decode(der))?;
            Ok(own.as_ref().is_some_and(|own| name::equal(known, own)))
        };
        if let Some(known) = self.find(der, is_equal)? {
            return Ok(known);
        }
        let id = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        self.by_bytes.entry(hash::bytes(der)).or_insert(id);
        match fingerprint(der) {
            Some(print) => {
                self.by_fingerprint.entry(print).or_default().push(id);
                self.endings.extend(suffix_hash(der).map(|f| (f, ())));
            }
            None => self.odd.push(id),
        }
        self.known.push(KnownName { der: der.into(), name: OnceBox::new() });
        Ok(id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// How much memory they take, about.
    pub fn bytes(&self) -> usize {
        self.known.iter().map(|known| 96 + known.der.len()).sum()
    }

    /// The number of the name that X509_NAME_cmp finds equal to this one, whose DER is at hand.
    pub fn find_der(&self, name: &X509NameRef, der: &[u8]) -> Result<Option<u32>, OutOfMemory> {
        self.find(der, |known| Ok(name::equal(known, name)))
    }

    fn find(
        &self,
        der: &[u8],
        is_equal: impl Fn(&X509NameRef) -> Result<bool, OutOfMemory>,
    ) -> Result<Option<u32>, OutOfMemory> {
        let known = |id: u32| usize::try_from(id).ok().and_then(|i| self.known.get(i));
        // What is spelled alike is equal.
        let same = self.by_bytes.get(&hash::bytes(der)).copied();
        if let Some(id) = same.filter(|id| known(*id).is_some_and(|k| *k.der == *der)) {
            return Ok(Some(id));
        }
        let end = suffix_hash(der);
        if self.odd.is_empty() && end.is_some_and(|f| !self.endings.contains_key(&f)) {
            return Ok(None);
        }
        let first_equal = |ids: &mut dyn Iterator<Item = u32>| {
            for id in ids {
                let Some(known) = known(id) else { continue };
                if let Some(name) = known.name()? {
                    if is_equal(name)? {
                        return Ok(Some(id));
                    }
                }
            }
            Ok(None)
        };
        match fingerprint(der) {
            Some(f) => {
                let bucket = self.by_fingerprint.get(&f).map_or(&[][..], Vec::as_slice);
                first_equal(&mut bucket.iter().chain(&self.odd).copied())
            }
            // Cannot be told by its fingerprint: ask about all.
            None => first_equal(&mut (0..u32::try_from(self.known.len()).unwrap_or(0))),
        }
    }
}
