// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reasons for which a credential cannot be used.

use super::{Status, StoreFlaw, UriFlaw};
use crate::environment::has_gained_rights;
use crate::text::{Printable, printable};
use std::fmt::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A problem with a file or a password that certpick itself finds, in contrast to the system and
/// OpenSSL. The text is a clause about the file, "it".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The file is empty.
    Empty,
    /// The file is a directory, FIFO, socket or device.
    NotRegular,
    /// The file has more bytes than this maximum.
    TooLarge(u64),
    /// The size of the file changed while it was read.
    Changed,
    /// The file contains no certificate at all.
    NoCertificate,
    /// The file contains no PEM certificate, but begins like DER.
    DerCertificate,
    /// The file contains more certificates than this maximum.
    TooManyCertificates(usize),
    /// The chain of a credential in memory has more certificates than this maximum.
    LongChain(usize),
    /// The DER of a certificate is longer than OpenSSL can decode.
    TooLong,
    /// OpenSSL cannot decode a certificate of the file.
    Damaged {
        /// Counted from 1.
        number: usize,
        /// OpenSSL's text.
        why: String,
    },
    /// The PEM file contains no private key.
    NoKey,
    /// The file contains no private key in a form that certpick reads.
    UnknownKey,
    /// The key file is a PKCS#12 file.
    Pkcs12AsKey,
    /// The password has more bytes than this maximum of OpenSSL's.
    LongPassword(i32),
    /// A file has the name of an entry that is not a file name.
    AmbiguousName,
    /// The entry names a configuration file, and has an sslkey entry.
    KeyBesideConfig,
    /// The entry names a configuration file, and has an sslpassword entry.
    PasswordBesideConfig,
    /// The directory contains no certificate that has a key.
    NoCredential,
    /// The directory contains more files than this maximum.
    TooManyFiles(usize),
    /// The entry names a PKCS#12 file, and has an sslkey entry.
    KeyBesidePkcs12,
    /// The entry names a directory, and its sslkey entry does not.
    KeyBesideDirectory,
    /// All certificates behind the URI are those of CAs.
    OnlyCas,
    /// CERTPICK_RESTRICT, or the rights of a set-user-ID program, permit only PEM files.
    Restricted,
    /// A file of the credential changed after it was read.
    Replaced,
    /// There is no entry with this number. A defect of certpick.
    NoEntry,
    /// The PKCS#12 file does not have the structure of RFC 7292.
    DamagedPkcs12,
    /// OpenSSL cannot decode the certificate with this number, counted from 1, of the PKCS#12 file.
    DamagedCertificate(usize),
    /// OpenSSL cannot decode a private key of the PKCS#12 file.
    DamagedKey,
    /// The PKCS#12 file contains no certificate.
    NoCertificateInPkcs12,
    /// The PKCS#12 file contains more private keys, or credentials, than this maximum.
    TooManyKeys(usize),
    /// The PKCS#12 file contains more bags than this maximum.
    TooManyParts(usize),
    /// Deriving the keys of the PKCS#12 file takes more iterations than this maximum.
    TooManyIterations(u64),
    /// A part of the PKCS#12 file is encrypted with an algorithm that OpenSSL cannot use.
    UnsupportedEncryption {
        /// Whether it is one that only the legacy provider of OpenSSL 3 has.
        is_legacy: bool,
        /// Whether the configuration of OpenSSL excludes algorithms of the default provider.
        lacks_default: bool,
    },
    /// No active provider of OpenSSL offers the encryption of the key.
    NotOffered {
        /// Whether the configuration of OpenSSL excludes algorithms of the default provider.
        lacks_default: bool,
    },
    /// The provider does not permit the password, the salt or the iterations.
    Derivation,
    /// OpenSSL cannot decode the public key of the certificate. Contains OpenSSL's text.
    PublicKey(String),
    /// The password does not decrypt the PKCS#12 file.
    NotDecrypted,
    /// The text of a key in memory contains the URI of a key in a token.
    UriInMemory,
    /// A URI is refused.
    Uri(UriFlaw),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Empty => f.write_str("it is empty"),
            Problem::NotRegular => f.write_str("it is not a regular file"),
            Problem::TooLarge(max) => write!(f, "it is larger than {} MiB", max >> 20),
            Problem::Changed => f.write_str("it changed while it was read"),
            Problem::NoCertificate => f.write_str("it holds no certificate in PEM"),
            Problem::DerCertificate => f.write_str(
                "it holds no certificate in PEM; if it is DER, convert it: openssl x509 -inform DER",
            ),
            Problem::TooManyCertificates(max) => {
                write!(f, "it holds more than {max} certificates")
            }
            Problem::LongChain(max) => write!(f, "its chain has more than {max} certificates"),
            Problem::Damaged { number, why } => {
                write!(f, "certificate {number} in it is damaged: {why}")
            }
            Problem::TooLong => f.write_str("it is too long"),
            Problem::NoKey => f.write_str("it holds no private key"),
            Problem::UnknownKey => f.write_str("it holds no private key in PEM or DER"),
            Problem::Pkcs12AsKey => f.write_str(
                "it is a PKCS#12 file; name it in sslcert and leave its sslkey entry empty",
            ),
            Problem::LongPassword(max) => {
                write!(f, "the password is longer than the {max} bytes that OpenSSL accepts")
            }
            Problem::AmbiguousName => {
                f.write_str("a file with this name exists; write ./ before the name to mean the file")
            }
            Problem::KeyBesideConfig => {
                f.write_str("the sslkey entry must be empty, because the configuration file names the keys")
            }
            Problem::PasswordBesideConfig => f.write_str(
                "the sslpassword entry must be empty, because the configuration file names the \
                 password files",
            ),
            Problem::NoCredential => f.write_str(
                "it holds no client certificate that has a private key; certpick check lists the files and why they are not used",
            ),
            Problem::TooManyFiles(max) => write!(f, "it holds more than {max} files"),
            Problem::KeyBesidePkcs12 => f.write_str(
                "the sslkey entry must be empty, because the PKCS#12 file contains the key",
            ),
            Problem::KeyBesideDirectory => f.write_str(
                "the sslkey entry must be empty or the name of a directory with the keys",
            ),
            Problem::OnlyCas => f.write_str("it holds only certificates of CAs"),
            Problem::Restricted => {
                f.write_str("only PEM files are permitted, because ")?;
                f.write_str(match has_gained_rights() {
                    true => "the program has the set-user-ID or set-group-ID bit, or capabilities",
                    false => "the environment variable CERTPICK_RESTRICT is set",
                })
            }
            Problem::Replaced => f.write_str("its file has changed"),
            Problem::NoEntry => f.write_str("no such entry"),
            Problem::DamagedPkcs12 => f.write_str("it is damaged, or not a PKCS#12 file"),
            Problem::DamagedCertificate(number) => {
                write!(f, "certificate {number} in it is damaged")
            }
            Problem::DamagedKey => f.write_str("its private key is damaged"),
            Problem::NoCertificateInPkcs12 => f.write_str("it holds no certificate"),
            Problem::TooManyKeys(max) => write!(f, "it holds more than {max} private keys"),
            Problem::TooManyParts(max) => write!(f, "it has more than {max} parts"),
            Problem::TooManyIterations(max) => {
                write!(
                    f,
                    "its encryption takes more than {max} iterations; export it again with fewer: \
                     openssl pkcs12 -export -iter"
                )
            }
            Problem::UnsupportedEncryption { is_legacy, lacks_default: true } => write!(
                f,
                "{NOT_OFFERED_WITH_FIPS}; convert it: OPENSSL_CONF=/dev/null openssl pkcs12{}",
                if *is_legacy { " -legacy" } else { "" }
            ),
            Problem::NotOffered { lacks_default: true } => write!(
                f,
                "{NOT_OFFERED_WITH_FIPS}; convert it: OPENSSL_CONF=/dev/null openssl pkcs8 -topk8"
            ),
            Problem::NotOffered { lacks_default: false } => f.write_str(
                "OpenSSL supports its encryption only with the legacy provider; load that \
                 provider, or convert it: openssl pkcs8 -topk8 -provider legacy -provider default",
            ),
            Problem::Derivation => f.write_str(
                "OpenSSL does not permit its password, salt or iterations (OpenSSL 4.0 with FIPS demands \
                 8 bytes, 16 bytes and 1,000); encrypt it again, with OPENSSL_CONF=/dev/null",
            ),
            Problem::PublicKey(why) => {
                write!(f, "OpenSSL cannot decode the public key of the certificate: {why}")
            }
            Problem::UnsupportedEncryption { is_legacy: true, .. } => f.write_str(
                "OpenSSL supports its encryption only with the legacy provider; load that \
                 provider, or convert the file: openssl pkcs12 -legacy",
            ),
            Problem::UnsupportedEncryption { is_legacy: false, .. } => {
                f.write_str("its encryption is not supported; export it again: openssl pkcs12 -export")
            }
            Problem::NotDecrypted => f.write_str("it could not be decrypted"),
            Problem::UriInMemory => f.write_str("it is the URI of a key in a token, which has to be in a file"),
            Problem::Uri(flaw) => write!(f, "{flaw}"),
        }
    }
}

