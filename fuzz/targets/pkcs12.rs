// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reader of PKCS#12 files, compared with OpenSSL's. Input: a file, whose password is "secret" if it is
//! encrypted.

#![no_main]

use certpick_core::fuzzing::open_pkcs12;
use foreign_types::ForeignType;
use libc::{c_char, c_int};
use libfuzzer_sys::fuzz_target;
use openssl::x509::X509;
use openssl_sys as ffi;

const PASSWORD: &[u8] = b"secret";
const NID_DATA: c_int = 21;
const NID_ENCRYPTED_DATA: c_int = 26;
const NID_CERT_BAG: c_int = 152;
const NID_SAFE_CONTENTS_BAG: c_int = 155;
const NID_X509_CERTIFICATE: c_int = 158;

/// STACK_OF(PKCS7) and STACK_OF(PKCS12_SAFEBAG).
type Stack = ffi::OPENSSL_STACK;
enum Bag {}

unsafe extern "C" {
    fn PKCS12_unpack_authsafes(file: *const ffi::PKCS12) -> *mut Stack;
    fn PKCS12_unpack_p7data(content: *mut ffi::PKCS7) -> *mut Stack;
    fn PKCS12_unpack_p7encdata(
        content: *mut ffi::PKCS7,
        pass: *const c_char,
        length: c_int,
    ) -> *mut Stack;
    fn PKCS12_SAFEBAG_get_nid(bag: *const Bag) -> c_int;
    fn PKCS12_SAFEBAG_get_bag_nid(bag: *const Bag) -> c_int;
    fn PKCS12_SAFEBAG_get1_cert(bag: *const Bag) -> *mut ffi::X509;
    fn PKCS12_SAFEBAG_get0_safes(bag: *const Bag) -> *const Stack;
    fn PKCS12_SAFEBAG_free(bag: *mut Bag);
    fn OPENSSL_sk_num(stack: *const Stack) -> c_int;
    fn OPENSSL_sk_value(stack: *const Stack, at: c_int) -> *mut libc::c_void;
    fn OPENSSL_sk_pop_free(stack: *mut Stack, free: unsafe extern "C" fn(*mut libc::c_void));
}

/// # Safety
/// The stack is NULL or valid.
unsafe fn elements<T>(stack: *const Stack) -> impl Iterator<Item = *mut T> {
    // SAFETY: the caller's promise.
    (0..unsafe { OPENSSL_sk_num(stack) })
        .map(move |at| unsafe { OPENSSL_sk_value(stack, at).cast() })
}

/// Returns the certificates; `None` if OpenSSL cannot read the file.
fn by_openssl(data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut is_complete = true;
    let (mut start, length) = (data.as_ptr(), data.len().try_into().ok()?);
    // SAFETY: the structures are valid and freed once.
    unsafe {
        let file = ffi::d2i_PKCS12(std::ptr::null_mut(), &mut start, length);
        if file.is_null() {
            return None;
        }
        let contents = PKCS12_unpack_authsafes(file);
        is_complete &= !contents.is_null();
        for content in elements::<ffi::PKCS7>(contents) {
            let bags = match ffi::OBJ_obj2nid((*content).type_) {
                NID_DATA => PKCS12_unpack_p7data(content),
                NID_ENCRYPTED_DATA => {
                    let length = PASSWORD.len().try_into().expect("a short password");
                    PKCS12_unpack_p7encdata(content, PASSWORD.as_ptr().cast(), length)
                }
                _ => continue,
            };
            is_complete &= !bags.is_null() && collect(bags, &mut found);
            OPENSSL_sk_pop_free(bags, free_bag);
        }
        OPENSSL_sk_pop_free(contents, free_content);
        ffi::PKCS12_free(file);
    }
    is_complete.then_some(found)
}

/// # Safety
/// A valid stack of bags.
unsafe fn collect(bags: *const Stack, found: &mut Vec<Vec<u8>>) -> bool {
    // SAFETY: the caller's promise. We own the new certificates.
    unsafe {
        elements::<Bag>(bags).all(|bag| match PKCS12_SAFEBAG_get_nid(bag) {
            NID_CERT_BAG if PKCS12_SAFEBAG_get_bag_nid(bag) == NID_X509_CERTIFICATE => {
                let certificate = PKCS12_SAFEBAG_get1_cert(bag);
                if certificate.is_null() {
                    return false;
                }
                found.push(X509::from_ptr(certificate).to_der().expect("DER"));
                true
            }
            NID_SAFE_CONTENTS_BAG => collect(PKCS12_SAFEBAG_get0_safes(bag), found),
            _ => true,
        })
    }
}

unsafe extern "C" fn free_bag(bag: *mut libc::c_void) {
    // SAFETY: the only reference to a bag.
    unsafe { PKCS12_SAFEBAG_free(bag.cast()) };
}

unsafe extern "C" fn free_content(content: *mut libc::c_void) {
    // SAFETY: the only reference to a content.
    unsafe { ffi::PKCS7_free(content.cast()) };
}

fuzz_target!(|data: &[u8]| {
    // First, because it limits the iterations.
    let Some(ours) = open_pkcs12(data, PASSWORD) else { return };
    let Some(theirs) = by_openssl(data) else { return };
    let decoded: Option<Vec<Vec<u8>>> =
        ours.iter().map(|der| X509::from_der(der).ok()?.to_der().ok()).collect();
    if let Some(ours) = decoded {
        assert_eq!(ours, theirs);
    }
});
