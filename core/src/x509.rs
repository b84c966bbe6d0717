// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates: their names, their chains, and the properties on which the choice depends.

pub mod certificate;
pub mod chain;
pub(crate) mod der;
pub(crate) mod extensions;
pub mod facts;
pub mod fingerprint;
pub mod name;
pub mod outline;
