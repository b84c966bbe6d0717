// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong, with the facts, and the words for it. The words about files and keys are
//! libpq's own, which PostgreSQL's users know. No error carries a password.

use crate::text::{Printable, printable};
use std::fmt::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a function of the C interface returns; the numbers are part of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(missing_docs)] // each is described at its constant in `capi`, for the header
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
    /// All of them, in the order of their numbers.
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

    /// A few words; they are also the reason texts in OpenSSL's error queue.
    pub fn text(self) -> &'static std::ffi::CStr {
        match self {
            Status::Ok => c"success",
            Status::Argument => c"invalid argument",
            Status::Memory => c"out of memory",
            Status::Internal => c"internal error in certpick",
            Status::Frozen => c"selector is in use and can no longer be changed",
            Status::List => c"certificate list is not well formed",
            Status::File => c"file could not be read",
            Status::Certificate => c"file holds no usable certificate",
            Status::KeyPermissions => c"private key file has group or world access",
            Status::Key => c"private key could not be loaded",
            Status::PasswordMissing => c"private key is encrypted and no password was given",
            Status::PasswordWrong => c"private key could not be decrypted with the password",
            Status::KeyMismatch => c"certificate does not match private key",
            Status::OpenSsl => c"failure in OpenSSL",
            Status::OpenSslVersion => c"built for another major version of OpenSSL",
            Status::NoneSuitable => c"no suitable client certificate",
        }
    }

    /// The status with this number, if there is one.
    pub fn from_number(number: i32) -> Option<Status> {
        Status::ALL.into_iter().find(|s| *s as i32 == number)
    }
}

/// One of libpq's connection parameters that hold lists.
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

/// What is wrong with one entry of a list, as a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A certificate must have a name.
    Empty,
    /// A quoted entry without its closing quote.
    UnclosedQuote,
    /// Something other than a comma after the closing quote.
    TextAfterQuote,
    /// A byte 0, which no file name and no C string can hold.
    NulByte,
}

/// What is wrong with the files of one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The certificate file cannot be read.
    CertificateFile {
        /// The file.
        file: PathBuf,
        /// The system's words, or ours.
        why: String,
    },
    /// What was read is no certificate.
    Certificate {
        /// The file; `None` for one held in memory.
        file: Option<PathBuf>,
        /// OpenSSL's words, or ours.
        why: String,
    },
    /// No key was named, and the certificate's own file has none.
    NoKeyBesideCertificate(PathBuf),
    /// The key file is not there.
    KeyMissing(PathBuf),
    /// The key file cannot be looked at.
    KeyStat(PathBuf, String),
    /// A directory, FIFO or device.
    KeyNotRegular(PathBuf),
    /// libpq's rule for the permissions of a key.
    KeyPermissions(PathBuf),
    /// The key file cannot be read.
    KeyFile(PathBuf, String),
    /// The file holds no private key that OpenSSL can decode.
    Key(PathBuf, String),
    /// The key is encrypted, and there is no password.
    PasswordMissing(PathBuf),
    /// The key is encrypted, and the password does not open it.
    PasswordWrong(PathBuf, String),
    /// The key belongs to another certificate; no file for one held in memory.
    KeyMismatch(Option<PathBuf>, String),
    /// OpenSSL refused the credential at the last step.
    Refused(String),
    /// No memory for OpenSSL; the file that it was at, if it was a key's.
    Memory(Option<PathBuf>),
}

