// SPDX-License-Identifier: MIT OR Apache-2.0
//! The credentials to check: the entries of the lists, the files of a directory, or the credentials of a
//! configuration file.

mod config;
mod lists;

use crate::certificate_file::{self, CertificateFile};
use crate::credentials::directory::{self, Contents, DirectoryListing, SkipReason};
use crate::credentials::{CredentialOptions, absolute};
use crate::failure::Failure;
use crate::report::{Level, Subject};
use certpick_core::error::{Cause, Error, file_name};
pub use config::ConfigPart;
pub use lists::{KeySource, PasswordSource, Source};
use openssl::x509::X509;
use std::path::{Path, PathBuf};

/// A credential's source and the content of its certificate file.
pub struct Input {
    pub source: Source,
    pub contents: Result<Contents, Cause>,
}

/// Everything that the options name, except the keys.
pub struct Inputs {
    pub credentials: Vec<Input>,
    /// Keys that belong to no credential by their position in the list.
    pub unmatched_keys: Vec<PathBuf>,
    pub issuers: Vec<X509>,
    pub origin: Origin,
    /// Findings about the lists, the directory and its other files, or the configuration file.
    pub subjects: Vec<Subject>,
}

/// Where the credentials are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Lists,
    Directory,
    Config,
}

/// Reads the certificates. Calls `progress` with the number of files read and the number of all
/// files.
pub fn read(
    options: &CredentialOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Inputs, Failure> {
    let mut subjects = Vec::new();
    if let Some(file) = &options.config {
        return Ok(config::read(file, progress));
    }
    let issuers = read_issuers(options.issuers.as_deref(), &mut subjects);
    let mut inputs = Inputs {
        credentials: Vec::new(),
        unmatched_keys: Vec::new(),
        issuers,
        origin: match directory::is_directory(options.sslcert()) {
            true => Origin::Directory,
            false => Origin::Lists,
        },
        subjects,
    };
    if inputs.origin == Origin::Directory {
        let path = Path::new(options.sslcert());
        let listing = directory::read(path, options.key_directory()?, &inputs.issuers, progress)?;
        inputs.subjects.push(directory_subject(path, &listing)?);
        inputs.take_directory(listing);
    } else {
        inputs.take_lists(options, progress);
    }
    Ok(inputs)
}

/// Reads the file of issuers and adds a subject about it.
pub fn read_issuers(file: Option<&Path>, subjects: &mut Vec<Subject>) -> Vec<X509> {
    let Some(file) = file else { return Vec::new() };
    let mut subject = Subject::new("issuers", file_name(file));
    let issuers = certificate_file::issuers(file).map_err(|error| match error {
        Error::Issuers(cause) => cause.to_string(),
        other => other.to_string(),
    });
    match &issuers {
        Ok(issuers) => {
            let text = match issuers.len() {
                1 => "the file contains 1 certificate".to_owned(),
                n => format!("the file contains {n} certificates"),
            };
            subject.finding("certificate_file", Level::Good, text);
        }
        Err(message) => {
            subject.finding("certificate_file", Level::Wrong, message);
        }
    }
    subjects.push(subject);
    issuers.unwrap_or_default()
}

/// Longer lists are not shown: they are too long to copy.
const MAX_SHOWN: usize = 20;

/// Returns the subject about a directory and its other files.
fn directory_subject(path: &Path, listing: &DirectoryListing) -> Result<Subject, Failure> {
    let mut subject = Subject::new("directory", file_name(path));
    if listing.credentials.is_empty() {
        let text = "the directory contains no certificate (*.crt, *.pem, *.cer) that has a key";
        subject.finding("lists", Level::Wrong, text);
    } else {
        if listing.credentials.len() <= MAX_SHOWN {
            let lists = absolute::lists(&listing.entries())?;
            if let Some((sslcert, sslkey)) = lists.text() {
                subject.fact("sslcert", "equivalent sslcert", sslcert);
                if let Some(sslkey) = sslkey {
                    subject.fact("sslkey", "equivalent sslkey", sslkey);
                }
            }
        }
        let text = match listing.credentials.len() {
            1 => "the directory contains 1 certificate that has a key".to_owned(),
            n => {
                format!(
                    "the directory contains {n} certificates that have a key; the one valid longest is first"
                )
            }
        };
        subject.finding("lists", Level::Good, text);
    }
    for skipped in &listing.skipped {
        let (key, level) = match skipped.reason {
            SkipReason::Expected => ("other_file", Level::Note),
            SkipReason::NoKey => ("key_file", Level::Warning),
            SkipReason::Broken => ("certificate_file", Level::Wrong),
        };
        subject.finding(key, level, skipped.text.clone());
    }
    Ok(subject)
}

impl Inputs {
    fn take_directory(&mut self, listing: DirectoryListing) {
        let input = |(at, credential): (usize, directory::DirectoryCredential)| Input {
            source: Source {
                number: at + 1,
                certificate: credential.certificate,
                key: credential.key.map_or(KeySource::Own, KeySource::File),
                password: PasswordSource::Known(None),
                config: None,
            },
            contents: Ok(credential.contents),
        };
        self.credentials = listing.credentials.into_iter().enumerate().map(input).collect();
    }

    fn take_lists(&mut self, options: &CredentialOptions, progress: &mut dyn FnMut(usize, usize)) {
        let mut subject = Subject::new("lists", "sslcert, sslkey, sslpassword");
        let lists = lists::read(options, &mut subject);
        self.unmatched_keys = lists.unmatched_keys;
        let total = lists.sources.len();
        for (at, source) in lists.sources.into_iter().enumerate() {
            progress(at, total);
            let contents = CertificateFile::read(&source.certificate).and_then(Contents::of);
            self.credentials.push(Input { source, contents });
        }
        progress(total, total);
        if !subject.findings.is_empty() {
            self.subjects.push(subject);
        }
    }
}
