// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files and chains looked at without being used, for the programs of this workspace that tell
//! people what is wrong. All of it calls what a handshake calls, so that what is told is what would
//! happen.

use certpick_core::Secret;
use certpick_core::choice::{self, Candidate, Class, Criteria, Graph, KeyType, Policy, Reasons};
use certpick_core::error::{Cause, Error};
use certpick_core::file::bytes::Wiped;
use certpick_core::file::{explain, regular};
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
use openssl::x509::{X509, X509Crl, X509NameRef};
use openssl_sys as ffi;
use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// A certificate file as it was read.
pub struct CertificateFile {
    path: PathBuf,
    bytes: Wiped,
    /// Of what was opened.
    pub metadata: Metadata,
}

impl CertificateFile {
    /// Reads it; a directory, FIFO or device is refused unopened.
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

    /// Whether it holds a private key in PEM.
    pub fn has_private_key(&self) -> bool {
        pem::has_private_key(&self.bytes)
    }

    /// Whether it may be a private key in DER, encrypted or not.
    pub fn may_be_key_in_der(&self) -> bool {
        matches!(
            key::KeyFormat::of(&self.bytes),
            key::KeyFormat::Der | key::KeyFormat::EncryptedDer
        )
    }

    /// Whether it holds a certificate in PEM, sound or not.
    pub fn holds_certificate(&self) -> bool {
        const LABEL: &[u8] = b"CERTIFICATE-----";
        self.bytes.windows(LABEL.len()).any(|w| w == LABEL)
    }

    /// Its certificates in their order, at least one, as a credential's file may hold them.
    pub fn certificates(&self) -> Result<Vec<X509>, Cause> {
        self.at_most(pem::MAX_CERTIFICATES)
    }

    /// The same for a file of roots.
    pub fn roots(&self) -> Result<Vec<X509>, Cause> {
        self.at_most(pem::MAX_ISSUERS)
    }

    fn at_most(&self, max: usize) -> Result<Vec<X509>, Cause> {
        pem::certificates(&self.bytes, max).map_err(|why| why.cause(Some(&self.path)))
    }
}

/// The bytes of a regular file of at most so many; otherwise why not, in words.
pub fn read_file(path: &Path, most: u64) -> Result<Wiped, String> {
    regular::open(path)
        .and_then(|(file, metadata)| regular::read_all(&file, &metadata, most))
        .map(|(bytes, _)| bytes)
        .map_err(|error| error.text())
}

/// Whether explanations can be appended to a file, which is made if it is not there; otherwise why
/// not, in words.
pub fn check_explain_file(path: &Path) -> Result<(), String> {
    explain::open(path).map(drop)
}

/// The certificates of a file for the issuer pool.
pub fn issuers(path: &Path) -> Result<Vec<X509>, Error> {
    let found = IssuerFile::open(path, false).map_err(Error::Issuers)?;
    let certificates = found.content.certificates().iter();
    let decoded = certificates.map(|x| x.get().cloned().map_err(|why| why.cause(Some(path))));
    decoded.collect::<Result<_, _>>().map_err(Error::Issuers)
}

/// The first revocation list in PEM in these bytes.
pub fn revocation_list(pem: &[u8]) -> Option<X509Crl> {
    pem::revocation_list(pem)
}

/// The system's words for an error, as libpq has them.
pub fn system_text(error: &std::io::Error) -> String {
    regular::system_text(error)
}

/// Which certificate of a file is the one that the others belong to.
pub fn leaf_position(certificates: &[X509]) -> usize {
    let names: Vec<chain::IssuerAndSubject<'_>> =
        certificates.iter().map(chain::IssuerAndSubject::of).collect();
    chain::leaf_position(&names).unwrap_or(0)
}

/// Whether it is signed with its own key, by its names and key identifiers.
pub fn is_root(certificate: &X509) -> bool {
    chain::is_root(certificate).unwrap_or(false)
}

/// See [`chain::first_issued`].
pub fn first_issued<'a>(pairs: impl IntoIterator<Item = (&'a X509, &'a X509)>) -> Option<usize> {
    chain::first_issued(pairs, MAX_KEYS)
}

/// Whether its basic constraints say that it is a CA's.
pub fn is_ca(certificate: &X509) -> bool {
    const EXFLAG_CA: u32 = 0x10;
    // SAFETY: a valid certificate, in which OpenSSL caches what its extensions say.
    unsafe { ffi::X509_get_extension_flags(certificate.as_ptr()) & EXFLAG_CA != 0 }
}

/// What X509_check_ca(3) makes of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// Not that of a CA.
    No,
    /// Its basic constraints say so.
    Constrained,
    /// Of version 1 and signed by itself: from before there were extensions.
    Version1,
    /// By its key usage, or Netscape's certificate type, alone.
    Otherwise,
}

/// Whether and how it is the certificate of a CA.
pub fn authority(certificate: &X509) -> Authority {
    // SAFETY: a valid certificate, in which OpenSSL caches what its extensions say.
    match unsafe { ossl::X509_check_ca(certificate.as_ptr()) } {
        0 => Authority::No,
        1 => Authority::Constrained,
        3 => Authority::Version1,
        _ => Authority::Otherwise,
    }
}

/// The side of a connection that proves itself by a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// By a client certificate.
    Client,
    /// By a server certificate.
    Server,
}

