// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reports the rules of a configuration file.

use super::credential::Credential;
use super::inputs::ConfigPart;
use crate::report::{Level, Subject};
use crate::rule_text::description;
use std::collections::HashMap;

/// The rules of all credentials of a configuration file.
pub struct Rules {
    /// For each configuration file the number of credentials with a rule.
    counts: HashMap<usize, usize>,
}

impl Rules {
    pub fn new(credentials: &[Credential]) -> Rules {
        let mut counts = HashMap::new();
        for part in credentials.iter().filter_map(|c| c.config.as_deref()) {
            *counts.entry(part.file).or_default() += usize::from(!part.rule.is_empty());
        }
        Rules { counts }
    }

    /// Reports what the rule of a credential matches. Warns of a credential without `hosts` if another
    /// credential has a rule.
    pub fn report(&self, credential: &Credential, subject: &mut Subject) {
        const KEY: &str = "rule";
        let Some(ConfigPart { file, line, rule }) = credential.config.as_deref() else { return };
        subject.fact("line", "line", i64::try_from(*line).unwrap_or(i64::MAX));
        let texts = |patterns: &mut dyn Iterator<Item = &str>| -> Vec<String> {
            patterns.map(str::to_owned).collect()
        };
        if let Some(hosts) = &rule.hosts {
            subject.fact("hosts", "hosts", texts(&mut hosts.patterns()));
        }
        if let Some(users) = &rule.users {
            subject.fact("users", "users", texts(&mut users.patterns()));
        }
        if !rule.is_empty() {
            subject.fact("only_verified", "only verified servers", rule.verified);
        }
        let count = self.counts.get(file).copied().unwrap_or_default();
        let others = count.saturating_sub(usize::from(!rule.is_empty()));
        if rule.hosts.is_none() && others > 0 {
            let limits = match (&rule.users, rule.verified) {
                (None, false) => String::new(),
                _ => format!(" ({})", description(rule)),
            };
            let text = format!(
                "the credential has no hosts, so it may be sent to any server{limits}, although other \
                 credentials of the file have rules"
            );
            subject.advised(KEY, Level::Warning, text, "Name its servers in hosts.");
        } else if !rule.is_empty() {
            let text = format!("the rule matches {}", description(rule));
            subject.finding(KEY, Level::Note, text);
        }
    }
}
