// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lists taken apart, also where they are not well formed or do not match: what can be told
//! from the rest is looked at all the same.

use crate::check::Lists;
use crate::credentials::passwords;
use crate::report::{Level, Subject};
use certpick_core::Secret;
use certpick_core::error::{Error, Flaw, Parameter};
use certpick_core::list::{self, Entry, Passwords};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// An entry as the lists name it.
pub struct Draft {
    /// Counted from 1.
    pub number: usize,
    pub certificate: PathBuf,
    pub key: NamedKey,
    pub password: NamedPassword,
}

#[derive(Clone)]
pub enum NamedKey {
    File(PathBuf),
    /// In the certificate's own file.
    Own,
    /// The lists do not match, so nobody can say.
    Unknown,
}

pub enum NamedPassword {
    Known(Option<Secret>),
    /// The passwords do not match the lists, or cannot be read.
    Unknown,
}

/// What the lists name.
pub struct Found {
    pub drafts: Vec<Draft>,
    /// Keys that cannot be matched to certificates by their place in the list.
    pub unmatched_keys: Vec<PathBuf>,
}

/// Takes them apart; `subject` is told what is wrong with them.
pub fn read(lists: &Lists<'_>, subject: &mut Subject) -> Found {
    let lines = match lists.password_file.map(passwords::read).transpose() {
        Ok(lines) => lines,
        Err(failure) => {
            subject.finding("password_file", Level::Wrong, failure.words());
            None
        }
    };
    let sslkey = lists.sslkey.map(|k| k.as_bytes());
    let passwords = lines.as_ref().map_or(Passwords::List(None), |l| Passwords::Lines(l));
    let are_unread = lists.password_file.is_some() && lines.is_none();
    match list::entries(lists.sslcert.as_bytes(), sslkey, &passwords) {
        Ok(entries) => {
            let drafts = entries.into_iter().enumerate();
            let drafts = drafts.map(|(at, entry)| Draft::of(at + 1, entry, are_unread)).collect();
            Found { drafts, unmatched_keys: Vec::new() }
        }
        Err(error) => {
            let passwords = match (&lines, &error) {
                (_, Error::Counts { .. }) => None,
                (lines, _) => lines.as_ref().map(|l| list::password_lines(l)),
            };
            in_spite_of(&error, lists, passwords, subject)
        }
    }
}

impl Draft {
    fn of(number: usize, entry: Entry, passwords_are_unread: bool) -> Draft {
        Draft {
            number,
            certificate: entry.certificate,
            key: entry.key.map_or(NamedKey::Own, NamedKey::File),
            password: match entry.password {
                None if passwords_are_unread => NamedPassword::Unknown,
                password => NamedPassword::Known(password),
            },
        }
    }
}

/// What can be told in spite of an error. `passwords`: those that belong to the entries by their
/// place, if they do.
fn in_spite_of(
    error: &Error,
    lists: &Lists<'_>,
    passwords: Option<Vec<Option<Secret>>>,
    subject: &mut Subject,
) -> Found {
    let (certificates, fault) =
        list::names_until_fault(lists.sslcert.as_bytes(), Parameter::SslCert);
    let sslkey = lists.sslkey.map(|k| k.as_bytes()).filter(|k| !k.is_empty());
    let (keys, key_fault) = match sslkey {
        // With one certificate the key's name is taken as it stands.
        Some(key) if certificates.len() == 1 && fault.is_none() => {
            (Some(vec![PathBuf::from(OsStr::from_bytes(key))]), None)
        }
        Some(list) => {
            let (keys, fault) = list::names_until_fault(list, Parameter::SslKey);
            (Some(keys), fault)
        }
        None => (None, None),
    };
    let empty = (0..certificates.len()).filter(|at| certificates[*at].as_os_str().is_empty());
    tell(error, fault.iter().chain(&key_fault), empty, subject);

    // Up to a fault they are not yet counted.
    let passwords = passwords.filter(|p| fault.is_some() || p.len() == certificates.len());
    let is_mismatch = matches!(error, Error::Counts { have: (_, Parameter::SslCert), .. });
    let mut unmatched_keys = Vec::new();
    let key = |at: usize| match &keys {
        None => NamedKey::Own,
        Some(_) if is_mismatch => NamedKey::Unknown,
        Some(keys) => match keys.get(at) {
            Some(key) if key.as_os_str().is_empty() => NamedKey::Own,
            Some(key) => NamedKey::File(key.clone()),
            None => NamedKey::Unknown,
        },
    };
    let password = |at: usize| match &passwords {
        Some(passwords) => NamedPassword::Known(passwords.get(at).cloned().flatten()),
        None if lists.password_file.is_none() => NamedPassword::Known(None),
        None => NamedPassword::Unknown,
    };
    let drafts = certificates
        .into_iter()
        .enumerate()
        .filter(|(_, certificate)| !certificate.as_os_str().is_empty())
        .map(|(at, certificate)| Draft {
            number: at + 1,
            certificate,
            key: key(at),
            password: password(at),
        })
        .collect();
    if let (true, Some(keys)) = (is_mismatch, &keys) {
        let named = keys.iter().filter(|k| !k.as_os_str().is_empty());
        unmatched_keys.extend(named.cloned());
    }
    Found { drafts, unmatched_keys }
}

/// The faults of the lists in the library's words.
fn tell<'a>(
    error: &Error,
    faults: impl Iterator<Item = &'a Error>,
    empty: impl Iterator<Item = usize>,
    subject: &mut Subject,
) {
    const QUOTES: &str = "a file name that holds a comma or begins with a quote is written between \
                          double quotes, and \"\" stands for a quote inside: \"a,b.crt\"";
    const AFTER: &str = "; what comes after it was not looked at";
    let mut told = false;
    for fault in faults {
        subject.advised("lists", Level::Wrong, format!("{fault}{AFTER}"), QUOTES);
        told = true;
    }
    for at in empty {
        let (parameter, entry) = (Parameter::SslCert, at + 1);
        let text = Error::Grammar { parameter, entry, flaw: Flaw::Empty }.to_string();
        let advice = format!("take entry {entry} out of every list");
        subject.advised("lists", Level::Wrong, text, advice);
        told = true;
    }
    if !told {
        subject.finding("lists", Level::Wrong, error.to_string());
    }
}
