// SPDX-License-Identifier: MIT OR Apache-2.0
//! Queries about the shared objects in the process.

use libc::c_void;
use std::ffi::CStr;

/// Returns whether the shared object that contains an address exports a function.
pub fn exports(address: *const (), name: &CStr) -> bool {
    // SAFETY: only looks up addresses and names; RTLD_NOLOAD loads nothing, and the handle is closed.
    unsafe {
        let Some(object) = object_of(address.cast()) else { return false };
        // The name of the program itself may be relative; dlopen would search for it.
        if !CStr::from_ptr(object.dli_fname).to_bytes().starts_with(b"/") {
            return false;
        }
        let handle = libc::dlopen(object.dli_fname, libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if handle.is_null() {
            return false;
        }
        // dlsym also finds functions of the libraries that the object depends on.
        let function = libc::dlsym(handle, name.as_ptr());
        let found = !function.is_null()
            && object_of(function).is_some_and(|other| other.dli_fbase == object.dli_fbase);
        libc::dlclose(handle);
        found
    }
}

/// Returns the shared object that contains an address, by dladdr(3).
fn object_of(address: *const c_void) -> Option<libc::Dl_info> {
    // SAFETY: dladdr fills a structure of pointers and only looks up the address.
    unsafe {
        let mut found = std::mem::zeroed::<libc::Dl_info>();
        (libc::dladdr(address, &mut found) != 0 && !found.dli_fname.is_null()).then_some(found)
    }
}
