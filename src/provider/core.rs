// SPDX-License-Identifier: MIT OR Apache-2.0
//! OpenSSL's interface for providers: dispatch tables and parameters (openssl/core.h of 3.0, part
//! of OpenSSL's ABI since then).

use certpick_core::guard::guard;
use libc::{c_char, c_int, c_uint, c_void};
use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr;

/// OSSL_DISPATCH.
#[repr(C)]
pub struct Dispatch {
    number: c_int,
    function: Option<unsafe extern "C" fn()>,
}

impl Dispatch {
    pub const END: Dispatch = Dispatch { number: 0, function: None };

    pub const fn new(number: c_int, function: unsafe extern "C" fn()) -> Dispatch {
        Dispatch { number, function: Some(function) }
    }
}

/// OSSL_PARAM.
#[repr(C)]
pub struct Param {
    key: *const c_char,
    data_type: c_uint,
    data: *mut c_void,
    data_size: usize,
    return_size: usize,
}

const INTEGER: c_uint = 1;
const UTF8_POINTER: c_uint = 6;

impl Param {
    pub const END: Param = Param::described(ptr::null(), 0);

    const fn described(key: *const c_char, data_type: c_uint) -> Param {
        // OSSL_PARAM_UNMODIFIED, the greatest size_t.
        Param { key, data_type, data: ptr::null_mut(), data_size: 0, return_size: usize::MAX }
    }

    /// Describes a parameter that is a pointer to a string.
    pub const fn utf8_pointer(key: &'static CStr) -> Param {
        Param::described(key.as_ptr(), UTF8_POINTER)
    }

    /// Describes a parameter of type int.
    pub const fn status(key: &'static CStr) -> Param {
        Param { data_size: size_of::<c_int>(), ..Param::described(key.as_ptr(), INTEGER) }
    }

    /// Calls `visit` for each parameter of a list.
    ///
    /// # Safety
    /// `params` is NULL or a list that ends with an entry without a key.
    pub unsafe fn each(params: *mut Param, mut visit: impl FnMut(&mut Param)) {
        let mut next = params;
        // SAFETY: the caller's promise.
        unsafe {
            while !next.is_null() && !(*next).key.is_null() {
                visit(&mut *next);
                next = next.add(1);
            }
        }
    }

    /// Returns the key.
    pub fn name(&self) -> &[u8] {
        if self.key.is_null() {
            return b"";
        }
        // SAFETY: a key is a C string.
        unsafe { CStr::from_ptr(self.key) }.to_bytes()
    }

    /// Sets the value to a static string.
    pub fn set_utf8_pointer(&mut self, text: *const c_char) {
        if self.data_type == UTF8_POINTER && !self.data.is_null() {
            // SAFETY: by its type, `data` points to a pointer; the string is static.
            unsafe { *self.data.cast::<*const c_char>() = text };
            // SAFETY: a C string.
            self.return_size = unsafe { CStr::from_ptr(text) }.to_bytes().len();
        }
    }

    /// Sets the value to an int.
    pub fn set_int(&mut self, value: c_int) {
        let fits = self.data_size == size_of::<c_int>();
        if self.data_type == INTEGER && fits && !self.data.is_null() {
            // SAFETY: by its type and size, `data` points to an int.
            unsafe { *self.data.cast::<c_int>() = value };
            self.return_size = size_of::<c_int>();
        }
    }
}

type GetParams = unsafe extern "C" fn(*const c_void, *mut Param) -> c_int;

/// The handle and functions that OpenSSL passes to `OSSL_provider_init`. Valid during that call.
pub struct Core<'a> {
    handle: *const c_void,
    get_params: GetParams,
    _call: PhantomData<&'a ()>,
}

impl Core<'_> {
    /// Returns `None` if OpenSSL does not offer `get_params`.
    ///
    /// # Safety
    /// `functions` is NULL or a table that ends with the number 0.
    pub unsafe fn new(handle: *const c_void, functions: *const Dispatch) -> Option<Self> {
        const CORE_GET_PARAMS: c_int = 2;
        let mut next = functions;
        // SAFETY: the caller's promise.
        while let Some(Dispatch { number: 1.., function }) = unsafe { next.as_ref() } {
            // SAFETY: not the last entry.
            let entry = unsafe { &*next };
            if let (CORE_GET_PARAMS, Some(function)) = (entry.number, function) {
                // SAFETY: the number implies this type (core_dispatch.h).
                let get_params =
                    unsafe { std::mem::transmute::<unsafe extern "C" fn(), GetParams>(*function) };
                return Some(Core { handle, get_params, _call: PhantomData });
            }
            // SAFETY: not the last entry.
            next = unsafe { next.add(1) };
        }
        None
    }

    /// Returns whether the caller is the libcrypto that this library is linked to. A program may
    /// contain another copy, whose objects must not be passed to our functions.
    pub fn is_ours(&self) -> bool {
        let theirs = self.get_params as usize;
        let ours = openssl_sys::OpenSSL_version_num as *const () as usize;
        let mut search = SameObject { addresses: [theirs, ours], found: false };
        // dladdr(3) would read libcrypto's whole symbol table at every start of a program.
        // SAFETY: the callback receives the pointer to the search.
        unsafe { libc::dl_iterate_phdr(Some(search_object), ptr::from_mut(&mut search).cast()) };
        search.found
    }

    /// Returns the value of a setting in the provider's section, or `None` if it is not set.
    pub fn setting(&self, name: &'static CStr) -> Option<Vec<u8>> {
        let mut value: *const c_char = ptr::null();
        let mut params = [Param::utf8_pointer(name), Param::END];
        if let Some(param) = params.first_mut() {
            param.data = ptr::from_mut(&mut value).cast();
        }
        // SAFETY: a list with one parameter; the value belongs to OpenSSL and is copied.
        unsafe {
            let done = (self.get_params)(self.handle, params.as_mut_ptr());
            (done == 1 && !value.is_null()).then(|| CStr::from_ptr(value).to_bytes().to_vec())
        }
    }
}

/// A search for the object that contains both addresses.
struct SameObject {
    addresses: [usize; 2],
    found: bool,
}

unsafe extern "C" fn search_object(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    search: *mut c_void,
) -> c_int {
    let found = guard(|| {
        // SAFETY: the loader's description of one object with its headers, and our search.
        let (base, headers, search) = unsafe {
            let info = &*info;
            if info.dlpi_phdr.is_null() {
                return false;
            }
            let headers = std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
            (info.dlpi_addr, headers, &mut *search.cast::<SameObject>())
        };
        // The fields have the width of a pointer.
        let contains = |address: &usize| {
            headers.iter().filter(|h| h.p_type == libc::PT_LOAD).any(|header| {
                let start = (base as usize).wrapping_add(header.p_vaddr as usize);
                address.wrapping_sub(start) < header.p_memsz as usize
            })
        };
        search.found = search.addresses.iter().all(contains);
        search.found
    });
    c_int::from(found.unwrap_or(false))
}
