// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificates in a PEM file.

mod plain;

use crate::error::Problem;
use crate::file::bytes::find_slice;
use crate::ossl::{self, QuietErrors};
use crate::x509::certificate::{DecodeError, with_key};
use foreign_types::ForeignType;
use libc::{c_char, c_int, c_void};
use openssl::x509::{X509, X509Crl};
pub use plain::certificates as plain_certificates;

/// The maximum size of a file of certificates. A bundle of all public CAs has a quarter MiB.
pub const MAX_BYTES: u64 = 16 << 20;

/// The maximum number of certificates in the file of a credential.
pub const MAX_CERTIFICATES: usize = 1_000;

/// The maximum number of certificates in a file of issuers or roots.
pub const MAX_ISSUERS: usize = 10_000;

/// Returns whether `bytes` contain a private key in PEM.
pub fn has_private_key(bytes: &[u8]) -> bool {
    const LABEL: &[u8] = b"PRIVATE KEY-----";
    find_slice(LABEL, bytes).is_some()
}

/// Returns whether `bytes` contain a certificate in PEM, even a damaged one.
pub fn has_certificate(bytes: &[u8]) -> bool {
    const LABEL: &[u8] = b"CERTIFICATE-----";
    find_slice(LABEL, bytes).is_some()
}

/// Returns all certificates in PEM, in the order of the file. Skips keys and text between them. Fails if
/// there are more than `max`.
pub fn certificates(bytes: &[u8], max: usize) -> Result<Vec<X509>, DecodeError> {
    read(bytes, max, false)
}

/// Like [`certificates`]. `is_again`: it has failed before without a report of OpenSSL's.
fn read(bytes: &[u8], max: usize, is_again: bool) -> Result<Vec<X509>, DecodeError> {
    let damaged = |problem: Problem| Err(DecodeError::Damaged(problem.into()));
    let errors = QuietErrors::new();
    let bio = ossl::MemoryBio::new(bytes).ok_or(DecodeError::NoMemory)?;
    let mut certificates = Vec::new();
    loop {
        // SAFETY: a valid BIO, and a callback that ignores its argument. We own the new certificate.
        let certificate = unsafe {
            let new = std::ptr::null_mut();
            let none = std::ptr::null_mut();
            let x = ossl::PEM_read_bio_X509_AUX(bio.as_ptr(), new, Some(no_password), none);
            if x.is_null() { None } else { Some(X509::from_ptr(x)) }
        };
        match certificate {
            Some(_) if certificates.len() == max => {
                return damaged(Problem::TooManyCertificates(max));
            }
            Some(certificate) => certificates.push(with_key(certificate)?),
            None => break,
        }
    }
    let at_end = errors.is_no_start_line();
    match (certificates.is_empty(), at_end) {
        (false, true) => Ok(certificates),
        (true, true) if bytes.is_empty() => damaged(Problem::Empty),
        (true, true) if bytes.first() == Some(&0x30) => damaged(Problem::DerCertificate),
        (true, true) => damaged(Problem::NoCertificate),
        (_, false) if errors.is_out_of_memory() => Err(DecodeError::NoMemory),
        // OpenSSL reports neither an empty block nor some failed allocations.
        (_, false) if errors.is_empty() && !is_again => read(bytes, max, true),
        (_, false) => {
            damaged(Problem::Damaged { number: certificates.len() + 1, why: errors.reason() })
        }
    }
}

/// Returns the first certificate revocation list in PEM.
pub fn revocation_list(bytes: &[u8]) -> Option<X509Crl> {
    let _errors = QuietErrors::new();
    let bio = ossl::MemoryBio::new(bytes)?;
    let none = std::ptr::null_mut();
    // SAFETY: a valid BIO, and a callback that ignores its argument. We own the new list.
    unsafe {
        let list = openssl_sys::PEM_read_bio_X509_CRL(
            bio.as_ptr(),
            std::ptr::null_mut(),
            Some(no_password),
            none,
        );
        if list.is_null() { None } else { Some(X509Crl::from_ptr(list)) }
    }
}

/// Refuses a password. Without a callback, OpenSSL would prompt on the terminal for an encrypted block.
unsafe extern "C" fn no_password(_: *mut c_char, _: c_int, _: c_int, _: *mut c_void) -> c_int {
    -1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_gets_a_text_for_its_content() {
        let words = |bytes: &[u8]| match certificates(bytes, MAX_CERTIFICATES) {
            Err(DecodeError::Damaged(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(words(b""), "it is empty");
        assert_eq!(words(b"\0\0garbage"), "it holds no certificate in PEM");
        assert!(words(b"\x30\x82\x01").contains("-inform DER"));
        let broken = words(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert!(broken.starts_with("certificate 1 in it is damaged: "), "{broken}");
        let cut = words(b"-----BEGIN CERTIFICATE-----\nMIIB");
        assert!(cut.starts_with("certificate 1 in it is damaged: "), "{cut}");
        let sealed = words(
            b"-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\
              DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n\
              -----END CERTIFICATE-----\n",
        );
        assert!(sealed.starts_with("certificate 1 in it is damaged: "), "{sealed}");
    }
}
