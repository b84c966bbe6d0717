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
mod environment;
pub mod error;
pub mod file;
pub mod guard;
mod hash;
pub mod hook;
mod judgement;
pub mod list;
pub mod openssl_cnf;
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
    use crate::source::pem;
    use crate::x509::certificate::{Certificate, compare};

    /// Returns whether certpick can read the names of a certificate. Panics if OpenSSL reads other names.
    pub fn compare_names(der: &[u8]) -> bool {
        let certificate = Certificate::from_der(der.to_vec());
        certificate.as_ref().map(compare::compare).is_some()
    }

    /// Returns the DER of each certificate of a PEM file; `None` if the file needs OpenSSL's reader.
    pub fn plain_certificates(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        pem::plain_certificates(bytes, 1_000)
    }
}
