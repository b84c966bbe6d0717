// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options that name client certificates and their keys.

pub mod absolute;
pub mod directory;
pub mod passwords;

use crate::certificate_file;
use crate::failure::Failure;
use certpick_core::Selector;
use certpick_core::error::{Error, file_name};
use certpick_core::list::{self, Entry, Passwords};
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
    /// Certificate files, separated by commas. Write a name that contains a
    /// comma between double quotes. A directory stands for each *.crt, *.pem
    /// and *.cer file in it whose key is in NAME.key or in the same file
    #[arg(long, value_name = "LIST|DIR", verbatim_doc_comment)]
    pub sslcert: Option<OsString>,

    /// Key files, entry N for certificate N. If an entry is empty or the
    /// option is missing, the key is in the certificate file. If --sslcert
    /// is a directory, another directory that contains the keys
    #[arg(long, value_name = "LIST|DIR", verbatim_doc_comment, requires = "sslcert")]
    pub sslkey: Option<OsString>,

    /// File with one password per line, line N for entry N; an empty line
    /// means no password. Its mode must be 0600 or less, or 0640 or less if
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
        add_config(&mut Selector::new(), file)?;
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
        let entries = if directory::is_directory(self.sslcert()) {
            self.directory_entries()?
        } else {
            self.selector()?.1
        };
        let lists = absolute::lists(&entries)?;
        Ok(FileSettings {
            config: None,
            sslcert: Some(lists.sslcert),
            sslkey: lists.sslkey,
            sslpasswordfile: self.sslpassword_file.as_deref().map(absolute_path).transpose()?,
            issuers: self.issuers.as_deref().map(absolute_path).transpose()?,
        })
    }

    /// Returns a selector with all credentials, and the list entries without passwords (none with a
    /// configuration file). No key is read.
    pub fn selector(&self) -> Result<(Selector, Vec<Entry>), Failure> {
        let mut selector = Selector::new();
        if let Some(file) = &self.config {
            add_config(&mut selector, file)?;
            return Ok((selector, Vec::new()));
        }
        let entries = if directory::is_directory(self.sslcert()) {
            let entries = self.directory_entries()?;
            let lists = absolute::lists(&entries)?;
            selector
                .add_lists(
                    &lists.sslcert,
                    lists.sslkey.as_deref(),
                    &Passwords::List(None),
                    Accepts::Any,
                )
                .map_err(Failure::new)?;
            entries
        } else {
            let sslcert = self.sslcert().as_bytes();
            let sslkey = self.sslkey.as_deref().map(OsStrExt::as_bytes);
            let lines = self.sslpassword_file.as_deref().map(passwords::read).transpose()?;
            let passwords = match &lines {
                Some(lines) => Passwords::Lines(lines),
                None => Passwords::List(None),
            };
            selector.add_lists(sslcert, sslkey, &passwords, Accepts::Any).map_err(Failure::new)?;
            list::entries(sslcert, sslkey, &Passwords::List(None)).map_err(Failure::new)?
        };
        if let Some(file) = &self.issuers {
            selector.add_issuers(file).map_err(Failure::new)?;
        }
        Ok((selector, entries))
    }

    fn directory_entries(&self) -> Result<Vec<Entry>, Failure> {
        let directory = Path::new(self.sslcert());
        let issuers = match &self.issuers {
            Some(file) => certificate_file::issuers(file).map_err(Failure::new)?,
            None => Vec::new(),
        };
        let listing = directory::read(directory, self.key_directory()?, &issuers, &mut |_, _| {})?;
        listing.valid_entries(directory)
    }

    /// Returns the value of `--sslkey` if `--sslcert` is a directory.
    pub fn key_directory(&self) -> Result<Option<&Path>, Failure> {
        if self.sslpassword_file.is_some() {
            return Err(Failure::new(
                "--sslpassword-file cannot be used if --sslcert is a directory, because its files \
                 have no numbers; name the files in lists instead",
            ));
        }
        match self.sslkey.as_deref().filter(|k| !k.is_empty()).map(Path::new) {
            Some(other) if !other.is_dir() => Err(Failure::new(format!(
                "--sslcert is a directory, so --sslkey must be a directory, and \"{}\" is not",
                certpick_core::error::file_name(other)
            ))),
            keys => Ok(keys),
        }
    }
}

/// Adds the credentials of a configuration file. The error names it.
fn add_config(selector: &mut Selector, file: &Path) -> Result<(), Failure> {
    selector.add_config(file).map_err(|error| match error {
        Error::Config(error) => Failure::new(error),
        other => {
            let file = file_name(file);
            Failure::new(format!("configuration file \"{file}\": {other}"))
        }
    })
}

/// Returns the absolute name of a file. Symbolic links are not resolved, because their targets may
/// be replaced later.
pub fn absolute_path(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        let name = certpick_core::error::file_name(path);
        Failure::new(format!("could not determine the absolute name of \"{name}\": {error}"))
    })
}
