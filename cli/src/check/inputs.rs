// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is to be looked at: the entries of the lists, or of a directory, as far as they can be told
//! from each other.

mod lists;

use super::Lists;
use crate::credentials::absolute;
use crate::credentials::directory::{self, Contents, Kind, Listing};
use crate::failure::Failure;
use crate::inspect::{self, CertificateFile};
use crate::report::{Level, Subject};
use certpick_core::error::{Cause, Error, file_name};
pub use lists::{Draft, NamedKey, NamedPassword};
use openssl::x509::X509;
use std::path::{Path, PathBuf};

/// An entry, and what its certificate file holds.
pub struct Input {
    pub draft: Draft,
    pub contents: Result<Contents, Cause>,
}

/// All of it.
pub struct Inputs {
    pub entries: Vec<Input>,
    /// Keys that cannot be matched to entries by their place in the list.
    pub unmatched_keys: Vec<PathBuf>,
    pub issuers: Vec<X509>,
    /// The entries are the files of a directory.
    pub is_directory: bool,
    /// What is to be said of the lists, the directory and the other files as such.
    pub subjects: Vec<Subject>,
}

/// Reads the certificates. `progress` is told how many were read, and of how many.
pub fn read(lists: &Lists<'_>, progress: &mut dyn FnMut(usize, usize)) -> Result<Inputs, Failure> {
    let mut subjects = Vec::new();
    let issuers = read_issuers(lists.issuers, &mut subjects);
    let mut inputs = Inputs {
        entries: Vec::new(),
        unmatched_keys: Vec::new(),
        issuers,
        is_directory: directory::is_directory(lists.sslcert),
        subjects,
    };
    if inputs.is_directory {
        let path = Path::new(lists.sslcert);
        let keys = directory::keys(lists.sslkey, lists.password_file)?;
        let listing = directory::read(path, keys, &inputs.issuers, progress)?;
        inputs.subjects.push(directory_subject(path, &listing)?);
        inputs.take_directory(listing);
    } else {
        inputs.take_lists(lists, progress);
    }
    Ok(inputs)
}

/// The file of --issuers; a subject tells of it.
pub fn read_issuers(file: Option<&Path>, subjects: &mut Vec<Subject>) -> Vec<X509> {
    let Some(file) = file else { return Vec::new() };
    let mut subject = Subject::new("issuers", file_name(file));
    let issuers = inspect::issuers(file).map_err(|error| match error {
        Error::Issuers(cause) => cause.to_string(),
        other => other.to_string(),
    });
    match &issuers {
        Ok(issuers) => {
            let text = match issuers.len() {
                1 => "holds 1 certificate".to_owned(),
                n => format!("holds {n} certificates"),
            };
            subject.finding("certificate_file", Level::Good, text);
        }
        Err(words) => {
            subject.finding("certificate_file", Level::Wrong, words);
        }
    }
    subjects.push(subject);
    issuers.unwrap_or_default()
}

/// Longer lists nobody copies.
const MOST_SHOWN: usize = 20;

/// What stands for the directory, and what is in it besides.
fn directory_subject(path: &Path, listing: &Listing) -> Result<Subject, Failure> {
    let mut subject = Subject::new("directory", file_name(path));
    if listing.credentials.is_empty() {
        let text = "holds no certificate (*.crt, *.pem, *.cer) that has its key";
        subject.finding("lists", Level::Wrong, text);
    } else {
        if listing.credentials.len() <= MOST_SHOWN {
            let lists = absolute::lists(&listing.entries())?;
            if let Some((sslcert, sslkey)) = lists.text() {
                subject.fact("sslcert", "the same as sslcert", sslcert);
                if let Some(sslkey) = sslkey {
                    subject.fact("sslkey", "with sslkey", sslkey);
                }
            }
        }
        let text = match listing.credentials.len() {
            1 => "holds 1 certificate that has its key".to_owned(),
            n => format!("holds {n} certificates that have their keys; those valid longest first"),
        };
        subject.finding("lists", Level::Good, text);
    }
    for other in &listing.others {
        let (key, level) = match other.kind {
            Kind::Expected => ("other_file", Level::Note),
            Kind::NoKey => ("key_file", Level::Warning),
            Kind::Broken => ("certificate_file", Level::Wrong),
        };
        subject.finding(key, level, other.words.clone());
    }
    Ok(subject)
}

impl Inputs {
    fn take_directory(&mut self, listing: Listing) {
        let entries = listing.credentials.into_iter().enumerate().map(|(at, found)| Input {
            draft: Draft {
                number: at + 1,
                certificate: found.certificate,
                key: found.key.map_or(NamedKey::Own, NamedKey::File),
                password: NamedPassword::Known(None),
            },
            contents: Ok(found.contents),
        });
        self.entries = entries.collect();
    }

    fn take_lists(&mut self, lists: &Lists<'_>, progress: &mut dyn FnMut(usize, usize)) {
        let mut subject = Subject::new("lists", "sslcert, sslkey, sslpassword");
        let found = lists::read(lists, &mut subject);
        self.unmatched_keys = found.unmatched_keys;
        let total = found.drafts.len();
        for (at, draft) in found.drafts.into_iter().enumerate() {
            progress(at, total);
            let contents = CertificateFile::read(&draft.certificate).and_then(Contents::of);
            self.entries.push(Input { draft, contents });
        }
        progress(total, total);
        if !subject.findings.is_empty() {
            self.subjects.push(subject);
        }
    }
}
