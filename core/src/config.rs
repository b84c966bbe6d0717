// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file, certpick.toml(5): credentials with rules, in the order of preference.
//!
//! The file decides which credential goes to which server. It is therefore refused as a whole if
//! anything in it is unknown or wrong: a rule that is passed over leaves a credential that may go to
//! every server.

mod document;
mod location;
mod names;
mod schema;
#[cfg(test)]
mod tests;

pub use location::{default_files, default_path};

use crate::error::ConfigError;
use crate::file::regular::{self, system_text};
use crate::file::stamp::{CoarseTime, Stamp};
use crate::file::{trusted, unchanged_stamp};
use crate::rule::Rule;
use std::path::{Path, PathBuf};

/// The maximum size of the file.
pub const MAX_BYTES: u64 = 1 << 20;

/// The content of a configuration file. Names of files are relative to its directory, and already
/// joined to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file of intermediates.
    pub issuers: Option<PathBuf>,
    /// The credentials in the order of the file; never empty.
    pub credentials: Vec<ConfigCredential>,
}

/// One `[[credential]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigCredential {
    /// A file, a directory or a URI.
    pub sslcert: PathBuf,
    /// A file or a URI; `None`: the key is where the certificate is.
    pub sslkey: Option<PathBuf>,
    /// A file with the password in its first line.
    pub sslpasswordfile: Option<PathBuf>,
    /// The rule.
    pub rule: Rule,
    /// The line of `[[credential]]`, counted from 1.
    pub line: usize,
}

impl Config {
    /// Returns the configuration in `content`. `file` is the absolute name of the file that has the
    /// content; it is not opened.
    pub fn parse(file: &Path, content: &[u8]) -> Result<Config, ConfigError> {
        schema::config(content, directory(file)).map_err(|(at, flaw)| ConfigError::Content {
            file: file.to_owned(),
            at,
            flaw,
        })
    }
}

/// A configuration file that was read.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
    config: Config,
    /// `None` if a change might not show in the stamp.
    stamp: Option<Stamp>,
    /// The effective user when the file was read, whose file it may be.
    user: libc::uid_t,
}

impl ConfigFile {
    /// Reads a regular file of at most [`MAX_BYTES`], which root or the effective user owns and neither group
    /// nor world may write. A symbolic link is followed, and the file that was opened is checked.
    pub fn read(path: &Path) -> Result<ConfigFile, ConfigError> {
        let failure = |why| ConfigError::File { file: path.to_owned(), why };
        if path.as_os_str().is_empty() {
            return Err(failure("its name is empty".to_owned()));
        }
        let absolute = std::path::absolute(path).map_err(|error| failure(system_text(&error)))?;
        let start = CoarseTime::now();
        let user = trusted::effective_user();
        let (file, before) = regular::open(&absolute).map_err(|error| failure(error.text()))?;
        trusted::check(&before).map_err(|distrust| failure(distrust.to_string()))?;
        let (content, after) =
            regular::read_all(&file, &before, MAX_BYTES).map_err(|error| failure(error.text()))?;
        let config = Config::parse(&absolute, &content)?;
        let stamp = unchanged_stamp(&before, &after, &start);
        Ok(ConfigFile { path: absolute, config, stamp, user })
    }

    /// Returns whether the file is as it was when it was read, and the effective user is the same.
    pub fn is_current(&self) -> bool {
        let now = || self.path.metadata().ok().map(|metadata| Stamp::of(&metadata));
        self.user == trusted::effective_user() && self.stamp.is_some() && self.stamp == now()
    }

    /// Returns the absolute name of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the directory to which the names in the file are relative.
    pub fn directory(&self) -> &Path {
        directory(&self.path)
    }

    /// Returns the content.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

fn directory(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}
