// SPDX-License-Identifier: MIT OR Apache-2.0
//! The settings of the provider module. Input: a value for each, the order of which is below.

#![no_main]

use certpick::fuzzing::selector_of_settings;
use certpick_fuzz::certificates::{Identity, pem};
use certpick_fuzz::{directory, file, parts};
use libfuzzer_sys::fuzz_target;
use std::ffi::CStr;
use std::sync::Once;

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

/// Files that the values may name, in the current directory.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let root = Identity::root("root");
        for name in ["a", "b"] {
            let own = root.issue(name);
            let key = own.key.private_key_to_pem_pkcs8().expect("a key");
            file(name, &[pem(&[&own.certificate]), key].concat());
        }
        file("p", b"one\ntwo\n");
        std::env::set_current_dir(directory()).expect("the directory");
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
            // Nothing that is wrong was passed over.
            assert!(is_one_of(5, &[b"none", b"sole", b"accept"]));
            assert!(is_one_of(6, &[b"demote", b"exclude"]));
            assert!(is_one_of(7, &[b"all", b"libpq"]));
            assert!(is_one_of(8, &[b"never", b"failure", b"always"]));
            assert!(values[2].is_empty() || values[3].is_empty());
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
});
