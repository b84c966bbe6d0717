// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options that say which credentials there are and how one is chosen, and the check that they
//! can be used.

pub mod absolute;
pub mod directory;
pub mod passwords;

use crate::failure::Failure;
use crate::inspect;
use certpick_core::Selector;
use certpick_core::list::{self, Entry, Passwords};
use clap::{Args, ValueEnum};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The options. (clap would call their group by the name of the type, as it does that of each
/// subcommand.)
#[derive(Args)]
#[group(skip)]
pub struct Options {
    /// Certificate files, separated by commas. A name that holds a comma
    /// is written between double quotes. Or a directory: each *.crt, *.pem
    /// and *.cer in it that has its key, in NAME.key or in its own file
    #[arg(long, value_name = "LIST", verbatim_doc_comment)]
    sslcert: OsString,

    /// Key files, entry N for certificate N. An empty entry, or no list:
    /// the key is in the certificate's own file. With a directory of
    /// certificates: that of their keys, if it is another
    #[arg(long, value_name = "LIST", verbatim_doc_comment)]
    sslkey: Option<OsString>,

    /// One password a line, line N for entry N, an empty line for none.
    /// The file's mode must be 0600, or 0640 if root owns it
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    sslpassword_file: Option<PathBuf>,

    /// Intermediates (PEM) that may fill gaps in the chains that are sent
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    issuers: Option<PathBuf>,

    /// For a server that names no CA: choose among all, send a certificate
    /// if there is only one, or send nothing (the default)
    #[arg(long, value_name = "accept|sole|none", default_value = "none")]
    #[arg(hide_possible_values = true, hide_default_value = true, verbatim_doc_comment)]
    pub empty_ca_list: EmptyCaList,

    /// Certificates that have expired, are not valid yet or are for other
    /// uses: only if no other suits (the default), or never
    #[arg(long, value_name = "demote|exclude", default_value = "demote")]
    #[arg(hide_possible_values = true, hide_default_value = true, verbatim_doc_comment)]
    pub flawed: Flawed,
}

/// As the setting `empty_ca_list`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EmptyCaList {
    None,
    Sole,
    Accept,
}

/// As the setting `flawed`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Flawed {
    Demote,
    Exclude,
}

/// Files that were looked at, all with absolute names.
pub struct Files {
    pub sslcert: Vec<u8>,
    pub sslkey: Option<Vec<u8>>,
    pub sslpasswordfile: Option<PathBuf>,
    pub issuers: Option<PathBuf>,
}

/// Where credentials are, as options name it.
pub struct Sources<'a> {
    pub sslcert: &'a OsStr,
    pub sslkey: Option<&'a OsStr>,
    pub password_file: Option<&'a Path>,
    pub issuers: Option<&'a Path>,
}

impl Options {
    /// Whether the lists are well formed and match, and every certificate can be read. Keys are
    /// not looked at: only that of the certificate that is sent is needed.
    pub fn files(&self) -> Result<Files, Failure> {
        let sources = Sources {
            sslcert: &self.sslcert,
            sslkey: self.sslkey.as_deref(),
            password_file: self.sslpassword_file.as_deref(),
            issuers: self.issuers.as_deref(),
        };
        let entries = if directory::is_directory(sources.sslcert) {
            sources.entries_of_directory()?
        } else {
            sources.selector()?.1
        };
        let lists = absolute::lists(&entries)?;
        Ok(Files {
            sslcert: lists.sslcert,
            sslkey: lists.sslkey,
            sslpasswordfile: sources.password_file.map(absolute_path).transpose()?,
            issuers: sources.issuers.map(absolute_path).transpose()?,
        })
    }
}

impl Sources<'_> {
    /// A selector with all of them, and the entries without their passwords. No key is read.
    pub fn selector(&self) -> Result<(Selector, Vec<Entry>), Failure> {
        let mut selector = Selector::new();
        let entries = if directory::is_directory(self.sslcert) {
            let entries = self.entries_of_directory()?;
            let lists = absolute::lists(&entries)?;
            selector
                .add_lists(&lists.sslcert, lists.sslkey.as_deref(), &Passwords::List(None))
                .map_err(Failure::new)?;
            entries
        } else {
            let sslcert = self.sslcert.as_bytes();
            let sslkey = self.sslkey.map(OsStrExt::as_bytes);
            let lines = self.password_file.map(passwords::read).transpose()?;
            let passwords = match &lines {
                Some(lines) => Passwords::Lines(lines),
                None => Passwords::List(None),
            };
            selector.add_lists(sslcert, sslkey, &passwords).map_err(Failure::new)?;
            list::entries(sslcert, sslkey, &Passwords::List(None)).map_err(Failure::new)?
        };
        if let Some(file) = self.issuers {
            selector.add_issuers(file).map_err(Failure::new)?;
        }
        Ok((selector, entries))
    }

    fn entries_of_directory(&self) -> Result<Vec<Entry>, Failure> {
        let directory = Path::new(self.sslcert);
        let keys = directory::keys(self.sslkey, self.password_file)?;
        let issuers = match self.issuers {
            Some(file) => inspect::issuers(file).map_err(Failure::new)?,
            None => Vec::new(),
        };
        let listing = directory::read(directory, keys, &issuers, &mut |_, _| {})?;
        listing.sound_entries(directory)
    }
}

/// The same file, wherever the program may go. No link is followed: files may be replaced.
pub fn absolute_path(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        Failure::new(format!(
            "the full name of \"{}\" is not to be found: {error}",
            certpick_core::error::file_name(path)
        ))
    })
}
