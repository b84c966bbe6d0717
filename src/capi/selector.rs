// SPDX-License-Identifier: MIT OR Apache-2.0
//! Creating a selector.

use super::*;
use certpick_core::selector::{FrozenSelector, Selector, Validation};
use once_cell::race::OnceBox;
use std::ffi::CString;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An ordered set of credentials and a policy. Attaching a selector or passing it to
/// certpick_select() freezes it: it can no longer be changed.
pub struct certpick_selector {
    /// Set once. Neither lock is taken from then on: a child process would find a lock that another
    /// thread held during fork(2) locked forever.
    frozen: OnceBox<Arc<FrozenSelector>>,
    building: Mutex<Selector>,
    /// The text of the most recent failure. It is not replaced once the selector is frozen.
    error: Mutex<CString>,
}

const NULL_SELECTOR: Error = Error::Argument("the selector is NULL");

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl certpick_selector {
    /// Calls `change` unless the selector is frozen.
    pub(super) fn change(
        &self,
        change: impl FnOnce(&mut Selector) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.frozen.get().is_some() {
            return Err(Error::Frozen);
        }
        change(&mut lock(&self.building))
    }

    /// Freezes the selector if it is not frozen yet.
    pub(super) fn freeze(&self) -> Result<&Arc<FrozenSelector>, Error> {
        if let Some(frozen) = self.frozen.get() {
            return Ok(frozen);
        }
        let mut building = lock(&self.building);
        // Another thread may have frozen it in the meantime.
        if let Some(frozen) = self.frozen.get() {
            return Ok(frozen);
        }
        let frozen = Box::new(Arc::new(building.freeze()?));
        Ok(self.frozen.get_or_init(|| frozen))
    }

    pub(super) fn validation(&self) -> Result<Validation, Error> {
        match self.frozen.get() {
            Some(frozen) => Ok(frozen.up_to_date()?.validation()),
            None => lock(&self.building).validation(),
        }
    }

    fn keep_error(&self, error: &Error) {
        if self.frozen.get().is_none() {
            *lock(&self.error) = ossl::c_string(&error.to_string());
        }
    }
}

/// Runs `body` on a selector and stores the text of a failure in it.
///
/// # Safety
/// `selector` is NULL or valid.
pub(super) unsafe fn with_selector(
    selector: *const certpick_selector,
    body: impl FnOnce(&certpick_selector) -> Result<(), Error>,
) -> certpick_status {
    status(|| {
        // SAFETY: the caller's promise.
        let selector = unsafe { selector.as_ref() }.ok_or(NULL_SELECTOR)?;
        let result = guard(|| body(selector)).unwrap_or(Err(Error::Internal));
        if let Err(error) = &result {
            selector.keep_error(error);
        }
        result
    })
}

/// Returns a new, empty selector with one reference, or NULL on allocation failure.
#[unsafe(no_mangle)]
pub extern "C" fn certpick_selector_new() -> *mut certpick_selector {
    let new = guard(|| {
        ossl::load_error_texts();
        Arc::into_raw(Arc::new(certpick_selector {
            frozen: OnceBox::new(),
            building: Mutex::default(),
            error: Mutex::new(CString::default()),
        }))
    });
    new.map_or(ptr::null_mut(), <*const _>::cast_mut)
}

/// Adds one reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_up_ref(
    selector: *mut certpick_selector,
) -> certpick_status {
    // SAFETY: NULL or valid, by an Arc.
    unsafe {
        with_selector(selector, |selector| {
            Arc::increment_strong_count(selector);
            Ok(())
        })
    }
}

/// Drops one reference. The last one frees the selector and wipes its passwords. Does nothing for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_free(selector: *mut certpick_selector) {
    if !selector.is_null() {
        // SAFETY: a pointer that certpick_selector_new gave, with a reference that is dropped here.
        guard(|| unsafe { Arc::decrement_strong_count(selector.cast_const()) });
    }
}

/// Returns the number of credentials. If a directory, a PKCS#12 file, the objects of a URI or a
/// configuration file change, the number changes in the handshake that reads them again (since
/// 0.1.1).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_count(selector: *const certpick_selector) -> usize {
    let count = guard(|| {
        // SAFETY: NULL or a valid selector.
        let selector = unsafe { selector.as_ref() }?;
        Some(match selector.frozen.get() {
            Some(frozen) => frozen.latest().count(),
            None => lock(&selector.building).count(),
        })
    });
    count.flatten().unwrap_or(0)
}

/// Returns the text of the most recent failure of a function that was called with this selector, or
/// "". The text names the entry, the file and the cause. The string is valid until the next failure
/// or until the selector is freed. A frozen selector keeps its text: later failures are only in
/// OpenSSL's error queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_error(
    selector: *const certpick_selector,
) -> *const c_char {
    // SAFETY: NULL or a valid selector.
    let text = guard(|| Some(lock(&unsafe { selector.as_ref() }?.error).as_ptr()));
    text.flatten().unwrap_or(c"".as_ptr())
}
