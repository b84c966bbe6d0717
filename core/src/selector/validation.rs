// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks every credential of a selector.

use crate::credential::{Credential, Group};
use crate::error::{Cause, Error, Problem};
use crate::source::password::PasswordCallback;
use crate::source::watched::{FileCheck, FileCheckError};
use std::sync::Arc;

/// A snapshot of the credentials of a selector. Validating calls the program's password callback, during
/// which no lock may be held, so it works on a snapshot.
pub struct Validation {
    pub(super) groups: Vec<Arc<Group>>,
    pub(super) callback: Option<PasswordCallback>,
    pub(super) use_cache: bool,
}

impl Validation {
    /// Decodes every certificate, loads every key, and checks that they match. Reports all failures, not
    /// only the first one.
    pub fn run(&self) -> Result<(), Error> {
        let check = |credential: Credential<'_>| {
            credential.check_file(FileCheck::Readable).map_err(|error| match error {
                FileCheckError::Changed => Cause::Refused(Problem::Replaced.into()),
                FileCheckError::Cause(cause) => cause,
            })?;
            for certificate in credential.extra() {
                credential.decoded(certificate)?;
            }
            credential.key(self.callback.as_ref(), self.use_cache)
        };
        let mut failures = Vec::new();
        let mut before = 0;
        for group in &self.groups {
            for credential in group.credentials() {
                if let Err(cause) = check(credential) {
                    failures.push(Error::Entry { number: before + credential.entry() + 1, cause });
                }
            }
            before += group.entries();
        }
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Error::Several(failures)),
        }
    }
}
