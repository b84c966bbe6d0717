// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory as an entry: every credential directly in it, the one that is valid longest first.
//!
//! A certificate has a key if a file with the name of a known layout exists, or if the key is in the same
//! file. Keys are not read before their certificate is chosen.

pub mod layout;
mod names;

use super::bundle::{self, Bundle, SharedCertificates};
use super::collection::{Collection, Opened, Watched};
use super::listed::{KeySource, ListedCredential};
use super::{Source, pem, pkcs12, store};
use crate::error::{Cause, OutOfMemory, Problem};
use crate::file::regular::ReadError;
use crate::file::stamp::Stamp;
use crate::file::{self, Content};
use crate::hash::Map;
use crate::list::Files;
use crate::order::sorted;
use crate::secret::Secret;
use crate::uri::is_uri;
use crate::x509::certificate::Certificate;
use crate::x509::chain::{IssuerAndSubject, have_issued};
use crate::x509::outline::{self, NotAfter, Outline};
use layout::{Kind, Names};
use std::cmp::Reverse;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The maximum number of files with certificates.
pub const MAX_FILES: usize = 1_000;

/// What a directory contains.
pub struct Directory {
    /// The credentials in the order of preference.
    pub credentials: Vec<Found>,
    /// The files that are not used, by name.
    pub skipped: Vec<Skipped>,
    directories: Vec<Watched>,
    contents: Vec<Watched>,
    has_pkcs12: bool,
}

/// A credential of a directory.
pub struct Found {
    /// The credential.
    pub credential: ListedCredential,
    not_after: NotAfter,
    /// The leaf in DER.
    der: Vec<u8>,
}

impl Found {
    fn new(credential: ListedCredential) -> Result<Found, SkipReason> {
        let bundle = credential.bundle();
        let file = &credential.files().certificate;
        let Outline { not_after, is_ca } = outline_of(&bundle.leaf, file)?;
        if is_ca {
            return Err(SkipReason::Ca { count: 1 + bundle.extra.len(), has_key: true });
        }
        let der = bundle.leaf.to_der().map_err(|_| no_memory(file))?;
        Ok(Found { credential, not_after, der })
    }

    fn file(&self) -> &PathBuf {
        &self.credential.files().certificate
    }

    fn leaf(&self) -> &Certificate {
        &self.credential.bundle().leaf
    }
}

fn outline_of(certificate: &Certificate, file: &Path) -> Result<Outline, SkipReason> {
    outline::of(certificate).map_err(|_| no_memory(file))
}

fn no_memory(file: &Path) -> SkipReason {
    SkipReason::Broken(Cause::Memory(Some(file.to_owned())))
}

/// A file of a directory that is not used.
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why it is not used.
    pub why: SkipReason,
}

/// Why a file of a directory is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It is a directory, FIFO, socket or device.
    NotRegular,
    /// It contains no certificate.
    NoCertificate,
    /// It contains a private key and no certificate.
    OnlyKey,
    /// It contains only certificates of CAs, or a CA certificate first.
    Ca {
        /// The number of certificates.
        count: usize,
        /// Whether there is a key.
        has_key: bool,
    },
    /// It contains no private key, and there is no key file for it.
    NoKey,
    /// It is a key file without a certificate.
    UnusedKey,
    /// Another file has the same certificate.
    Duplicate(PathBuf),
    /// It cannot be read and would not be used without a key.
    Unreadable(Cause),
    /// It has the name of a credential and cannot be used. The directory is refused.
    Broken(Cause),
}

/// The maximum number of attempts to read a directory that changes meanwhile.
const MAX_ATTEMPTS: usize = 4;

/// Reads a directory. Fails if a file is broken, or if there is no credential. Reads it again after an error
/// if it has changed, because a renewal may have removed a file or switched a link in between.
pub fn open(source: &Source<'_>, shared: &mut SharedCertificates) -> Result<Opened, Cause> {
    let directory = file::absolute(source.base, &source.files.certificate);
    let stamp = || directory.metadata().ok().map(|metadata| Stamp::of(&metadata));
    for _ in 1..MAX_ATTEMPTS {
        let before = stamp();
        let opened = open_once(source, shared);
        if opened.is_ok() || stamp() == before {
            return opened;
        }
    }
    open_once(source, shared)
}

fn open_once(source: &Source<'_>, shared: &mut SharedCertificates) -> Result<Opened, Cause> {
    let mut found = list(source, shared, &mut |_, _| {})?;
    for skipped in found.skipped {
        if let SkipReason::Broken(cause) = skipped.why {
            return Err(cause);
        }
    }
    if found.credentials.is_empty() {
        return Err(refused(&source.files.certificate, Problem::NoCredential));
    }
    let collection = Collection {
        files: source.files.clone(),
        directories: std::mem::take(&mut found.directories),
        contents: std::mem::take(&mut found.contents),
        password: if found.has_pkcs12 { source.mark()? } else { None },
    };
    let credentials = found.credentials.into_iter().map(|found| found.credential).collect();
    Ok(Opened { credentials, collection: Some(Box::new(collection)) })
}

