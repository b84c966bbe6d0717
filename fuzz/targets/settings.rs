// SPDX-License-Identifier: MIT OR Apache-2.0
//! The settings of the provider module. Input: the values in the order of NAMES.

#![no_main]

use certpick::fuzzing::selector_of_settings;
use certpick_fuzz::{FILES, parts};
use libfuzzer_sys::fuzz_target;
use std::ffi::CStr;
use std::sync::Once;
use testkit::certificates::Identity;

const NAMES: [&CStr; 10] = [
    c"sslcert",
    c"sslkey",
    c"sslpassword",
    c"sslpasswordfile",
    c"issuers",
    c"empty_ca_list",
    c"flawed",
    c"only",
    c"explain",
    c"explain_file",
];

/// Writes files that the values may name, and changes to their directory.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let root = Identity::root("root");
        for name in ["a", "b"] {
            FILES.write(name, root.issue(name).bundle());
        }
        FILES.write("p", "one\ntwo\n");
        std::env::set_current_dir(FILES.root()).expect("the directory");
    });
}

fuzz_target!(|data: &[u8]| {
    prepare();
    if data.contains(&0) {
        return;
    }
    let values = parts::<10>(data);
    let value = |name: &'static CStr| {
        let at = NAMES.iter().position(|n| *n == name)?;
        (!values[at].is_empty()).then(|| values[at].to_vec())
    };
    let is_one_of =
        |at: usize, words: &[&[u8]]| values[at].is_empty() || words.contains(&values[at]);
    match selector_of_settings(&value) {
        Ok(selector) => {
            assert!(selector.count() > 0);
            // No wrong value was accepted.
            assert!(is_one_of(5, &[b"none", b"sole", b"accept"]));
            assert!(is_one_of(6, &[b"demote", b"exclude"]));
            assert!(is_one_of(7, &[b"all", b"libpq"]));
            assert!(is_one_of(8, &[b"never", b"failure", b"always"]));
            assert!(values[2].is_empty() || values[3].is_empty());
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
});
