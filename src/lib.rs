// SPDX-License-Identifier: MIT OR Apache-2.0
//! `libcertpick.so`: the C interface of certpick, and certpick as a provider module of OpenSSL.
//!
//! cbindgen generates `certpick.h` from the module [`capi`]. Both modules convert arguments and call
//! `certpick-core`.

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![deny(
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod capi;
#[cfg(ossl3)]
mod provider;

/// Functions for fuzz/ only, which is built with `--cfg fuzzing`.
#[cfg(all(fuzzing, ossl3))]
#[doc(hidden)]
pub mod fuzzing {
    use certpick_core::{Error, FrozenSelector};
    use std::ffi::CStr;

    /// Returns the selector for the settings of a provider module.
    pub fn selector_of_settings(
        value: &dyn Fn(&'static CStr) -> Option<Vec<u8>>,
    ) -> Result<FrozenSelector, Error> {
        crate::provider::settings::Settings::from_values(value).selector()
    }
}