fn refused(directory: &Path, why: impl Into<String>) -> Cause {
    Cause::Directory { directory: directory.to_owned(), why: why.into() }
}

/// Reads the certificates of a directory. Calls `progress` with the number of files read and the number of
/// all files.
pub fn list(
    source: &Source<'_>,
    shared: &mut SharedCertificates,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Directory, Cause> {
    let Files { certificate: directory, key } = source.files;
    let (names, stamp) = names::read(source.base, directory)?;
    let mut directories = vec![Watched::new(directory.clone(), stamp)];
    let has_keys = |key: &PathBuf| {
        if is_uri(key.as_os_str().as_bytes()) {
            return Ok(false);
        }
        let found = file::is_directory(source.base, key);
        found.map_err(|error| Cause::Directory { directory: key.to_owned(), why: error.text() })
    };
    let keys = match key {
        None => None,
        Some(key) if has_keys(key)? => {
            let (names, stamp) = names::read(source.base, key)?;
            directories.push(Watched::new(key.clone(), stamp));
            Some((key.as_path(), names))
        }
        Some(_) => return Err(refused(directory, Problem::KeyBesideDirectory)),
    };
    let (key_directory, key_names) = match &keys {
        Some((directory, names)) => (*directory, names),
        None => (directory.as_path(), &names),
    };
    let certificates: Vec<&OsStr> = names
        .iter()
        .map(|name| name.as_os_str())
        .filter(|name| matches!(layout::kind(name), Some(Kind::Certificate | Kind::Pkcs12)))
        .collect();
    if certificates.len() > MAX_FILES {
        return Err(refused(directory, Problem::TooManyFiles(MAX_FILES)));
    }
    let has_pkcs12 = certificates.iter().any(|name| layout::kind(name) == Some(Kind::Pkcs12));
    let password = if has_pkcs12 { source.password()? } else { None };
    let base = source.base;
    let mut reading = Reading { base, password, shared, found: Vec::new(), watched: Vec::new() };
    let mut skipped = Vec::new();
    for (at, name) in certificates.iter().enumerate() {
        progress(at, certificates.len());
        let path = directory.join(name);
        let read = match layout::kind(name) {
            Some(Kind::Pkcs12) => reading.pkcs12_file(&path),
            _ => {
                let keys = layout::keys(name, key_names).into_iter();
                reading.pem_file(&path, keys.map(|key| key_directory.join(key)).collect())
            }
        };
        skipped.extend(read.err().map(|why| Skipped { path, why }));
    }
    progress(certificates.len(), certificates.len());
    skipped.extend(unused_keys(&names, key_directory, key_names));
    let no_memory = |_| Cause::Memory(Some(directory.clone()));
    let credentials = distinct(reading.found, &mut skipped).map_err(no_memory)?;
    let skipped = sorted(skipped, |a, b| a.path.cmp(&b.path));
    Ok(Directory { credentials, skipped, directories, contents: reading.watched, has_pkcs12 })
}

/// Returns the key files that belong to no certificate.
fn unused_keys(names: &Names, key_directory: &Path, key_names: &Names) -> Vec<Skipped> {
    let is_certificate = |name: &&OsString| layout::kind(name) == Some(Kind::Certificate);
    let certificates = names.iter().filter(is_certificate);
    let used: Names = certificates.flat_map(|name| layout::keys(name, key_names)).collect();
    let unused = key_names
        .iter()
        .filter(|name| layout::kind(name) == Some(Kind::Key) && !used.contains(*name));
    unused
        .map(|name| Skipped { path: key_directory.join(name), why: SkipReason::UnusedKey })
        .collect()
}

/// Returns the credentials in the order of preference. A leaf that several files have counts once, with its
/// longest chain. A certificate that issued another leaf is not a client's.
fn distinct(found: Vec<Found>, skipped: &mut Vec<Skipped>) -> Result<Vec<Found>, OutOfMemory> {
    // The first of equal credentials is kept.
    let rank = |one: &Found| Reverse(one.credential.bundle().extra.len());
    let found = sorted(found, |a, b| (rank(a), a.file()).cmp(&(rank(b), b.file())));
    let mut by_leaf: Map<Vec<u8>, usize> = Map::default();
    let mut kept: Vec<Found> = Vec::with_capacity(found.len());
    for mut one in found {
        let der = std::mem::take(&mut one.der);
        match by_leaf.get(&der).and_then(|at| kept.get_mut(*at)) {
            Some(first) => {
                first.credential.add_keys(&one.credential);
                let why = SkipReason::Duplicate(first.file().clone());
                skipped.push(Skipped { path: one.file().clone(), why });
            }
            None => {
                by_leaf.insert(der, kept.len());
                kept.push(one);
            }
        }
    }
    let leaves = kept.iter().map(Found::leaf);
    let names: Vec<IssuerAndSubject<'_>> = leaves
        .map(|leaf| IssuerAndSubject { issuer: leaf.issuer(), subject: leaf.subject() })
        .collect();
    let mut have_issued = have_issued(&names)?.into_iter();
    let (cas, kept): (Vec<Found>, Vec<Found>) =
        kept.into_iter().partition(|_| have_issued.next() == Some(true));
    skipped.extend(cas.into_iter().map(|ca| {
        let why = SkipReason::Ca { count: 1 + ca.credential.bundle().extra.len(), has_key: true };
        Skipped { path: ca.file().clone(), why }
    }));
    let rank = |one: &Found| Reverse(one.not_after);
    Ok(sorted(kept, |a, b| (rank(a), a.file()).cmp(&(rank(b), b.file()))))
}

/// Returns whether the system, and not the file or its permissions, is the reason for an error.
fn is_failure(error: &std::io::Error) -> bool {
    !matches!(
        error.raw_os_error(),
        Some(libc::EACCES | libc::EPERM | libc::ENOENT | libc::ENOTDIR | libc::ELOOP)
    )
}

/// The files of a directory that have been read.
struct Reading<'a> {
    base: Option<&'a Path>,
    password: Option<Secret>,
    shared: &'a mut SharedCertificates,
    found: Vec<Found>,
    watched: Vec<Watched>,
}

