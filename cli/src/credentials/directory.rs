// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory in the place of a list: every certificate in it that has its key.
//!
//! Certificates are the files `*.crt`, `*.pem` and `*.cer`. The key of `name.crt` is `name.key`, or
//! in `name.crt` itself. The set has no order of its own: what is valid longest comes first.

use crate::failure::Failure;
use crate::inspect::{self, CertificateFile, Set};
use certpick_core::error::{Cause, file_name};
use certpick_core::list::Entry;
use openssl::x509::X509;
use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// What was found.
pub struct Listing {
    /// Those that valid longest come first; among equals, by name.
    pub credentials: Vec<Found>,
    /// What was passed over, by name.
    pub others: Vec<Other>,
}

/// A certificate that has its key, which was not looked at.
pub struct Found {
    pub certificate: PathBuf,
    /// `None`: it is in the certificate's file.
    pub key: Option<PathBuf>,
    pub contents: Contents,
}

/// What a certificate file holds.
#[allow(dead_code)] // certpick check is to use it
pub struct Contents {
    /// In the order of the file, at least one.
    pub certificates: Vec<X509>,
    pub has_private_key: bool,
    pub metadata: Metadata,
}

impl Contents {
    pub fn of(file: CertificateFile) -> Result<Contents, Cause> {
        let (certificates, has_private_key) = (file.certificates()?, file.has_private_key());
        Ok(Contents { certificates, has_private_key, metadata: file.metadata })
    }
}

/// A file that is none of the credentials.
pub struct Other {
    pub path: PathBuf,
    pub kind: Kind,
    /// About the file, which it names.
    pub words: String,
}

/// What to think of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Certificates of CAs, keys alone and the like belong in such a directory.
    Expected,
    /// A certificate whose key is not there.
    NoKey,
    /// It should hold a certificate, but none can be read.
    Broken,
}

/// Whether a value of `--sslcert` or `--sslkey` is the name of a directory.
pub fn is_directory(value: &OsStr) -> bool {
    Path::new(value).is_dir()
}

/// What `--sslkey` means beside a directory of certificates: the directory of their keys.
pub fn keys<'a>(
    sslkey: Option<&'a OsStr>,
    password_file: Option<&Path>,
) -> Result<Option<&'a Path>, Failure> {
    if password_file.is_some() {
        return Err(Failure::new(
            "--sslcert is a directory, whose certificates have no numbers that the lines of \
             --sslpassword-file could belong to; name the files in lists instead",
        ));
    }
    match sslkey.filter(|k| !k.is_empty()).map(Path::new) {
        Some(other) if !other.is_dir() => Err(Failure::new(format!(
            "--sslcert is a directory, so --sslkey must be one too, and \"{}\" is not",
            file_name(other)
        ))),
        keys => Ok(keys),
    }
}

/// Looks through `directory`. The keys are in `keys`, if that is another directory. `progress` is
/// told how many files were read, and of how many.
pub fn read(
    directory: &Path,
    keys: Option<&Path>,
    issuers: &[X509],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Listing, Failure> {
    let names = Names::in_directory(directory)?;
    let keys = keys.unwrap_or(directory);
    let mut listing = Listing { credentials: Vec::new(), others: Vec::new() };
    for (at, path) in names.certificates.iter().enumerate() {
        progress(at, names.certificates.len());
        match look_at(path, keys) {
            Ok(found) => listing.credentials.push(found),
            Err(other) => listing.others.push(other),
        }
    }
    progress(names.certificates.len(), names.certificates.len());
    listing.others.extend(names.keys_alone());
    listing.others.sort_by(|a, b| a.path.cmp(&b.path));
    listing.rank(issuers)?;
    Ok(listing)
}

impl Listing {
    fn rank(&mut self, issuers: &[X509]) -> Result<(), Failure> {
        let split = |found: &Found| {
            let mut others = found.contents.certificates.clone();
            let leaf = others.remove(inspect::leaf_position(&others));
            (leaf, others)
        };
        let parts: Vec<(X509, Vec<X509>)> = self.credentials.iter().map(split).collect();
        let parts: Vec<(&X509, &[X509])> = parts.iter().map(|(l, o)| (l, o.as_slice())).collect();
        let set = Set::new(&parts, issuers).map_err(Failure::new)?;
        let ends: Vec<i64> = set.candidates().iter().map(|c| c.lasts_until).collect();
        let mut ranked: Vec<_> = ends.into_iter().zip(self.credentials.drain(..)).collect();
        ranked.sort_by(|(a_end, a), (b_end, b)| {
            (Reverse(a_end), &a.certificate).cmp(&(Reverse(b_end), &b.certificate))
        });
        self.credentials = ranked.into_iter().map(|(_, found)| found).collect();
        Ok(())
    }

    /// The entries of the lists that are equal to the directory.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |found: &Found| Entry {
            certificate: found.certificate.clone(),
            key: found.key.clone(),
            password: None,
        };
        self.credentials.iter().map(entry).collect()
    }

    /// The same for a use that wants all of it to be sound.
    pub fn sound_entries(&self, directory: &Path) -> Result<Vec<Entry>, Failure> {
        let broken: Vec<&str> = self
            .others
            .iter()
            .filter(|o| o.kind == Kind::Broken)
            .map(|o| o.words.as_str())
            .collect();
        if !broken.is_empty() {
            return Err(Failure::new(broken.join("\n")));
        }
        if self.credentials.is_empty() {
            return Err(Failure::new(format!(
                "directory \"{}\" holds no certificate (*.crt, *.pem, *.cer) that has its key; \
                 certpick check tells what is in it",
                file_name(directory)
            )));
        }
        Ok(self.entries())
    }
}

