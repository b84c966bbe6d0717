// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of test cases: files, options and expected findings.

mod certificates;
mod chains;
mod config;
mod keys;
mod lists;
mod pkcs12;
mod revocation;
mod server;

use crate::support::Scene;

/// A test case.
pub struct Case {
    pub name: &'static str,
    pub status: i32,
    /// Key and level of a finding, and a part of its text or advice.
    pub expected: &'static [(&'static str, &'static str, &'static str)],
    /// Creates the files and returns the options.
    pub make: fn(&Scene) -> &'static str,
}

fn case(
    name: &'static str,
    status: i32,
    expected: &'static [(&'static str, &'static str, &'static str)],
    make: fn(&Scene) -> &'static str,
) -> Case {
    Case { name, status, expected, make }
}

pub fn all() -> Vec<Case> {
    let parts = [
        keys::cases(),
        lists::cases(),
        pkcs12::cases(),
        config::cases(),
        chains::cases(),
        certificates::cases(),
        server::cases(),
        server::chains(),
        revocation::cases(),
    ];
    parts.into_iter().flatten().collect()
}