impl Reading<'_> {
    /// Reads a file. If a file that is not `required` cannot be accessed, it is skipped; any other error is
    /// one of the directory, because the file may be a credential.
    fn read(&mut self, path: &Path, required: bool) -> Result<Content, SkipReason> {
        let error = match bundle::read_file(self.base, path) {
            Ok(content) => {
                self.watched.push(Watched::new(path.to_owned(), content.stamp));
                return Ok(content);
            }
            Err(ReadError::NotRegular) => return Err(SkipReason::NotRegular),
            Err(error) => error,
        };
        self.watched.push(Watched::new(path.to_owned(), None));
        let is_needless = match &error {
            ReadError::Stat(e) | ReadError::Io(e) => {
                let at = file::absolute(self.base, path).symlink_metadata();
                let is_removed = at.is_err_and(|e| e.raw_os_error() == Some(libc::ENOENT));
                is_removed || !required && !is_failure(e)
            }
            _ => !required,
        };
        let cause = Cause::CertificateFile { file: path.to_owned(), why: error.text() };
        Err(if is_needless { SkipReason::Unreadable(cause) } else { SkipReason::Broken(cause) })
    }

    /// Reads a PEM file. `keys` are the existing files that may contain the key.
    fn pem_file(&mut self, path: &Path, mut keys: Vec<PathBuf>) -> Result<(), SkipReason> {
        let has_key_file = !keys.is_empty();
        let content = self.read(path, has_key_file)?;
        let has_key =
            pem::has_private_key(&content.bytes) || store::wrapped_uri(&content.bytes).is_some();
        match (pem::has_certificate(&content.bytes), has_key, has_key_file) {
            (true, ..) | (false, false, true) => {}
            (false, true, _) => return Err(SkipReason::OnlyKey),
            (false, false, false) => return Err(SkipReason::NoCertificate),
        }
        if has_key {
            keys.insert(0, path.to_owned());
        }
        let bundle = match Bundle::parse(&content.bytes, Some(path), self.shared) {
            Ok(bundle) => bundle,
            Err(cause) if keys.is_empty() => return Err(SkipReason::Unreadable(cause)),
            Err(cause) => return Err(SkipReason::Broken(cause)),
        };
        if keys.is_empty() {
            return Err(match outline_of(&bundle.leaf, path)?.is_ca {
                true => SkipReason::Ca { count: 1 + bundle.extra.len(), has_key: false },
                false => SkipReason::NoKey,
            });
        }
        let files = Files { certificate: path.to_owned(), key: None };
        let keys = KeySource::Files(keys.into());
        self.found.push(Found::new(ListedCredential::new(files, bundle, keys, content.stamp))?);
        Ok(())
    }

    fn pkcs12_file(&mut self, path: &Path) -> Result<(), SkipReason> {
        let content = self.read(path, true)?;
        let files = Files { certificate: path.to_owned(), key: None };
        let opened = pkcs12::open_entry(&files, &content, self.password.as_ref(), self.shared);
        let found = opened
            .map_err(|cause| match cause {
                // A file of trusted certificates.
                Cause::Key(_, why) if why == String::from(Problem::NoKey) => SkipReason::NoKey,
                cause => SkipReason::Broken(cause),
            })?
            .into_iter()
            .map(Found::new);
        let before = self.found.len();
        let mut skipped = Ok(());
        for found in found {
            match found {
                Ok(found) => self.found.push(found),
                Err(why) => skipped = Err(why),
            }
        }
        if self.found.len() > before { Ok(()) } else { skipped }
    }
}
