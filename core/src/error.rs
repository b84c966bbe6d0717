// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors as types that hold the facts, and their texts, which are made here alone. The texts about
//! certificate and key files are libpq's. No error contains a password.

mod cause;
mod config;
mod pattern;
mod uri;

use crate::text::Printable;
pub use cause::{Cause, PRIVATE_FILE_RULE, Problem, file_name};
pub use config::{ConfigError, ConfigFlaw, Position, Table, ValueType};
pub use pattern::{PatternError, PatternFlaw};
use std::fmt::{self, Write};
pub use uri::{StoreFlaw, UriFlaw};

/// The status that a function of the C interface returns; the numbers are part of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(missing_docs)] // described at the constants in `capi`
pub enum Status {
    Ok = 0,
    Argument = 1,
    Memory = 2,
    Internal = 3,
    Frozen = 4,
    List = 5,
    File = 6,
    Certificate = 7,
    KeyPermissions = 8,
    Key = 9,
    PasswordMissing = 10,
    PasswordWrong = 11,
    KeyMismatch = 12,
    OpenSsl = 13,
    OpenSslVersion = 14,
    NoneSuitable = 15,
}

impl Status {
    /// Every status, in the order of the numbers.
    pub const ALL: [Status; 16] = [
        Status::Ok,
        Status::Argument,
        Status::Memory,
        Status::Internal,
        Status::Frozen,
        Status::List,
        Status::File,
        Status::Certificate,
        Status::KeyPermissions,
        Status::Key,
        Status::PasswordMissing,
        Status::PasswordWrong,
        Status::KeyMismatch,
        Status::OpenSsl,
        Status::OpenSslVersion,
        Status::NoneSuitable,
    ];

    /// Returns a short text, which is also the reason string in OpenSSL's error queue.
    pub fn text(self) -> &'static std::ffi::CStr {
        match self {
            Status::Ok => c"success",
            Status::Argument => c"invalid argument",
            Status::Memory => c"out of memory",
            Status::Internal => c"internal error in certpick",
            Status::Frozen => c"selector is attached or in use and can no longer be changed",
            Status::List => c"certificate list is not well formed",
            Status::File => c"file could not be read",
            Status::Certificate => c"file holds no usable certificate",
            Status::KeyPermissions => c"private key file has group or world access",
            Status::Key => c"private key could not be loaded",
            Status::PasswordMissing => c"private key is encrypted and no password was given",
            Status::PasswordWrong => c"private key could not be decrypted with the password",
            Status::KeyMismatch => c"certificate does not match private key",
            Status::OpenSsl => c"unexpected error in OpenSSL",
            Status::OpenSslVersion => c"built for another major version of OpenSSL",
            Status::NoneSuitable => c"no suitable client certificate",
        }
    }

    /// Returns the status with this number.
    pub fn from_number(number: i32) -> Option<Status> {
        Status::ALL.into_iter().find(|s| *s as i32 == number)
    }
}

/// A connection parameter of libpq that holds a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Parameter {
    SslCert,
    SslKey,
    SslPassword,
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Parameter::SslCert => "sslcert",
            Parameter::SslKey => "sslkey",
            Parameter::SslPassword => "sslpassword",
        })
    }
}

/// A syntax error in one entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// An empty entry of sslcert.
    Empty,
    /// A quoted entry without a closing quote.
    UnclosedQuote,
    /// Text between the closing quote and the next comma.
    TextAfterQuote,
    /// A NUL byte, which neither a file name nor a C string can contain.
    NulByte,
}

/// An error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A mistake of the caller; the text says which.
    Argument(&'static str),
    /// A pattern of a rule.
    Pattern(PatternError),
    /// The selector has been attached.
    Frozen,
    /// A syntax error in one entry of a list.
    Grammar {
        /// The list.
        parameter: Parameter,
        /// Counted from 1.
        entry: usize,
        /// The syntax error.
        flaw: Flaw,
    },
    /// The lists have different lengths.
    Counts {
        /// The length and name of the list that does not match.
        have: (usize, Parameter),
        /// The length and name of the list that it must match.
        to: (usize, Parameter),
    },
    /// The certificate or key of an entry cannot be used.
    Entry {
        /// Counted from 1.
        number: usize,
        /// The cause.
        cause: Cause,
    },
    /// A file of issuers cannot be used.
    Issuers(Cause),
    /// The configuration file.
    Config(ConfigError),
    /// A setting in openssl.cnf.
    Settings(String),
    /// All errors that a validation found; never empty.
    Several(Vec<Error>),
    /// An unexpected error in OpenSSL.
    OpenSsl(String),
    /// OpenSSL ran out of memory.
    Memory,
    /// The library was built for another major version of OpenSSL than is loaded.
    OpenSslVersion {
        /// The version number of the headers.
        built: u64,
        /// The version text of the library that is loaded.
        running: String,
    },
    /// No credential suits, and the policy aborts the handshake.
    NoneSuitable,
    /// A panic was caught.
    Internal,
}

