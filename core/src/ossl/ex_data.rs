// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typed values in the ex_data of an SSL_CTX or an SSL (CRYPTO_get_ex_new_index(3)). A value is dropped when
//! OpenSSL frees its object.

use super::in_global_context;
use crate::error::Error;
use crate::guard::guard;
use libc::{c_int, c_long, c_void};
use once_cell::race::OnceNonZeroUsize;
use openssl_sys as ffi;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::ptr;

/// An OpenSSL object that has ex_data.
pub trait Object {
    /// CRYPTO_EX_INDEX_SSL or another class of openssl/crypto.h.
    const CLASS: c_int;

    /// # Safety
    /// `object` is valid.
    unsafe fn get(object: *const Self, index: c_int) -> *mut c_void;

    /// Returns 1 on success.
    ///
    /// # Safety
    /// `object` is valid.
    unsafe fn set(object: *mut Self, index: c_int, value: *mut c_void) -> c_int;
}

impl Object for ffi::SSL {
    const CLASS: c_int = ffi::CRYPTO_EX_INDEX_SSL;

    unsafe fn get(ssl: *const ffi::SSL, index: c_int) -> *mut c_void {
        // SAFETY: the caller's promise.
        unsafe { ffi::SSL_get_ex_data(ssl, index) }
    }

    unsafe fn set(ssl: *mut ffi::SSL, index: c_int, value: *mut c_void) -> c_int {
        // SAFETY: the caller's promise.
        unsafe { ffi::SSL_set_ex_data(ssl, index, value) }
    }
}

impl Object for ffi::SSL_CTX {
    const CLASS: c_int = ffi::CRYPTO_EX_INDEX_SSL_CTX;

    unsafe fn get(ctx: *const ffi::SSL_CTX, index: c_int) -> *mut c_void {
        // SAFETY: the caller's promise.
        unsafe { ffi::SSL_CTX_get_ex_data(ctx, index) }
    }

    unsafe fn set(ctx: *mut ffi::SSL_CTX, index: c_int, value: *mut c_void) -> c_int {
        // SAFETY: the caller's promise.
        unsafe { ffi::SSL_CTX_set_ex_data(ctx, index, value) }
    }
}

#[cfg(ossl3)]
type DupFrom = *mut *mut c_void;
#[cfg(not(ossl3))]
type DupFrom = *mut c_void;

/// CRYPTO_EX_new, which OpenSSL calls for each new object of the class.
pub type NewCallback = unsafe extern "C" fn(
    parent: *mut c_void,
    pointer: *mut c_void,
    data: *mut ffi::CRYPTO_EX_DATA,
    index: c_int,
    argl: c_long,
    argp: *mut c_void,
);

/// A slot for one value of type `T` in each object of type `O`.
pub struct Slot<O, T> {
    index: OnceNonZeroUsize,
    new: Option<NewCallback>,
    dup: Option<ffi::CRYPTO_EX_dup>,
    _types: PhantomData<fn(O) -> T>,
}

