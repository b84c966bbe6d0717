// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file of passwords. The module reads it again when it needs one; here it is only found out
//! whether it can, and how many lines there are.

use crate::failure::Failure;
use certpick_core::error::file_name;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Far more than anybody has.
const MAX_BYTES: u64 = 1 << 20;

/// Its bytes.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failure = |why: &dyn std::fmt::Display| {
        Failure::new(format!("--sslpassword-file \"{}\": {why}", file_name(path)))
    };
    // A FIFO would make us wait for its writer.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|e| failure(&e))?;
    let metadata = file.metadata().map_err(|e| failure(&e))?;
    if !metadata.is_file() {
        return Err(failure(&"it is not a regular file"));
    }
    // As for keys: libpq's rule.
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & forbidden != 0 {
        return Err(failure(
            &"it has group or world access; chmod it to 0600, or to 0640 if root owns it",
        ));
    }
    if metadata.len() > MAX_BYTES {
        return Err(failure(&"it is too large for a file of passwords"));
    }
    all(file, metadata.len()).map_err(|e| failure(&e))
}

/// Into one buffer that need not grow, so that no copies are left behind.
fn all(file: File, length: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1));
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
