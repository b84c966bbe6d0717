// SPDX-License-Identifier: MIT OR Apache-2.0
//! Splits the lists. If they are malformed or do not match, the remaining entries are still checked.

use super::ConfigPart;
use crate::credentials::{CredentialOptions, passwords};
use crate::report::{Level, Subject};
use certpick_core::Secret;
use certpick_core::error::{Cause, Error, Flaw, Parameter};
use certpick_core::list::{self, Entry, Passwords};
use certpick_core::uri::Uri;
use openssl::pkey::{PKey, Private};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;

/// The files and the password of one credential.
#[derive(Clone)]
pub struct Source {
    /// The number of the entry, counted from 1; 0 if it is not known yet.
    pub number: usize,
    pub certificate: PathBuf,
    /// The number of the credential in the file, counted from 1, if the file has several.
    pub part: Option<usize>,
    /// Whether the entry is a directory.
    pub is_in_directory: bool,
    pub key: KeySource,
    pub password: PasswordSource,
    /// `None` if it is not from a configuration file.
    pub config: Option<Rc<ConfigPart>>,
}

#[derive(Clone)]
pub enum KeySource {
    File(PathBuf),
    /// The certificate file.
    Own,
    /// The first of these files of a directory whose key matches.
    FirstOf(Vec<PathBuf>),
    /// The key in a PKCS#12 file, or why it cannot be used.
    Decrypted {
        key: Result<PKey<Private>, Cause>,
        is_encrypted: bool,
    },
    /// In a token.
    Uri(Uri),
    /// Unknown, because the lists do not match or the entry cannot be used.
    Unknown,
}

#[derive(Clone)]
pub enum PasswordSource {
    Known(Option<Secret>),
    /// Unknown, because the passwords do not match the lists or cannot be read.
    Unknown,
    /// The file of `sslpasswordfile` cannot be read.
    Unreadable(Cause),
}

/// The content of the lists.
pub struct SourceLists {
    pub sources: Vec<Source>,
    /// Keys that belong to no certificate by their position in the list.
    pub unmatched_keys: Vec<PathBuf>,
}

/// Splits the lists and reports their errors.
pub fn read(options: &CredentialOptions, subject: &mut Subject) -> SourceLists {
    let password_file = options.sslpassword_file.as_deref();
    let lines = match password_file.map(passwords::read).transpose() {
        Ok(lines) => lines,
        Err(failure) => {
            subject.finding("password_file", Level::Wrong, failure.message());
            None
        }
    };
    let sslkey = options.sslkey.as_deref().map(OsStrExt::as_bytes);
    let passwords = lines.as_ref().map_or(Passwords::List(None), |l| Passwords::Lines(l));
    let are_unread = password_file.is_some() && lines.is_none();
    match list::entries(options.sslcert().as_bytes(), sslkey, &passwords) {
        Ok(entries) => {
            let sources = entries.into_iter().enumerate();
            let sources =
                sources.map(|(at, entry)| Source::of(at + 1, entry, are_unread)).collect();
            SourceLists { sources, unmatched_keys: Vec::new() }
        }
        Err(error) => {
            let passwords = match (&lines, &error) {
                (_, Error::Counts { .. }) => None,
                (lines, _) => lines.as_ref().map(|l| list::password_lines(l)),
            };
            read_despite(&error, options, passwords, subject)
        }
    }
}

impl Source {
    /// Returns the source of an entry whose number is not known yet.
    pub fn new(certificate: PathBuf, key: KeySource, password: PasswordSource) -> Source {
        let (part, config) = (None, None);
        Source { number: 0, certificate, part, is_in_directory: false, key, password, config }
    }

    fn of(number: usize, entry: Entry, passwords_are_unread: bool) -> Source {
        let password = match entry.password {
            None if passwords_are_unread => PasswordSource::Unknown,
            password => PasswordSource::Known(password),
        };
        let key = entry.key.map_or(KeySource::Own, KeySource::File);
        Source { number, ..Source::new(entry.certificate, key, password) }
    }
}

/// Returns the entries that can be determined despite an error. `passwords` are those of the entries,
/// if their number is right.
fn read_despite(
    error: &Error,
    options: &CredentialOptions,
    passwords: Option<Vec<Option<Secret>>>,
    subject: &mut Subject,
) -> SourceLists {
    let (certificates, fault) =
        list::names_before_error(options.sslcert().as_bytes(), Parameter::SslCert);
    let sslkey = options.sslkey.as_deref().map(OsStrExt::as_bytes).filter(|k| !k.is_empty());
    let (keys, key_fault) = match sslkey {
        // With one certificate, sslkey is not split.
        Some(key) if certificates.len() == 1 && fault.is_none() => {
            (Some(vec![PathBuf::from(OsStr::from_bytes(key))]), None)
        }
        Some(list) => {
            let (keys, fault) = list::names_before_error(list, Parameter::SslKey);
            (Some(keys), fault)
        }
        None => (None, None),
    };
    let empty = (0..certificates.len()).filter(|at| certificates[*at].as_os_str().is_empty());
    report_errors(error, fault.iter().chain(&key_fault), empty, subject);

    // If a list is malformed, the number of its entries is unknown.
    let passwords = passwords.filter(|p| fault.is_some() || p.len() == certificates.len());
    let is_mismatch = matches!(error, Error::Counts { have: (_, Parameter::SslCert), .. });
    let mut unmatched_keys = Vec::new();
    let key = |at: usize| match &keys {
        None => KeySource::Own,
        Some(_) if is_mismatch => KeySource::Unknown,
        Some(keys) => match keys.get(at) {
            Some(key) if key.as_os_str().is_empty() => KeySource::Own,
            Some(key) => KeySource::File(key.clone()),
            None => KeySource::Unknown,
        },
    };
    let password = |at: usize| match &passwords {
        Some(passwords) => PasswordSource::Known(passwords.get(at).cloned().flatten()),
        None if options.sslpassword_file.is_none() => PasswordSource::Known(None),
        None => PasswordSource::Unknown,
    };
    let sources = certificates
        .into_iter()
        .enumerate()
        .filter(|(_, certificate)| !certificate.as_os_str().is_empty())
        .map(|(at, certificate)| Source {
            number: at + 1,
            ..Source::new(certificate, key(at), password(at))
        })
        .collect();
    if let (true, Some(keys)) = (is_mismatch, &keys) {
        let named = keys.iter().filter(|k| !k.as_os_str().is_empty());
        unmatched_keys.extend(named.cloned());
    }
    SourceLists { sources, unmatched_keys }
}

/// Reports malformed lists, empty entries and numbers that do not match, in the library's words.
fn report_errors<'a>(
    error: &Error,
    faults: impl Iterator<Item = &'a Error>,
    empty: impl Iterator<Item = usize>,
    subject: &mut Subject,
) {
    const KEY: &str = "lists";
    const QUOTING: &str = "Write a file name that contains a comma or begins with a quote between \
                           double quotes, and a quote in it twice, for example \"a,b.crt\".";
    for fault in faults {
        let text = format!("{fault}; the rest of the list was not checked");
        subject.advised(KEY, Level::Wrong, text, QUOTING);
    }
    for at in empty {
        let (parameter, entry) = (Parameter::SslCert, at + 1);
        let text = Error::Grammar { parameter, entry, flaw: Flaw::Empty }.to_string();
        let advice = format!("Remove entry {entry} from every list.");
        subject.advised(KEY, Level::Wrong, text, advice);
    }
    if !subject.findings.iter().any(|finding| finding.key == KEY) {
        subject.finding(KEY, Level::Wrong, error.to_string());
    }
}
