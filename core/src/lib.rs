// SPDX-License-Identifier: MIT OR Apache-2.0
//! The safe core of certpick, which gives an OpenSSL client several client certificates and sends the one
//! that suits the server.
//!
//! A [`Selector`] is an ordered set of credentials (a client certificate, its private key and the
//! intermediates to send with it) with a policy. Frozen and attached to an `SSL_CTX`, it reads the
//! server's CertificateRequest, chooses, and records the [`Decision`].
//!
//! This crate is for the library and the program of this workspace. Its interface may change with each
//! version.

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![deny(
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod cache;
pub mod choice;
pub mod config;
mod credential;
pub mod decision;
pub mod environment;
pub mod error;
pub mod file;
pub mod guard;
mod hash;
pub mod hook;
mod judgement;
pub mod list;
pub mod openssl_cnf;
mod order;
#[allow(missing_docs)] // OpenSSL's manual pages describe its functions
pub mod ossl;
mod peer;
pub mod request;
pub mod rule;
mod secret;
pub mod selector;
pub mod source;
pub mod text;
pub mod uri;
pub mod x509;

pub use decision::Decision;
pub use error::{Error, Status};
pub use peer::Peer;
pub use secret::Secret;
pub use selector::{FrozenSelector, Selector};
pub use source::password::PasswordCallback;

/// Functions for fuzz/ only, which is built with `--cfg fuzzing`.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    use crate::secret::Secret;
    use crate::source::bundle::SharedCertificates;
    use crate::source::key::matching::check_match;
    use crate::source::{pem, pkcs12};
    use crate::x509::certificate::{Certificate, compare};
    use std::path::Path;

    /// Returns whether certpick can read the names of a certificate. Panics if OpenSSL reads other names.
    pub fn compare_names(der: &[u8]) -> bool {
        let certificate = Certificate::from_der(der.to_vec());
        certificate.as_ref().map(compare::compare).is_some()
    }

    /// Returns the DER of each certificate of a PEM file; `None` if the file needs OpenSSL's reader.
    pub fn plain_certificates(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        pem::plain_certificates(bytes, 1_000)
    }

    /// Opens a PKCS#12 file and loads the keys. Panics if a key does not match its leaf. Returns the DER of
    /// each certificate; `None` if the file cannot be read.
    pub fn open_pkcs12(bytes: &[u8], password: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (name, password) = (Path::new("client.p12"), Secret::new(password));
        let mut shared = SharedCertificates::default();
        let opened = pkcs12::open(bytes, name, password.as_ref(), &mut shared);
        for credential in opened.unwrap_or_default() {
            let Ok(leaf) = credential.bundle.leaf.get() else { continue };
            let key = pkcs12::key_of(bytes, name, password.as_ref(), &credential.keys, leaf);
            assert!(key.is_err() || key.is_ok_and(|key| check_match(leaf, &key).is_ok()));
        }
        pkcs12::certificates(bytes, password.as_ref())
    }
}
