// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory as the value of `--sslcert`: every certificate in it that has a key.
//!
//! Certificates are the files `*.crt`, `*.pem` and `*.cer`. The key of `name.crt` is `name.key`, or
//! in `name.crt` itself. The certificate that is valid longest comes first.

use crate::certificate_file::CertificateFile;
use crate::credential_set::CredentialSet;
use crate::facts;
use crate::failure::Failure;
use certpick_core::error::{Cause, file_name};
use certpick_core::file::regular::system_text;
use certpick_core::list::Entry;
use openssl::x509::X509;
use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// The files of a directory.
pub struct DirectoryListing {
    /// Those that are valid longest first, then by name.
    pub credentials: Vec<DirectoryCredential>,
    /// Files that are not used, by name.
    pub skipped: Vec<SkippedFile>,
}

/// A certificate that has a key. The key has not been read.
pub struct DirectoryCredential {
    pub certificate: PathBuf,
    /// `None` if the key is in the certificate file.
    pub key: Option<PathBuf>,
    pub contents: Contents,
}

/// The parsed content of a certificate file.
pub struct Contents {
    /// At least one, in the order of the file.
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

/// A file that is not used as a credential.
pub struct SkippedFile {
    pub path: PathBuf,
    pub reason: SkipReason,
    /// Names the file and the reason.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// CA certificates, keys without a certificate and the like are normal in a directory.
    Expected,
    /// A certificate without a key.
    NoKey,
    /// The file should contain a certificate, but none can be read.
    Broken,
}

/// Returns whether a value of `--sslcert` is the name of a directory.
pub fn is_directory(value: &OsStr) -> bool {
    Path::new(value).is_dir()
}

/// Reads the certificates of a directory. `keys` is the directory of the keys if it is another one.
/// Calls `progress` with the number of files read and the number of all files.
pub fn read(
    directory: &Path,
    keys: Option<&Path>,
    issuers: &[X509],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<DirectoryListing, Failure> {
    let names = FileNames::in_directory(directory)?;
    let keys = keys.unwrap_or(directory);
    let mut listing = DirectoryListing { credentials: Vec::new(), skipped: Vec::new() };
    for (at, path) in names.certificates.iter().enumerate() {
        progress(at, names.certificates.len());
        match read_credential(path, keys) {
            Ok(credential) => listing.credentials.push(credential),
            Err(skipped) => listing.skipped.push(skipped),
        }
    }
    progress(names.certificates.len(), names.certificates.len());
    listing.skipped.extend(names.keys_without_certificate());
    listing.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    listing.sort(issuers)?;
    Ok(listing)
}

impl DirectoryListing {
    /// Sorts the credentials by the time until which the whole chain is valid.
    fn sort(&mut self, issuers: &[X509]) -> Result<(), Failure> {
        let split = |credential: &DirectoryCredential| {
            let mut others = credential.contents.certificates.clone();
            let leaf = others.remove(facts::leaf_position(&others));
            (leaf, others)
        };
        let parts: Vec<(X509, Vec<X509>)> = self.credentials.iter().map(split).collect();
        let parts: Vec<(&X509, &[X509])> = parts.iter().map(|(l, o)| (l, o.as_slice())).collect();
        let set = CredentialSet::new(&parts, issuers).map_err(Failure::new)?;
        let ends: Vec<i64> = set.candidates().iter().map(|c| c.chain_not_after).collect();
        let mut ranked: Vec<_> = ends.into_iter().zip(self.credentials.drain(..)).collect();
        ranked.sort_by(|(a_end, a), (b_end, b)| {
            (Reverse(a_end), &a.certificate).cmp(&(Reverse(b_end), &b.certificate))
        });
        self.credentials = ranked.into_iter().map(|(_, credential)| credential).collect();
        Ok(())
    }

    /// Returns the list entries that are equivalent to the directory.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |credential: &DirectoryCredential| Entry {
            certificate: credential.certificate.clone(),
            key: credential.key.clone(),
            password: None,
        };
        self.credentials.iter().map(entry).collect()
    }

