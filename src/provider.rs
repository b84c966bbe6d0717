// SPDX-License-Identifier: MIT OR Apache-2.0
//! This library as a provider module of OpenSSL 3.0 and later, activated in openssl.cnf.
//!
//! The provider offers no algorithms. OpenSSL calls [`OSSL_provider_init`] when it reads its
//! configuration. From then on each new SSL_CTX of the process, unless it is a server's, gets a
//! `client_cert_cb`. No file that the settings name is opened before a server requests a
//! certificate.

mod config;
mod contexts;
mod core;
mod explain;
pub(crate) mod settings;

use self::core::{Core, Dispatch, Param};
use certpick_core::environment::has_gained_rights;
use certpick_core::guard::guard;
use libc::{c_int, c_void};

/// OSSL_FUNC_PROVIDER_GETTABLE_PARAMS and _GET_PARAMS of openssl/core_dispatch.h.
const PROVIDER_GETTABLE_PARAMS: c_int = 1025;
const PROVIDER_GET_PARAMS: c_int = 1026;

/// A constant table that OpenSSL reads.
#[repr(transparent)]
struct Table<T, const N: usize>([T; N]);

// SAFETY: constant data with pointers to functions and static strings.
unsafe impl<T, const N: usize> Sync for Table<T, N> {}

static DISPATCH: Table<Dispatch, 3> = Table([
    // SAFETY: OpenSSL calls the function with the type that its number implies.
    Dispatch::new(PROVIDER_GETTABLE_PARAMS, unsafe {
        std::mem::transmute::<
            unsafe extern "C" fn(*mut c_void) -> *const Param,
            unsafe extern "C" fn(),
        >(gettable_params)
    }),
    // SAFETY: likewise.
    Dispatch::new(PROVIDER_GET_PARAMS, unsafe {
        std::mem::transmute::<
            unsafe extern "C" fn(*mut c_void, *mut Param) -> c_int,
            unsafe extern "C" fn(),
        >(get_params)
    }),
    Dispatch::END,
]);

static GETTABLE: Table<Param, 4> = Table([
    Param::utf8_pointer(c"name"),
    Param::utf8_pointer(c"version"),
    Param::status(c"status"),
    Param::END,
]);

/// The entry point of a provider module (provider-base(7)). It always succeeds: if a module does
/// not load, OpenSSL rejects the program's whole configuration. Wrong settings are reported when a
/// certificate is needed.
///
/// # Safety
/// OpenSSL calls it with its handle and its dispatch table.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn OSSL_provider_init(
    handle: *const c_void,
    functions: *const Dispatch,
    out: *mut *const Dispatch,
    context: *mut *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: OpenSSL's promise.
        let core = unsafe { Core::new(handle, functions) };
        // The caller of a set-user-ID program may choose the server, and must not be able to use keys
        // that only the program can read.
        if let Some(core) = core.filter(|core| core.is_ours() && !has_gained_rights()) {
            contexts::install(settings::Settings::read(&core));
        }
    });
    // SAFETY: two pointers to write. OpenSSL keeps the context only if it is not NULL.
    unsafe {
        if !out.is_null() {
            *out = DISPATCH.0.as_ptr();
        }
        if !context.is_null() {
            *context = handle.cast_mut();
        }
    }
    1
}

unsafe extern "C" fn gettable_params(_context: *mut c_void) -> *const Param {
    GETTABLE.0.as_ptr()
}

/// Returns the parameters that `openssl list -providers` prints.
unsafe extern "C" fn get_params(_context: *mut c_void, params: *mut Param) -> c_int {
    let version = concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr();
    // SAFETY: OpenSSL passes a list that ends with an entry without a key.
    unsafe {
        Param::each(params, |param| match param.name() {
            b"name" => param.set_utf8_pointer(c"certpick client certificate selection".as_ptr()),
            b"version" => param.set_utf8_pointer(version.cast()),
            b"status" => param.set_int(1),
            _ => {}
        });
    }
    1
}
