// SPDX-License-Identifier: MIT OR Apache-2.0
//! PEM files that contain a URI instead of a key, as pkcs11-provider writes them.
//!
//! OpenSSL's PEM decoders would pass such a file to the provider several times. Each time the provider would
//! log in to the token, which may lock, or prompt on the terminal.

use crate::error::{Problem, UriFlaw};
use crate::file::bytes::find_slice;
use crate::ossl::{MemoryBio, QuietErrors};
use crate::uri::{MAX_BYTES, Uri};
use crate::x509::der::{Reader, tag};
use libc::{c_char, c_int, c_long, c_uchar, c_void};
use openssl_sys as ffi;
use std::ptr;

const BEGIN: &[u8] = b"-----BEGIN PKCS#11 PROVIDER URI-----";
const END: &[u8] = b"-----END PKCS#11 PROVIDER URI-----";
const VERSION: &[u8] = b"PKCS#11 Provider URI v1.0";

unsafe extern "C" {
    fn PEM_read_bio(
        bio: *mut ffi::BIO,
        name: *mut *mut c_char,
        header: *mut *mut c_char,
        data: *mut *mut c_uchar,
        length: *mut c_long,
    ) -> c_int;
}

/// Returns the URI in a PEM file; `None` if the file has no block of this type.
pub fn wrapped_uri(pem: &[u8]) -> Option<Result<Uri, Problem>> {
    let block = pem.get(find_slice(BEGIN, pem)?..)?;
    // OpenSSL would read to the end of the file, which may contain keys.
    let end = find_slice(END, block).and_then(|at| block.get(..at + END.len()));
    let der = end.filter(|block| block.len() <= 2 * MAX_BYTES).and_then(decode);
    let uri = der.as_deref().and_then(uri).map(Uri::parse);
    Some(uri.unwrap_or(Err(Problem::Uri(UriFlaw::Wrapper))))
}

/// Returns the content of a PEM block.
fn decode(block: &[u8]) -> Option<Vec<u8>> {
    let _errors = QuietErrors::new();
    let bio = MemoryBio::new(block)?;
    let (mut name, mut header, mut data) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let mut length = 0;
    // SAFETY: a valid BIO, and places for the results, which we own on success.
    unsafe {
        if PEM_read_bio(bio.as_ptr(), &mut name, &mut header, &mut data, &mut length) != 1 {
            return None;
        }
        let length = usize::try_from(length).unwrap_or(0);
        let der = std::slice::from_raw_parts(data, length).to_vec();
        for buffer in [name.cast::<c_void>(), header.cast(), data.cast()] {
            ffi::OPENSSL_free(buffer);
        }
        Some(der)
    }
}

/// Returns the URI in SEQUENCE { VisibleString, UTF8String }.
fn uri(der: &[u8]) -> Option<&[u8]> {
    let mut outer = Reader(der);
    let mut parts = Reader(outer.get(tag::SEQUENCE)?);
    let version = parts.get(tag::VISIBLE_STRING)?;
    let uri = parts.get(tag::UTF8_STRING)?;
    (version == VERSION && parts.is_empty() && outer.is_empty()).then_some(uri)
}
