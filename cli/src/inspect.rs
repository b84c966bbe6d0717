// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates, keys and chains for `check` and `probe`. The functions of the core are used, so that
//! the results are those of a handshake.

use certpick_core::Secret;
use certpick_core::choice::{self, Candidate, Class, Criteria, Graph, KeyType, Policy, Reasons};
use certpick_core::error::{Cause, Error};
use certpick_core::file::bytes::FileContent;
use certpick_core::file::regular;
use certpick_core::ossl::{self, QuietErrors};
use certpick_core::selector::{Filter, Index, MAX_KEYS};
use certpick_core::source::issuers::IssuerFile;
use certpick_core::source::key::{self, matching::check_match};
use certpick_core::source::pem;
use certpick_core::x509::chain;
use certpick_core::x509::facts;
use certpick_core::x509::{fingerprint::fingerprint, name};
use foreign_types::ForeignType;
use libc::c_int;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::x509::{X509, X509NameRef};
use openssl_sys as ffi;
use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// The content of a certificate file.
pub struct CertificateFile {
    path: PathBuf,
    bytes: FileContent,
    /// Metadata of the open file.
    pub metadata: Metadata,
}

impl CertificateFile {
    /// Reads a regular file. Directories, FIFOs and devices are rejected without opening them.
    pub fn read(path: &Path) -> Result<CertificateFile, Cause> {
        let read = || {
            let (file, metadata) = regular::open(path)?;
            Ok((regular::read_all(&file, &metadata, pem::MAX_BYTES)?.0, metadata))
        };
        let (bytes, metadata) = read().map_err(|error: regular::ReadError| {
            let file = path.to_owned();
            Cause::CertificateFile { file, why: error.text() }
        })?;
        Ok(CertificateFile { path: path.to_owned(), bytes, metadata })
    }

    /// Returns whether the file contains a private key in PEM.
    pub fn has_private_key(&self) -> bool {
        pem::has_private_key(&self.bytes)
    }

    /// Returns whether the file may be a private key in DER, encrypted or not.
    pub fn may_be_key_in_der(&self) -> bool {
        matches!(
            key::KeyFormat::of(&self.bytes),
            key::KeyFormat::Der | key::KeyFormat::EncryptedDer
        )
    }

    /// Returns whether the file contains a certificate in PEM, even a malformed one.
    pub fn holds_certificate(&self) -> bool {
        const LABEL: &[u8] = b"CERTIFICATE-----";
        self.bytes.windows(LABEL.len()).any(|w| w == LABEL)
    }

    /// Returns the certificates of a credential's file, at least one, in their order.
    pub fn certificates(&self) -> Result<Vec<X509>, Cause> {
        self.at_most(pem::MAX_CERTIFICATES)
    }

    /// Returns the certificates of a file of roots, whose maximum number is larger.
    pub fn roots(&self) -> Result<Vec<X509>, Cause> {
        self.at_most(pem::MAX_ISSUERS)
    }

    fn at_most(&self, max: usize) -> Result<Vec<X509>, Cause> {
        pem::certificates(&self.bytes, max).map_err(|error| error.cause(Some(&self.path)))
    }
}

/// Reads a regular file of at most `max` bytes. The error is the reason as text.
pub fn read_file(path: &Path, max: u64) -> Result<FileContent, String> {
    regular::open(path)
        .and_then(|(file, metadata)| regular::read_all(&file, &metadata, max))
        .map(|(bytes, _)| bytes)
        .map_err(|error| error.text())
}

/// Reads the certificates of a file for the issuer pool.
pub fn issuers(path: &Path) -> Result<Vec<X509>, Error> {
    let found = IssuerFile::open(path, false).map_err(Error::Issuers)?;
    let certificates = found.content.certificates().iter();
    let decoded = certificates.map(|x| x.get().cloned().map_err(|error| error.cause(Some(path))));
    decoded.collect::<Result<_, _>>().map_err(Error::Issuers)
}

/// Returns the index of the leaf certificate of a file.
pub fn leaf_position(certificates: &[X509]) -> usize {
    let names: Vec<chain::IssuerAndSubject<'_>> =
        certificates.iter().map(chain::IssuerAndSubject::of).collect();
    chain::leaf_position(&names).unwrap_or(0)
}

/// Returns whether a certificate is self-signed, by its names and key identifiers.
pub fn is_root(certificate: &X509) -> bool {
    chain::is_root(certificate).unwrap_or(false)
}

/// See [`chain::first_issued`].
pub fn first_issued<'a>(pairs: impl IntoIterator<Item = (&'a X509, &'a X509)>) -> Option<usize> {
    chain::first_issued(pairs, MAX_KEYS)
}

/// Returns whether the basic constraints identify a CA certificate.
pub fn is_ca(certificate: &X509) -> bool {
    const EXFLAG_CA: u32 = 0x10;
    // SAFETY: the certificate is valid. OpenSSL caches its extensions in it.
    unsafe { ffi::X509_get_extension_flags(certificate.as_ptr()) & EXFLAG_CA != 0 }
}

/// The result of X509_check_ca(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// Not a CA certificate.
    No,
    /// A CA certificate by its basic constraints.
    Constrained,
    /// A self-signed X.509 version 1 certificate, which has no extensions.
    Version1,
    /// Only by its key usage or Netscape certificate type.
    Otherwise,
}

/// Returns whether and why OpenSSL accepts a certificate as a CA certificate.
pub fn authority(certificate: &X509) -> Authority {
    // SAFETY: the certificate is valid. OpenSSL caches its extensions in it.
    match unsafe { ossl::X509_check_ca(certificate.as_ptr()) } {
        0 => Authority::No,
        1 => Authority::Constrained,
        3 => Authority::Version1,
        _ => Authority::Otherwise,
    }
}

