// SPDX-License-Identifier: MIT OR Apache-2.0
//! The credentials of a configuration file.

use super::{Input, Inputs, KeySource, Origin, PasswordSource, Source, read_issuers};
use crate::certificate_file::CertificateFile;
use crate::credentials::directory::Contents;
use crate::report::{Level, Subject};
use certpick_core::config::{ConfigCredential, ConfigFile};
use certpick_core::error::file_name;
use certpick_core::rule::Rule;
use certpick_core::source::password::KeyPasswords;
use std::path::Path;

/// The part of a credential that only configuration files have.
pub struct ConfigPart {
    /// The line of `[[credential]]`, counted from 1.
    pub line: usize,
    pub rule: Rule,
}

/// Reads a configuration file and the certificates that it names. An error in the file is a finding, and
/// the result then has no credentials.
pub fn read(file: &Path, progress: &mut dyn FnMut(usize, usize)) -> Inputs {
    const KEY: &str = "config";
    let mut subject = Subject::new(KEY, file_name(file));
    let mut inputs = Inputs {
        credentials: Vec::new(),
        unmatched_keys: Vec::new(),
        issuers: Vec::new(),
        origin: Origin::Config,
        subjects: Vec::new(),
    };
    let config_file = match ConfigFile::read(file) {
        Ok(config_file) => config_file,
        Err(error) => {
            subject.finding(KEY, Level::Wrong, error.to_string());
            inputs.subjects.push(subject);
            return inputs;
        }
    };
    let config = config_file.config();
    let total = config.credentials.len();
    let with_rules = config.credentials.iter().filter(|c| !c.rule.is_empty()).count();
    let credentials = if total == 1 { "1 credential" } else { &format!("{total} credentials") };
    let text = format!("the file has {credentials}, {with_rules} with rules");
    subject.finding(KEY, Level::Good, text);
    inputs.subjects.push(subject);
    inputs.issuers = read_issuers(config.issuers.as_deref(), &mut inputs.subjects);
    for (at, credential) in config.credentials.iter().enumerate() {
        progress(at, total);
        let contents = CertificateFile::read(&credential.sslcert).and_then(Contents::of);
        inputs.credentials.push(Input { source: source(at + 1, credential), contents });
    }
    progress(total, total);
    inputs
}

fn source(number: usize, credential: &ConfigCredential) -> Source {
    let passwords = KeyPasswords::Files([credential.sslpasswordfile.clone()].into());
    Source {
        number,
        certificate: credential.sslcert.clone(),
        key: credential.sslkey.clone().map_or(KeySource::Own, KeySource::File),
        password: passwords.get(0).map_or_else(PasswordSource::Unreadable, PasswordSource::Known),
        config: Some(ConfigPart { line: credential.line, rule: credential.rule.clone() }),
    }
}
