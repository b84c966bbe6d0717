// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys of an sslkey list whose length differs from that of the sslcert list.

use super::{Keys, finding_key, public};
use crate::check::credential::Credential;
use crate::credentials::absolute;
use crate::report::{Level, Subject};
use certpick_core::error::{Cause, file_name};
use certpick_core::list;
use certpick_core::source::key;
use std::path::{Path, PathBuf};

/// Finds the certificate of each key. If every certificate has a key, adds lists that match.
pub fn report_unmatched(files: &[PathBuf], credentials: &[Credential], subject: &mut Subject) {
    const KEY: &str = "key_owner";
    let keys = Keys::new(credentials);
    let mut key_files: Vec<Option<&Path>> = vec![None; credentials.len()];
    for file in files {
        let name = file_name(file);
        match key::load(file, file, None, None) {
            Ok(key) => {
                let owners = public(&key).and_then(|k| keys.owners().certificates.get(&k));
                let owners = owners.map_or(&[][..], Vec::as_slice);
                for at in owners {
                    key_files[*at] = Some(file);
                }
                match owners {
                    [] => {
                        let text = format!("\"{name}\" matches none of the certificates");
                        subject.finding(KEY, Level::Warning, text);
                    }
                    [at, ..] => {
                        let text = format!("\"{name}\" is the key of {}", credentials[*at].name);
                        subject.finding(KEY, Level::Note, text);
                    }
                }
            }
            Err(Cause::PasswordMissing(_)) => {
                let text =
                    format!("\"{name}\" is encrypted, so its certificate cannot be determined");
                subject.finding(KEY, Level::Note, text);
            }
            Err(cause) => {
                subject.finding(finding_key(&cause), Level::Wrong, cause.to_string());
            }
        }
    }
    if key_files.iter().all(Option::is_some) {
        report_matching_lists(credentials, &key_files, subject);
    }
}

fn report_matching_lists(
    credentials: &[Credential],
    keys: &[Option<&Path>],
    subject: &mut Subject,
) {
    let entry = |(credential, key): (&Credential, &Option<&Path>)| list::Entry {
        certificate: credential.certificate.clone(),
        key: key.map(Path::to_owned),
        password: None,
    };
    let entries: Vec<list::Entry> = credentials.iter().zip(keys).map(entry).collect();
    let Ok(lists) = absolute::lists(&entries) else { return };
    let Some((sslcert, sslkey)) = lists.text() else { return };
    subject.fact("sslcert", "matching sslcert", sslcert);
    subject.fact("sslkey", "matching sslkey", sslkey.unwrap_or_default());
}