impl Cause {
    fn status(&self) -> Status {
        match self {
            Cause::CertificateFile { .. }
            | Cause::KeyMissing(_)
            | Cause::KeyStat(..)
            | Cause::KeyNotRegular(_)
            | Cause::KeyFile(..) => Status::File,
            Cause::Certificate { .. } => Status::Certificate,
            Cause::NoKeyBesideCertificate(_) | Cause::Key(..) => Status::Key,
            Cause::KeyPermissions(_) => Status::KeyPermissions,
            Cause::PasswordMissing(_) => Status::PasswordMissing,
            Cause::PasswordWrong(..) => Status::PasswordWrong,
            Cause::KeyMismatch(..) => Status::KeyMismatch,
            Cause::Refused(_) => Status::OpenSsl,
            Cause::Memory(_) => Status::Memory,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The words of OpenSSL and of the system come from outside too.
        self.write_words(&mut Printable(f))
    }
}

impl Cause {
    fn write_words(&self, f: &mut impl Write) -> fmt::Result {
        let key = |p: &Path| format!("private key file \"{}\"", file_name(p));
        match self {
            Cause::CertificateFile { file, why } => {
                write!(f, "could not read certificate file \"{}\": {why}", file_name(file))
            }
            Cause::Certificate { file: Some(file), why } => {
                write!(f, "could not read certificate file \"{}\": {why}", file_name(file))
            }
            Cause::Certificate { file: None, why } => {
                write!(f, "the certificate held in memory is not usable: {why}")
            }
            Cause::NoKeyBesideCertificate(file) => write!(
                f,
                "certificate file \"{}\" holds no private key, and no sslkey names one",
                file_name(file)
            ),
            Cause::KeyMissing(file) => write!(f, "certificate present, but not {}", key(file)),
            Cause::KeyStat(file, why) => write!(f, "could not stat {}: {why}", key(file)),
            Cause::KeyNotRegular(file) => write!(f, "{} is not a regular file", key(file)),
            Cause::KeyPermissions(file) => write!(
                f,
                "{} has group or world access; file must have permissions u=rw (0600) or less \
                 if owned by the current user, or permissions u=rw,g=r (0640) or less if owned \
                 by root",
                key(file)
            ),
            Cause::KeyFile(file, why) | Cause::Key(file, why) => {
                write!(f, "could not load {}: {why}", key(file))
            }
            Cause::PasswordMissing(file) => {
                write!(f, "could not load {}: it is encrypted and no password was given", key(file))
            }
            Cause::PasswordWrong(file, why) => {
                write!(f, "could not load {}: {why} (wrong password?)", key(file))
            }
            Cause::KeyMismatch(Some(file), why) => {
                write!(f, "certificate does not match {}: {why}", key(file))
            }
            Cause::KeyMismatch(None, why) => {
                write!(f, "certificate does not match the private key held in memory: {why}")
            }
            Cause::Refused(why) => write!(f, "OpenSSL refuses the certificate or its key: {why}"),
            Cause::Memory(Some(file)) => write!(f, "could not load {}: out of memory", key(file)),
            Cause::Memory(None) => f.write_str("out of memory"),
        }
    }
}

/// A file's name as it is shown.
pub fn file_name(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

/// A failure, with its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The caller's mistake; the words say which.
    Argument(&'static str),
    /// The selector has been attached.
    Frozen,
    /// One entry of a list is not well formed.
    Grammar {
        /// Which list.
        parameter: Parameter,
        /// Counted from 1.
        entry: usize,
        /// What is wrong.
        flaw: Flaw,
    },
    /// The lists have different lengths.
    Counts {
        /// The list whose values were to be matched, and how many there are.
        have: (usize, Parameter),
        /// The list they were to be matched to.
        to: (usize, Parameter),
    },
    /// An entry's files.
    Entry {
        /// Counted from 1.
        number: usize,
        /// What is wrong.
        cause: Cause,
    },
    /// A file of issuers.
    Issuers(Cause),
    /// A setting in openssl.cnf.
    Settings(String),
    /// All that a validation found; never empty.
    Several(Vec<Error>),
    /// OpenSSL failed where it should not.
    OpenSsl(String),
    /// No memory for OpenSSL.
    Memory,
    /// Another major version of OpenSSL is loaded than this library was built for.
    OpenSslVersion {
        /// Version number of the headers.
        built: u64,
        /// What the library that is loaded calls itself.
        running: String,
    },
    /// Nothing suits, and the policy is to abort.
    NoneSuitable,
    /// A panic was caught.
    Internal,
}

impl Error {
    /// The number that the C interface returns for it.
    pub fn status(&self) -> Status {
        match self {
            Error::Argument(_) | Error::Settings(_) => Status::Argument,
            Error::Frozen => Status::Frozen,
            Error::Grammar { .. } | Error::Counts { .. } => Status::List,
            Error::Entry { cause, .. } | Error::Issuers(cause) => cause.status(),
            Error::Several(all) => all.first().map_or(Status::Internal, Error::status),
            Error::OpenSsl(_) => Status::OpenSsl,
            Error::Memory => Status::Memory,
            Error::OpenSslVersion { .. } => Status::OpenSslVersion,
            Error::NoneSuitable => Status::NoneSuitable,
            Error::Internal => Status::Internal,
        }
    }
}

/// The sentence that users of the first patches for libpq know.
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
    /// One line.
    fn write_words(&self, f: &mut impl Write) -> fmt::Result {
        match self {
            Error::Argument(what) => f.write_str(what),
            Error::Frozen => {
                f.write_str("the selector is attached already and can no longer be changed")
            }
            Error::Grammar { parameter, entry, flaw } => match flaw {
                Flaw::Empty => {
                    write!(f, "entry {entry} of {parameter} is empty; a file name is needed")
                }
                Flaw::UnclosedQuote => write!(
                    f,
                    "entry {entry} of {parameter} has an opening quote but no closing one"
                ),
                Flaw::TextAfterQuote => write!(
                    f,
                    "entry {entry} of {parameter} has text after its closing quote; write \"\" \
                     for a quote inside quotes"
                ),
                Flaw::NulByte => write!(f, "entry {entry} of {parameter} contains a zero byte"),
            },
            Error::Counts { have, to } => {
                write!(f, "could not match {} {} to {} {} values", have.0, have.1, to.0, to.1)
            }
            Error::Entry { number, cause } => write!(f, "entry {number}: {cause}"),
            Error::Issuers(cause) => write!(f, "issuers: {cause}"),
            Error::Settings(what) => write!(f, "certpick's settings in openssl.cnf: {what}"),
            Error::Several(_) => write!(f, "{self}"),
            Error::OpenSsl(why) => write!(f, "failure in OpenSSL: {why}"),
            Error::Memory => f.write_str("out of memory"),
            Error::OpenSslVersion { built, running } => write!(
                f,
                "certpick was built for OpenSSL {}, but the program runs with {running}; \
                 install the build for that version",
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

/// OpenSSL had no memory for what was asked of it, so that nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl From<OutOfMemory> for Cause {
    fn from(_: OutOfMemory) -> Cause {
        Cause::Memory(None)
    }
}

impl From<OutOfMemory> for Error {
    fn from(_: OutOfMemory) -> Error {
        Error::Memory
    }
}

/// "3" from 0x30000130, "1.1" from 0x1010117f: what must agree between headers and library
/// (OpenSSL_version_num(3)).
pub(crate) fn major_version(number: u64) -> String {
    let major = number >> 28;
    if major >= 3 { major.to_string() } else { format!("{major}.{}", (number >> 20) & 0xff) }
}
