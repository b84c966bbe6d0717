// SPDX-License-Identifier: MIT OR Apache-2.0
//! The credentials to check: those of the entries of the lists or of a configuration file. An entry may
//! stand for several credentials.

mod config;
mod directory;
mod entry;
mod lists;
mod pkcs12;

use crate::certificate_file::{self, Contents};
use crate::credentials::CredentialOptions;
use crate::report::{Level, Subject};
use certpick_core::error::{Cause, Error, file_name};
use certpick_core::source::bundle::SharedCertificates;
pub use config::ConfigPart;
pub use lists::{KeySource, PasswordSource, Source};
use openssl::x509::X509;
pub use pkcs12::is_decrypted_by;
use std::path::{Path, PathBuf};

/// A credential's source and its certificates.
pub struct Input {
    pub source: Source,
    pub contents: Result<Contents, Cause>,
}

/// Everything that the options name, except the keys.
#[derive(Default)]
pub struct Inputs {
    pub credentials: Vec<Input>,
    /// Keys that belong to no credential by their position in the list.
    pub unmatched_keys: Vec<PathBuf>,
    pub issuers: Vec<X509>,
    /// The number of entries, each of which has one or several credentials. The credentials of a configuration
    /// file are entries.
    pub entries: usize,
    /// By how many the numbers of the next entries are larger than their positions in the lists, because
    /// an entry of the lists is a configuration file with several credentials.
    additional: usize,
    /// The number of configuration files.
    configs: usize,
    /// Findings about the lists, the directories, the PKCS#12 files, and the configuration files.
    pub subjects: Vec<Subject>,
    shared: SharedCertificates,
}

/// Reads the certificates. Calls `progress` with the number of files read and the number of all
/// files.
pub fn read(options: &CredentialOptions, progress: &mut dyn FnMut(usize, usize)) -> Inputs {
    let mut inputs = Inputs::default();
    if let Some(file) = &options.config {
        inputs.add_config(file, 0, progress);
        return inputs;
    }
    inputs.issuers = read_issuers(options.issuers.as_deref(), &mut inputs.subjects);
    let mut subject = Subject::new("lists", "sslcert, sslkey, sslpassword");
    let lists = lists::read(options, &mut subject);
    if !subject.findings.is_empty() {
        inputs.subjects.push(subject);
    }
    inputs.unmatched_keys = lists.unmatched_keys;
    let total = lists.sources.len();
    for (at, source) in lists.sources.into_iter().enumerate() {
        progress(at, total);
        inputs.add_listed_entry(source, progress);
    }
    progress(total, total);
    inputs
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
