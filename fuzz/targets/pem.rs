// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PEM reader, compared with OpenSSL's. Input: a file.

#![no_main]

use certpick_core::fuzzing::plain_certificates;
use libfuzzer_sys::fuzz_target;
use openssl::x509::X509;

fuzz_target!(|data: &[u8]| {
    let Some(plain) = plain_certificates(data) else { return };
    let decoded: Option<Vec<X509>> = plain.iter().map(|der| X509::from_der(der).ok()).collect();
    let theirs = X509::stack_from_pem(data).ok().filter(|all| !all.is_empty());
    // Both ignore bytes after the certificate in a PEM block.
    let ders =
        |all: &[X509]| -> Vec<Vec<u8>> { all.iter().map(|x| x.to_der().expect("DER")).collect() };
    match (&decoded, &theirs) {
        (Some(ours), Some(theirs)) => assert_eq!(ders(ours), ders(theirs)),
        (None, None) => {}
        _ => {
            panic!("{:?} here, {:?} by OpenSSL", decoded.map(|d| d.len()), theirs.map(|t| t.len()))
        }
    }
});