impl From<Problem> for String {
    fn from(problem: Problem) -> String {
        problem.to_string()
    }
}

/// The reason for which a credential cannot be used. An empty name of a key file stands for a key held in
/// memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The certificate file cannot be read.
    CertificateFile {
        /// The file.
        file: PathBuf,
        /// The system's error text, or a [`Problem`].
        why: String,
    },
    /// The file contains no certificate that can be decoded.
    Certificate {
        /// The file; `None` for a certificate held in memory.
        file: Option<PathBuf>,
        /// OpenSSL's error text, or a [`Problem`].
        why: String,
    },
    /// No key file was named, and the certificate file contains no key.
    NoKeyBesideCertificate(PathBuf),
    /// The key file does not exist.
    KeyMissing(PathBuf),
    /// stat(2) failed for the key file.
    KeyStat(PathBuf, String),
    /// The key file is a directory, FIFO, socket or device.
    KeyNotRegular(PathBuf),
    /// The permissions of the key file violate libpq's rule.
    KeyPermissions(PathBuf),
    /// The key file cannot be read.
    KeyFile(PathBuf, String),
    /// The file contains no private key that OpenSSL can decode.
    Key(PathBuf, String),
    /// The key is encrypted, and no password was given.
    PasswordMissing(PathBuf),
    /// The key is encrypted, and the password does not decrypt it.
    PasswordWrong(PathBuf, String),
    /// The key belongs to another certificate. `None` for a key held in memory.
    KeyMismatch(Option<PathBuf>, String),
    /// The directory cannot be used.
    Directory {
        /// The directory.
        directory: PathBuf,
        /// The system's error text, or a [`Problem`].
        why: String,
    },
    /// The entry cannot be used.
    Unusable {
        /// The entry.
        file: PathBuf,
        /// A [`Problem`].
        why: String,
    },
    /// The object behind a URI cannot be used. Contains the URI, or the file that contains it.
    Store(PathBuf, StoreFlaw),
    /// The password file cannot be read; a predicate.
    PasswordFile(PathBuf, String),
    /// OpenSSL rejected the credential when it was installed.
    Refused(String),
    /// OpenSSL ran out of memory. Contains the certificate or key file that was being loaded, if any.
    Memory(Option<PathBuf>),
}

