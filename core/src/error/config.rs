// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors in the configuration file, certpick.toml(5). They show no content of the file except the
//! name of an unknown key, because the file that was named may be a private key or a password file.

use super::{PatternError, Status, file_name};
use crate::text::Printable;
use std::fmt::{self, Write};
use std::path::PathBuf;

/// A position in the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

/// The configuration file cannot be found, read or used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// An environment variable that names the file, or its directory, has an unusable value.
    Variable {
        /// Its name.
        name: &'static str,
        /// A clause that follows the name.
        why: String,
    },
    /// The file cannot be read.
    File {
        /// The file.
        file: PathBuf,
        /// The system's error text, or a clause about the file, "it".
        why: String,
    },
    /// The content of the file is wrong.
    Content {
        /// The file.
        file: PathBuf,
        /// Where in the file.
        at: Position,
        /// What is wrong there.
        flaw: ConfigFlaw,
    },
}

/// A table of the configuration file, or the part before the first table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// The part before the first table.
    Top,
    /// `[[credential]]`.
    Credential,
}

/// The type of the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// A string.
    String,
    /// An array of strings.
    Strings,
    /// `true` or `false`.
    Boolean,
}

/// A mistake in the content of the configuration file. Keys are those of [`Table::keys`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigFlaw {
    /// A byte that is not UTF-8.
    Encoding,
    /// A byte order mark at the beginning.
    ByteOrderMark,
    /// The file is not TOML. The text names the token that is missing, if that is known.
    Syntax(Option<&'static str>),
    /// Brackets in each other.
    TooDeep,
    /// A key that the table does not have.
    UnknownKey {
        /// Its name; `None` if it may be something other than a name.
        name: Option<String>,
        /// The table.
        table: Table,
    },
    /// A table other than `[[credential]]`, or `credential` in another form.
    UnknownTable,
    /// A key with a dot.
    DottedKey(Table),
    /// A key that was set before in the same table.
    Duplicate(&'static str),
    /// A value of a wrong type.
    WrongType(&'static str, ValueType),
    /// An empty string or an empty array.
    Empty(&'static str, ValueType),
    /// A string with a control character.
    Control(&'static str),
    /// A list in `sslcert`.
    List,
    /// `certpick:` in `sslcert`.
    Nested,
    /// A file exists whose name looks like a URI.
    UriOrFile(&'static str),
    /// `hosts` or `users` contains a wrong pattern.
    Pattern(&'static str, PatternError),
    /// A `[[credential]]` without `sslcert`.
    NoCertificate,
    /// A file without `[[credential]]`.
    NoCredential,
}

impl Table {
    /// The keys of the table.
    pub const fn keys(self) -> &'static [(&'static str, ValueType)] {
        use ValueType::{Boolean, String, Strings};
        match self {
            Table::Top => &[("issuers", String)],
            Table::Credential => &[
                ("sslcert", String),
                ("sslkey", String),
                ("sslpasswordfile", String),
                ("hosts", Strings),
                ("users", Strings),
                ("verified", Boolean),
            ],
        }
    }

    /// Returns a clause that lists the keys.
    fn known_keys(self) -> String {
        let names: Vec<_> = self.keys().iter().map(|(name, _)| *name).collect();
        match self {
            Table::Top => {
                format!("the only key before the first [[credential]] is {}", names.join(", "))
            }
            Table::Credential => format!("the keys of [[credential]] are {}", names.join(", ")),
        }
    }
}

impl ConfigError {
    /// Returns the status of the C interface.
    pub fn status(&self) -> Status {
        match self {
            ConfigError::File { .. } => Status::File,
            ConfigError::Variable { .. } | ConfigError::Content { .. } => Status::Argument,
        }
    }

    fn write_words(&self, f: &mut impl Write) -> fmt::Result {
        match self {
            ConfigError::Variable { name, why } => write!(f, "{name} {why}"),
            ConfigError::File { file, why } => {
                write!(f, "could not read configuration file \"{}\": {why}", file_name(file))
            }
            ConfigError::Content { file, at, flaw } => write!(
                f,
                "configuration file \"{}\", line {}, column {}: {flaw}",
                file_name(file),
                at.line,
                at.column
            ),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_words(&mut Printable(f))
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigFlaw::Encoding => f.write_str("the file is not UTF-8"),
            ConfigFlaw::ByteOrderMark => {
                f.write_str("the file begins with a byte order mark; save it as UTF-8 without one")
            }
            ConfigFlaw::Syntax(None) => f.write_str("the file is not valid TOML"),
            ConfigFlaw::Syntax(Some(expected)) => {
                write!(f, "the file is not valid TOML; {expected} is missing")
            }
            ConfigFlaw::TooDeep => {
                f.write_str("a bracket is not closed, or brackets are nested too deeply")
            }
            ConfigFlaw::UnknownKey { name: Some(name), table } => {
                write!(f, "unknown key \"{name}\"; {}", table.known_keys())
            }
            ConfigFlaw::UnknownKey { name: None, table } => {
                write!(f, "unknown key; {}", table.known_keys())
            }
            ConfigFlaw::UnknownTable => f.write_str(
                "unknown table; write [[credential]] before the keys of each credential",
            ),
            ConfigFlaw::DottedKey(table) => {
                write!(f, "a key contains a dot; {}", table.known_keys())
            }
            ConfigFlaw::Duplicate(key) => write!(f, "{key} is set twice"),
            ConfigFlaw::WrongType(key, expected) => write!(
                f,
                "{key} must be {}",
                match expected {
                    ValueType::String => "a string",
                    ValueType::Strings => "an array of strings",
                    ValueType::Boolean => "true or false",
                }
            ),
            ConfigFlaw::Empty(key, ValueType::Strings) => {
                write!(f, "{key} is an empty array, which would match nothing")
            }
            ConfigFlaw::Empty(key, _) => write!(f, "{key} is empty"),
            ConfigFlaw::Control(key) => write!(f, "{key} contains a control character"),
            ConfigFlaw::List => f.write_str(
                "sslcert names several files; write a [[credential]] with its own sslcert for each",
            ),
            ConfigFlaw::Nested => f.write_str(
                "sslcert cannot name a configuration file; write ./ before the name of a file that \
                 begins with certpick:",
            ),
            ConfigFlaw::UriOrFile(key) => write!(
                f,
                "{key} looks like a URI, but is the name of a file; write ./ before the name, or \
                 remove the file"
            ),
            ConfigFlaw::Pattern(key, error) => write!(f, "{key}: {error}"),
            ConfigFlaw::NoCertificate => f.write_str("this [[credential]] has no sslcert"),
            ConfigFlaw::NoCredential => f.write_str("the file has no [[credential]]"),
        }
    }
}
