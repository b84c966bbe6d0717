// SPDX-License-Identifier: MIT OR Apache-2.0
//! The roots that a client has, and the server's chain held against them as the client will do it.

use crate::certificate;
use crate::check::Calendar;
use crate::check::verify::{Anchor, Failure, Strict, Verification};
use crate::inspect::{self, Authority, CertificateFile};
use crate::report::{Level, Subject};
use certpick_core::error::file_name;
use openssl::ssl::{SslContext, SslMethod};
use openssl::x509::{X509, X509PurposeId};
use openssl_sys as ffi;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What `--root` names.
pub enum Roots {
    File(PathBuf, Vec<X509>),
    System,
    /// It cannot be read; that has been told.
    Unreadable,
}

/// Reads them, and says what is to be said of a file of roots as such.
pub fn read(root: &OsStr, subject: &mut Subject) -> Roots {
    if root == "system" {
        return Roots::System;
    }
    let path = Path::new(root);
    match CertificateFile::read(path).and_then(|file| file.roots()) {
        Ok(certificates) => Roots::File(path.to_owned(), certificates),
        Err(cause) => {
            subject.finding("root_file", Level::Wrong, cause.to_string());
            Roots::Unreadable
        }
    }
}

impl Roots {
    pub fn certificates(&self) -> &[X509] {
        match self {
            Roots::File(_, certificates) => certificates,
            _ => &[],
        }
    }

    fn anchor(&self) -> Option<Anchor<'_>> {
        match self {
            Roots::File(_, certificates) => Some(Anchor::Roots(certificates)),
            Roots::System => Some(Anchor::System),
            Roots::Unreadable => None,
        }
    }

    fn name(&self) -> String {
        match self {
            Roots::File(path, _) => format!("\"{}\"", file_name(path)),
            Roots::System => "the system's roots".to_owned(),
            Roots::Unreadable => "the roots".to_owned(),
        }
    }

    /// Holds the chain against them. `None` where that cannot be done.
    pub fn verify(
        &self,
        leaf: &X509,
        sent: &[&X509],
        crls: &[PathBuf],
        subject: &mut Subject,
    ) -> Option<bool> {
        let run = |crls: &[PathBuf]| {
            let strict = Strict {
                purpose: X509PurposeId::SSL_SERVER,
                security_level: default_security_level(),
            };
            let anchors = self.anchor()?;
            let verification = Verification { anchors, strict: Some(strict), crls };
            Some(verification.run(leaf, sent))
        };
        let plain = run(&[])?;
        let verifies = plain.is_ok();
        match plain {
            Ok(()) => {
                let text = format!("a client with {} finds the chain valid", self.name());
                subject.finding("verified", Level::Good, text);
            }
            Err(failure) => self.tell_failure("verified", &failure, subject),
        }
        if verifies && !crls.is_empty() {
            match run(crls)? {
                Ok(()) => {
                    let text = "so it does with the revocation lists, of which each certificate \
                                needs one";
                    subject.finding("crl_check", Level::Good, text);
                }
                Err(failure) => self.tell_failure("crl_check", &failure, subject),
            }
        }
        Some(verifies)
    }

    fn tell_failure(&self, key: &'static str, failure: &Failure, subject: &mut Subject) {
        let with = if key == "crl_check" { " and the revocation lists" } else { "" };
        let mut text =
            format!("a client with {}{with} refuses the chain: {}", self.name(), failure.words());
        let at = failure.certificate.as_ref();
        if let Some(at) = at {
            text.push_str(&format!(", at {}", inspect::name_text(at.subject_name())));
        }
        let issuer = at.map(|at| inspect::name_text(at.issuer_name())).unwrap_or_default();
        let advice = match failure.result.as_raw() {
            // X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT (_LOCALLY), UNABLE_TO_VERIFY_LEAF_SIGNATURE.
            2 | 20 | 21 => Some(format!(
                "the certificate of {issuer} is missing: an intermediate belongs into the server's \
                 file, a root into the client's"
            )),
            // DEPTH_ZERO_SELF_SIGNED_CERT, SELF_SIGNED_CERT_IN_CHAIN.
            18 | 19 => Some(format!("put the certificate of {issuer} among the client's roots")),
            // UNABLE_TO_GET_CRL.
            3 => Some(format!("a current list of {issuer} is needed as well")),
            // EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK.
            66..=68 => {
                Some("OpenSSL's default security level on this machine refuses it".to_owned())
            }
            _ => None,
        };
        match advice {
            Some(advice) => subject.advised(key, Level::Wrong, text, advice),
            None => subject.finding(key, Level::Wrong, text),
        };
    }
}

/// That of a program on this machine that sets none.
fn default_security_level() -> i32 {
    use foreign_types::ForeignTypeRef;
    let Ok(context) = SslContext::builder(SslMethod::tls_client()) else { return 1 };
    let context = context.build();
    // SAFETY: a valid context.
    unsafe { ffi::SSL_CTX_get_security_level(context.as_ptr()) }
}

/// A root that a chain ends at, or each of a file: whether it is a CA's.
pub fn tell_root(root: &X509, leaf: &X509, calendar: Calendar, subject: &mut Subject) {
    let mut part = certificate::subject(root, calendar.now);
    part.kind = "root";
    if root != leaf {
        match inspect::authority(root) {
            Authority::Constrained => {
                let text = "its basic constraints say that it is a CA's";
                part.finding("root_ca", Level::Good, text);
            }
            Authority::Version1 => {
                let text = "it is of version 1, from before certificates said whether they are \
                            CAs': OpenSSL takes it, others do not";
                let advice = "make a root with the extension basicConstraints=critical,CA:TRUE";
                part.advised("root_ca", Level::Warning, text, advice);
            }
            Authority::Otherwise => {
                let text = "it has no basic constraints, only a key usage for CAs: OpenSSL takes \
                            it, others do not";
                let advice = "make a root with the extension basicConstraints=critical,CA:TRUE";
                part.advised("root_ca", Level::Warning, text, advice);
            }
            Authority::No => {
                let text = "it is not the certificate of a CA: no chain can end in it";
                let advice = "make a root with the extension basicConstraints=critical,CA:TRUE";
                part.advised("root_ca", Level::Wrong, text, advice);
            }
        }
    }
    part.push(certificate::validity(root, calendar.now, calendar.min_days));
    subject.part(part);
}
