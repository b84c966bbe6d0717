// SPDX-License-Identifier: MIT OR Apache-2.0
//! Certificates, keys, files and in-memory connections for certpick's tests, benchmarks and fuzz
//! targets. Every function panics if it fails.
//!
//! The unit tests of `certpick-core` may use only the modules without types of that crate:
//! [`certificates`], [`chains`], [`der`], [`directory`], [`keys`] and [`random`]. For its unit tests
//! that crate is compiled again, so its types differ from those that this crate knows.

pub mod certificates;
pub mod chains;
pub mod connection;
pub mod der;
pub mod directory;
pub mod ffi;
pub mod handshake;
pub mod keys;
pub mod memory;
pub mod passwords;
pub mod program;
pub mod random;
pub mod set;
