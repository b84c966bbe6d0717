// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way in through openssl.cnf: this library as a provider module of OpenSSL 3.0 and later.
//!
//! As a provider it offers no algorithms. While OpenSSL reads its configuration it calls
//! [`OSSL_provider_init`]; from then on each new SSL_CTX of the process that is not a server's gets
//! a `client_cert_cb`. Nothing of what the settings name is opened before a server asks for a
//! certificate.

mod config;
mod contexts;
mod core;
mod explain;
mod libpq;
pub(crate) mod settings;

use self::core::{Core, Dispatch, Param};
use certpick_core::guard::guard;
use libc::{c_int, c_void};

/// OSSL_FUNC_PROVIDER_GETTABLE_PARAMS and _GET_PARAMS of openssl/core_dispatch.h.
const PROVIDER_GETTABLE_PARAMS: c_int = 1025;
const PROVIDER_GET_PARAMS: c_int = 1026;

/// A table that OpenSSL reads and nobody writes.
#[repr(transparent)]
struct Table<T, const N: usize>([T; N]);

// SAFETY: constant data; the pointers in it are to functions and texts that never change.
unsafe impl<T, const N: usize> Sync for Table<T, N> {}

static DISPATCH: Table<Dispatch, 3> = Table([
    // SAFETY: OpenSSL calls each function by the type that belongs to its number.
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

/// OpenSSL's entry into a provider module (provider-base(7)). Always succeeds: a module that does
/// not load would take the program's whole configuration with it, and what is wrong with the
/// settings is told when a certificate is needed.
///
/// # Safety
/// OpenSSL calls it with its handle and its functions.
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
        if let Some(core) = core.filter(Core::is_ours) {
            contexts::install(settings::Settings::read(&core));
        }
    });
    // SAFETY: two pointers to write; the context may not be NULL for OpenSSL to keep it.
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

/// What `openssl list -providers` shows.
unsafe extern "C" fn get_params(_context: *mut c_void, params: *mut Param) -> c_int {
    let version = concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr();
    // SAFETY: OpenSSL gives a list that ends with an entry without a key.
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
