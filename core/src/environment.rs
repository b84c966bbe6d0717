// SPDX-License-Identifier: MIT OR Apache-2.0
//! Environment variables, and the rights of the process that its caller lacks.

use libc::c_ulong;
use std::ffi::{CStr, OsStr, OsString};
use std::io::Error;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Returns the value of a variable; `None` in a set-user-ID program.
pub fn variable(name: &CStr) -> Option<OsString> {
    unsafe extern "C" {
        fn secure_getenv(name: *const libc::c_char) -> *mut libc::c_char;
    }
    // SAFETY: a C string. The value is NULL or a C string, which is copied; certpick does not change
    // the environment.
    unsafe {
        let value = secure_getenv(name.as_ptr());
        if value.is_null() {
            return None;
        }
        Some(OsString::from_vec(CStr::from_ptr(value).to_bytes().to_vec()))
    }
}

/// Returns whether the process may be able to read files that its caller cannot read, because the
/// program file has the set-user-ID or set-group-ID bit, or capabilities (execve(2)).
///
/// Looks at the start of the process and at the program file, because the process may have changed its
/// IDs and capabilities since. AT_SECURE alone does not suffice: SELinux and AppArmor set it for
/// services, too, which have the rights of their caller. The IDs alone do not suffice either: in a user
/// namespace different users may have the same ID.
pub fn has_gained_rights() -> bool {
    let value = |kind: c_ulong| {
        // SAFETY: reads the auxiliary vector of the process.
        unsafe { libc::getauxval(kind) }
    };
    value(libc::AT_UID) != value(libc::AT_EUID)
        || value(libc::AT_GID) != value(libc::AT_EGID)
        || (value(libc::AT_SECURE) != 0 && gives_rights(c"/proc/self/exe"))
}

/// Returns whether a program file has the set-user-ID or set-group-ID bit, or a capability with which a
/// process can read files of other users (capabilities(7)). Also returns true if this cannot be determined.
fn gives_rights(program: &CStr) -> bool {
    const CAP_DAC_OVERRIDE: u32 = 1;
    const CAP_DAC_READ_SEARCH: u32 = 2;
    const CAP_SETGID: u32 = 6;
    const CAP_SETUID: u32 = 7;
    const TO_READ: u32 =
        1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH | 1 << CAP_SETGID | 1 << CAP_SETUID;
    let bits = libc::S_ISUID | libc::S_ISGID;
    if Path::new(OsStr::from_bytes(program.to_bytes()))
        .metadata()
        .is_ok_and(|m| m.mode() & bits == 0)
    {
        // struct vfs_ns_cap_data of linux/capability.h.
        let mut value = [0u8; 24];
        // SAFETY: C strings, and a buffer with its size.
        let length = unsafe {
            let name = c"security.capability".as_ptr();
            libc::getxattr(program.as_ptr(), name, value.as_mut_ptr().cast(), value.len())
        };
        let [_, _, _, _, p0, p1, p2, p3, i0, i1, i2, i3, ..] = value;
        let granted = u32::from_le_bytes([p0, p1, p2, p3]) | u32::from_le_bytes([i0, i1, i2, i3]);
        return match length {
            12.. => granted & TO_READ != 0,
            -1 => !matches!(
                Error::last_os_error().raw_os_error(),
                Some(libc::ENODATA | libc::ENOTSUP)
            ),
            _ => true,
        };
    }
    true
}
