// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of the selector.

use super::*;
use certpick_core::PasswordCallback;
use certpick_core::Secret;
use certpick_core::choice::{EmptyCaList, Flawed, NoneSuitable};
use certpick_core::list::{self, Passwords};
use certpick_core::selector::{FrozenSelector, Selector};
use foreign_types::ForeignType;
use libc::{c_int, c_void};
use once_cell::race::OnceBox;
use openssl::pkey::PKey;
use openssl::x509::X509;
use openssl_sys::{EVP_PKEY, stack_st_X509};
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An ordered set of credentials and its policy, counted by references. Until it is attached (or
/// certpick_select() is called with it) one thread at a time may use it; then it is frozen, and any
/// number of threads may.
pub struct certpick_selector {
    /// Set once. Then neither lock is taken any more: a child that is forked at the wrong moment
    /// would find it locked for good.
    frozen: OnceBox<Arc<FrozenSelector>>,
    building: Mutex<Selector>,
    /// The text of the last failure. It is replaced only while the selector is being built.
    error: Mutex<CString>,
}

const NULL_SELECTOR: Error = Error::Argument("the selector is NULL");

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl certpick_selector {
    /// Changes what is being built.
    fn change(&self, change: impl FnOnce(&mut Selector) -> Result<(), Error>) -> Result<(), Error> {
        if self.frozen.get().is_some() {
            return Err(Error::Frozen);
        }
        change(&mut lock(&self.building))
    }

    /// Freezes it, if that has not been done.
    pub(super) fn freeze(&self) -> Result<&Arc<FrozenSelector>, Error> {
        if let Some(frozen) = self.frozen.get() {
            return Ok(frozen);
        }
        let mut building = lock(&self.building);
        // Another thread may have been faster.
        if let Some(frozen) = self.frozen.get() {
            return Ok(frozen);
        }
        let frozen = Box::new(Arc::new(building.freeze()?));
        Ok(self.frozen.get_or_init(|| frozen))
    }

    fn keep_error(&self, error: &Error) {
        if self.frozen.get().is_none() {
            *lock(&self.error) = ossl::c_text(&error.to_string());
        }
    }
}

/// Runs `body` on a selector; a failure's text is kept by it.
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

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Whether a value for libpq's sslcert names several certificates: 1 if it is not the name of an
/// existing file and a comma separates entries in it, else 0; 0 for NULL. A value with commas that
/// is not well formed counts as a list, so that certpick_selector_add_lists() can tell what is
/// wrong. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_is_list(sslcert: *const c_char) -> c_int {
    // SAFETY: NULL or a C string.
    let is_list = guard(|| unsafe { bytes(sslcert) }.is_some_and(list::is_list));
    c_int::from(is_list.unwrap_or(false))
}

/// A new, empty selector with one reference, which certpick_selector_free() drops; NULL if there is
/// no memory. Since 0.1.0.
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

/// Takes one more reference. Since 0.1.0.
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

/// Drops one reference; the last one frees the selector and wipes its passwords. An SSL_CTX that
/// it is attached to has a reference of its own, so this may be called right after attaching. NULL
/// is allowed. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_free(selector: *mut certpick_selector) {
    if !selector.is_null() {
        // SAFETY: a pointer that certpick_selector_new gave, with a reference that is dropped here.
        guard(|| unsafe { Arc::decrement_strong_count(selector.cast_const()) });
    }
}

