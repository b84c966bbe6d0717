// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client certificates of which one would be sent.

use super::Options;
use crate::credentials::{EmptyCaList, Flawed, Sources};
use crate::failure::Failure;
use certpick_core::choice;
use certpick_core::error::file_name;
use certpick_core::{FrozenSelector, Selector};
use std::sync::Arc;

/// See the module.
pub struct Credentials {
    pub selector: Arc<FrozenSelector>,
    /// The certificates' files.
    pub files: Vec<String>,
}

impl Credentials {
    /// Those of the options, if they name any.
    pub fn new(options: &Options) -> Result<Option<Credentials>, Failure> {
        let Some(sslcert) = options.sslcert.as_deref() else { return Ok(None) };
        let sources = Sources {
            sslcert,
            sslkey: options.sslkey.as_deref(),
            password_file: options.sslpassword_file.as_deref(),
            issuers: options.issuers.as_deref(),
        };
        let (mut selector, entries) = sources.selector()?;
        let policy = selector.policy_mut();
        policy.empty_ca_list = match options.empty_ca_list {
            EmptyCaList::None => choice::EmptyCaList::SendNone,
            EmptyCaList::Sole => choice::EmptyCaList::Sole,
            EmptyCaList::Accept => choice::EmptyCaList::Accept,
        };
        policy.flawed = match options.flawed {
            Flawed::Demote => choice::Flawed::Demote,
            Flawed::Exclude => choice::Flawed::Exclude,
        };
        Ok(Some(Credentials {
            selector: Arc::new(selector.freeze().map_err(Failure::new)?),
            files: entries.iter().map(|e| file_name(&e.certificate)).collect(),
        }))
    }

    /// An entry in words.
    pub fn name(&self, at: usize) -> String {
        let file = self.files.get(at).map_or("", String::as_str);
        format!("entry {} ({file})", at + 1)
    }
}

/// A selector of none, which sees what a server asks for all the same.
pub fn none() -> Result<Arc<FrozenSelector>, Failure> {
    Selector::new().freeze().map(Arc::new).map_err(Failure::new)
}
