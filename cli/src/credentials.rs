// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options that name client certificates and their keys.

pub mod absolute;
pub mod passwords;

use crate::failure::Failure;
use certpick_core::Selector;
use certpick_core::error::{Cause, Error, Problem, StoreFlaw, file_name};
use certpick_core::list::{self, Passwords};
use certpick_core::source::Accepts;
use clap::{Args, ValueEnum};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The options of all subcommands that name credentials. Without `group(skip)` clap would name the
/// argument group after the type, as it names those of the subcommands.
#[derive(Args)]
#[group(skip)]
pub struct CredentialOptions {
    /// Entries separated by commas: a PEM or PKCS#12 file, a directory with
    /// certificates and keys, a URI (pkcs11: or handle:), or certpick:FILE
    /// for a configuration file. Write an entry that contains a comma between
    /// double quotes
    #[arg(long, value_name = "LIST", verbatim_doc_comment)]
    pub sslcert: Option<OsString>,

    /// Key files or URIs, entry N for entry N of --sslcert. If an entry is
    /// empty or the option is missing, the key is where the certificate is.
    /// For a directory, another directory that contains the keys
    #[arg(long, value_name = "LIST", verbatim_doc_comment, requires = "sslcert")]
    pub sslkey: Option<OsString>,

    /// File with one password or PIN per line, line N for entry N; an empty
    /// line means no password. The password of a directory is that of all of
    /// its files. The file's mode must be 0600 or less, or 0640 or less if
    /// root owns it
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub sslpassword_file: Option<PathBuf>,

    /// Intermediates (PEM) that may complete the chain of a certificate
    #[arg(long, value_name = "FILE")]
    pub issuers: Option<PathBuf>,

    /// Configuration file with the credentials and their rules, instead of
    /// the lists; see certpick.toml(5)
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    #[arg(conflicts_with_all = ["sslcert", "sslkey", "sslpassword_file", "issuers"])]
    pub config: Option<PathBuf>,
}

/// The options that control the choice of a credential.
#[derive(Args)]
#[group(skip)]
pub struct PolicyOptions {
    /// What to send if the server names no CA: a choice among all
    /// certificates (accept), the certificate if there is only one (sole),
    /// or none. The default is accept for probe with --sslcert, as in libpq,
    /// and otherwise none. A certificate whose rule names the host is sent
    /// in any case
    #[arg(long, value_name = "accept|sole|none", verbatim_doc_comment)]
    #[arg(hide_possible_values = true)]
    pub empty_ca_list: Option<EmptyCaList>,

    /// Whether to send a certificate that is expired, not yet valid or not
    /// for TLS clients: only if no other certificate fits (demote, the
    /// default) or never (exclude)
    #[arg(long, value_name = "demote|exclude", default_value = "demote")]
    #[arg(hide_possible_values = true, hide_default_value = true, verbatim_doc_comment)]
    pub flawed: Flawed,
}

/// Values of the setting `empty_ca_list`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EmptyCaList {
    None,
    Sole,
    Accept,
}

/// Values of the setting `flawed`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Flawed {
    Demote,
    Exclude,
}

/// The settings that name files, with absolute names.
#[derive(Default)]
pub struct FileSettings {
    pub config: Option<PathBuf>,
    pub sslcert: Option<Vec<u8>>,
    pub sslkey: Option<Vec<u8>>,
    pub sslpasswordfile: Option<PathBuf>,
    pub issuers: Option<PathBuf>,
}

impl FileSettings {
    /// Checks a configuration file and reads every certificate. Keys are not read.
    pub fn of_config(file: &Path) -> Result<FileSettings, Failure> {
        if let Err(error) = Selector::new().add_config(file) {
            if !needs_configuration(&error) {
                return Err(config_failure(file, error));
            }
        }
        Ok(FileSettings { config: Some(absolute_path(file)?), ..FileSettings::default() })
    }
}

