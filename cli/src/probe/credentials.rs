// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client credentials from which `certpick probe` chooses.

use super::Options;
use crate::credentials::{EmptyCaList, Flawed};
use crate::failure::Failure;
use certpick_core::choice;
use certpick_core::error::file_name;
use certpick_core::{FrozenSelector, Selector};
use std::sync::Arc;

pub struct Credentials {
    pub selector: Arc<FrozenSelector>,
    /// The names of the certificate files.
    pub files: Vec<String>,
}

impl Credentials {
    /// Returns the credentials of the options, if there are any.
    pub fn new(options: &Options) -> Result<Option<Credentials>, Failure> {
        let given = &options.credentials;
        if given.sslcert.is_none() && given.config.is_none() {
            return Ok(None);
        }
        let (mut selector, entries) = given.selector()?;
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
        let files = match given.config {
            Some(_) => selector.credentials().filter_map(|c| c.file().map(file_name)).collect(),
            None => entries.iter().map(|e| file_name(&e.certificate)).collect(),
        };
        Ok(Some(Credentials { selector, files }))
    }

    /// Returns the number and file name of a credential.
    pub fn name(&self, at: usize) -> String {
        let file = self.files.get(at).map_or("", String::as_str);
        format!("entry {} ({file})", at + 1)
    }
}

/// Returns an empty selector, which still records the server's request.
pub fn none() -> Result<Arc<FrozenSelector>, Failure> {
    Selector::new().freeze().map(Arc::new).map_err(Failure::new)
}
