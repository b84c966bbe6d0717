// SPDX-License-Identifier: MIT OR Apache-2.0
//! By what lists and files of issuers are looked up: as they were given, and for whom.

use crate::name;

/// As whom files are opened: a process that has become another user finds nothing and reads the
/// files itself, so that it gets their errors at once. Other rights, as by supplementary groups, show
/// when the file of what is to be sent is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reader {
    user: libc::uid_t,
    group: libc::gid_t,
}

impl Reader {
    fn now() -> Reader {
        // SAFETY: no arguments, and they never fail.
        unsafe { Reader { user: libc::geteuid(), group: libc::getegid() } }
    }

    fn hash(self) -> u64 {
        u64::from(self.user) << 32 | u64::from(self.group)
    }
}

/// A list as it was given: sslcert and sslkey.
#[derive(Debug, PartialEq, Eq)]
pub struct ListKey {
    is_whole: bool,
    certificates: Box<[u8]>,
    keys: Option<Box<[u8]>>,
    reader: Reader,
}

impl ListKey {
    pub fn bytes(&self) -> usize {
        self.certificates.len() + self.keys.as_ref().map_or(0, |k| k.len())
    }

    pub fn name(&self) -> ListName<'_> {
        ListName {
            is_whole: self.is_whole,
            certificates: &self.certificates,
            keys: self.keys.as_deref(),
            reader: self.reader,
        }
    }
}

/// The same without a copy of the list, which may be long.
#[derive(Clone, Copy, Debug)]
pub struct ListName<'a> {
    /// Taken for one file's name, commas and all.
    is_whole: bool,
    certificates: &'a [u8],
    keys: Option<&'a [u8]>,
    reader: Reader,
}

impl<'a> ListName<'a> {
    /// `is_whole`: `certificates` is one file's name. No `keys`: they are in the certificates' files.
    pub fn new(is_whole: bool, certificates: &'a [u8], keys: Option<&'a [u8]>) -> ListName<'a> {
        ListName { is_whole, certificates, keys, reader: Reader::now() }
    }

    pub fn into_key(self) -> ListKey {
        ListKey {
            is_whole: self.is_whole,
            certificates: self.certificates.into(),
            keys: self.keys.map(Into::into),
            reader: self.reader,
        }
    }

    /// Whether it is the same list.
    pub fn is(&self, key: &ListKey) -> bool {
        (self.is_whole, self.reader) == (key.is_whole, key.reader)
            && *self.certificates == *key.certificates
            && self.keys == key.keys.as_deref()
    }

    /// A hash of some of it: a long list costs no more than a short one. Lists with the same hash are
    /// told apart by comparing them.
    pub fn hash(&self) -> u64 {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        const WORDS: usize = 64;
        let mut hash = self.reader.hash();
        let mut add = |word: u64| hash = (hash.rotate_left(23) ^ word).wrapping_mul(ODD);
        add(u64::from(self.is_whole));
        for list in [Some(self.certificates), self.keys].into_iter().flatten() {
            add(list.len() as u64);
            let step = list.len().div_ceil(8).div_ceil(WORDS).max(1) * 8;
            for part in list.chunks(step) {
                let mut word = [0; 8];
                word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
                add(u64::from_le_bytes(word));
            }
        }
        hash ^ hash >> 29
    }
}

/// A file of issuers.
#[derive(Debug, PartialEq, Eq)]
pub struct IssuersKey {
    path: Box<[u8]>,
    reader: Reader,
}

impl IssuersKey {
    pub fn new(path: &[u8]) -> IssuersKey {
        IssuersKey { path: path.into(), reader: Reader::now() }
    }

    pub fn hash(&self) -> u64 {
        name::hash(&self.path) ^ self.reader.hash()
    }
}
