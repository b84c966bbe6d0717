// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of `certpick check`, and of directories in `certpick run`.

mod cases;
mod directories;
mod findings;
mod fix_order;
mod formats;
pub mod made;
mod mistakes;
mod progress;
