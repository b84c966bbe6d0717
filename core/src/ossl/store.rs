// SPDX-License-Identifier: MIT OR Apache-2.0
//! OSSL_STORE(3), and a UI_METHOD(3) that answers instead of prompting.

#![cfg_attr(not(ossl3), allow(dead_code, unused_imports))]

use crate::guard::guard;
use foreign_types::ForeignType;
use libc::{c_char, c_int, c_void};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use openssl_sys as ffi;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr;

/// OSSL_STORE_INFO_PKEY and OSSL_STORE_INFO_CERT of openssl/store.h.
const INFO_PKEY: c_int = if cfg!(ossl3) { 4 } else { 3 };
const INFO_CERT: c_int = if cfg!(ossl3) { 5 } else { 4 };
/// UIT_PROMPT and UIT_VERIFY of openssl/ui.h.
const PROMPT: c_int = 1;
const VERIFY: c_int = 2;

type Reader = unsafe extern "C" fn(ui: *mut c_void, string: *mut c_void) -> c_int;

unsafe extern "C" {
    #[cfg(ossl3)]
    fn OSSL_STORE_open_ex(
        uri: *const c_char,
        context: *mut c_void,
        properties: *const c_char,
        method: *const c_void,
        data: *mut c_void,
        parameters: *const c_void,
        post_process: *const c_void,
        post_process_data: *mut c_void,
    ) -> *mut c_void;
    #[cfg(ossl3)]
    fn OSSL_STORE_LOADER_fetch(
        context: *mut c_void,
        scheme: *const c_char,
        properties: *const c_char,
    ) -> *mut c_void;
    #[cfg(ossl3)]
    fn OSSL_STORE_LOADER_free(loader: *mut c_void);
    fn OSSL_STORE_close(store: *mut c_void) -> c_int;
    fn OSSL_STORE_expect(store: *mut c_void, kind: c_int) -> c_int;
    fn OSSL_STORE_load(store: *mut c_void) -> *mut c_void;
    fn OSSL_STORE_eof(store: *mut c_void) -> c_int;
    fn OSSL_STORE_INFO_get_type(info: *const c_void) -> c_int;
    fn OSSL_STORE_INFO_get1_PKEY(info: *const c_void) -> *mut ffi::EVP_PKEY;
    fn OSSL_STORE_INFO_get1_CERT(info: *const c_void) -> *mut ffi::X509;
    fn OSSL_STORE_INFO_free(info: *mut c_void);
    fn UI_create_method(name: *const c_char) -> *mut c_void;
    fn UI_destroy_method(method: *mut c_void);
    fn UI_method_set_reader(method: *mut c_void, reader: Reader) -> c_int;
    fn UI_get0_user_data(ui: *mut c_void) -> *mut c_void;
    fn UI_get_string_type(string: *mut c_void) -> c_int;
    fn UI_get0_output_string(string: *mut c_void) -> *const c_char;
    fn UI_get_result_maxsize(string: *mut c_void) -> c_int;
    fn UI_set_result_ex(
        ui: *mut c_void,
        string: *mut c_void,
        result: *const c_char,
        length: c_int,
    ) -> c_int;
}

/// The answer to a provider that requests a PIN, and what it requested.
#[derive(Default)]
pub struct Answer<'a> {
    /// The PIN. Without one, the answer is the empty string: pkcs11-provider then does not log in, while
    /// after a failure it would prompt on the terminal.
    pub pin: Option<&'a [u8]>,
    /// The maximum length of a PIN, once the provider has requested one.
    pub requested: Option<c_int>,
    /// The slot of the token that needs the PIN, if the provider is pkcs11-provider.
    pub slot: Option<u64>,
    /// Whether the provider got the PIN.
    pub is_supplied: bool,
}

/// An object in a store.
pub enum Object {
    /// A certificate.
    Certificate(X509),
    /// A private key.
    Key(PKey<Private>),
}

/// The reason for which a URI was not opened.
pub enum OpenError {
    /// The loaded OpenSSL has no function for it.
    OldOpenSsl,
    /// No active provider serves the scheme.
    NotServed,
    /// Any other reason.
    Failed,
}

/// An open store. The error queue may get entries.
pub struct Store<'a> {
    store: *mut c_void,
    /// Dropped after the store is closed.
    _method: Method,
    _answer: PhantomData<&'a mut Answer<'a>>,
}

struct Method(*mut c_void);

impl Drop for Method {
    fn drop(&mut self) {
        // SAFETY: NULL, or a method that we own and free once.
        unsafe { UI_destroy_method(self.0) };
    }
}