/// The files that matter by their names, sorted.
struct Names {
    certificates: Vec<PathBuf>,
    keys: Vec<PathBuf>,
}

impl Names {
    fn in_directory(directory: &Path) -> Result<Names, Failure> {
        let failure = |error: std::io::Error| {
            let why = inspect::system_text(&error);
            Failure::new(format!("could not read directory \"{}\": {why}", file_name(directory)))
        };
        let mut names = Names { certificates: Vec::new(), keys: Vec::new() };
        for entry in std::fs::read_dir(directory).map_err(failure)? {
            let name = entry.map_err(failure)?.file_name();
            // As a shell has it for "*.crt": editors and others keep their own files in hidden ones.
            if name.as_encoded_bytes().first() == Some(&b'.') {
                continue;
            }
            let path = directory.join(name);
            if has_extension(&path, &["crt", "pem", "cer"]) {
                names.certificates.push(path);
            } else if has_extension(&path, &["key"]) {
                names.keys.push(path);
            }
        }
        names.certificates.sort();
        names.keys.sort();
        Ok(names)
    }

    /// Keys that have no certificate of the same name.
    fn keys_alone(&self) -> impl Iterator<Item = Other> {
        let stems: std::collections::HashSet<_> =
            self.certificates.iter().filter_map(|c| c.file_stem()).collect();
        self.keys.iter().filter(move |k| !k.file_stem().is_some_and(|s| stems.contains(s))).map(
            |key| {
                let words = format!("\"{}\" has no certificate beside it", file_name(key));
                Other { path: key.clone(), kind: Kind::Expected, words }
            },
        )
    }
}

fn has_extension(path: &Path, known: &[&str]) -> bool {
    path.extension().is_some_and(|e| known.iter().any(|k| e.eq_ignore_ascii_case(k)))
}

/// The key beside a certificate, if there is one, whatever can be done with it.
fn key_beside(certificate: &Path, keys: &Path) -> Option<PathBuf> {
    let name = Path::new(certificate.file_name()?);
    let named = |extension| keys.join(name.with_extension(extension));
    ["key", "KEY"].into_iter().map(named).find(|key| key.symlink_metadata().is_ok())
}

fn look_at(path: &Path, keys: &Path) -> Result<Found, Other> {
    let other = |kind, words: String| Other { path: path.to_owned(), kind, words };
    let broken = |cause: &Cause| other(Kind::Broken, cause.to_string());
    if path.metadata().is_ok_and(|m| !m.is_file()) {
        let words = format!("\"{}\" is not a regular file", file_name(path));
        return Err(other(Kind::Expected, words));
    }
    let key = key_beside(path, keys);
    let file = CertificateFile::read(path).map_err(|cause| broken(&cause))?;
    let is_meant_to_be_one = file.holds_certificate() || !has_extension(path, &["pem"]);
    let has_private_key = file.has_private_key();
    let contents = Contents::of(file).map_err(|cause| match (has_private_key, &key) {
        // Requests, CRLs, keys and parameters are called *.pem as well.
        (true, None) if !is_meant_to_be_one => {
            let words = format!("\"{}\" holds a private key and no certificate", file_name(path));
            other(Kind::Expected, words)
        }
        (false, None) if !is_meant_to_be_one => {
            other(Kind::Expected, format!("\"{}\" holds no certificate in PEM", file_name(path)))
        }
        _ => broken(&cause),
    })?;
    let leaf = contents.certificates.get(inspect::leaf_position(&contents.certificates));
    if leaf.is_some_and(inspect::is_ca) {
        let words = match contents.certificates.len() {
            1 => "the certificate of a CA".to_owned(),
            n => format!("{n} certificates, the first one that of a CA"),
        };
        let own = if key.is_some() || has_private_key {
            "; if it is to be sent to servers, name it in a list"
        } else {
            ""
        };
        let words = format!("\"{}\" holds {words}{own}", file_name(path));
        return Err(other(Kind::Expected, words));
    }
    if key.is_none() && !has_private_key {
        let words = format!(
            "certificate file \"{}\" holds no private key, and there is no \"{}\"",
            file_name(path),
            file_name(&keys.join(path.file_name().unwrap_or_default()).with_extension("key"))
        );
        return Err(other(Kind::NoKey, words));
    }
    Ok(Found { certificate: path.to_owned(), key, contents })
}
