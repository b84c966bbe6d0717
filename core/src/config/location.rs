// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file of a user or of the system.

use crate::environment::variable;
use crate::error::ConfigError;
use crate::file::regular::system_text;
use std::ffi::{CStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

const SYSTEM_FILE: &str = "/etc/certpick/certpick.toml";

/// Returns the file that `CERTPICK_CONFIG` names. If the variable is not set, returns the first file
/// that exists of `$XDG_CONFIG_HOME/certpick/certpick.toml` (`~/.config/certpick/certpick.toml` if
/// the variable is not set to an absolute name) and `/etc/certpick/certpick.toml`, or `None`.
///
/// A variable with an unusable value is an error. The environment of a set-user-ID program is not
/// read.
pub fn default_path() -> Result<Option<PathBuf>, ConfigError> {
    find(variable, Path::new(SYSTEM_FILE))
}

/// Returns the files that [`default_path`] searches if `CERTPICK_CONFIG` is not set.
pub fn default_files() -> Result<Vec<PathBuf>, ConfigError> {
    files(variable, Path::new(SYSTEM_FILE))
}

fn find(
    variable: impl Fn(&CStr) -> Option<OsString>,
    system: &Path,
) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(value) = variable(c"CERTPICK_CONFIG") {
        let path = absolute("CERTPICK_CONFIG", value)?;
        return match path.metadata() {
            Ok(_) => Ok(Some(path)),
            Err(error) => Err(unreadable(&path, &error)),
        };
    }
    for path in files(variable, system)? {
        // A symbolic link to a file that does not exist is an error when it is read.
        match path.symlink_metadata() {
            Ok(_) => return Ok(Some(path)),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    Ok(None)
}

/// Returns the files of the user and of the system.
fn files(
    variable: impl Fn(&CStr) -> Option<OsString>,
    system: &Path,
) -> Result<Vec<PathBuf>, ConfigError> {
    let configurations = match variable(c"XDG_CONFIG_HOME").map(PathBuf::from) {
        Some(directory) if directory.is_absolute() => Some(directory),
        _ => match variable(c"HOME") {
            Some(home) => Some(absolute("HOME", home)?.join(".config")),
            None => None,
        },
    };
    let of_user = configurations.map(|directory| directory.join("certpick/certpick.toml"));
    Ok(of_user.into_iter().chain([system.to_owned()]).collect())
}

fn absolute(name: &'static str, value: OsString) -> Result<PathBuf, ConfigError> {
    let path = PathBuf::from(value);
    if path.is_absolute() {
        return Ok(path);
    }
    let why = "is set, but is not an absolute path".to_owned();
    Err(ConfigError::Variable { name, why })
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR))
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigError {
    ConfigError::File { file: path.to_owned(), why: system_text(error) }
}

#[cfg(test)]
mod tests;
