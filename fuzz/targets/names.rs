// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names that are read from a certificate without OpenSSL, compared with OpenSSL's. Input: the
//! certificate's DER.

#![no_main]

use certpick_core::fuzzing::compare_names;
use libfuzzer_sys::fuzz_target;
use std::sync::Once;
use testkit::certificates::Identity;

fuzz_target!(|data: &[u8]| {
    static CHECKED: Once = Once::new();
    // Nothing would be tested if the names of no certificate could be read.
    CHECKED.call_once(|| {
        let usual = Identity::root("root").issue("client").certificate;
        assert!(compare_names(&usual.to_der().expect("DER")));
    });
    compare_names(data);
});
