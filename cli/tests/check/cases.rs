// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files in which there is something to find, and what is to be found: the table of all findings.

mod certificates;
mod chains;
mod keys;
mod lists;
mod revocation;
mod server;

use crate::support::Scene;

/// One row.
pub struct Case {
    pub name: &'static str,
    pub status: i32,
    /// Key and level of a finding, and words of its text or its advice.
    pub expected: &'static [(&'static str, &'static str, &'static str)],
    /// Makes the files and gives the options.
    pub make: fn(&Scene) -> &'static str,
}

/// A row, in one expression.
fn case(
    name: &'static str,
    status: i32,
    expected: &'static [(&'static str, &'static str, &'static str)],
    make: fn(&Scene) -> &'static str,
) -> Case {
    Case { name, status, expected, make }
}

/// All rows.
pub fn all() -> Vec<Case> {
    let parts = [
        keys::cases(),
        lists::cases(),
        chains::cases(),
        certificates::cases(),
        server::cases(),
        server::chains(),
        revocation::cases(),
    ];
    parts.into_iter().flatten().collect()
}