/// Adds every entry of libpq's three lists, or none. sslkey and sslpassword may be NULL or
/// empty.
///
/// Entries are separated by commas, and entry N of each list belongs together. White space around a
/// file name is dropped unless the name is quoted; in passwords every byte counts. An entry that
/// begins with " ends at the closing ", and "" inside it stands for one ". If
/// sslcert is the name of an existing file as it stands, it is that one file. With one
/// certificate, sslkey and sslpassword are taken whole. An empty sslkey entry, or no
/// sslkey: the key is in the certificate's own file. An empty sslpassword entry, or no
/// sslpassword: no password.
///
/// Certificates (PEM; the leaf and any others in any order, at most 1,000 in a file) are read now, or
/// taken from the cache. A file without a certificate, or one whose PEM or DER is damaged, is an error
/// now. What only OpenSSL finds wrong in a certificate is an error when that certificate is to be sent
/// or validated, and is told by an explanation (since 0.1.1). When a file changes later, the next
/// handshake uses its new content (since 0.1.1; see certpick_cache_clear()).
/// Keys (PEM or DER, and in PKCS#8 or the traditional form, encrypted or not) are read when they are
/// needed, or by certpick_selector_validate().
///
/// On failure the selector is as before, and certpick_selector_error() names the entry, the file
/// and the cause. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_lists(
    selector: *mut certpick_selector,
    sslcert: *const c_char,
    sslkey: *const c_char,
    sslpassword: *const c_char,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; NULL or C strings.
    unsafe {
        with_selector(selector, |selector| {
            let sslcert = bytes(sslcert).ok_or(Error::Argument("sslcert is NULL"))?;
            let passwords = Passwords::List(bytes(sslpassword));
            selector.change(|s| s.add_lists(sslcert, bytes(sslkey), &passwords))
        })
    }
}

/// Adds one credential from files, named as they are, without quotes or lists. key may be NULL
/// or empty: the key is in the certificate's own file. password may be NULL or empty: none. As
/// certpick_selector_add_lists() otherwise. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_files(
    selector: *mut certpick_selector,
    cert: *const c_char,
    key: *const c_char,
    password: *const c_char,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; NULL or C strings.
    unsafe {
        with_selector(selector, |selector| {
            let cert = bytes(cert).filter(|c| !c.is_empty());
            let cert = cert.ok_or(Error::Argument("no certificate file is given"))?;
            let key = bytes(key).filter(|k| !k.is_empty()).map(path);
            let password = bytes(password).and_then(Secret::new);
            selector.change(|s| s.add_files(path(cert), key, password))
        })
    }
}

/// Adds one credential that is held in memory; references are taken, so the caller keeps its own.
/// chain holds the intermediates in any order and may be NULL. The key must belong to the
/// leaf. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_credential(
    selector: *mut certpick_selector,
    leaf: *mut openssl_sys::X509,
    key: *mut EVP_PKEY,
    chain: *mut stack_st_X509,
) -> certpick_status {
    // SAFETY: NULL or valid objects of OpenSSL; each gets a reference before it is taken over.
    unsafe {
        with_selector(selector, |selector| {
            if leaf.is_null() || key.is_null() {
                return Err(Error::Argument("the certificate or its key is NULL"));
            }
            let own = |x: *mut openssl_sys::X509| {
                openssl_sys::X509_up_ref(x);
                X509::from_ptr(x)
            };
            let chain = ossl::stack_elements::<_, openssl_sys::X509>(chain)
                .filter(|x| !x.is_null())
                .map(own)
                .collect();
            openssl_sys::EVP_PKEY_up_ref(key);
            let key = PKey::from_ptr(key);
            let leaf = own(leaf);
            selector.change(|s| s.add_credential(leaf, key, chain))
        })
    }
}

/// Adds the certificates of a PEM file to the issuer pool: they fill gaps in the chains that are
/// sent. They are never trusted for anything, and roots are never sent. A file may hold 10,000.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_add_issuers(
    selector: *mut certpick_selector,
    pem_file: *const c_char,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; NULL or a C string.
    unsafe {
        with_selector(selector, |selector| {
            let file = bytes(pem_file).filter(|f| !f.is_empty());
            let file = file.ok_or(Error::Argument("no file of issuers is given"))?;
            selector.change(|s| s.add_issuers(&path(file)))
        })
    }
}

/// Sets whom to ask, once, for the password of a key that is encrypted and has none; NULL: nobody.
/// Threads that need the same key for the first time at the same moment each ask.
/// arg is passed on and must stay valid as long as the selector. Nobody is ever asked on the
/// terminal. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_set_password_callback(
    selector: *mut certpick_selector,
    callback: certpick_password_cb,
    arg: *mut c_void,
) -> certpick_status {
    // SAFETY: NULL or a valid selector; a function as the header describes it.
    unsafe {
        with_selector(selector, |selector| {
            let callback = callback.map(|function| PasswordCallback::new(function, arg));
            selector.change(|s| {
                s.set_password_callback(callback);
                Ok(())
            })
        })
    }
}

