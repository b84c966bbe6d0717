// SPDX-License-Identifier: MIT OR Apache-2.0
//! The shared objects of the process.

use libc::c_void;
use std::ffi::CStr;

/// Whether the object that holds this address defines a function of this name for others.
pub fn exports(address: *const (), name: &CStr) -> bool {
    // SAFETY: only looks addresses and names up; RTLD_NOLOAD loads nothing, and the handle is closed.
    unsafe {
        let Some(object) = object_of(address.cast()) else { return false };
        // The program itself may have any name, which dlopen would look for in the file system.
        if !CStr::from_ptr(object.dli_fname).to_bytes().starts_with(b"/") {
            return false;
        }
        let handle = libc::dlopen(object.dli_fname, libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if handle.is_null() {
            return false;
        }
        // By such a handle the functions of the libraries that the object needs are found as well.
        let function = libc::dlsym(handle, name.as_ptr());
        let found = !function.is_null()
            && object_of(function).is_some_and(|other| other.dli_fbase == object.dli_fbase);
        libc::dlclose(handle);
        found
    }
}

/// dladdr(3).
fn object_of(address: *const c_void) -> Option<libc::Dl_info> {
    // SAFETY: a structure of pointers, which dladdr fills; the address is only looked up.
    unsafe {
        let mut found = std::mem::zeroed::<libc::Dl_info>();
        (libc::dladdr(address, &mut found) != 0 && !found.dli_fname.is_null()).then_some(found)
    }
}
