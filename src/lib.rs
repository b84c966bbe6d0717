// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several client certificates for one OpenSSL client: the one that the server asks for is sent.
//!
//! A [`Selector`] is an ordered set of credentials (a client certificate, its private key and the
//! intermediates that go along) with a policy. Frozen and attached to an `SSL_CTX`, it reads what
//! the server's CertificateRequest says, decides, and keeps the [`Decision`] with its words.
//!
//! C programs use `certpick.h`, which the module [`capi`] stands behind; the rest of this crate is
//! the safe core, for this workspace's own use.

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![deny(
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod bytes;
mod cache;
pub mod capi;
pub mod choice;
mod credential;
pub mod decision;
pub mod error;
mod explain_file;
mod guard;
pub mod hook;
pub mod inspect;
mod judgement;
pub mod list;
mod map;
mod name;
#[cfg(ossl3)]
mod object;
pub mod openssl_cnf;
mod ossl;
#[cfg(ossl3)]
mod provider;
pub mod request;
mod secret;
pub mod selector;
pub mod text;

/// What only fuzz/ calls: it is built with `--cfg fuzzing`.
#[cfg(all(fuzzing, ossl3))]
#[doc(hidden)]
pub mod fuzzing {
    use std::ffi::CStr;

    /// Panics where OpenSSL finds other names in a certificate; whether its names can be read.
    pub fn compare_names(der: &[u8]) -> bool {
        let certificate = crate::credential::certificate::Certificate::of_der(der.to_vec());
        certificate.as_ref().map(crate::credential::certificate::compare::compare).is_some()
    }

    /// The DER of each certificate of a PEM file, if it is of the plainest form.
    pub fn plain_certificates(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
        crate::credential::pem::plain_certificates(bytes, 1_000)
    }

    /// The selector that a provider module's settings make.
    pub fn selector_of_settings(
        value: &dyn Fn(&'static CStr) -> Option<Vec<u8>>,
    ) -> Result<crate::FrozenSelector, crate::Error> {
        crate::provider::settings::Settings::from_values(value).selector()
    }
}

pub use credential::PasswordCallback;
pub use decision::Decision;
pub use error::{Error, Status};
pub use secret::Secret;
pub use selector::{FrozenSelector, Selector};
