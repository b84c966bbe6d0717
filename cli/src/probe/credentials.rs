// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client credentials from which `certpick probe` chooses.

use super::Options;
use crate::credentials::{EmptyCaList, Flawed};
use crate::failure::Failure;
use certpick_core::choice;
use certpick_core::error::file_name;
use certpick_core::{FrozenSelector, Selector};
use std::collections::HashMap;
use std::sync::Arc;

pub struct Credentials {
    pub selector: Arc<FrozenSelector>,
    /// The numbers of the entries, counted from 1.
    pub entries: Vec<usize>,
    /// The names of the certificate files or URIs.
    files: Vec<String>,
}

impl Credentials {
    /// Returns the credentials of the options, if there are any.
    pub fn new(options: &Options) -> Result<Option<Credentials>, Failure> {
        let given = &options.credentials;
        if given.sslcert.is_none() && given.config.is_none() {
            return Ok(None);
        }
        let mut selector = given.selector()?;
        let policy = selector.policy_mut();
        policy.empty_ca_list = match options.policy.empty_ca_list {
            Some(EmptyCaList::None) => choice::EmptyCaList::SendNone,
            // As `certpick run` does.
            None if given.config.is_some() => choice::EmptyCaList::SendNone,
            Some(EmptyCaList::Sole) => choice::EmptyCaList::Sole,
            Some(EmptyCaList::Accept) | None => choice::EmptyCaList::Accept,
        };
        policy.flawed = match options.policy.flawed {
            Flawed::Demote => choice::Flawed::Demote,
            Flawed::Exclude => choice::Flawed::Exclude,
        };
        let selector = Arc::new(selector.freeze().map_err(Failure::new)?);
        let entries: Vec<usize> =
            (0..selector.count()).map(|at| selector.entry_number(at)).collect();
        let files = selector.credentials().map(|c| c.file().map(file_name).unwrap_or_default());
        let files = with_numbers(&files.collect::<Vec<_>>(), &entries);
        Ok(Some(Credentials { selector, entries, files }))
    }

    /// Returns the entry number and the file name of a credential.
    pub fn name(&self, at: usize) -> String {
        let file = self.files.get(at).map_or("", String::as_str);
        format!("entry {} ({file})", self.entries.get(at).copied().unwrap_or_default())
    }
}

/// Adds to the name of each file that contains several credentials of one entry their numbers.
fn with_numbers(files: &[String], entries: &[usize]) -> Vec<String> {
    let keys: Vec<(usize, &str)> =
        files.iter().zip(entries).map(|(file, entry)| (*entry, file.as_str())).collect();
    let mut counts: HashMap<(usize, &str), usize> = HashMap::new();
    for key in &keys {
        *counts.entry(*key).or_default() += 1;
    }
    let mut numbers: HashMap<(usize, &str), usize> = HashMap::new();
    let mut names = Vec::with_capacity(files.len());
    for key in keys {
        let number = numbers.entry(key).or_default();
        *number += 1;
        names.push(match counts.get(&key) {
            Some(2..) => format!("{}, credential {number}", key.1),
            _ => key.1.to_owned(),
        });
    }
    names
}

/// Returns an empty selector, which still records the server's request.
pub fn none() -> Result<Arc<FrozenSelector>, Failure> {
    Selector::new().freeze().map(Arc::new).map_err(Failure::new)
}
