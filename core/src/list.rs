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

/// The files of one entry.
#[derive(Clone, Debug)]
pub struct Files {
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
/// that the user gets an error.
pub fn is_list(sslcert: &[u8]) -> bool {
    if !sslcert.contains(&b',') || exists(sslcert) {
        return false;
    }
    let mut pieces = Pieces::of(sslcert, Parameter::SslCert);
    pieces.next().is_some_and(|first| first.is_err()) || pieces.next().is_some()
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
    let files = files(sslcert, sslkey, is_whole(sslcert))?;
    let passwords = self::passwords(passwords, files.len(), sslkey)?;
    let entry = |(at, Files { certificate, key })| Entry {
        certificate,
        key,
        password: passwords.as_ref().and_then(|passwords| passwords.get(at)),
    };
    Ok(files.into_iter().enumerate().map(entry).collect())
}

/// Whether `sslcert` is the name of an existing file as it stands, commas and all.
pub fn is_whole(sslcert: &[u8]) -> bool {
    !sslcert.is_empty() && exists(sslcert)
}

/// The files that the two lists name.
pub fn files(sslcert: &[u8], sslkey: Option<&[u8]>, whole: bool) -> Result<Vec<Files>, Error> {
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
    let mut files = Vec::with_capacity(count);
    for (i, certificate) in certificates.into_iter().enumerate() {
        let key = keys.next().filter(|k| !k.is_empty());
        if certificate.is_empty() {
            return Err(Error::Grammar { parameter: SslCert, entry: i + 1, flaw: Flaw::Empty });
        }
        no_nul(&certificate, SslCert, i)?;
        if let Some(key) = &key {
            no_nul(key, SslKey, i)?;
        }
        files.push(Files { certificate: path(&certificate), key: key.map(|k| path(&k)) });
    }
    Ok(files)
}

/// The passwords of the entries of a selector, as they were given: each is taken out when its key is
/// decrypted.
pub struct PasswordSet {
    text: Zeroizing<Vec<u8>>,
    form: Form,
    /// Where each begins.
    starts: Vec<usize>,
}

#[derive(Clone, Copy)]
enum Form {
    Whole,
    List,
    Lines,
}

impl fmt::Debug for PasswordSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordSet(hidden)")
    }
}

impl PasswordSet {
    /// One password for one entry.
    pub fn whole(password: &Secret) -> PasswordSet {
        let text = Zeroizing::new(password.bytes().to_vec());
        PasswordSet { text, form: Form::Whole, starts: vec![0] }
    }

    /// The password of an entry.
    pub fn get(&self, at: usize) -> Option<Secret> {
        let rest = self.text.get(*self.starts.get(at)?..)?;
        match self.form {
            Form::Whole => Secret::new(rest),
            Form::List => {
                let piece = Pieces::of(rest, Parameter::SslPassword).next()?.ok()?;
                Secret::from_wiped(piece.bytes())
            }
            Form::Lines => Secret::new(lines(rest).next()?.1),
        }
    }
}

