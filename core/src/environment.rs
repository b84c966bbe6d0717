// SPDX-License-Identifier: MIT OR Apache-2.0
//! Environment variables, and the rights of the process that its caller lacks.

use libc::{c_int, c_ulong};
use std::ffi::{CStr, OsString};
use std::os::unix::ffi::OsStringExt;

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

/// Returns whether the process may have read access to files that its caller has not, because the
/// program file has the set-user-ID or set-group-ID bit, or capabilities (execve(2)).
///
/// Looks at the start of the program, because it may change its IDs later. AT_SECURE does not
/// suffice: SELinux and AppArmor set it for services, too, which have the rights of their caller.
pub fn has_gained_rights() -> bool {
    let value = |kind: c_ulong| {
        // SAFETY: reads the auxiliary vector of the process.
        unsafe { libc::getauxval(kind) }
    };
    value(libc::AT_UID) != value(libc::AT_EUID)
        || value(libc::AT_GID) != value(libc::AT_EGID)
        || (value(libc::AT_SECURE) != 0 && value(libc::AT_UID) != 0 && has_gained_capability())
}

/// Returns whether the thread has one of the capabilities with which a process can read files of other
/// users, and has not inherited it by its ambient set (capabilities(7)).
fn has_gained_capability() -> bool {
    const CAP_DAC_OVERRIDE: c_int = 1;
    const CAP_DAC_READ_SEARCH: c_int = 2;
    const CAP_SETGID: c_int = 6;
    const CAP_SETUID: c_int = 7;
    const VERSION_3: u32 = 0x2008_0522;
    #[repr(C)]
    struct Header {
        version: u32,
        pid: c_int,
    }
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Sets {
        _effective: u32,
        permitted: u32,
        _inheritable: u32,
    }
    let mut header = Header { version: VERSION_3, pid: 0 };
    let mut sets = [Sets::default(); 2];
    // SAFETY: the structures of capget(2), whose version 3 writes two sets.
    let status = unsafe {
        libc::syscall(libc::SYS_capget, std::ptr::from_mut(&mut header), sets.as_mut_ptr())
    };
    let [Sets { permitted, .. }, _] = sets;
    let is_ambient = |capability: c_int| {
        // SAFETY: reads an attribute of the thread; integer arguments.
        unsafe {
            let (which, zero): (c_ulong, c_ulong) = (libc::PR_CAP_AMBIENT_IS_SET as c_ulong, 0);
            libc::prctl(libc::PR_CAP_AMBIENT, which, capability as c_ulong, zero, zero) == 1
        }
    };
    let gained = |capability: c_int| permitted & 1 << capability != 0 && !is_ambient(capability);
    status != 0
        || [CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID].into_iter().any(gained)
}
