// SPDX-License-Identifier: MIT OR Apache-2.0
//! Handshakes in memory: what a server asks for, and what then reaches it.
//!
//! After each of them `support::connection` finds out whether the decision tells of the certificate
//! that the server saw.

#[allow(dead_code)] // for other tests
#[path = "../support/mod.rs"]
mod support;

mod algorithms;
mod broken_keys;
mod explanation;
mod flaws;
mod keys;
mod many;
mod names;
mod oracle;
mod outcomes;
mod rank;
mod requests;
mod secrets;
mod security_level;
mod sent;
