// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files and chains looked at without being used, for the programs of this workspace that tell
//! people what is wrong. All of it calls what a handshake calls, so that what is told is what would
//! happen.

use crate::bytes::Wiped;
use crate::choice::{self, Asked, Candidate, Graph, Key, Policy, Reasons, Traits};
use crate::credential::facts::{self, Clock};
use crate::credential::issuers::IssuerFile;
use crate::credential::{chain, check_match, key, pem};
use crate::error::{Cause, Error};
use crate::explain_file;
use crate::name;
use crate::ossl::{self, QuietErrors};
use crate::secret::Secret;
use crate::selector::{Filter, Index, MAX_KEYS};
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
            let (file, metadata) = pem::open_regular(path)?;
            Ok((pem::read_all(&file, &metadata, pem::MAX_BYTES)?.0, metadata))
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

    /// Whether it may be a private key in DER, encrypted or not.
    pub fn may_be_key_in_der(&self) -> bool {
        matches!(key::Form::of(&self.bytes), key::Form::Der | key::Form::EncryptedDer)
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
    pem::open_regular(path)
        .and_then(|(file, metadata)| pem::read_all(&file, &metadata, most))
        .map(|(bytes, _)| bytes)
        .map_err(|error| error.text())
}

/// Whether explanations can be appended to a file, which is made if it is not there; otherwise why
/// not, in words.
pub fn check_explain_file(path: &Path) -> Result<(), String> {
    explain_file::open(path).map(drop)
}

/// The certificates of a file for the issuer pool.
pub fn issuers(path: &Path) -> Result<Vec<X509>, Error> {
    let found = IssuerFile::of(path, false).map_err(Error::Issuers)?;
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
    pem::system_text(error)
}

/// Which certificate of a file is the one that the others belong to.
pub fn leaf_position(certificates: &[X509]) -> usize {
    let names: Vec<chain::NamesOf<'_>> = certificates.iter().map(chain::NamesOf::of).collect();
    chain::leaf_position(&names).unwrap_or(0)
}

/// Whether it is signed with its own key, by its names and key identifiers.
pub fn is_root(certificate: &X509) -> bool {
    chain::is_root(certificate).unwrap_or(false)
}

/// The first of these pairs of which one certificate issued the other: by names and key identifiers
/// or, where one of the latter is missing, by the signature. At most as many signatures are verified
/// as a handshake verifies for one certificate.
pub fn first_issued<'a>(pairs: impl IntoIterator<Item = (&'a X509, &'a X509)>) -> Option<usize> {
    let mut verifications = MAX_KEYS;
    let mut has_issued = |(issuer, certificate): (&X509, &X509)| {
        if !chain::may_have_issued(issuer, certificate).ok()? {
            return Some(false);
        }
        if chain::is_told(issuer, certificate) {
            return Some(true);
        }
        verifications = verifications.checked_sub(1)?;
        chain::verifies(issuer, certificate).ok()
    };
    // `None` ends it.
    let answers = pairs.into_iter().map_while(&mut has_issued);
    answers.enumerate().find(|(_, has_issued)| *has_issued).map(|(at, _)| at)
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
    name::fingerprint(name::der(name))
}

/// A name for people, on one line, as [`crate::text`] shows it.
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
    facts::key(certificate).unwrap_or(Key::Other)
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

    /// The keys of the leaves, by the number in [`Candidate::traits`].
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.index.traits().iter().map(|t| t.key)
    }

    /// How many different names there are; those of issuers are numbers below it.
    pub fn issuers(&self) -> usize {
        self.filter.names().len()
    }

    /// The intermediates that go with credential `at`, in order, for a server that names no CA: a
    /// chain of which all is valid at a moment, if there is one.
    pub fn chain(&self, at: usize, moment: i64) -> impl Iterator<Item = &X509> {
        let keys = self.keys();
        let traits: Vec<Traits> = keys.map(|key| Traits { key, refused: false }).collect();
        let asked = Asked {
            count: self.candidates().len(),
            tls13: false,
            named: None,
            schemes: None,
            types: None,
            traits: &traits,
            exempt: &[],
            graph: self.graph(),
            refused: &self.accepted(),
            user: None,
            now: moment,
        };
        let chain = choice::chain(self.candidates(), at, &asked, &Policy::default());
        let certificates: Vec<&X509> = self.index.certificates(&chain.links).collect();
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

    /// What may stand above the credentials, for [`Asked::graph`].
    pub fn graph(&self) -> &Graph {
        self.index.graph()
    }

    /// That no security level refuses any of it, for [`Asked::refused`].
    pub fn accepted(&self) -> Vec<bool> {
        vec![false; self.graph().links().len()]
    }

    fn above(&self, at: usize) -> Vec<u32> {
        let start = self.candidates().get(at).and_then(|leaf| self.graph().start(leaf.start));
        start.map_or_else(Vec::new, |start| self.graph().reachable(start))
    }
}
