// SPDX-License-Identifier: MIT OR Apache-2.0
//! The passwords of encrypted keys: those of a list, files with passwords, and the program's callback.

use crate::error::Cause;
use crate::file::private;
use crate::list::PasswordSet;
use crate::secret::Secret;
use libc::{c_char, c_int, c_void};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The passwords of the credentials that were added together.
#[derive(Debug)]
pub enum KeyPasswords {
    /// The passwords of a list.
    Set(PasswordSet),
    /// For each credential the file whose first line is the password. A file is read when its key is
    /// loaded.
    Files(Box<[Option<PathBuf>]>),
}

impl KeyPasswords {
    /// Returns the password of the credential with this index; `None` if it has none. Fails if a password
    /// file cannot be read or violates libpq's rule for key files.
    pub fn get(&self, index: usize) -> Result<Option<Secret>, Cause> {
        let files = match self {
            KeyPasswords::Set(set) => return Ok(set.get(index)),
            KeyPasswords::Files(files) => files,
        };
        let Some(Some(file)) = files.get(index) else { return Ok(None) };
        first_line(file)
    }
}

/// Returns the first line of a password file; `None` if it is empty. Fails if the file cannot be read or
/// violates libpq's rule for key files.
pub(super) fn first_line(file: &Path) -> Result<Option<Secret>, Cause> {
    let content = private::read(file)
        .map_err(|error| Cause::PasswordFile(file.to_owned(), error.predicate()))?;
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(Secret::new(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// The C type of the callback (certpick_password_cb in the header).
pub type PasswordFunction = unsafe extern "C" fn(
    buf: *mut c_char,
    size: c_int,
    key_file: *const c_char,
    arg: *mut c_void,
) -> c_int;

/// The program's callback and its argument.
#[derive(Clone, Copy, Debug)]
pub struct PasswordCallback {
    function: PasswordFunction,
    arg: *mut c_void,
}

// SAFETY: the header says that the callback runs in any thread that performs a handshake.
unsafe impl Send for PasswordCallback {}
// SAFETY: likewise.
unsafe impl Sync for PasswordCallback {}

impl PasswordCallback {
    /// # Safety
    /// Any thread may call `function` with `arg` during the lifetime of the selector, and the function writes
    /// at most `size` bytes.
    pub unsafe fn new(function: PasswordFunction, arg: *mut c_void) -> PasswordCallback {
        PasswordCallback { function, arg }
    }

    /// Calls the callback with a buffer of `size` bytes. Returns `None` if there is no password.
    pub(super) fn call(&self, name: &Path, size: c_int) -> Option<Secret> {
        let name = CString::new(name.as_os_str().as_bytes()).ok()?;
        let mut buffer = Zeroizing::new(vec![0u8; usize::try_from(size).ok()?]);
        // SAFETY: a buffer of `size` bytes and a C string; the rest is the promise of `new`.
        let length =
            unsafe { (self.function)(buffer.as_mut_ptr().cast(), size, name.as_ptr(), self.arg) };
        let length = usize::try_from(length).ok().filter(|length| *length <= buffer.len())?;
        buffer.truncate(length);
        Secret::from_zeroizing(buffer)
    }
}
