// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates on an SSL. OpenSSL has one slot for each type of key.

use crate::ossl;
use crate::source::key::LoadedKey;
use foreign_types::ForeignType;
use libc::{c_int, c_long, c_void};
use openssl::pkey::{PKey, Private};
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl_sys as ffi;
use std::ptr;

/// The changes to an SSL for one request, which [`super::installation::end`] undoes.
#[derive(Clone)]
pub struct Installation {
    /// The certificate that was installed; `None` if no credential suits.
    pub leaf: Option<X509>,
    /// Its private key.
    pub key: Option<LoadedKey>,
    /// The program's own certificates, which were on the SSL before. The current one is last.
    pub saved: Vec<CertSlot>,
    /// The SSL_CTX of the SSL at that time. It is compared, never dereferenced.
    pub ctx: *mut ffi::SSL_CTX,
}

/// The content of a slot.
#[derive(Clone)]
pub struct CertSlot {
    pub leaf: X509,
    key: PKey<Private>,
    chain: Option<Vec<X509>>,
}

/// The commands of the macros SSL_get0_chain_certs(3), SSL_select_current_cert(3) and
/// SSL_set_current_cert(3).
const SSL_CTRL_GET_CHAIN_CERTS: c_int = 115;
const SSL_CTRL_SELECT_CURRENT_CERT: c_int = 116;
const SSL_CTRL_SET_CURRENT_CERT: c_int = 117;
const SSL_CERT_SET_FIRST: c_long = 1;
const SSL_CERT_SET_NEXT: c_long = 2;

/// An upper limit: no version of OpenSSL has as many slots, including those of providers.
const MAX_SLOTS: usize = 256;

/// Returns the slots that have a certificate and a key. The current one is last. May change the current
/// certificate.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
pub unsafe fn read_slots(ssl: *mut ffi::SSL) -> Vec<CertSlot> {
    let mut found = Vec::new();
    // SAFETY: the caller's promise; certificates and keys of the SSL are valid.
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
            found.push(CertSlot { leaf: certificate(leaf), key: PKey::from_ptr(key), chain });
        }
        if let Some(i) = found.iter().position(|slot| slot.leaf.as_ptr() == current) {
            let slot = found.remove(i);
            found.push(slot);
        }
    }
    found
}

/// Returns a new reference to a certificate.
///
/// # Safety
/// `certificate` is valid.
unsafe fn certificate(certificate: *mut ffi::X509) -> X509 {
    // SAFETY: the caller's promise; the result owns the new reference.
    unsafe {
        ffi::X509_up_ref(certificate);
        X509::from_ptr(certificate)
    }
}

/// Sets a certificate on the SSL again. On allocation failure, the SSL lacks that certificate, and no
/// other one is sent instead.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile.
pub unsafe fn restore_slot(ssl: *mut ffi::SSL, slot: &CertSlot) {
    let mut stack = None;
    if let Some(chain) = &slot.chain {
        let Ok(mut new) = Stack::<X509>::new() else { return };
        if chain.iter().any(|certificate| new.push(certificate.clone()).is_err()) {
            return;
        }
        stack = Some(new);
    }
    let chain = stack.as_ref().map_or(ptr::null_mut(), |stack| stack.as_ptr());
    // SAFETY: the caller's promise, and valid objects; OpenSSL takes its own references.
    unsafe {
        ossl::SSL_use_cert_and_key(ssl, slot.leaf.as_ptr(), slot.key.as_ptr(), chain, 1);
    }
}

/// Makes a certificate of the SSL the current one.
///
/// # Safety
/// `ssl` is a valid SSL, used by no other thread meanwhile, and `leaf` a valid certificate.
pub unsafe fn select_current(ssl: *mut ffi::SSL, leaf: *mut ffi::X509) {
    // SAFETY: the caller's promise; the certificate is only compared.
    unsafe { ffi::SSL_ctrl(ssl, SSL_CTRL_SELECT_CURRENT_CERT, 0, leaf.cast()) };
}
