// SPDX-License-Identifier: MIT OR Apache-2.0
//! Password-based decryption of the parts of a PKCS#12 file.

use super::{QuietErrors, retry_unless_out_of_memory};
use crate::error::OutOfMemory;
use foreign_types::ForeignType;
use libc::{c_char, c_int, c_long, c_uchar};
use openssl::pkey::{PKey, Private};
use openssl_sys as ffi;
use std::ops::Deref;

unsafe extern "C" {
    fn d2i_X509_ALGOR(
        algorithm: *mut *mut ffi::X509_ALGOR,
        der: *mut *const c_uchar,
        length: c_long,
    ) -> *mut ffi::X509_ALGOR;
    fn PKCS12_pbe_crypt(
        algorithm: *const ffi::X509_ALGOR,
        password: *const c_char,
        password_length: c_int,
        input: *const c_uchar,
        input_length: c_int,
        output: *mut *mut c_uchar,
        output_length: *mut c_int,
        encrypt: c_int,
    ) -> *mut c_uchar;
    fn OPENSSL_cleanse(memory: *mut libc::c_void, length: usize);
}

/// Bytes that OpenSSL has allocated. They are wiped when dropped.
pub struct Decrypted {
    start: *mut c_uchar,
    length: usize,
}

impl Deref for Decrypted {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: a buffer of this length, which we own.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

impl Drop for Decrypted {
    fn drop(&mut self) {
        // SAFETY: a buffer of this length, which we own and free once.
        unsafe {
            OPENSSL_cleanse(self.start.cast(), self.length);
            ffi::OPENSSL_free(self.start.cast());
        }
    }
}

/// The reason for which bytes were not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecryptError {
    /// The padding is wrong, usually because the password is.
    Padding,
    /// OpenSSL cannot use the algorithm.
    Algorithm,
    /// The provider does not permit the password, the salt or the iterations.
    Derivation,
    /// OpenSSL ran out of memory.
    NoMemory,
}

impl From<OutOfMemory> for DecryptError {
    fn from(_: OutOfMemory) -> DecryptError {
        DecryptError::NoMemory
    }
}

/// Decrypts bytes by an AlgorithmIdentifier (PKCS12_pbe_crypt(3)). `None` is OpenSSL's NULL password, which
/// some programs use instead of the empty one.
pub fn decrypt(
    algorithm: &[u8],
    bytes: &[u8],
    password: Option<&[u8]>,
) -> Result<Decrypted, DecryptError> {
    struct Algorithm(*mut ffi::X509_ALGOR);
    impl Drop for Algorithm {
        fn drop(&mut self) {
            // SAFETY: NULL, or a structure that we own and free once.
            unsafe { ffi::X509_ALGOR_free(self.0) };
        }
    }
    let errors = QuietErrors::new();
    let (Ok(size), Ok(length)) = (c_long::try_from(algorithm.len()), c_int::try_from(bytes.len()))
    else {
        return Err(DecryptError::Algorithm);
    };
    let password_length = c_int::try_from(password.unwrap_or_default().len());
    let Ok(password_length) = password_length else { return Err(DecryptError::Padding) };
    let attempt = || {
        errors.clear();
        let mut der = algorithm.as_ptr();
        // SAFETY: reads at most `size` bytes.
        let algorithm = Algorithm(unsafe { d2i_X509_ALGOR(std::ptr::null_mut(), &mut der, size) });
        if algorithm.0.is_null() {
            return None;
        }
        let (mut start, mut written) = (std::ptr::null_mut(), 0);
        // SAFETY: a valid structure, a password and input of these lengths. We own the output.
        let result = unsafe {
            PKCS12_pbe_crypt(
                algorithm.0,
                password.map_or(std::ptr::null(), |password| password.as_ptr().cast()),
                password_length,
                bytes.as_ptr(),
                length,
                &mut start,
                &mut written,
                0,
            )
        };
        match usize::try_from(written) {
            Ok(length) if !result.is_null() => Some(Ok(Decrypted { start: result, length })),
            // The derivation of a key takes long, so it is not repeated.
            _ if errors.is_out_of_memory() => Some(Err(DecryptError::NoMemory)),
            _ if errors.is_forbidden_derivation() => Some(Err(DecryptError::Derivation)),
            _ if errors.is_cipher_final() => Some(Err(DecryptError::Padding)),
            _ => None,
        }
    };
    retry_unless_out_of_memory(attempt)?.unwrap_or(Err(DecryptError::Algorithm))
}

/// Decodes a PrivateKeyInfo (RFC 5958). Returns `None` if it is damaged.
pub fn private_key(der: &[u8]) -> Result<Option<PKey<Private>>, OutOfMemory> {
    let _errors = QuietErrors::new();
    let Ok(length) = c_long::try_from(der.len()) else { return Ok(None) };
    let decode = || {
        let mut start = der.as_ptr();
        // SAFETY: reads at most `length` bytes. The structure is freed, which wipes it; we own the key.
        unsafe {
            let info = ffi::d2i_PKCS8_PRIV_KEY_INFO(std::ptr::null_mut(), &mut start, length);
            if info.is_null() {
                return None;
            }
            let key = ffi::EVP_PKCS82PKEY(info);
            ffi::PKCS8_PRIV_KEY_INFO_free(info);
            if key.is_null() { None } else { Some(PKey::<Private>::from_ptr(key)) }
        }
    };
    // If OpenSSL runs out of memory while it computes the size of a key, the size stays 0.
    let key = retry_unless_out_of_memory(|| decode().filter(|key| key.bits() > 0))?;
    Ok(key)
}