/// Whether OpenSSL on the other side finds that the certificate may be used so, as a leaf or as
/// that of a CA above it (X509_check_purpose(3)).
pub fn fits_purpose(certificate: &X509, side: Side, as_ca: bool) -> bool {
    const SSL_CLIENT: c_int = 1;
    const SSL_SERVER: c_int = 2;
    let purpose = match side {
        Side::Client => SSL_CLIENT,
        Side::Server => SSL_SERVER,
    };
    let _errors = QuietErrors::new();
    // SAFETY: a valid certificate.
    unsafe { ossl::X509_check_purpose(certificate.as_ptr(), purpose, c_int::from(as_ca)) == 1 }
}

/// What key usage and extended key usage say against it as a client's certificate.
pub fn usage_reasons(certificate: &X509) -> Reasons {
    facts::usage_reasons(certificate).unwrap_or_default()
}

/// Whether X509_NAME_cmp finds these names equal.
pub fn same_name(a: &X509NameRef, b: &X509NameRef) -> bool {
    name::equal(a, b)
}

/// A hash that is the same for names that X509_NAME_cmp finds equal; `None` for odd encodings.
pub fn name_hash(name: &X509NameRef) -> Option<u64> {
    fingerprint(name::der(name))
}

/// A name for people, on one line, as [`certpick_core::text`] shows it.
pub fn name_text(name: &X509NameRef) -> String {
    name::text(name)
}

/// The public key, as far as a choice is concerned.
pub fn public_key(certificate: &X509) -> KeyType {
    facts::key(certificate).unwrap_or(KeyType::Other)
}

/// What a certificate's strength depends on: those of one class are equally strong.
#[derive(PartialEq, Eq, Hash)]
pub struct StrengthClass(facts::StrengthClass);

impl StrengthClass {
    /// Of this certificate.
    pub fn of(certificate: &X509) -> StrengthClass {
        StrengthClass(facts::StrengthClass::of(certificate, public_key(certificate)))
    }
}

/// How many bits of security the signature on it has, by OpenSSL's count, or -1 where that is not
/// known. `None` for one whose subject is its issuer: nobody looks at the signature of a root.
pub fn signature_bits(certificate: &X509) -> Option<c_int> {
    let class = facts::StrengthClass::of(certificate, public_key(certificate));
    class.strength(certificate).ok()?.signature.map(|(_, bits)| bits)
}

/// Reads and decrypts the private key in a file.
pub fn private_key(path: &Path, password: Option<&Secret>) -> Result<PKey<Private>, Cause> {
    key::load(path, path, password, None)
}

/// Whether the key, which is in `file`, belongs to the certificate.
pub fn matches(certificate: &X509, key: &PKeyRef<Private>, file: &Path) -> Result<(), Cause> {
    check_match(certificate, key).map_err(|mismatch| mismatch.cause(Some(file)))
}

/// Credentials side by side, as a selector has them when it chooses: with the chains that can be
/// made of all their certificates and the issuer pool.
pub struct Set {
    filter: Filter,
    index: Index,
}

impl Set {
    /// For each credential its leaf and the certificates that came along, in any order.
    pub fn new(credentials: &[(&X509, &[X509])], issuers: &[X509]) -> Result<Set, Error> {
        let (filter, index) = Index::of_all(credentials, &issuers.iter().collect::<Vec<_>>())?;
        Ok(Set { filter, index })
    }

    /// Each credential as the choice sees it.
    pub fn candidates(&self) -> &[Candidate] {
        self.index.candidates()
    }

    /// The keys of the leaves, by the number in [`Candidate::class`].
    pub fn keys(&self) -> impl Iterator<Item = KeyType> {
        self.index.classes().iter().map(|class| class.key)
    }

    /// How many different names there are; those of issuers are numbers below it.
    pub fn issuers(&self) -> usize {
        self.filter.names().len()
    }

    /// The intermediates that go with credential `at`, in order, for a server that names no CA: a
    /// chain of which all is valid at a moment, if there is one.
    pub fn chain(&self, at: usize, moment: i64) -> impl Iterator<Item = &X509> {
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
            now: moment,
        };
        let verdicts = choice::judge(self.candidates(), &criteria, &Policy::default());
        let links = verdicts.chain(at).map_or(&[][..], |chain| &chain.links);
        let certificates: Vec<&X509> = self.index.certificates(links).collect();
        certificates.into_iter()
    }

    /// The intermediates of all chains of credential `at`, each once.
    pub fn reachable(&self, at: usize) -> impl Iterator<Item = &X509> {
        let certificates: Vec<&X509> = self.index.certificates(&self.above(at)).collect();
        certificates.into_iter()
    }

    /// The numbers of the names by which a server can ask for credential `at`: the issuers of its
    /// leaf and of all certificates above it.
    pub fn names(&self, at: usize) -> BTreeSet<u32> {
        let above = self.above(at);
        let links = above.iter().filter_map(|link| self.graph().link(*link)).map(|x| x.issuer);
        links.chain(self.candidates().get(at).map(|leaf| leaf.issuer)).collect()
    }

    /// What may stand above the credentials, for [`Criteria::graph`].
    pub fn graph(&self) -> &Graph {
        self.index.graph()
    }

    /// That no security level refuses any of it, for [`Criteria::refused`].
    pub fn accepted(&self) -> Vec<bool> {
        vec![false; self.graph().links().len()]
    }

    fn above(&self, at: usize) -> Vec<u32> {
        let start = self.candidates().get(at).and_then(|leaf| self.graph().start(leaf.start));
        start.map_or_else(Vec::new, |start| self.graph().reachable(start))
    }
}
