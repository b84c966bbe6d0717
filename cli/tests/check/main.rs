// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick check`, and what it shares with other subcommands.

mod directories;
/// The library's own: certificates, keys and handshakes in memory.
#[path = "../../../tests/support/mod.rs"]
#[allow(dead_code)] // for other tests
mod library;
#[path = "../support/mod.rs"]
mod support;
