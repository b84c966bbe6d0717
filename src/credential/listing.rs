// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the files of a list hold, without their keys: read once, and looked at again by each later
//! selector over the same list.

use super::leaf::{self, Leaf};
use super::{chain, pem};
use crate::cache::{self, ListKey, Moment, Stamp, Stats};
use crate::error::{Cause, Error};
use crate::list::Names;
use crate::name;
use openssl::x509::X509;
use std::collections::HashMap;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use zeroize::Zeroizing;

/// The certificates of one credential.
#[derive(Debug)]
pub struct Material {
    pub leaf: Leaf,
    /// What came with the leaf, in no certain order; the index makes chains of it.
    pub companions: Vec<X509>,
}

impl Material {
    /// What the file at `path` holds.
    fn read(bytes: &[u8], path: &Path, known: &mut Companions) -> Result<Material, Cause> {
        if let Some(material) = Material::read_plain(bytes, known) {
            return Ok(material);
        }
        let (leaf, companions) = parse(bytes, path, pem::MAX_CERTIFICATES)
            .map(chain::leaf_first)?
            .ok_or_else(|| no_certificate(path))?;
        Ok(Material { leaf: leaf.into(), companions })
    }

    /// The same without OpenSSL's decoding the leaf, if it is of a usual kind and comes first.
    fn read_plain(bytes: &[u8], known: &mut Companions) -> Option<Material> {
        let mut blocks = pem::plain_certificates(bytes)?.into_iter();
        let leaf = Leaf::outlined(blocks.next()?)?;
        let companions: Vec<X509> = blocks.map(|der| known.decode(der)).collect::<Option<_>>()?;
        let (der, outline) = leaf.outline()?;
        let subject = name::fingerprint(outline.subject(der))?;
        let may_be_below = |x: &X509| {
            name::fingerprint(name::der(x.issuer_name())).is_none_or(|issuer| issuer == subject)
        };
        if companions.iter().any(may_be_below) {
            return None;
        }
        Some(Material { leaf, companions })
    }
}

/// Intermediates by their DER: the certificates of a list often share them.
#[derive(Default)]
struct Companions(HashMap<Vec<u8>, X509>);

impl Companions {
    fn decode(&mut self, der: Vec<u8>) -> Option<X509> {
        if let Some(known) = self.0.get(&der) {
            return Some(known.clone());
        }
        let new = leaf::decode(&der).ok()?;
        self.0.insert(der, new.clone());
        Some(new)
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    pub names: Names,
    pub material: Arc<Material>,
    /// The certificate's file, for the system.
    path: CString,
    /// By which it is known to be as it was; `None` if that is not sure.
    stamp: Option<Stamp>,
}

/// See the module.
#[derive(Debug)]
pub struct Listing {
    entries: Vec<Entry>,
    /// Whether the name of a file depends on the working directory.
    has_relative_name: bool,
}

/// What files hold, and how that is known.
pub struct Found<T> {
    /// What they hold.
    pub content: Arc<T>,
    /// Whether some of it is from the cache: those files were looked at and not opened.
    pub is_from_cache: bool,
}

impl Listing {
    /// What libpq's two lists name. `before`: how many entries the selector has already. `matched`
    /// gets the number of entries before any file is read, and its result goes along.
    pub fn of_lists<T>(
        certificates: &[u8],
        keys: Option<&[u8]>,
        before: usize,
        use_cache: bool,
        matched: impl FnOnce(usize) -> Result<T, Error>,
    ) -> Result<(Found<Listing>, T), Error> {
        let whole = crate::list::is_whole(certificates);
        let key = use_cache.then(|| ListKey::new(whole, certificates, keys));
        Listing::of(key, before, matched, || crate::list::names(certificates, keys, whole))
    }

    /// One certificate's file, and one for its key.
    pub fn of_files(names: Names, before: usize, use_cache: bool) -> Result<Found<Listing>, Error> {
        let key = use_cache.then(|| {
            let keys = names.key.as_ref().map(|k| k.as_os_str().as_bytes());
            ListKey::new(true, names.certificate.as_os_str().as_bytes(), keys)
        });
        Listing::of(key, before, |_| Ok(()), || Ok(vec![names])).map(|(listing, ())| listing)
    }

