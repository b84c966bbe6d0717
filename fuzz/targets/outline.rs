// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is read of a certificate without OpenSSL, held against OpenSSL. Input: the certificate's DER.

#![no_main]

use certpick::fuzzing::compare_outline;
use certpick_fuzz::certificates::Identity;
use libfuzzer_sys::fuzz_target;
use std::sync::Once;

fuzz_target!(|data: &[u8]| {
    static CHECKED: Once = Once::new();
    // Nothing would be tested if no certificate had an outline.
    CHECKED.call_once(|| {
        let usual = Identity::root("root").issue("client").certificate;
        assert!(compare_outline(&usual.to_der().expect("DER")));
    });
    compare_outline(data);
});
