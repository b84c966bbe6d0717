// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys in a list that does not match that of the certificates.

use super::{Keys, finding_key, public};
use crate::check::entry::Entry;
use crate::credentials::absolute;
use crate::inspect;
use crate::report::{Level, Subject};
use certpick_core::error::{Cause, file_name};
use certpick_core::list;
use std::path::{Path, PathBuf};

/// Keys that the lists name, but that have no certificate by their place: whose are they?
pub fn tell_unmatched(files: &[PathBuf], entries: &[Entry], subject: &mut Subject) {
    const KEY: &str = "key_owner";
    let keys = Keys::new(entries);
    let mut of_entry: Vec<Option<&Path>> = vec![None; entries.len()];
    for file in files {
        let name = file_name(file);
        match inspect::private_key(file, None) {
            Ok(key) => {
                let owners = public(&key).and_then(|k| keys.owners().certificates.get(&k));
                let owners = owners.map_or(&[][..], Vec::as_slice);
                for at in owners {
                    of_entry[*at] = Some(file);
                }
                match owners {
                    [] => {
                        let text = format!("\"{name}\" is the key of none of the certificates");
                        subject.finding(KEY, Level::Warning, text);
                    }
                    [at, ..] => {
                        let text = format!("\"{name}\" is the key of {}", entries[*at].name);
                        subject.finding(KEY, Level::Note, text);
                    }
                }
            }
            Err(Cause::PasswordMissing(_)) => {
                let text = format!("\"{name}\" is encrypted, so whose it is cannot be told");
                subject.finding(KEY, Level::Note, text);
            }
            Err(cause) => {
                subject.finding(finding_key(&cause), Level::Wrong, cause.to_string());
            }
        }
    }
    if of_entry.iter().all(Option::is_some) {
        tell_matching_lists(entries, &of_entry, subject);
    }
}

fn tell_matching_lists(entries: &[Entry], keys: &[Option<&Path>], subject: &mut Subject) {
    let entry = |(entry, key): (&Entry, &Option<&Path>)| list::Entry {
        certificate: entry.certificate.clone(),
        key: key.map(Path::to_owned),
        password: None,
    };
    let entries: Vec<list::Entry> = entries.iter().zip(keys).map(entry).collect();
    let Ok(lists) = absolute::lists(&entries) else { return };
    let Some((sslcert, sslkey)) = lists.text() else { return };
    subject.fact("sslcert", "these match: sslcert", sslcert);
    subject.fact("sslkey", "sslkey", sslkey.unwrap_or_default());
}