    fn of<T>(
        key: Option<ListKey>,
        before: usize,
        matched: impl FnOnce(usize) -> Result<T, Error>,
        names: impl FnOnce() -> Result<Vec<Names>, Error>,
    ) -> Result<(Found<Listing>, T), Error> {
        let known = key.as_ref().and_then(cache::listing);
        let mut companions = Companions::default();
        let failed = |at: usize, cause| Error::Entry { number: before + at + 1, cause };
        let (mut entries, result): (Vec<Entry>, T) = match &known {
            Some(known) => {
                let result = matched(known.entries.len())?;
                let changed = known.changed();
                if changed.is_empty() {
                    return Ok((Found { content: Arc::clone(known), is_from_cache: true }, result));
                }
                let mut entries = known.entries.clone();
                for at in changed {
                    let Some(entry) = entries.get_mut(at) else { continue };
                    let new = Entry::read(entry.names.clone(), &mut companions);
                    *entry = new.map_err(|e| failed(at, e))?;
                }
                (entries, result)
            }
            None => {
                let names = names()?;
                let result = matched(names.len())?;
                let read =
                    |(at, names)| Entry::read(names, &mut companions).map_err(|e| failed(at, e));
                (names.into_iter().enumerate().map(read).collect::<Result<_, _>>()?, result)
            }
        };
        entries.shrink_to_fit();
        let is_relative =
            |e: &Entry| e.key_path().is_relative() || e.names.certificate.is_relative();
        let has_relative_name = entries.iter().any(is_relative);
        let listing = Arc::new(Listing { entries, has_relative_name });
        if let Some(key) = key.filter(|_| listing.is_worth_keeping()) {
            cache::keep_listing(key, &listing);
        }
        Ok((Found { content: listing, is_from_cache: known.is_some() }, result))
    }

    /// The entries whose files are not known to be as they were.
    fn changed(&self) -> Vec<usize> {
        let mut stats = Stats::default();
        let mut changed = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if entry.stamp.is_none() || stats.of(&entry.path) != entry.stamp {
                changed.push(at);
            }
        }
        changed
    }

    fn is_worth_keeping(&self) -> bool {
        self.entries.iter().any(|e| e.stamp.is_some())
    }

    /// Whether the next selector may find it again: an index of it is worth keeping.
    pub fn is_settled(&self) -> bool {
        self.entries.iter().all(|e| e.stamp.is_some())
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the name of a file depends on the working directory.
    pub fn has_relative_name(&self) -> bool {
        self.has_relative_name
    }

    /// How much memory it takes, about.
    pub fn bytes(&self) -> usize {
        let entry = |e: &Entry| {
            let companions = e.material.companions.iter().map(certificate_bytes).sum::<usize>();
            size_of::<Entry>()
                + size_of::<Material>()
                + 2 * e.path.as_bytes().len()
                + e.names.key.as_ref().map_or(0, |k| k.as_os_str().len())
                + decoded_bytes(e.material.leaf.der_length())
                + companions
        };
        self.entries.iter().map(entry).sum()
    }
}

impl Entry {
    /// Reads the certificate's file. The key is read when it is needed; a certificate without a
    /// key file must have the key in its own.
    fn read(names: Names, known: &mut Companions) -> Result<Entry, Cause> {
        let path = &names.certificate;
        let (bytes, stamp) = read(path)?;
        let material = Arc::new(Material::read(&bytes, path, known)?);
        if names.key.is_none() && !pem::has_private_key(&bytes) {
            return Err(Cause::NoKeyBesideCertificate(path.clone()));
        }
        // A name with a zero byte in it has not been read.
        let path = CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
        Ok(Entry { names, material, path, stamp })
    }

