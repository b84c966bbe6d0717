// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of the entries of a selector.

use crate::choice::RuleMatch;
use crate::credential::Group;
use crate::rule::{Rule, Target};
use std::sync::Arc;

/// The rules of the entries of one group, by their indices in the group; empty if no entry has a rule. All
/// credentials of an entry have its rule, also those that a directory gains later.
#[derive(Clone, Debug, Default)]
pub struct GroupRules(Arc<[Rule]>);

impl GroupRules {
    /// The rules of a configuration file.
    pub fn of(rules: Arc<[Rule]>) -> GroupRules {
        GroupRules(rules)
    }

    /// Returns the rule of an entry of a group with `count` entries.
    pub fn get_mut(&mut self, entry: usize, count: usize) -> Option<&mut Rule> {
        if self.0.is_empty() {
            self.0 = (0..count).map(|_| Rule::default()).collect();
        }
        Arc::make_mut(&mut self.0).get_mut(entry)
    }

    /// Returns the rule of an entry.
    pub fn get(&self, entry: usize) -> Option<&Rule> {
        self.0.get(entry)
    }

    /// Returns whether an entry has a rule.
    pub fn has_rules(&self) -> bool {
        self.0.iter().any(|rule| !rule.is_empty())
    }
}

/// Compares the rules of all groups with a target. Returns the outcomes by the number of the credential.
pub fn match_all(groups: &[Arc<Group>], rules: &[GroupRules], target: &Target) -> Vec<RuleMatch> {
    let host = target.host();
    let mut matches = Vec::new();
    for (group, rules) in groups.iter().zip(rules) {
        let start = matches.len();
        matches.extend(rules.0.iter().map(|rule| rule.matches_host(target, host)));
        // Usually each entry is one credential.
        if group.entries() != group.len() {
            let of_entries = matches.split_off(start);
            for (outcome, size) in of_entries.into_iter().zip(group.entry_sizes()) {
                matches.extend(std::iter::repeat_n(outcome, size));
            }
        }
        matches.resize(start + group.len(), RuleMatch::default());
    }
    matches
}
