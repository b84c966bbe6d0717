// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list grammar of `sslcert`, `sslkey` and `sslpassword`.
//!
//! Entries are separated by commas, and entry N of each list belongs together. White space around
//! an unquoted file name is dropped; in passwords every byte counts. An entry that begins with `"`
//! ends at the closing `"`, and `""` inside it is one `"`.

use crate::error::{Error, Flaw, Parameter};
use crate::secret::Secret;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The files of one credential as the lists name them.
#[derive(Clone, Debug)]
pub struct Names {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file; `None`: the key is in the certificate's file.
    pub key: Option<PathBuf>,
}

/// One credential as the lists name it.
#[derive(Debug)]
pub struct Entry {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file; `None`: the key is in the certificate's file.
    pub key: Option<PathBuf>,
    /// The key's password.
    pub password: Option<Secret>,
}

/// Whether `sslcert` names several certificates: it is not the name of an existing file, and a
/// comma separates entries in it. A value with commas that is not well formed counts as a list, so
/// that somebody hears of the mistake.
pub fn is_list(sslcert: &[u8]) -> bool {
    if !sslcert.contains(&b',') || exists(sslcert) {
        return false;
    }
    if !sslcert.contains(&b'"') {
        return true; // as many entries as there are commas, and one more
    }
    match split(sslcert, Parameter::SslCert) {
        Ok(entries) => entries.len() > 1,
        Err(_) => true,
    }
}

/// Where the passwords are. `Debug` does not show them.
pub enum Passwords<'a> {
    /// In libpq's sslpassword; empty is the same as none.
    List(Option<&'a [u8]>),
    /// The bytes of a file that has one on each line. An empty line is no password.
    Lines(&'a [u8]),
}

impl fmt::Debug for Passwords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Passwords::List(None) => "List(None)",
            Passwords::List(Some(_)) => "List(hidden)",
            Passwords::Lines(_) => "Lines(hidden)",
        })
    }
}

/// Takes the three values apart and matches them. An empty value is the same as none.
pub fn entries(
    sslcert: &[u8],
    sslkey: Option<&[u8]>,
    passwords: &Passwords<'_>,
) -> Result<Vec<Entry>, Error> {
    let names = names(sslcert, sslkey, is_whole(sslcert))?;
    let passwords = self::passwords(passwords, names.len(), sslkey)?;
    let mut passwords = passwords.into_iter();
    let entry = |Names { certificate, key }| Entry {
        certificate,
        key,
        password: passwords.next().flatten(),
    };
    Ok(names.into_iter().map(entry).collect())
}

/// Whether `sslcert` is the name of an existing file as it stands, commas and all.
pub(crate) fn is_whole(sslcert: &[u8]) -> bool {
    !sslcert.is_empty() && exists(sslcert)
}

/// The files that the two lists name.
pub(crate) fn names(
    sslcert: &[u8],
    sslkey: Option<&[u8]>,
    whole: bool,
) -> Result<Vec<Names>, Error> {
    use Parameter::{SslCert, SslKey};
    let certificates =
        if whole { vec![Zeroizing::new(sslcert.to_vec())] } else { split(sslcert, SslCert)? };
    let count = certificates.len();
    let keys = one_or_split(sslkey, count, SslKey)?;
    if let Some(keys) = &keys {
        if keys.len() != count {
            return Err(Error::Counts { have: (count, SslCert), to: (keys.len(), SslKey) });
        }
    }
    let mut keys = keys.unwrap_or_default().into_iter();
    let mut names = Vec::with_capacity(count);
    for (i, certificate) in certificates.into_iter().enumerate() {
        let key = keys.next().filter(|k| !k.is_empty());
        if certificate.is_empty() {
            return Err(Error::Grammar { parameter: SslCert, entry: i + 1, flaw: Flaw::Empty });
        }
        no_nul(&certificate, SslCert, i)?;
        if let Some(key) = &key {
            no_nul(key, SslKey, i)?;
        }
        names.push(Names { certificate: path(&certificate), key: key.map(|k| path(&k)) });
    }
    Ok(names)
}

/// A password for each of `count` entries, or none at all where there is no list of them.
pub(crate) fn passwords(
    passwords: &Passwords<'_>,
    count: usize,
    sslkey: Option<&[u8]>,
) -> Result<Vec<Option<Secret>>, Error> {
    use Parameter::{SslCert, SslKey, SslPassword};
    let passwords = match passwords {
        Passwords::List(value) => one_or_split(*value, count, SslPassword)?,
        Passwords::Lines(bytes) => Some(lines(bytes)),
    };
    let Some(passwords) = passwords else { return Ok(Vec::new()) };
    if passwords.len() != count {
        let to = if sslkey.is_some_and(|v| !v.is_empty()) { SslKey } else { SslCert };
        return Err(Error::Counts { have: (passwords.len(), SslPassword), to: (count, to) });
    }
    let secret = |(i, password): (usize, Zeroizing<Vec<u8>>)| {
        no_nul(&password, SslPassword, i)?;
        Ok(Secret::from_wiped(password))
    };
    passwords.into_iter().enumerate().map(secret).collect()
}

