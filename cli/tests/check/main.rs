// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick check`, and what it shares with other subcommands.

mod cases;
mod directories;
mod findings;
mod fix_order;
mod formats;
/// The library's own: certificates, keys and handshakes in memory.
#[path = "../../../tests/support/mod.rs"]
#[allow(dead_code)] // for other tests
mod library;
mod made;
mod mistakes;
mod progress;
#[path = "../support/mod.rs"]
mod support;