    /// The file of the key: its own, or the certificate's.
    pub fn key_path(&self) -> &Path {
        self.names.key.as_deref().unwrap_or(&self.names.certificate)
    }
}

/// Certificates for the issuer pool, from one file.
#[derive(Debug)]
pub struct IssuerFile {
    certificates: Vec<X509>,
    path: CString,
    stamp: Option<Stamp>,
}

impl IssuerFile {
    /// The file as it is now.
    pub fn of(path: &Path, use_cache: bool) -> Result<Found<IssuerFile>, Cause> {
        let name = path.as_os_str().as_bytes();
        let known = if use_cache { cache::issuer_file(name) } else { None };
        if let Some(known) = known {
            if known.stamp.is_some() && Stats::default().of(&known.path) == known.stamp {
                return Ok(Found { content: known, is_from_cache: true });
            }
        }
        let (bytes, stamp) = read(path)?;
        let certificates = parse(&bytes, path, pem::MAX_ISSUERS)?;
        let file = IssuerFile { certificates, path: CString::new(name).unwrap_or_default(), stamp };
        let file = Arc::new(file);
        if use_cache && file.stamp.is_some() {
            cache::keep_issuer_file(name, &file);
        }
        Ok(Found { content: file, is_from_cache: false })
    }

    /// Its certificates.
    pub fn certificates(&self) -> &[X509] {
        &self.certificates
    }

    /// Whether the next selector may find it again.
    pub fn is_settled(&self) -> bool {
        self.stamp.is_some()
    }

    /// How much memory it takes, about.
    pub fn bytes(&self) -> usize {
        self.certificates.iter().map(certificate_bytes).sum()
    }
}

/// How much memory a certificate takes, about.
fn certificate_bytes(certificate: &X509) -> usize {
    decoded_bytes(leaf::der_length(certificate))
}

/// OpenSSL takes several times the DER. One that is not decoded yet counts as if it were.
fn decoded_bytes(der: usize) -> usize {
    2048 + 4 * der
}

/// The bytes of a file, and the stamp if it will tell of every change after this.
fn read(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Option<Stamp>), Cause> {
    let before = Moment::now();
    pem::open_regular(path)
        .and_then(|(file, metadata)| {
            let bytes = pem::read_all(&file, &metadata, pem::MOST_BYTES)?;
            Ok((bytes, still(&file, &Stamp::of(&metadata), &before)))
        })
        .map_err(|e| unreadable(path, &e))
}

/// Opens a file of certificates, which is called `path` in words, unless it was `opened` before.
/// What came from the cache was looked at, and the process may have lost the right to read it in a
/// way that only opening shows. A file that has gone since does not matter: it was there when the
/// selector was made, and what a selector has it keeps.
pub fn open_once(base: Option<&Path>, path: &Path, opened: &AtomicBool) -> Result<(), Cause> {
    if opened.load(Ordering::Relaxed) {
        return Ok(());
    }
    match pem::open_regular(&absolute(base, path)) {
        Ok(_) => {
            opened.store(true, Ordering::Relaxed);
            Ok(())
        }
        Err(error) if error.has_gone() => Ok(()),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &pem::ReadError) -> Cause {
    Cause::CertificateFile { file: path.to_owned(), why: error.text() }
}

/// The stamp of a file that was read, unless it has changed meanwhile, or might without showing it.
pub fn still(file: &std::fs::File, stamp: &Stamp, before: &Moment) -> Option<Stamp> {
    let after = Stamp::of(&file.metadata().ok()?);
    (after == *stamp && stamp.is_settled(before)).then_some(after)
}

/// All certificates in these bytes of a file, of which there may be `max`.
fn parse(bytes: &[u8], path: &Path, max: usize) -> Result<Vec<X509>, Cause> {
    pem::certificates(bytes, max)
        .map_err(|why| Cause::Certificate { file: Some(path.to_owned()), why })
}

fn no_certificate(path: &Path) -> Cause {
    Cause::Certificate { file: Some(path.to_owned()), why: "it holds no certificate".to_owned() }
}

/// A file's name, made whole by the directory that was the working directory when it was given.
pub fn absolute(base: Option<&Path>, path: &Path) -> PathBuf {
    base.map_or_else(
        || path.to_owned(),
        |base| base.join(OsStr::from_bytes(path.as_os_str().as_bytes())),
    )
}
