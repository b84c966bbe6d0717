// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shared parts of the fuzz targets.

/// The parser of `certpick probe`. A dependency on the program would bring 31 crates.
#[path = "../../cli/src/probe/answers.rs"]
pub mod answers;
pub mod client;
pub mod naive;

use std::sync::LazyLock;
use testkit::directory::Directory;

/// A directory in memory for the files of a process.
pub static FILES: LazyLock<Directory> = LazyLock::new(Directory::in_memory);

/// Splits an input at 0xff.
pub fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut parts = data.splitn(N, |b| *b == 0xff);
    std::array::from_fn(|_| parts.next().unwrap_or(&[]))
}