/// Sets one of the CERTPICK_OPTION_ numbers to one of its values. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_set_option(
    selector: *mut certpick_selector,
    option: i32,
    value: i64,
) -> certpick_status {
    const UNKNOWN: Error = Error::Argument("no such option, or no such value for it");
    // SAFETY: NULL or a valid selector.
    unsafe {
        with_selector(selector, |selector| {
            selector.change(|s| {
                let policy = s.policy_mut();
                match (option, value) {
                    (CERTPICK_OPTION_EMPTY_CA_LIST, CERTPICK_EMPTY_CA_LIST_ACCEPT) => {
                        policy.empty_ca_list = EmptyCaList::Accept;
                    }
                    (CERTPICK_OPTION_EMPTY_CA_LIST, CERTPICK_EMPTY_CA_LIST_SOLE) => {
                        policy.empty_ca_list = EmptyCaList::Sole;
                    }
                    (CERTPICK_OPTION_EMPTY_CA_LIST, CERTPICK_EMPTY_CA_LIST_SEND_NONE) => {
                        policy.empty_ca_list = EmptyCaList::SendNone;
                    }
                    (CERTPICK_OPTION_FLAWED, CERTPICK_FLAWED_DEMOTE) => {
                        policy.flawed = Flawed::Demote;
                    }
                    (CERTPICK_OPTION_FLAWED, CERTPICK_FLAWED_EXCLUDE) => {
                        policy.flawed = Flawed::Exclude;
                    }
                    (CERTPICK_OPTION_NONE_SUITABLE, CERTPICK_NONE_SUITABLE_SEND_NONE) => {
                        policy.none_suitable = NoneSuitable::SendNone;
                    }
                    (CERTPICK_OPTION_NONE_SUITABLE, CERTPICK_NONE_SUITABLE_ABORT) => {
                        policy.none_suitable = NoneSuitable::Abort;
                    }
                    (CERTPICK_OPTION_CACHE, CERTPICK_CACHE_OFF) => s.set_cache(false),
                    (CERTPICK_OPTION_CACHE, CERTPICK_CACHE_ON) => s.set_cache(true),
                    _ => return Err(UNKNOWN),
                }
                Ok(())
            })
        })
    }
}

/// How many credentials it has; 0 for NULL. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_count(selector: *const certpick_selector) -> usize {
    let count = guard(|| {
        // SAFETY: NULL or a valid selector.
        let selector = unsafe { selector.as_ref() }?;
        Some(match selector.frozen.get() {
            Some(frozen) => frozen.count(),
            None => lock(&selector.building).count(),
        })
    });
    count.flatten().unwrap_or(0)
}

/// Decodes every certificate and reads every key now, with its password, and finds out whether they
/// belong together.
/// The status is that of the first failure; certpick_selector_error() tells of all of them, one a
/// line, in the order of the entries. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_validate(
    selector: *mut certpick_selector,
) -> certpick_status {
    // SAFETY: NULL or a valid selector.
    unsafe {
        with_selector(selector, |selector| {
            // The lock must be free again while the program's callback runs.
            let validation = match selector.frozen.get() {
                Some(frozen) => frozen.up_to_date()?.validation(),
                None => lock(&selector.building).validation()?,
            };
            validation.run()
        })
    }
}

/// The text of the last failure while this selector was built, "" if there was none; never NULL. It
/// belongs to the selector and is good until the next failure or the last reference. Once a
/// selector is attached nothing is written to it: later failures tell by their status and by
/// OpenSSL's error queue. Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certpick_selector_error(
    selector: *const certpick_selector,
) -> *const c_char {
    // SAFETY: NULL or a valid selector.
    let text = guard(|| Some(lock(&unsafe { selector.as_ref() }?.error).as_ptr()));
    text.flatten().unwrap_or(c"".as_ptr())
}
