// SPDX-License-Identifier: MIT OR Apache-2.0
//! The credentials of a configuration file.

use super::{Inputs, KeySource, PasswordSource, Source, read_issuers};
use crate::report::{Level, Subject};
use certpick_core::config::{ConfigCredential, ConfigFile};
use certpick_core::error::file_name;
use certpick_core::rule::Rule;
use certpick_core::source::password::KeyPasswords;
use std::path::Path;
use std::rc::Rc;

/// The part of a credential that only configuration files have.
pub struct ConfigPart {
    /// The number of the file among the configuration files.
    pub file: usize,
    /// The line of `[[credential]]`, counted from 1.
    pub line: usize,
    pub rule: Rule,
}

impl Inputs {
    /// Adds the credentials of a configuration file, after `before` entries. Returns their number. An error
    /// in the file is a finding, and there are then no credentials.
    pub fn add_config(
        &mut self,
        file: &Path,
        before: usize,
        progress: &mut dyn FnMut(usize, usize),
    ) -> usize {
        const KEY: &str = "config";
        let mut subject = Subject::new(KEY, file_name(file));
        let config_file = match ConfigFile::read(file) {
            Ok(config_file) => config_file,
            Err(error) => {
                subject.finding(KEY, Level::Wrong, error.to_string());
                self.subjects.push(subject);
                return 0;
            }
        };
        let config = config_file.config();
        let total = config.credentials.len();
        let with_rules = config.credentials.iter().filter(|c| !c.rule.is_empty()).count();
        let credentials = if total == 1 { "1 credential" } else { &format!("{total} credentials") };
        let text = format!("the file has {credentials}, {with_rules} with rules");
        subject.finding(KEY, Level::Good, text);
        self.subjects.push(subject);
        let issuers = read_issuers(config.issuers.as_deref(), &mut self.subjects);
        self.issuers.extend(issuers);
        let number = self.configs;
        self.configs += 1;
        for (at, credential) in config.credentials.iter().enumerate() {
            progress(at, total);
            let source = Source { number: before + at + 1, ..source(number, credential) };
            self.add_entry(source, progress);
        }
        progress(total, total);
        total
    }
}

fn source(file: usize, credential: &ConfigCredential) -> Source {
    let passwords = KeyPasswords::Files([credential.sslpasswordfile.clone()].into());
    let key = credential.sslkey.clone().map_or(KeySource::Own, KeySource::File);
    let part = ConfigPart { file, line: credential.line, rule: credential.rule.clone() };
    Source {
        password: passwords.get(0).map_or_else(PasswordSource::Unreadable, PasswordSource::Known),
        config: Some(Rc::new(part)),
        ..Source::new(credential.sslcert.clone(), key, PasswordSource::Unknown)
    }
}
