// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list grammar of `sslcert`, `sslkey` and `sslpassword`.
//!
//! Entries are separated by commas, and the Nth entries of the lists belong together. White space around
//! an unquoted file name is dropped; in passwords every byte counts. An entry that begins with `"`
//! ends at the closing `"`, and `""` inside it is one `"`.

use crate::error::{Error, Flaw, Parameter};
use crate::secret::Secret;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The files of one entry.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate file.
    pub certificate: PathBuf,
    /// The key file; `None` if the key is in the certificate file.
    pub key: Option<PathBuf>,
}

/// One entry of the three lists.
#[derive(Debug)]
pub struct Entry {
    /// The certificate file.
    pub certificate: PathBuf,
    /// The key file; `None` if the key is in the certificate file.
    pub key: Option<PathBuf>,
    /// The password of the key.
    pub password: Option<Secret>,
}

/// Returns whether `sslcert` is a list: it is not the name of an existing file, and has several entries
/// separated by commas. A malformed value with a comma counts as a list, so that it is reported as an error.
pub fn is_list(sslcert: &[u8]) -> bool {
    if !sslcert.contains(&b',') || exists(sslcert) {
        return false;
    }
    let mut entries = RawEntries::of(sslcert, Parameter::SslCert);
    entries.next().is_some_and(|first| first.is_err()) || entries.next().is_some()
}

/// The prefix of an entry that names a configuration file.
pub const CONFIG_PREFIX: &[u8] = b"certpick:";

/// Returns the entry of a value that is not a list.
pub fn only_entry(sslcert: &[u8]) -> PathBuf {
    match RawEntries::of(sslcert, Parameter::SslCert).next() {
        Some(Ok(entry)) if !exists(sslcert) => path(&entry.unescaped()),
        _ => path(sslcert),
    }
}

/// The text that contains the passwords. `Debug` does not show it.
pub enum Passwords<'a> {
    /// The value of sslpassword. An empty value is the same as `None`.
    List(Option<&'a [u8]>),
    /// The content of a file with one password per line. An empty line means "no password".
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

/// Parses the three values and combines their entries. An empty value is the same as `None`.
pub fn entries(
    sslcert: &[u8],
    sslkey: Option<&[u8]>,
    passwords: &Passwords<'_>,
) -> Result<Vec<Entry>, Error> {
    let files = files(sslcert, sslkey, is_existing_file(sslcert))?;
    let passwords = self::passwords(passwords, files.len(), sslkey)?;
    let entry = |(index, Files { certificate, key })| Entry {
        certificate,
        key,
        password: passwords.as_ref().and_then(|passwords| passwords.get(index)),
    };
    Ok(files.into_iter().enumerate().map(entry).collect())
}

/// Returns whether the complete value, including any commas, is the name of an existing file.
pub fn is_existing_file(sslcert: &[u8]) -> bool {
    !sslcert.is_empty() && exists(sslcert)
}

/// Parses the two lists of files. If `is_single_file`, `sslcert` is the name of one file.
pub fn files(
    sslcert: &[u8],
    sslkey: Option<&[u8]>,
    is_single_file: bool,
) -> Result<Vec<Files>, Error> {
    use Parameter::{SslCert, SslKey};
    let certificates = match is_single_file {
        true => vec![Zeroizing::new(sslcert.to_vec())],
        false => split(sslcert, SslCert)?,
    };
    let count = certificates.len();
    let keys = one_or_split(sslkey, count, SslKey)?;
    if let Some(keys) = &keys {
        if keys.len() != count {
            return Err(Error::Counts { have: (count, SslCert), to: (keys.len(), SslKey) });
        }
    }
    let mut keys = keys.unwrap_or_default().into_iter();
    let mut files = Vec::with_capacity(count);
    for (index, certificate) in certificates.into_iter().enumerate() {
        let key = keys.next().filter(|k| !k.is_empty());
        if certificate.is_empty() {
            return Err(Error::Grammar { parameter: SslCert, entry: index + 1, flaw: Flaw::Empty });
        }
        reject_nul(&certificate, SslCert, index)?;
        if let Some(key) = &key {
            reject_nul(key, SslKey, index)?;
        }
        files.push(Files { certificate: path(&certificate), key: key.map(|k| path(&k)) });
    }
    Ok(files)
}

/// The passwords of the entries of a list. Each is copied from the text when its key is decrypted.
pub struct PasswordSet {
    text: Zeroizing<Vec<u8>>,
    form: Form,
    /// The position of each password in the text.
    starts: Vec<usize>,
}

#[derive(Clone, Copy)]
enum Form {
    Single,
    List,
    Lines,
}

impl fmt::Debug for PasswordSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordSet(hidden)")
    }
}

