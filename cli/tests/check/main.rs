// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of `certpick check`, and of directories in `certpick run`.

mod cases;
mod directories;
mod findings;
mod fix_order;
mod formats;
/// The library's test support: certificates and keys.
#[path = "../../../tests/support/mod.rs"]
#[allow(dead_code)] // for other tests
mod library;
mod made;
mod mistakes;
mod progress;
#[path = "../support/mod.rs"]
mod support;
