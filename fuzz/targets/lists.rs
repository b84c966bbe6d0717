// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list grammar, compared with a simple implementation. Input: sslcert, sslkey, sslpassword.

#![no_main]

use certpick_core::list::{self, Passwords};
use certpick_fuzz::{naive, parts};
use libfuzzer_sys::fuzz_target;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    // The values come from C strings.
    if data.contains(&0) {
        return;
    }
    let [sslcert, sslkey, sslpassword] = parts::<3>(data);
    // The name of an existing file is one entry. The simple implementation does not know which exist.
    if Path::new(std::ffi::OsStr::from_bytes(sslcert)).exists() {
        return;
    }
    let entries = list::entries(sslcert, Some(sslkey), &Passwords::List(Some(sslpassword)));
    let expected = naive::lists(sslcert, sslkey, sslpassword);
    match (&entries, &expected) {
        (Ok(entries), Some(expected)) => {
            assert_eq!(entries.len(), expected.len());
            for (entry, (certificate, key, password)) in entries.iter().zip(expected) {
                let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
                assert_eq!(bytes(&entry.certificate), *certificate);
                assert_eq!(entry.key.as_deref().map(bytes), *key);
                let own = entry.password.as_ref().map(|p| p.expose().to_vec());
                assert_eq!(own, *password);
            }
        }
        (Err(error), None) => {
            let text = error.to_string();
            assert!(!text.contains('\n'), "{text}");
        }
        _ => panic!("{entries:?} differs from {expected:?}"),
    }
    let is_list = naive::lists(sslcert, b"", b"").is_none_or(|e| e.len() > 1);
    assert_eq!(list::is_list(sslcert), sslcert.contains(&b',') && is_list, "{sslcert:?}");
});