    /// Like [`Self::entries`], but fails if a file is broken or there is no credential.
    pub fn valid_entries(&self, directory: &Path) -> Result<Vec<Entry>, Failure> {
        let broken = self.skipped.iter().filter(|s| s.reason == SkipReason::Broken);
        let broken: Vec<&str> = broken.map(|s| s.text.as_str()).collect();
        if !broken.is_empty() {
            return Err(Failure::new(broken.join("\n")));
        }
        if self.credentials.is_empty() {
            return Err(Failure::new(format!(
                "directory \"{}\" contains no certificate (*.crt, *.pem, *.cer) that has a key; \
                 run certpick check for details",
                file_name(directory)
            )));
        }
        Ok(self.entries())
    }
}

/// The names of certificate and key files, sorted.
struct FileNames {
    certificates: Vec<PathBuf>,
    keys: Vec<PathBuf>,
}

impl FileNames {
    fn in_directory(directory: &Path) -> Result<FileNames, Failure> {
        let failure = |error: std::io::Error| {
            let reason = system_text(&error);
            Failure::new(format!("could not read directory \"{}\": {reason}", file_name(directory)))
        };
        let mut names = FileNames { certificates: Vec::new(), keys: Vec::new() };
        for entry in std::fs::read_dir(directory).map_err(failure)? {
            let name = entry.map_err(failure)?.file_name();
            // Hidden files are skipped, as by the shell's "*.crt": they are often temporary files.
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

    fn keys_without_certificate(&self) -> impl Iterator<Item = SkippedFile> {
        let stems: std::collections::HashSet<_> =
            self.certificates.iter().filter_map(|c| c.file_stem()).collect();
        self.keys.iter().filter(move |k| !k.file_stem().is_some_and(|s| stems.contains(s))).map(
            |key| {
                let text = format!("\"{}\" has no certificate of the same name", file_name(key));
                SkippedFile { path: key.clone(), reason: SkipReason::Expected, text }
            },
        )
    }
}

fn has_extension(path: &Path, known: &[&str]) -> bool {
    path.extension().is_some_and(|e| known.iter().any(|k| e.eq_ignore_ascii_case(k)))
}

/// Returns the name of the key file that belongs to a certificate, if it exists.
fn key_file(certificate: &Path, keys: &Path) -> Option<PathBuf> {
    let name = Path::new(certificate.file_name()?);
    let named = |extension| keys.join(name.with_extension(extension));
    ["key", "KEY"].into_iter().map(named).find(|key| key.symlink_metadata().is_ok())
}

fn read_credential(path: &Path, keys: &Path) -> Result<DirectoryCredential, SkippedFile> {
    let name = file_name(path);
    let skip = |reason, text: String| SkippedFile { path: path.to_owned(), reason, text };
    let broken = |cause: &Cause| skip(SkipReason::Broken, cause.to_string());
    if path.metadata().is_ok_and(|m| !m.is_file()) {
        return Err(skip(SkipReason::Expected, format!("\"{name}\" is not a regular file")));
    }
    let key = key_file(path, keys);
    let file = CertificateFile::read(path).map_err(|cause| broken(&cause))?;
    let should_be_certificate = file.holds_certificate() || !has_extension(path, &["pem"]);
    let has_private_key = file.has_private_key();
    let contents = Contents::of(file).map_err(|cause| {
        // The extension .pem is also used for requests, CRLs, keys and parameters.
        if key.is_some() || should_be_certificate {
            return broken(&cause);
        }
        let text = match has_private_key {
            true => format!("\"{name}\" contains a private key and no certificate"),
            false => format!("\"{name}\" contains no certificate in PEM"),
        };
        skip(SkipReason::Expected, text)
    })?;
    let leaf = contents.certificates.get(facts::leaf_position(&contents.certificates));
    if leaf.is_some_and(facts::is_ca) {
        let what = match contents.certificates.len() {
            1 => "a CA certificate".to_owned(),
            n => format!("{n} certificates, the first of which is a CA certificate"),
        };
        let hint = if key.is_some() || has_private_key {
            "; to send it to servers, name it in a list"
        } else {
            ""
        };
        return Err(skip(SkipReason::Expected, format!("\"{name}\" contains {what}{hint}")));
    }
    if key.is_none() && !has_private_key {
        let key_name = keys.join(path.file_name().unwrap_or_default()).with_extension("key");
        let text = format!(
            "certificate file \"{name}\" contains no private key, and there is no \"{}\"",
            file_name(&key_name)
        );
        return Err(skip(SkipReason::NoKey, text));
    }
    Ok(DirectoryCredential { certificate: path.to_owned(), key, contents })
}