/// Whatever works with one certificate today works unchanged: nothing is split. An empty value is
/// the same as none.
fn one_or_split(
    value: Option<&[u8]>,
    count: usize,
    parameter: Parameter,
) -> Result<Option<Vec<Zeroizing<Vec<u8>>>>, Error> {
    match value.filter(|v| !v.is_empty()) {
        None => Ok(None),
        Some(v) if count == 1 => Ok(Some(vec![Zeroizing::new(v.to_vec())])),
        Some(v) => split(v, parameter).map(Some),
    }
}

fn no_nul(value: &[u8], parameter: Parameter, at: usize) -> Result<(), Error> {
    match value.contains(&0) {
        true => Err(Error::Grammar { parameter, entry: at + 1, flaw: Flaw::NulByte }),
        false => Ok(()),
    }
}

/// The lines of a file, whose last one need not end; a carriage return before the end is dropped.
fn lines(bytes: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let line = |l: &[u8]| {
        let end = l.strip_suffix(b"\n").unwrap_or(l);
        Zeroizing::new(end.strip_suffix(b"\r").unwrap_or(end).to_vec())
    };
    bytes.split_inclusive(|b| *b == b'\n').map(line).collect()
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn exists(value: &[u8]) -> bool {
    Path::new(OsStr::from_bytes(value)).metadata().is_ok()
}

/// C's isspace in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn skip_space(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        if !is_space(*first) {
            break;
        }
        rest = tail;
    }
    rest
}

fn trim_end(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some((last, head)) = rest.split_last() {
        if !is_space(*last) {
            break;
        }
        rest = head;
    }
    rest
}

/// The file names in one list up to the first entry that is not well formed, and the fault of that
/// one: for who tells of all that is wrong. An entry may be empty.
pub fn names_until_fault(value: &[u8], parameter: Parameter) -> (Vec<PathBuf>, Option<Error>) {
    let mut names = Vec::new();
    let fault = if parameter == Parameter::SslCert && is_whole(value) {
        names.push(Zeroizing::new(value.to_vec()));
        None
    } else {
        split_into(&mut names, value, parameter).err()
    };
    (names.iter().map(|n| path(n)).collect(), fault)
}

/// The passwords in a file that has one on each line.
pub fn password_lines(bytes: &[u8]) -> Vec<Option<Secret>> {
    lines(bytes).into_iter().map(Secret::from_wiped).collect()
}

/// Splits one list. Every buffer is wiped, since any of them may be a password.
fn split(value: &[u8], parameter: Parameter) -> Result<Vec<Zeroizing<Vec<u8>>>, Error> {
    let mut entries = Vec::new();
    split_into(&mut entries, value, parameter).map(|()| entries)
}

fn split_into(
    entries: &mut Vec<Zeroizing<Vec<u8>>>,
    value: &[u8],
    parameter: Parameter,
) -> Result<(), Error> {
    let names = parameter != Parameter::SslPassword;
    let mut rest = value;
    loop {
        let fault = |flaw| Error::Grammar { parameter, entry: entries.len() + 1, flaw };
        let start = if names { skip_space(rest) } else { rest };
        let (entry, after) = match start.split_first() {
            Some((b'"', quoted)) => {
                let (entry, after) = unquote(quoted).ok_or(fault(Flaw::UnclosedQuote))?;
                let after = if names { skip_space(after) } else { after };
                if !matches!(after.first(), None | Some(b',')) {
                    return Err(fault(Flaw::TextAfterQuote));
                }
                (entry, after)
            }
            _ => {
                let end = start.iter().position(|b| *b == b',').unwrap_or(start.len());
                let (entry, after) = start.split_at(end);
                let entry = if names { trim_end(entry) } else { entry };
                (Zeroizing::new(entry.to_vec()), after)
            }
        };
        entries.push(entry);
        match after.split_first() {
            Some((_comma, tail)) => rest = tail,
            None => return Ok(()),
        }
    }
}

/// What stands between the quotes, and what follows the closing one; `text` begins behind the
/// opening quote.
fn unquote(text: &[u8]) -> Option<(Zeroizing<Vec<u8>>, &[u8])> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut entry = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    loop {
        let at = rest.iter().position(|b| *b == b'"')?;
        let (plain, quote) = rest.split_at(at);
        entry.extend_from_slice(plain);
        match quote {
            [b'"', b'"', tail @ ..] => {
                entry.push(b'"');
                rest = tail;
            }
            [b'"', tail @ ..] => return Some((entry, tail)),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests;
