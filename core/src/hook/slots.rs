// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates on an SSL, each in the slot of its type of key.

use crate::ossl;
use foreign_types::ForeignType;
use libc::{c_int, c_long, c_void};
use openssl::pkey::{PKey, Private};
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl_sys as ffi;
use std::ptr;

/// What was done to an SSL for one request, to be undone.
#[derive(Clone)]
pub struct Installation {
    /// The certificate that was installed; `None` where none suits.
    pub leaf: Option<X509>,
    /// The program's own certificates, which were on the SSL before; the current one comes last.
    pub set_aside: Vec<Slot>,
    /// The SSL_CTX that the SSL had; it is only compared.
    pub ctx: *mut ffi::SSL_CTX,
}

/// A certificate, its key and its chain, as one of an SSL's slots holds them.
#[derive(Clone)]
pub struct Slot {
    pub leaf: X509,
    key: PKey<Private>,
    chain: Option<Vec<X509>>,
}

/// SSL_get0_chain_certs(3), SSL_select_current_cert(3) and SSL_set_current_cert(3), which are macros.
const SSL_CTRL_GET_CHAIN_CERTS: c_int = 115;
const SSL_CTRL_SELECT_CURRENT_CERT: c_int = 116;
const SSL_CTRL_SET_CURRENT_CERT: c_int = 117;
const SSL_CERT_SET_FIRST: c_long = 1;
const SSL_CERT_SET_NEXT: c_long = 2;

/// More than any version of OpenSSL has, those of providers included.
const MAX_SLOTS: usize = 256;

/// The certificates with a key that are on an SSL; the current one comes last. Afterwards another
/// one may be the current one.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
pub unsafe fn slots(ssl: *mut ffi::SSL) -> Vec<Slot> {
    let mut found = Vec::new();
    // SAFETY: the caller's promise; what the SSL has is valid, and gets references.
    unsafe {
        let current = ossl::SSL_get_certificate(ssl);
        let mut next = SSL_CERT_SET_FIRST;
        while found.len() < MAX_SLOTS
            && ffi::SSL_ctrl(ssl, SSL_CTRL_SET_CURRENT_CERT, next, ptr::null_mut()) == 1
        {
            next = SSL_CERT_SET_NEXT;
            let (leaf, key) = (ossl::SSL_get_certificate(ssl), ffi::SSL_get_privatekey(ssl));
            if leaf.is_null() || key.is_null() {
                break;
            }
            let mut chain: *const ffi::stack_st_X509 = ptr::null();
            let out = ptr::from_mut(&mut chain).cast::<c_void>();
            ffi::SSL_ctrl(ssl, SSL_CTRL_GET_CHAIN_CERTS, 0, out);
            let chain = (!chain.is_null()).then(|| {
                ossl::stack_elements::<_, ffi::X509>(chain).map(|x| certificate(x)).collect()
            });
            ffi::EVP_PKEY_up_ref(key);
            found.push(Slot { leaf: certificate(leaf), key: PKey::from_ptr(key), chain });
        }
        if let Some(at) = found.iter().position(|slot| slot.leaf.as_ptr() == current) {
            let last = found.remove(at);
            found.push(last);
        }
    }
    found
}

/// A reference to a certificate.
///
/// # Safety
/// `certificate` is valid.
unsafe fn certificate(certificate: *mut ffi::X509) -> X509 {
    // SAFETY: the caller's promise; the reference is the result's.
    unsafe {
        ffi::X509_up_ref(certificate);
        X509::from_ptr(certificate)
    }
}

/// Where this fails, for want of memory, the SSL is without that certificate, and none is sent in
/// its place.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
pub unsafe fn put_back(ssl: *mut ffi::SSL, slot: &Slot) {
    let mut stack = None;
    if let Some(chain) = &slot.chain {
        let Ok(mut new) = Stack::<X509>::new() else { return };
        if chain.iter().any(|certificate| new.push(certificate.clone()).is_err()) {
            return;
        }
        stack = Some(new);
    }
    let chain = stack.as_ref().map_or(ptr::null_mut(), |stack| stack.as_ptr());
    // SAFETY: the caller's promise, and valid objects, of which OpenSSL takes its own references.
    unsafe {
        ossl::SSL_use_cert_and_key(ssl, slot.leaf.as_ptr(), slot.key.as_ptr(), chain, 1);
    }
}

/// Makes this certificate the current one of the SSL again.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile, and `leaf` a valid certificate.
pub unsafe fn select_current(ssl: *mut ffi::SSL, leaf: *mut ffi::X509) {
    // SAFETY: the caller's promise; the certificate is only compared.
    unsafe { ffi::SSL_ctrl(ssl, SSL_CTRL_SELECT_CURRENT_CERT, 0, leaf.cast()) };
}
