// SPDX-License-Identifier: MIT OR Apache-2.0
//! The settings in the provider's section of openssl.cnf.
//!
//! They are copied when the module is loaded. The first error is stored, and reported when a
//! certificate is needed.

use super::core::Core;
use certpick_core::choice::{EmptyCaList, Flawed, Policy};
use certpick_core::error::{Error, file_name};
use certpick_core::file::private;
use certpick_core::list::Passwords;
use certpick_core::selector::{FrozenSelector, Selector};
use certpick_core::source::Accepts;
use certpick_core::text::excerpt;
use std::ffi::{CStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The settings of the module, without OpenSSL's own.
const NAMES: [&CStr; 11] = [
    c"config",
    c"sslcert",
    c"sslkey",
    c"sslpassword",
    c"sslpasswordfile",
    c"issuers",
    c"empty_ca_list",
    c"flawed",
    c"only",
    c"explain",
    c"explain_file",
];

/// The connections for which the module chooses a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    All,
    Libpq,
}

/// When an explanation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    Never,
    Failure,
    Always,
}

/// The settings.
pub struct Settings {
    /// The name of the provider in OpenSSL.
    pub provider: Vec<u8>,
    config: Option<PathBuf>,
    sslcert: Option<Vec<u8>>,
    sslkey: Option<Vec<u8>>,
    sslpassword: Option<Zeroizing<Vec<u8>>>,
    sslpasswordfile: Option<PathBuf>,
    issuers: Option<PathBuf>,
    policy: Policy,
    pub only: Only,
    pub explain: Explain,
    pub explain_file: Option<PathBuf>,
    /// The first error.
    fault: Option<String>,
}

fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

impl Settings {
    /// Copies the settings from OpenSSL.
    pub fn read(core: &Core<'_>) -> Settings {
        Settings::from_values(&|name| core.setting(name))
    }

    /// Makes settings of the values of their names.
    pub fn from_values(value: &dyn Fn(&'static CStr) -> Option<Vec<u8>>) -> Settings {
        let text = |name| value(name).filter(|v| !v.is_empty());
        let mut fault = None;
        let mut settings = Settings {
            provider: value(c"provider-name").unwrap_or_default(),
            config: text(c"config").map(path),
            sslcert: text(c"sslcert"),
            sslkey: text(c"sslkey"),
            sslpassword: text(c"sslpassword").map(Zeroizing::new),
            sslpasswordfile: text(c"sslpasswordfile").map(path),
            issuers: text(c"issuers").map(path),
            policy: Policy::default(),
            only: one_of(
                value,
                c"only",
                Only::All,
                &[("all", Only::All), ("libpq", Only::Libpq)],
                &mut fault,
            ),
            explain: one_of(
                value,
                c"explain",
                Explain::Never,
                &[
                    ("never", Explain::Never),
                    ("failure", Explain::Failure),
                    ("always", Explain::Always),
                ],
                &mut fault,
            ),
            explain_file: text(c"explain_file").map(path),
            fault: None,
        };
        // The user has not chosen the server for these certificates, so a server that names no CA
        // gets none.
        settings.policy.empty_ca_list = one_of(
            value,
            c"empty_ca_list",
            EmptyCaList::SendNone,
            &[
                ("none", EmptyCaList::SendNone),
                ("sole", EmptyCaList::Sole),
                ("accept", EmptyCaList::Accept),
            ],
            &mut fault,
        );
        settings.policy.flawed = one_of(
            value,
            c"flawed",
            Flawed::Demote,
            &[("demote", Flawed::Demote), ("exclude", Flawed::Exclude)],
            &mut fault,
        );
        if settings.config.is_some() {
            let lists = [c"sslcert", c"sslkey", c"sslpassword", c"sslpasswordfile", c"issuers"];
            if let Some(name) = lists.into_iter().find(|name| text(name).is_some()) {
                let name = name.to_string_lossy();
                fault.get_or_insert(format!("config and {name} are both set"));
            }
        } else if settings.sslcert.is_none() {
            fault.get_or_insert("neither config nor sslcert is set".to_owned());
        }
        if settings.sslpassword.is_some() && settings.sslpasswordfile.is_some() {
            fault.get_or_insert("sslpassword and sslpasswordfile are both set".to_owned());
        }
        if settings.explain != Explain::Never && settings.explain_file.is_none() {
            fault.get_or_insert("explain is set, but explain_file is not".to_owned());
        }
        settings.fault = fault;
        settings
    }

    /// Creates the selector of an SSL_CTX and reads the certificates.
    pub fn selector(&self) -> Result<FrozenSelector, Error> {
        if let Some(fault) = &self.fault {
            return Err(Error::Settings(fault.clone()));
        }
        super::config::check_settings(&self.provider, &NAMES).map_err(Error::Settings)?;
        let mut selector = Selector::new();
        *selector.policy_mut() = self.policy;
        if let Some(file) = &self.config {
            selector.add_config(file)?;
            return selector.freeze();
        }
        let lines;
        let passwords = match &self.sslpasswordfile {
            Some(file) => {
                lines = private::read(file).map_err(|refusal| {
                    Error::Settings(format!(
                        "sslpasswordfile \"{}\" {}",
                        file_name(file),
                        refusal.predicate()
                    ))
                })?;
                Passwords::Lines(&lines)
            }
            None => Passwords::List(self.sslpassword.as_ref().map(|p| p.as_slice())),
        };
        let sslcert = self.sslcert.as_deref().unwrap_or_default();
        selector.add_lists(sslcert, self.sslkey.as_deref(), &passwords, Accepts::Any)?;
        if let Some(file) = &self.issuers {
            selector.add_issuers(file)?;
        }
        selector.freeze()
    }
}

/// Returns the value that a word stands for, or `default` if the setting is missing.
fn one_of<T: Copy>(
    value: &dyn Fn(&'static CStr) -> Option<Vec<u8>>,
    name: &'static CStr,
    default: T,
    values: &[(&str, T)],
    fault: &mut Option<String>,
) -> T {
    let Some(word) = value(name) else { return default };
    match values.iter().find(|(known, _)| known.as_bytes() == word) {
        Some((_, value)) => *value,
        None => {
            let known: Vec<&str> = values.iter().map(|(word, _)| *word).collect();
            fault.get_or_insert(format!(
                "invalid {} value: \"{}\" (must be one of: {})",
                name.to_string_lossy(),
                excerpt(&word),
                known.join(", ")
            ));
            default
        }
    }
}