impl Cause {
    pub(super) fn status(&self) -> Status {
        match self {
            Cause::CertificateFile { .. }
            | Cause::Directory { .. }
            | Cause::KeyMissing(_)
            | Cause::KeyStat(..)
            | Cause::KeyNotRegular(_)
            | Cause::KeyFile(..) => Status::File,
            Cause::Certificate { .. } => Status::Certificate,
            Cause::NoKeyBesideCertificate(_) | Cause::Key(..) => Status::Key,
            Cause::KeyPermissions(_) => Status::KeyPermissions,
            Cause::PasswordFile(..) => Status::File,
            Cause::Unusable { .. } => Status::List,
            Cause::PasswordMissing(_) => Status::PasswordMissing,
            Cause::PasswordWrong(..) => Status::PasswordWrong,
            Cause::KeyMismatch(..) => Status::KeyMismatch,
            Cause::Store(_, flaw) => flaw.status(),
            Cause::Refused(_) => Status::OpenSsl,
            Cause::Memory(_) => Status::Memory,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The texts of OpenSSL and of the system are untrusted, too.
        self.write_words(&mut Printable(f))
    }
}

impl Cause {
    fn write_words(&self, f: &mut impl Write) -> fmt::Result {
        let key = |p: &Path| match p.as_os_str().is_empty() {
            true => "the private key held in memory".to_owned(),
            false => format!("private key file \"{}\"", file_name(p)),
        };
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
            Cause::NoKeyBesideCertificate(file) if file.as_os_str().is_empty() => {
                f.write_str("the text of the certificate holds no private key, and no key is given")
            }
            Cause::NoKeyBesideCertificate(file) => write!(
                f,
                "certificate file \"{}\" holds no private key, and no sslkey names one",
                file_name(file)
            ),
            Cause::KeyMissing(file) => write!(f, "certificate present, but not {}", key(file)),
            Cause::KeyStat(file, why) => write!(f, "could not stat {}: {why}", key(file)),
            Cause::KeyNotRegular(file) => write!(f, "{} is not a regular file", key(file)),
            Cause::Directory { directory, why } => {
                write!(f, "could not read directory \"{}\": {why}", file_name(directory))
            }
            Cause::Unusable { file, why } => write!(f, "\"{}\": {why}", file_name(file)),
            Cause::Store(name, flaw) => {
                write!(f, "could not load \"{}\": {flaw}", file_name(name))
            }
            Cause::PasswordFile(file, why) => {
                write!(f, "password file \"{}\" {why}", file_name(file))
            }
            Cause::KeyPermissions(file) => write!(f, "{} {PRIVATE_FILE_RULE}", key(file)),
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
            Cause::Refused(why) => write!(f, "OpenSSL rejects the certificate or its key: {why}"),
            Cause::Memory(Some(file)) if !file.as_os_str().is_empty() => {
                write!(f, "could not load file \"{}\": out of memory", file_name(file))
            }
            Cause::Memory(_) => f.write_str("out of memory"),
        }
    }
}

/// The encryption may be one that the default provider offers.
const NOT_OFFERED_WITH_FIPS: &str =
    "no active provider of OpenSSL offers its encryption (default_properties = fips=yes?)";

/// libpq's text about a private key file that violates its rule; follows the name of the file.
pub const PRIVATE_FILE_RULE: &str = "has group or world access; file must have permissions u=rw \
     (0600) or less if owned by the current user, or permissions u=rw,g=r (0640) or less if owned \
     by root";

/// Returns a file name as messages show it. If it is a mistyped URI with `pin-value`, its end is not shown.
pub fn file_name(path: &Path) -> String {
    const PIN: &[u8] = b"pin-value";
    let name = path.as_os_str().as_bytes();
    let pin = name.windows(PIN.len()).position(|part| part == PIN);
    match pin.and_then(|at| name.get(..at + PIN.len())) {
        Some(start) => printable(start) + "...",
        None => printable(name),
    }
}