impl<O: Object, T: 'static> Slot<O, T> {
    /// Returns a slot whose value SSL_dup(3) does not copy. OpenSSL calls `new` for each new object.
    pub const fn new(new: Option<NewCallback>) -> Slot<O, T> {
        Slot { index: OnceNonZeroUsize::new(), new, dup: None, _types: PhantomData }
    }

    /// Returns the ex_data index of the slot. The first call allocates it. There is no lock, which might stay
    /// locked in a forked child, so two threads may allocate one index each, one of which stays unused.
    ///
    /// The index is allocated in the global library context. Each library context numbers its indices
    /// separately, so an index of another context could be that of another library's data on the object.
    pub fn index(&self) -> Result<c_int, Error> {
        let index = self.index.get_or_try_init(|| {
            // SAFETY: callbacks of the right types, which stay loaded (-z nodelete).
            let index = in_global_context(|| unsafe {
                let none = ptr::null_mut();
                ffi::CRYPTO_get_ex_new_index(O::CLASS, 0, none, self.new, self.dup, Some(free::<T>))
            });
            usize::try_from(index).ok().and_then(|i| NonZeroUsize::new(i + 1)).ok_or(Error::Memory)
        })?;
        c_int::try_from(index.get() - 1).map_err(|_| Error::Memory)
    }

    /// Returns the value of an object. It lives as long as the object, unless [`Slot::set`] replaces it.
    ///
    /// # Safety
    /// `object` is valid, and no other thread changes its ex_data at the same time.
    pub unsafe fn get(&self, object: *const O) -> Option<*mut T> {
        let index = c_int::try_from(self.index.get()?.get() - 1).ok()?;
        // SAFETY: the caller's promise.
        let value = unsafe { O::get(object, index) }.cast::<T>();
        (!value.is_null()).then_some(value)
    }

    /// Stores a value and drops the previous one.
    ///
    /// # Safety
    /// As for [`Slot::get`].
    pub unsafe fn set(&self, object: *mut O, value: T) -> Result<*mut T, Error> {
        let index = self.index()?;
        let new = Box::into_raw(Box::new(value));
        // SAFETY: the caller's promise. A value at this index is a box that this function stored.
        unsafe {
            let old = O::get(object, index).cast::<T>();
            if O::set(object, index, new.cast()) != 1 {
                drop(Box::from_raw(new));
                return Err(Error::Memory);
            }
            if !old.is_null() {
                drop(Box::from_raw(old));
            }
        }
        Ok(new)
    }

    /// Returns the value of an object. Stores the default value first if there is none.
    ///
    /// # Safety
    /// As for [`Slot::get`].
    pub unsafe fn get_or_default(&self, object: *mut O) -> Result<*mut T, Error>
    where
        T: Default,
    {
        // SAFETY: the caller's promise.
        unsafe {
            match self.get(object) {
                Some(value) => Ok(value),
                None => self.set(object, T::default()),
            }
        }
    }
}

impl<T: 'static> Slot<ffi::SSL, T> {
    /// Returns a slot whose value SSL_dup(3) copies by [`Duplicate::duplicate`].
    pub const fn with_dup() -> Slot<ffi::SSL, T>
    where
        T: Duplicate,
    {
        let dup: ffi::CRYPTO_EX_dup = duplicate::<T>;
        Slot { index: OnceNonZeroUsize::new(), new: None, dup: Some(dup), _types: PhantomData }
    }
}

/// A value that SSL_dup(3) copies.
pub trait Duplicate {
    /// Returns the value for the new object.
    fn duplicate(&self) -> Self;
}

unsafe extern "C" fn free<T>(
    _parent: *mut c_void,
    value: *mut c_void,
    _data: *mut ffi::CRYPTO_EX_DATA,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) {
    if !value.is_null() {
        // SAFETY: a box that `Slot::set` stored. OpenSSL calls this function once.
        guard(|| drop(unsafe { Box::from_raw(value.cast::<T>()) }));
    }
}

unsafe extern "C" fn duplicate<T: Duplicate>(
    _to: *mut ffi::CRYPTO_EX_DATA,
    _from: *const ffi::CRYPTO_EX_DATA,
    from_d: DupFrom,
    _index: c_int,
    _argl: c_long,
    _argp: *mut c_void,
) -> c_int {
    let target = from_d.cast::<*mut c_void>();
    // SAFETY: `target` points to a copy of the pointer that `Slot::set` stored.
    let copied = guard(|| unsafe {
        if let Some(value) = (*target).cast::<T>().as_ref() {
            *target = Box::into_raw(Box::new(value.duplicate())).cast();
        }
    });
    if copied.is_none() {
        // SAFETY: as above. After a panic, the new object has no value.
        unsafe { *target = ptr::null_mut() };
    }
    1
}

/// Stores the value of a new object. Called by a [`NewCallback`].
///
/// # Safety
/// `data` and `index` are the callback's arguments, and the slot is for values of type `T`.
pub unsafe fn set_new<T>(data: *mut ffi::CRYPTO_EX_DATA, index: c_int, value: T) -> bool {
    unsafe extern "C" {
        fn CRYPTO_set_ex_data(
            data: *mut ffi::CRYPTO_EX_DATA,
            index: c_int,
            value: *mut c_void,
        ) -> c_int;
    }
    let value = Box::into_raw(Box::new(value));
    // SAFETY: the caller's promise.
    unsafe {
        let is_stored = CRYPTO_set_ex_data(data, index, value.cast()) == 1;
        if !is_stored {
            drop(Box::from_raw(value));
        }
        is_stored
    }
}