impl Error {
    /// Returns the status of the C interface.
    pub fn status(&self) -> Status {
        match self {
            Error::Argument(_) | Error::Settings(_) | Error::Pattern(_) => Status::Argument,
            Error::Frozen => Status::Frozen,
            Error::Grammar { .. } | Error::Counts { .. } => Status::List,
            Error::Entry { cause, .. } | Error::Issuers(cause) => cause.status(),
            Error::Several(all) => all.first().map_or(Status::Internal, Error::status),
            Error::Config(error) => error.status(),
            Error::OpenSsl(_) => Status::OpenSsl,
            Error::Memory => Status::Memory,
            Error::OpenSslVersion { .. } => Status::OpenSslVersion,
            Error::NoneSuitable => Status::NoneSuitable,
            Error::Internal => Status::Internal,
        }
    }
}

/// The text of the first patch for libpq (HighGo, 2024), which its users know.
pub const NONE_SUITABLE_TEXT: &str = "Server requests a client certificate but no suitable \
     certificate is found from sslcert list provided";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error::Several(all) = self else { return self.write_words(&mut Printable(f)) };
        for (i, error) in all.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl Error {
    /// Writes one line, of any error but [`Error::Several`].
    fn write_words(&self, f: &mut impl Write) -> fmt::Result {
        match self {
            Error::Argument(what) => f.write_str(what),
            Error::Pattern(error) => write!(f, "rule: {error}"),
            Error::Frozen => {
                f.write_str("the selector is already attached and can no longer be changed")
            }
            Error::Grammar { parameter, entry, flaw } => match flaw {
                Flaw::Empty => {
                    write!(f, "entry {entry} of {parameter} is empty; a file name is needed")
                }
                Flaw::UnclosedQuote => {
                    write!(f, "entry {entry} of {parameter} has no closing quote")
                }
                Flaw::TextAfterQuote => write!(
                    f,
                    "entry {entry} of {parameter} has text after its closing quote; write \"\" \
                     for a quote inside quotes"
                ),
                Flaw::NulByte => write!(f, "entry {entry} of {parameter} contains a NUL byte"),
            },
            Error::Counts { have, to } => {
                write!(f, "could not match {} {} to {} {} values", have.0, have.1, to.0, to.1)
            }
            Error::Entry { number, cause } => write!(f, "entry {number}: {cause}"),
            Error::Issuers(cause) => write!(f, "issuers: {cause}"),
            Error::Config(error) => write!(f, "{error}"),
            Error::Settings(what) => write!(f, "certpick settings in openssl.cnf: {what}"),
            Error::Several(_) => write!(f, "{self}"),
            Error::OpenSsl(why) => write!(f, "unexpected error in OpenSSL: {why}"),
            Error::Memory => f.write_str("out of memory"),
            Error::OpenSslVersion { built, running } => write!(
                f,
                "certpick was built for OpenSSL {}, but the program runs with {running}; \
                 install the certpick build for that version",
                major_version(*built)
            ),
            Error::NoneSuitable => f.write_str(NONE_SUITABLE_TEXT),
            Error::Internal => f.write_str(
                "internal error in certpick; no certificate was sent; please report this",
            ),
        }
    }
}

impl std::error::Error for Error {}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Error {
        Error::Config(error)
    }
}

/// OpenSSL ran out of memory, so that the result is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl From<OutOfMemory> for Cause {
    fn from(_: OutOfMemory) -> Cause {
        Cause::Memory(None)
    }
}

impl From<PatternError> for Error {
    fn from(error: PatternError) -> Error {
        Error::Pattern(error)
    }
}

impl From<OutOfMemory> for Error {
    fn from(_: OutOfMemory) -> Error {
        Error::Memory
    }
}

/// Returns the major version in a number of OpenSSL_version_num(3), "3" for 0x30000130 and "1.1"
/// for 0x1010117f. Headers and library must agree in it.
pub(crate) fn major_version(number: u64) -> String {
    let major = number >> 28;
    if major >= 3 { major.to_string() } else { format!("{major}.{}", (number >> 20) & 0xff) }
}
