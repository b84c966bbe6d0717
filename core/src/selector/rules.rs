// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of the credentials of a selector.

use crate::choice::RuleMatch;
use crate::rule::{Rule, Target};
use std::sync::Arc;

/// The rules of the credentials of one group, by their numbers in the group; empty if no credential has a
/// rule.
#[derive(Clone, Debug, Default)]
pub struct GroupRules(Arc<[Rule]>);

impl GroupRules {
    /// The rules of a configuration file.
    pub fn of(rules: Arc<[Rule]>) -> GroupRules {
        GroupRules(rules)
    }

    /// Returns the rule of a credential of a group with `count` credentials.
    pub fn get_mut(&mut self, number: usize, count: usize) -> Option<&mut Rule> {
        if self.0.is_empty() {
            self.0 = (0..count).map(|_| Rule::default()).collect();
        }
        Arc::make_mut(&mut self.0).get_mut(number)
    }

    /// Returns the rule of a credential.
    pub fn get(&self, number: usize) -> Option<&Rule> {
        self.0.get(number)
    }

    /// Returns whether a credential has a rule.
    pub fn has_rules(&self) -> bool {
        self.0.iter().any(|rule| !rule.is_empty())
    }
}

/// Compares the rules of all groups, each given with its number of credentials, with a target. Returns the
/// outcomes by the number of the credential.
pub fn match_all<'a>(
    groups: impl Iterator<Item = (usize, &'a GroupRules)>,
    target: &Target,
) -> Vec<RuleMatch> {
    let host = target.host();
    let mut matches = Vec::new();
    for (count, rules) in groups {
        let end = matches.len() + count;
        matches.extend(rules.0.iter().map(|rule| rule.matches_host(target, host)));
        matches.resize(end, RuleMatch::default());
    }
    matches
}