/// A password for each of `count` entries; `None` where no password is given.
pub fn passwords(
    passwords: &Passwords<'_>,
    count: usize,
    sslkey: Option<&[u8]>,
) -> Result<Option<PasswordSet>, Error> {
    use Parameter::{SslCert, SslKey, SslPassword};
    let (text, form) = match *passwords {
        Passwords::List(None | Some(b"")) => return Ok(None),
        Passwords::List(Some(text)) if count == 1 => (text, Form::Whole),
        Passwords::List(Some(text)) => (text, Form::List),
        Passwords::Lines(text) => (text, Form::Lines),
    };
    let mut starts = Vec::with_capacity(count);
    match form {
        Form::Whole => {
            no_nul(text, SslPassword, 0)?;
            starts.push(0);
        }
        Form::List => {
            let mut pieces = Pieces::of(text, SslPassword);
            loop {
                let start = pieces.position(text);
                let Some(piece) = pieces.next() else { break };
                no_nul(piece?.text, SslPassword, starts.len())?;
                starts.push(start);
            }
        }
        Form::Lines => {
            for (start, line) in lines(text) {
                no_nul(line, SslPassword, starts.len())?;
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

/// The lines of a file, each with its place; the last one need not end, and a carriage return before
/// the end is dropped.
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
    // The system finds no name that is longer; of a long list not even a copy is made.
    const PATH_MAX: usize = libc::PATH_MAX as usize;
    value.len() < PATH_MAX && Path::new(OsStr::from_bytes(value)).metadata().is_ok()
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
    if parameter == Parameter::SslCert && is_whole(value) {
        return (vec![path(value)], None);
    }
    let mut names = Vec::new();
    for piece in Pieces::of(value, parameter) {
        match piece {
            Ok(piece) => names.push(path(&piece.bytes())),
            Err(fault) => return (names, Some(fault)),
        }
    }
    (names, None)
}

/// The passwords in a file that has one on each line.
pub fn password_lines(bytes: &[u8]) -> Vec<Option<Secret>> {
    lines(bytes).map(|(_, line)| Secret::new(line)).collect()
}

/// Splits one list. Every buffer is wiped, since any of them may be a password.
fn split(value: &[u8], parameter: Parameter) -> Result<Vec<Zeroizing<Vec<u8>>>, Error> {
    Pieces::of(value, parameter).map(|piece| piece.map(|piece| piece.bytes())).collect()
}

/// One entry of a list, as it is written there.
struct Piece<'a> {
    /// Without the quotes around it.
    text: &'a [u8],
    is_quoted: bool,
}

impl Piece<'_> {
    /// The entry itself: of two quotes inside quotes one is left.
    fn bytes(&self) -> Zeroizing<Vec<u8>> {
        // Room for all of it at once: a buffer that grows leaves copies behind.
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

/// The entries of a list, one after the other, up to the first that is not well formed.
struct Pieces<'a> {
    rest: Option<&'a [u8]>,
    parameter: Parameter,
    /// The number of the next entry.
    number: usize,
}

impl<'a> Pieces<'a> {
    fn of(value: &'a [u8], parameter: Parameter) -> Pieces<'a> {
        Pieces { rest: Some(value), parameter, number: 1 }
    }

    /// Where in `value`, which is being split, the next entry begins.
    fn position(&self, value: &[u8]) -> usize {
        value.len() - self.rest.map_or(0, <[u8]>::len)
    }

    fn piece(&self, rest: &'a [u8]) -> Result<(Piece<'a>, &'a [u8]), Flaw> {
        let is_name = self.parameter != Parameter::SslPassword;
        let start = if is_name { skip_space(rest) } else { rest };
        if let Some((b'"', quoted)) = start.split_first() {
            let end = closing_quote(quoted).ok_or(Flaw::UnclosedQuote)?;
            let (text, after) = quoted.split_at(end);
            let after = after.get(1..).unwrap_or_default();
            let after = if is_name { skip_space(after) } else { after };
            return match after.first() {
                None | Some(b',') => Ok((Piece { text, is_quoted: true }, after)),
                Some(_) => Err(Flaw::TextAfterQuote),
            };
        }
        let end = start.iter().position(|b| *b == b',').unwrap_or(start.len());
        let (text, after) = start.split_at(end);
        let text = if is_name { trim_end(text) } else { text };
        Ok((Piece { text, is_quoted: false }, after))
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let piece = self.piece(rest);
        let entry = self.number;
        self.number += 1;
        Some(match piece {
            Ok((piece, after)) => {
                self.rest = after.split_first().map(|(_comma, tail)| tail);
                Ok(piece)
            }
            Err(flaw) => Err(Error::Grammar { parameter: self.parameter, entry, flaw }),
        })
    }
}

/// Where the quote is that ends what `text` begins with: one that is not followed by another.
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
