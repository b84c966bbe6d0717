// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file of `--sslpassword-file`. For `certpick run`, which passes only its name to the module,
//! reading it here detects errors before the program starts.

use super::is_exposed;
use crate::failure::Failure;
use certpick_core::error::file_name;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

const MAX_BYTES: u64 = 1 << 20;

/// Returns the content of the file.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failure = |reason: &dyn std::fmt::Display| {
        Failure::new(format!("--sslpassword-file \"{}\": {reason}", file_name(path)))
    };
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|e| failure(&e))?;
    let metadata = file.metadata().map_err(|e| failure(&e))?;
    if !metadata.is_file() {
        return Err(failure(&"it is not a regular file"));
    }
    if is_exposed(&metadata) {
        return Err(failure(
            &"it has group or world access; chmod it to 0600, or to 0640 if root owns it",
        ));
    }
    if metadata.len() > MAX_BYTES {
        return Err(failure(&format!("it is larger than {MAX_BYTES} bytes")));
    }
    // The buffer is large enough from the start: growing it would leave copies in freed memory.
    let size = usize::try_from(metadata.len()).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(size));
    file.take(metadata.len()).read_to_end(&mut bytes).map_err(|e| failure(&e))?;
    Ok(bytes)
}
