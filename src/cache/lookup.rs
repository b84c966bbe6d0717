// SPDX-License-Identifier: MIT OR Apache-2.0
//! By what lists and files of issuers are looked up: as they were given, and for whom.

use std::hash::{Hash, Hasher};

/// As whom files are opened: a process that has become another user finds nothing and reads the
/// files itself, so that it gets their errors at once. Other rights, as by supplementary groups, show
/// when the file of what is to be sent is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Reader {
    user: libc::uid_t,
    group: libc::gid_t,
}

impl Reader {
    fn now() -> Reader {
        // SAFETY: no arguments, and they never fail.
        unsafe { Reader { user: libc::geteuid(), group: libc::getegid() } }
    }
}

/// A list as it was given: sslcert and sslkey.
#[derive(Debug, PartialEq, Eq)]
pub struct ListKey {
    /// Taken for one file's name, commas and all.
    whole: bool,
    certificates: Box<[u8]>,
    keys: Option<Box<[u8]>>,
    reader: Reader,
}

impl ListKey {
    /// `whole`: `certificates` is one file's name. No `keys`: they are in the certificates' files.
    pub fn new(whole: bool, certificates: &[u8], keys: Option<&[u8]>) -> ListKey {
        let keys = keys.map(Into::into);
        ListKey { whole, certificates: certificates.into(), keys, reader: Reader::now() }
    }

    pub fn bytes(&self) -> usize {
        self.certificates.len() + self.keys.as_ref().map_or(0, |k| k.len())
    }
}

impl Hash for ListKey {
    /// Lists are long, and who writes them is no enemy: a few instructions for eight bytes.
    fn hash<H: Hasher>(&self, state: &mut H) {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        for list in [Some(&self.certificates), self.keys.as_ref()].into_iter().flatten() {
            let mut mixed = list.len() as u64;
            for part in list.chunks(8) {
                let mut word = [0; 8];
                word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
                mixed = (mixed.rotate_left(23) ^ u64::from_ne_bytes(word)).wrapping_mul(ODD);
            }
            mixed.hash(state);
        }
        self.reader.hash(state);
    }
}

/// A file of issuers.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct IssuersKey {
    path: Box<[u8]>,
    reader: Reader,
}

impl IssuersKey {
    pub fn new(path: &[u8]) -> IssuersKey {
        IssuersKey { path: path.into(), reader: Reader::now() }
    }
}
