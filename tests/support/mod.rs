// SPDX-License-Identifier: MIT OR Apache-2.0
//! What tests of handshakes have in common: keys, certificates, sets of credentials in files, and
//! a client and a server that talk in memory.

pub mod certificates;
pub mod connection;
pub mod ffi;
pub mod handshake;
pub mod keys;
pub mod random;
pub mod set;
