// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the targets share.

#![allow(dead_code)] // the tests' support has more than is needed here

#[path = "../../tests/support/certificates.rs"]
pub mod certificates;
pub mod client;
#[path = "../../tests/support/ffi.rs"]
mod ffi;
#[path = "../../tests/support/keys.rs"]
pub mod keys;
pub mod naive;

use std::path::PathBuf;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A directory in memory that is there as long as the process.
pub fn directory() -> &'static std::path::Path {
    static DIRECTORY: OnceLock<TempDir> = OnceLock::new();
    let made = DIRECTORY.get_or_init(|| {
        let dir = tempfile::Builder::new().prefix("certpick-fuzz-").tempdir_in("/dev/shm");
        dir.or_else(|_| tempfile::tempdir()).expect("a directory")
    });
    made.path()
}

/// A file there, which only we can read.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = directory().join(name);
    std::fs::write(&path, bytes).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    path
}

/// Parts of an input, which are separated by 0xff.
pub fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut parts = data.splitn(N, |b| *b == 0xff);
    std::array::from_fn(|_| parts.next().unwrap_or(&[]))
}
