// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads a CertificateRequest from an SSL.

use crate::error::OutOfMemory;
use crate::ossl;
use crate::request::Request;
use crate::selector::Filter;
use crate::x509::name;
use foreign_types::ForeignTypeRef;
use libc::{c_int, c_uchar};
use openssl::x509::X509NameRef;
use openssl_sys as ffi;

/// Reads the request. Resolves its CA names to their numbers in the filter.
///
/// # Safety
/// `ssl` is a client's valid SSL, inside its cert_cb or client_cert_cb.
pub unsafe fn read(ssl: *mut ffi::SSL, filter: &Filter) -> Result<Request, OutOfMemory> {
    // SAFETY: the caller's promise.
    let version = unsafe { ffi::SSL_version(ssl) };
    let mut request = Request {
        version,
        named: vec![false; filter.names().len()],
        // SAFETY: the caller's promise.
        offered_schemes: unsafe { schemes(ssl, ossl::SSL_get_sigalgs) },
        // SAFETY: the caller's promise.
        schemes: unsafe { schemes(ssl, ossl::SSL_get_shared_sigalgs) },
        // SAFETY: the caller's promise.
        certificate_types: unsafe { certificate_types(ssl) },
        ..Request::default()
    };
    // SAFETY: the caller's promise.
    unsafe { read_names(ssl, filter, &mut request) }?;
    Ok(request)
}

/// # Safety
/// As for [`read`].
unsafe fn read_names(
    ssl: *mut ffi::SSL,
    filter: &Filter,
    request: &mut Request,
) -> Result<(), OutOfMemory> {
    const MAX_BYTES: usize = 256 << 10;
    const USUAL_BYTES: usize = 64;
    // SAFETY: the caller's promise. For an empty list, the stack is empty or, in TLS 1.3, NULL.
    let names =
        unsafe { ossl::stack_elements::<_, ffi::X509_NAME>(ossl::SSL_get0_peer_CA_list(ssl)) };
    let count = names.size_hint().0;
    request.ca_names_der.reserve(count.saturating_mul(USUAL_BYTES).min(MAX_BYTES));
    for name in names.filter(|n| !n.is_null()) {
        // SAFETY: a valid name, which the SSL owns during the callback.
        let name = unsafe { X509NameRef::from_ptr(name) };
        let der = name::der(name);
        request.ca_names += 1;
        if request.ca_names_der.len() + der.len() <= MAX_BYTES {
            request.ca_names_der.extend_from_slice(der);
        }
        let Some(number) = filter.names().find_der(name, der)? else { continue };
        let flag = usize::try_from(number).ok().and_then(|i| request.named.get_mut(i));
        if flag.is_some_and(|flag| !std::mem::replace(flag, true)) {
            request.named_numbers.push(number);
        }
    }
    Ok(())
}

/// Returns SignatureScheme values, by SSL_get_sigalgs(3) or SSL_get_shared_sigalgs(3).
///
/// # Safety
/// As for [`read`].
unsafe fn schemes(ssl: *mut ffi::SSL, get: ossl::SignatureAlgorithmGetter) -> Vec<u16> {
    let entry = |index: c_int| {
        let (mut sign, mut hash, mut both) = (0, 0, 0);
        let (mut raw_sign, mut raw_hash): (c_uchar, c_uchar) = (0, 0);
        // SAFETY: the caller's promise; the pointers are valid for writing.
        let count = unsafe {
            get(ssl, index, &mut sign, &mut hash, &mut both, &mut raw_sign, &mut raw_hash)
        };
        (count, u16::from(raw_hash) << 8 | u16::from(raw_sign))
    };
    // Every call returns the number of entries, or 0 if the index is too large.
    let (count, _) = entry(0);
    (0..count.max(0)).map(|index| entry(index).1).collect()
}

/// # Safety
/// As for [`read`].
unsafe fn certificate_types(ssl: *mut ffi::SSL) -> Vec<u8> {
    /// The command of the macro SSL_get0_certificate_types(3).
    const SSL_CTRL_GET_CLIENT_CERT_TYPES: c_int = 103;
    let mut types: *const c_uchar = std::ptr::null();
    // SAFETY: the caller's promise; the SSL owns the bytes, which are copied.
    unsafe {
        let out = std::ptr::from_mut(&mut types).cast();
        let count = ffi::SSL_ctrl(ssl, SSL_CTRL_GET_CLIENT_CERT_TYPES, 0, out);
        match usize::try_from(count) {
            Ok(count) if !types.is_null() => std::slice::from_raw_parts(types, count).to_vec(),
            _ => Vec::new(),
        }
    }
}