/// The side of a connection that uses a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// Returns whether the peer's OpenSSL accepts the certificate as a leaf or as a CA certificate for this
/// side (X509_check_purpose(3)).
pub fn fits_purpose(certificate: &X509, side: Side, as_ca: bool) -> bool {
    const SSL_CLIENT: c_int = 1;
    const SSL_SERVER: c_int = 2;
    let purpose = match side {
        Side::Client => SSL_CLIENT,
        Side::Server => SSL_SERVER,
    };
    let _errors = QuietErrors::new();
    // SAFETY: the certificate is valid.
    unsafe { ossl::X509_check_purpose(certificate.as_ptr(), purpose, c_int::from(as_ca)) == 1 }
}

/// Returns the reasons against a client certificate from its key usage and extended key usage.
pub fn usage_reasons(certificate: &X509) -> Reasons {
    facts::usage_reasons(certificate).unwrap_or_default()
}

/// Returns a hash that is equal for names that X509_NAME_cmp(3) considers equal; `None` for unusual
/// encodings.
pub fn name_hash(name: &X509NameRef) -> Option<u64> {
    fingerprint(name::der(name))
}

fn public_key(certificate: &X509) -> KeyType {
    facts::key_type(certificate).unwrap_or(KeyType::Other)
}

/// The properties on which the strength of a certificate depends. Certificates of one class have the
/// same strength.
#[derive(PartialEq, Eq, Hash)]
pub struct StrengthClass(facts::StrengthClass);

impl StrengthClass {
    pub fn of(certificate: &X509) -> StrengthClass {
        StrengthClass(facts::StrengthClass::of(certificate, public_key(certificate)))
    }
}

/// Returns OpenSSL's security bits of the signature, or -1 if they are unknown. Returns `None` for a
/// self-issued certificate, whose signature is not verified.
pub fn signature_bits(certificate: &X509) -> Option<c_int> {
    let class = facts::StrengthClass::of(certificate, public_key(certificate));
    class.strength(certificate).ok()?.signature.map(|(_, bits)| bits)
}

/// Reads and decrypts the private key in a file.
pub fn private_key(path: &Path, password: Option<&Secret>) -> Result<PKey<Private>, Cause> {
    key::load(path, path, password, None)
}

/// Checks that the key, which was read from `file`, matches the certificate.
pub fn matches(certificate: &X509, key: &PKeyRef<Private>, file: &Path) -> Result<(), Cause> {
    check_match(certificate, key).map_err(|mismatch| mismatch.cause(Some(file)))
}

/// A set of credentials as in a selector, with the chains that their certificates and the issuer pool
/// form.
pub struct Set {
    filter: Filter,
    index: Index,
}

impl Set {
    /// Builds the set. Each credential is a leaf and the other certificates of its file, in any order.
    pub fn new(credentials: &[(&X509, &[X509])], issuers: &[X509]) -> Result<Set, Error> {
        let (filter, index) = Index::of_all(credentials, &issuers.iter().collect::<Vec<_>>())?;
        Ok(Set { filter, index })
    }

    /// Returns the credentials in the representation of [`choice`].
    pub fn candidates(&self) -> &[Candidate] {
        self.index.candidates()
    }

    /// Returns the key types of the leaves, indexed by [`Candidate::class`].
    pub fn keys(&self) -> impl Iterator<Item = KeyType> {
        self.index.classes().iter().map(|class| class.key)
    }

    /// Returns the number of different names. Issuers are numbers below it.
    pub fn issuers(&self) -> usize {
        self.filter.names().len()
    }

    /// Returns the intermediates that are sent with credential `at` to a server that names no CA, in
    /// order. Prefers a chain that is valid at the time `now`.
    pub fn chain(&self, at: usize, now: i64) -> impl Iterator<Item = &X509> {
        let classes: Vec<Class> = self.keys().map(|key| Class { key, is_refused: false }).collect();
        let criteria = Criteria {
            count: self.candidates().len(),
            tls13: false,
            named: None,
            schemes: None,
            types: None,
            classes: &classes,
            exempt: &[],
            graph: self.graph(),
            refused: &self.accepted(),
            user: None,
            now,
        };
        let verdicts = choice::judge(self.candidates(), &criteria, &Policy::default());
        let links = verdicts.chain(at).map_or(&[][..], |chain| &chain.links);
        let certificates: Vec<&X509> = self.index.certificates(links).collect();
        certificates.into_iter()
    }

    /// Returns the intermediates of all chains of credential `at`, without duplicates.
    pub fn reachable(&self, at: usize) -> impl Iterator<Item = &X509> {
        let certificates: Vec<&X509> = self.index.certificates(&self.above(at)).collect();
        certificates.into_iter()
    }

    /// Returns the numbers of the CA names that match credential `at`: the issuers of its leaf and of
    /// all its intermediates.
    pub fn names(&self, at: usize) -> BTreeSet<u32> {
        let above = self.above(at);
        let links = above.iter().filter_map(|link| self.graph().link(*link)).map(|x| x.issuer);
        links.chain(self.candidates().get(at).map(|leaf| leaf.issuer)).collect()
    }

    /// Returns the graph of issuers, for [`Criteria::graph`].
    pub fn graph(&self) -> &Graph {
        self.index.graph()
    }

    /// Returns that the security level accepts every certificate, for [`Criteria::refused`].
    pub fn accepted(&self) -> Vec<bool> {
        vec![false; self.graph().links().len()]
    }

    fn above(&self, at: usize) -> Vec<u32> {
        let start = self.candidates().get(at).and_then(|leaf| self.graph().start(leaf.start));
        start.map_or_else(Vec::new, |start| self.graph().reachable(start))
    }
}
