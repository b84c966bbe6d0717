// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reports the rules of a configuration file.

use super::credential::Credential;
use super::inputs::ConfigPart;
use crate::report::{Level, Subject};
use crate::rule_text::description;

/// The rules of all credentials of a configuration file.
pub struct Rules {
    /// The number of credentials with a rule.
    count: usize,
}

impl Rules {
    pub fn new(credentials: &[Credential]) -> Rules {
        Rules { count: credentials.iter().filter(|c| has_rule(c.config.as_ref())).count() }
    }

    /// Reports what the rule of a credential matches. Warns of a credential without `hosts` if another
    /// credential has a rule.
    pub fn report(&self, credential: &Credential, subject: &mut Subject) {
        const KEY: &str = "rule";
        let Some(part @ ConfigPart { line, rule }) = &credential.config else { return };
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
        let others = self.count - usize::from(has_rule(Some(part)));
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

fn has_rule(part: Option<&ConfigPart>) -> bool {
    part.is_some_and(|part| !part.rule.is_empty())
}