impl PasswordSet {
    /// Returns the password of a single entry as a set.
    pub fn single(password: &Secret) -> PasswordSet {
        let text = Zeroizing::new(password.bytes().to_vec());
        PasswordSet { text, form: Form::Single, starts: vec![0] }
    }

    /// Returns the password of the entry with this index.
    pub fn get(&self, index: usize) -> Option<Secret> {
        let rest = self.text.get(*self.starts.get(index)?..)?;
        match self.form {
            Form::Single => Secret::new(rest),
            Form::List => {
                let entry = RawEntries::of(rest, Parameter::SslPassword).next()?.ok()?;
                Secret::from_zeroizing(entry.unescaped())
            }
            Form::Lines => Secret::new(lines(rest).next()?.1),
        }
    }
}

/// Parses the passwords of `count` entries. Returns `None` if there is no list. `sslkey` determines which
/// list an error about the counts names.
pub fn passwords(
    passwords: &Passwords<'_>,
    count: usize,
    sslkey: Option<&[u8]>,
) -> Result<Option<PasswordSet>, Error> {
    use Parameter::{SslCert, SslKey, SslPassword};
    let (text, form) = match *passwords {
        Passwords::List(None | Some(b"")) => return Ok(None),
        Passwords::List(Some(text)) if count == 1 => (text, Form::Single),
        Passwords::List(Some(text)) => (text, Form::List),
        Passwords::Lines(text) => (text, Form::Lines),
    };
    let mut starts = Vec::with_capacity(count);
    match form {
        Form::Single => {
            reject_nul(text, SslPassword, 0)?;
            starts.push(0);
        }
        Form::List => {
            let mut entries = RawEntries::of(text, SslPassword);
            loop {
                let start = entries.position(text);
                let Some(entry) = entries.next() else { break };
                reject_nul(entry?.text, SslPassword, starts.len())?;
                starts.push(start);
            }
        }
        Form::Lines => {
            for (start, line) in lines(text) {
                reject_nul(line, SslPassword, starts.len())?;
                starts.push(start);
            }
        }
    }
    if starts.len() != count {
        let to = if sslkey.is_some_and(|v| !v.is_empty()) { SslKey } else { SslCert };
        return Err(Error::Counts { have: (starts.len(), SslPassword), to: (count, to) });
    }
    Ok(Some(PasswordSet { text: Zeroizing::new(text.to_vec()), form, starts }))
}

/// Splits a list, unless there is one certificate: libpq takes the complete value then. An empty value is
/// the same as `None`.
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

fn reject_nul(value: &[u8], parameter: Parameter, index: usize) -> Result<(), Error> {
    match value.contains(&0) {
        true => Err(Error::Grammar { parameter, entry: index + 1, flaw: Flaw::NulByte }),
        false => Ok(()),
    }
}

/// Returns each line of a file with its position, and without the line feed and a carriage return before it.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut next = 0;
    bytes.split_inclusive(|b| *b == b'\n').map(move |line| {
        let start = next;
        next += line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        (start, line.strip_suffix(b"\r").unwrap_or(line))
    })
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn exists(value: &[u8]) -> bool {
    // The system rejects longer names. The check avoids a copy of a long list.
    const PATH_MAX: usize = libc::PATH_MAX as usize;
    value.len() < PATH_MAX && Path::new(OsStr::from_bytes(value)).metadata().is_ok()
}

/// isspace(3) in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|b| !is_space(*b)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|b| !is_space(*b)).map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