impl CredentialOptions {
    /// Returns the value of `--sslcert`; empty if it is missing.
    pub fn sslcert(&self) -> &OsStr {
        self.sslcert.as_deref().unwrap_or_default()
    }

    /// Checks the lists and reads every certificate. Keys are not read: the program needs only the
    /// key of the certificate that is sent.
    pub fn file_settings(&self) -> Result<FileSettings, Failure> {
        if let Some(file) = &self.config {
            return FileSettings::of_config(file);
        }
        let sslcert = self.sslcert().as_bytes();
        let sslkey = self.sslkey.as_deref().map(OsStrExt::as_bytes);
        let lines = self.sslpassword_file.as_deref().map(passwords::read).transpose()?;
        let passwords = lines.as_ref().map_or(Passwords::List(None), |l| Passwords::Lines(l));
        let entries = list::entries(sslcert, sslkey, &passwords).map_err(Failure::new)?;
        let lists = absolute::lists(&entries)?;
        let mut unread = 0;
        let mut selector = Selector::new();
        for list::Entry { certificate, key, password } in entries {
            match selector.add_entry(certificate, key, password, Accepts::Any) {
                Err(error) if needs_configuration(&error) => unread += 1,
                Err(Error::Entry { number, cause }) => {
                    return Err(Failure::new(Error::Entry { number: number + unread, cause }));
                }
                result => result.map_err(Failure::new)?,
            }
        }
        if let Some(file) = &self.issuers {
            selector.add_issuers(file).map_err(Failure::new)?;
        }
        Ok(FileSettings {
            config: None,
            sslcert: Some(lists.sslcert),
            sslkey: lists.sslkey,
            sslpasswordfile: self.sslpassword_file.as_deref().map(absolute_path).transpose()?,
            issuers: self.issuers.as_deref().map(absolute_path).transpose()?,
        })
    }

    /// Returns a selector with all credentials. No key is read.
    pub fn selector(&self) -> Result<Selector, Failure> {
        let mut selector = Selector::new();
        if let Some(file) = &self.config {
            selector.add_config(file).map_err(|error| config_failure(file, error))?;
            return Ok(selector);
        }
        let sslkey = self.sslkey.as_deref().map(OsStrExt::as_bytes);
        let lines = self.sslpassword_file.as_deref().map(passwords::read).transpose()?;
        let passwords = lines.as_ref().map_or(Passwords::List(None), |l| Passwords::Lines(l));
        selector
            .add_lists(self.sslcert().as_bytes(), sslkey, &passwords, Accepts::Any)
            .map_err(Failure::new)?;
        if let Some(file) = &self.issuers {
            selector.add_issuers(file).map_err(Failure::new)?;
        }
        Ok(selector)
    }
}

/// Returns whether an entry may be usable in a program that loads OpenSSL's configuration, which
/// `certpick run` itself does not: it is in a token, or needs the legacy provider.
fn needs_configuration(error: &Error) -> bool {
    let Error::Entry { cause, .. } = error else { return false };
    match cause {
        Cause::Store(_, flaw) => *flaw == StoreFlaw::NotServed,
        Cause::Certificate { why, .. } => {
            *why == Problem::UnsupportedEncryption { is_legacy: true, lacks_default: false }
                .to_string()
        }
        _ => false,
    }
}

/// Returns the error about a configuration file, with its name.
fn config_failure(file: &Path, error: Error) -> Failure {
    match error {
        Error::Config(error) => Failure::new(error),
        other => {
            let file = file_name(file);
            Failure::new(format!("configuration file \"{file}\": {other}"))
        }
    }
}

/// Returns the absolute name of a file. Symbolic links are not resolved, because their targets may
/// be replaced later.
pub fn absolute_path(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        let name = certpick_core::error::file_name(path);
        Failure::new(format!("could not determine the absolute name of \"{name}\": {error}"))
    })
}
