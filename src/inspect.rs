// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files and chains looked at without being used, for the programs of this workspace that tell
//! people what is wrong. All of it calls what a handshake calls, so that what is told is what would
//! happen.

use crate::choice::{Candidate, Key};
use crate::credential::facts::{self, Clock};
use crate::credential::listing::IssuerFile;
use crate::credential::{chain, check_match, key, pem};
use crate::error::{Cause, Error};
use crate::name;
use crate::secret::Secret;
use crate::selector::Index;
use foreign_types::ForeignType;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::x509::{X509, X509NameRef};
use openssl_sys as ffi;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A certificate file as it was read.
pub struct CertificateFile {
    path: PathBuf,
    bytes: Zeroizing<Vec<u8>>,
    /// Of what was opened.
    pub metadata: Metadata,
}

impl CertificateFile {
    /// Reads it; a directory, FIFO or device is refused unopened.
    pub fn read(path: &Path) -> Result<CertificateFile, Cause> {
        let read = || {
            let (file, metadata) = pem::open_regular(path)?;
            Ok((pem::read_all(&file, &metadata, pem::MOST_BYTES)?, metadata))
        };
        let (bytes, metadata) = read().map_err(|error: pem::ReadError| {
            let file = path.to_owned();
            Cause::CertificateFile { file, why: error.text() }
        })?;
        Ok(CertificateFile { path: path.to_owned(), bytes, metadata })
    }

    /// Whether it holds a private key in PEM.
    pub fn has_private_key(&self) -> bool {
        pem::has_private_key(&self.bytes)
    }

    /// Whether it holds a certificate in PEM, sound or not.
    pub fn holds_certificate(&self) -> bool {
        const LABEL: &[u8] = b"CERTIFICATE-----";
        self.bytes.windows(LABEL.len()).any(|w| w == LABEL)
    }

    /// Its certificates in their order, at least one.
    pub fn certificates(&self) -> Result<Vec<X509>, Cause> {
        pem::certificates(&self.bytes)
            .map_err(|why| Cause::Certificate { file: Some(self.path.clone()), why })
    }
}

/// The certificates of a file for the issuer pool.
pub fn issuers(path: &Path) -> Result<Vec<X509>, Error> {
    IssuerFile::of(path, false).map(|f| f.certificates().to_vec()).map_err(Error::Issuers)
}

/// The system's words for an error, as libpq has them.
pub fn system_text(error: &std::io::Error) -> String {
    pem::system_text(error)
}

/// Which certificate of a file is the one that the others belong to.
pub fn leaf_position(certificates: &[X509]) -> usize {
    chain::leaf_position(certificates)
}

/// Whether it is signed with its own key, by its names and key identifiers.
pub fn is_root(certificate: &X509) -> bool {
    chain::is_root(certificate)
}

/// Whether its basic constraints say that it is a CA's.
pub fn is_ca(certificate: &X509) -> bool {
    const EXFLAG_CA: u32 = 0x10;
    // SAFETY: a valid certificate, in which OpenSSL caches what its extensions say.
    unsafe { ffi::X509_get_extension_flags(certificate.as_ptr()) & EXFLAG_CA != 0 }
}

/// Whether X509_NAME_cmp finds these names equal.
pub fn same_name(a: &X509NameRef, b: &X509NameRef) -> bool {
    name::equal(a, b)
}

/// A name for people, on one line and without control characters.
pub fn name_text(name: &X509NameRef) -> String {
    name::text(name)
}

/// From when to when a certificate is valid, in seconds since 1970. A time that cannot be read is
/// one at which it is not valid.
pub fn validity(certificate: &X509) -> (i64, i64) {
    Clock::new().map_or((i64::MAX, i64::MIN), |clock| clock.validity(certificate))
}

/// The public key, as far as a choice is concerned.
pub fn public_key(certificate: &X509) -> Key {
    facts::key(certificate)
}

/// Reads and decrypts the private key in a file.
pub fn private_key(path: &Path, password: Option<&Secret>) -> Result<PKey<Private>, Cause> {
    key::load(path, path, password, None)
}

/// Whether the key, which is in `file`, belongs to the certificate.
pub fn matches(certificate: &X509, key: &PKeyRef<Private>, file: &Path) -> Result<(), Cause> {
    check_match(certificate, key).map_err(|why| Cause::KeyMismatch(Some(file.to_owned()), why))
}

/// Credentials side by side, as a selector has them when it chooses: with the chains that can be
/// made of all their certificates and the issuer pool.
pub struct Set {
    index: Index,
}

impl Set {
    /// For each credential its leaf and the certificates that came along, in any order.
    pub fn new(credentials: &[(&X509, &[X509])], issuers: &[X509]) -> Result<Set, Error> {
        Ok(Set { index: Index::build(credentials, &issuers.iter().collect::<Vec<_>>())? })
    }

    /// Each credential as the choice sees it.
    pub fn candidates(&self) -> &[Candidate] {
        self.index.candidates()
    }

    /// The keys of the leaves, by the number in [`crate::choice::Path::traits`].
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.index.traits().iter().map(|t| t.key)
    }

    /// How many different names issued anything here; a path's issuers are numbers below it.
    pub fn issuers(&self) -> usize {
        self.index.names().len()
    }

    /// The intermediates that go with credential `at` on one of its paths, in order.
    pub fn chain(&self, at: usize, path: usize) -> impl Iterator<Item = &X509> {
        self.index.chain(at, path)
    }
}