/// Returns the file names in a list before the first malformed entry, and the error for that entry. Names may
/// be empty.
pub fn names_before_error(value: &[u8], parameter: Parameter) -> (Vec<PathBuf>, Option<Error>) {
    if parameter == Parameter::SslCert && is_existing_file(value) {
        return (vec![path(value)], None);
    }
    let mut names = Vec::new();
    for entry in RawEntries::of(value, parameter) {
        match entry {
            Ok(entry) => names.push(path(&entry.unescaped())),
            Err(error) => return (names, Some(error)),
        }
    }
    (names, None)
}

/// Returns the passwords in a file with one password per line.
pub fn password_lines(bytes: &[u8]) -> Vec<Option<Secret>> {
    lines(bytes).map(|(_, line)| Secret::new(line)).collect()
}

/// Splits a list. Every buffer is wiped, because it may be a password.
fn split(value: &[u8], parameter: Parameter) -> Result<Vec<Zeroizing<Vec<u8>>>, Error> {
    RawEntries::of(value, parameter).map(|entry| entry.map(|entry| entry.unescaped())).collect()
}

/// One entry of a list before quotes are unescaped.
struct RawEntry<'a> {
    /// The text between the quotes, if the entry is quoted.
    text: &'a [u8],
    is_quoted: bool,
}

impl RawEntry<'_> {
    /// Returns the entry, with one quote for each two quotes in a quoted text.
    fn unescaped(&self) -> Zeroizing<Vec<u8>> {
        // A buffer that grows would leave copies of a password in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.text.len()));
        let mut rest = self.text;
        while let Some(at) = rest.iter().position(|b| self.is_quoted && *b == b'"') {
            let (before, quotes) = rest.split_at(at + 1);
            bytes.extend_from_slice(before);
            rest = quotes.get(1..).unwrap_or_default();
        }
        bytes.extend_from_slice(rest);
        bytes
    }
}

/// An iterator over the entries of a list, which ends after the first malformed one.
struct RawEntries<'a> {
    rest: Option<&'a [u8]>,
    parameter: Parameter,
    /// The number of the next entry.
    number: usize,
}

impl<'a> RawEntries<'a> {
    fn of(value: &'a [u8], parameter: Parameter) -> RawEntries<'a> {
        RawEntries { rest: Some(value), parameter, number: 1 }
    }

    /// Returns the position of the next entry in `value`, which is the list.
    fn position(&self, value: &[u8]) -> usize {
        value.len() - self.rest.map_or(0, <[u8]>::len)
    }

    /// Parses the next entry. Returns it and the text after it.
    fn parse(&self, rest: &'a [u8]) -> Result<(RawEntry<'a>, &'a [u8]), Flaw> {
        let is_name = self.parameter != Parameter::SslPassword;
        let start = if is_name { trim_start(rest) } else { rest };
        if let Some((b'"', quoted)) = start.split_first() {
            let end = closing_quote(quoted).ok_or(Flaw::UnclosedQuote)?;
            let (text, after) = quoted.split_at(end);
            let after = after.get(1..).unwrap_or_default();
            let after = if is_name { trim_start(after) } else { after };
            return match after.first() {
                None | Some(b',') => Ok((RawEntry { text, is_quoted: true }, after)),
                Some(_) => Err(Flaw::TextAfterQuote),
            };
        }
        let end = start.iter().position(|b| *b == b',').unwrap_or(start.len());
        let (text, after) = start.split_at(end);
        let text = if is_name { trim_end(text) } else { text };
        Ok((RawEntry { text, is_quoted: false }, after))
    }
}

impl<'a> Iterator for RawEntries<'a> {
    type Item = Result<RawEntry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let number = self.number;
        self.number += 1;
        Some(match self.parse(rest) {
            Ok((entry, after)) => {
                self.rest = after.split_first().map(|(_comma, tail)| tail);
                Ok(entry)
            }
            Err(flaw) => Err(Error::Grammar { parameter: self.parameter, entry: number, flaw }),
        })
    }
}

/// Returns the position of the closing quote: the first quote that is not one of a pair.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.iter().position(|b| *b == b'"')?;
        if text.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

#[cfg(test)]
mod tests;