impl<'a> Store<'a> {
    /// Opens a URI for certificates, or for private keys. `answer` answers a provider that requests a PIN.
    #[cfg(ossl3)]
    pub fn open(
        uri: &CStr,
        scheme: &CStr,
        for_keys: bool,
        answer: &'a mut Answer<'_>,
    ) -> Result<Store<'a>, OpenError> {
        let none = ptr::null_mut();
        // SAFETY: a C string, or valid objects; the answer outlives the store. The method is freed after it.
        unsafe {
            let method = Method(UI_create_method(c"certpick".as_ptr()));
            if method.0.is_null() || UI_method_set_reader(method.0, read) != 0 {
                return Err(OpenError::Failed);
            }
            let data = ptr::from_mut(answer).cast();
            // Properties would exclude the provider that verifies signatures from the certificates' keys.
            let store = OSSL_STORE_open_ex(
                uri.as_ptr(),
                none,
                ptr::null(),
                method.0,
                data,
                ptr::null(),
                ptr::null(),
                none,
            );
            if store.is_null() {
                let loader = OSSL_STORE_LOADER_fetch(none, scheme.as_ptr(), ptr::null());
                OSSL_STORE_LOADER_free(loader);
                let is_served = !loader.is_null();
                return Err(if is_served { OpenError::Failed } else { OpenError::NotServed });
            }
            let store = Store { store, _method: method, _answer: PhantomData };
            let kind = if for_keys { INFO_PKEY } else { INFO_CERT };
            if OSSL_STORE_expect(store.store, kind) == 1 {
                Ok(store)
            } else {
                Err(OpenError::Failed)
            }
        }
    }

    /// Fails, because OpenSSL 1.1.1 has no providers.
    #[cfg(not(ossl3))]
    pub fn open(
        _uri: &CStr,
        _scheme: &CStr,
        _for_keys: bool,
        _answer: &'a mut Answer<'_>,
    ) -> Result<Store<'a>, OpenError> {
        Err(OpenError::OldOpenSsl)
    }

    /// Returns whether all objects have been loaded.
    pub fn is_at_end(&self) -> bool {
        // SAFETY: a valid store.
        unsafe { OSSL_STORE_eof(self.store) != 0 }
    }

    /// Loads the next object. Returns `None` for an object that is of another type or cannot be loaded, and
    /// at the end.
    pub fn load(&mut self) -> Option<Object> {
        // SAFETY: a valid store. We own the info and the object in it.
        unsafe {
            let info = OSSL_STORE_load(self.store);
            if info.is_null() {
                return None;
            }
            let object = match OSSL_STORE_INFO_get_type(info) {
                INFO_PKEY => {
                    let key = OSSL_STORE_INFO_get1_PKEY(info);
                    (!key.is_null()).then(|| Object::Key(PKey::from_ptr(key)))
                }
                INFO_CERT => {
                    let certificate = OSSL_STORE_INFO_get1_CERT(info);
                    (!certificate.is_null())
                        .then(|| Object::Certificate(X509::from_ptr(certificate)))
                }
                _ => None,
            };
            OSSL_STORE_INFO_free(info);
            object
        }
    }
}

impl Drop for Store<'_> {
    fn drop(&mut self) {
        // SAFETY: a store that we own and close once. Its method still exists.
        unsafe { OSSL_STORE_close(self.store) };
    }
}

/// Answers one string of a UI. A failure would make pkcs11-provider prompt on the terminal.
unsafe extern "C" fn read(ui: *mut c_void, string: *mut c_void) -> c_int {
    // SAFETY: OpenSSL passes a valid UI with the data of `Store::open`, which has no other user meanwhile,
    // and a valid string.
    let done = guard(|| unsafe {
        if !matches!(UI_get_string_type(string), PROMPT | VERIFY) {
            return;
        }
        let Some(answer) = UI_get0_user_data(ui).cast::<Answer<'_>>().as_mut() else { return };
        let max = UI_get_result_maxsize(string);
        answer.requested = Some(max);
        let prompt = UI_get0_output_string(string);
        if !prompt.is_null() {
            answer.slot = slot(&CStr::from_ptr(prompt).to_string_lossy());
        }
        let pin = answer.pin.and_then(|pin| {
            let length = c_int::try_from(pin.len()).ok().filter(|length| *length <= max)?;
            (!pin.contains(&0)).then_some((pin, length))
        });
        answer.is_supplied = pin.is_some();
        let (pin, length) = pin.unwrap_or((b"", 0));
        UI_set_result_ex(ui, string, pin.as_ptr().cast(), length);
    });
    c_int::from(done.is_some())
}

/// Returns the slot in the prompt of pkcs11-provider: "Enter PIN for PKCS#11 Token (Slot 7 - description):".
fn slot(prompt: &str) -> Option<u64> {
    let (_, rest) = prompt.split_once("(Slot ")?;
    rest.split_once(" - ")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_is_read_from_the_prompt_of_pkcs11_provider() {
        let prompt = "Enter PIN for PKCS#11 Token (Slot 799569782 - SoftHSM slot ID 0x2fa87776):";
        assert_eq!(slot(prompt), Some(799_569_782));
        assert_eq!(slot("(Slot 0 - (Slot 1 - a))"), Some(0));
        for other in ["", "PKCS#11 Token", "(Slot  - a)", "(Slot a - b)", "(Slot 1)", "Slot 1 - a"]
        {
            assert_eq!(slot(other), None, "{other}");
        }
    }
}
