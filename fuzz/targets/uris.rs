// SPDX-License-Identifier: MIT OR Apache-2.0
//! URIs of tokens and PEM files that contain one. Input: a URI, or a file.

#![no_main]

use certpick_core::source::store::wrapped_uri;
use certpick_core::uri::{MAX_BYTES, ObjectType, Uri, is_uri};
use libfuzzer_sys::fuzz_target;
use testkit::der::{element, pem};

/// The attributes that may reach a provider.
const ALLOWED: [&str; 13] = [
    "token",
    "manufacturer",
    "serial",
    "model",
    "library-manufacturer",
    "library-version",
    "library-description",
    "object",
    "type",
    "id",
    "slot-description",
    "slot-manufacturer",
    "slot-id",
];

/// Checks what a provider gets, also for one that takes each separator of RFC 7512 for the end of an attribute.
fn check(uri: &Uri, slot: Option<u64>) {
    for (object, kind) in [(ObjectType::Certificate, "cert"), (ObjectType::PrivateKey, "private")] {
        let text = uri.for_provider(object, slot);
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
        let Some(rest) = text.strip_prefix("pkcs11:") else {
            assert!(uri.is_handle() && text.starts_with("handle:0x"), "{text}");
            continue;
        };
        let mut names = Vec::new();
        for part in rest.split([';', '?', '&']) {
            let (name, value) = part.split_once('=').expect("a value");
            assert!(ALLOWED.contains(&name) && !names.contains(&name), "{text}");
            assert!(name != "type" || value == kind, "{text}");
            names.push(name);
        }
        assert!(names.contains(&"type"), "{text}");
        assert!(slot.is_none() || names.contains(&"slot-id"), "{text}");
    }
}

fuzz_target!(|data: &[u8]| {
    match Uri::parse(data) {
        Ok(uri) => {
            assert!(is_uri(data) && data.len() <= MAX_BYTES);
            check(&uri, None);
            check(&uri, Some(7));
            let shown = uri.to_string();
            assert!(!shown.contains('?') || uri.is_handle(), "{shown}");
            let again = Uri::parse(shown.as_bytes()).expect("what is shown is a URI");
            assert_eq!(again.to_string(), shown);
            assert!(again.pin_source().is_none());
            if let Some(file) = uri.pin_source() {
                let file = file.as_os_str().as_encoded_bytes();
                assert!(file.starts_with(b"/") && !file.contains(&b'|') && !file.contains(&0));
            }
        }
        Err(problem) => assert!(!problem.to_string().contains('\n'), "{problem}"),
    }
    let _ = wrapped_uri(data);
    let strings = [element(0x1a, b"PKCS#11 Provider URI v1.0"), element(0x0c, data)];
    let file = pem("PKCS#11 PROVIDER URI", &element(0x30, &strings.concat()));
    assert_eq!(wrapped_uri(file.as_bytes()), Some(Uri::parse(data)));
});
