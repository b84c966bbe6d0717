// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of certificates and keys: PEM, bundles, and DER for keys. Input: a byte for the kind of file, and
//! its content.

#![no_main]

use certpick_core::Selector;
use certpick_fuzz::FILES;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use testkit::certificates::Identity;

static CLIENT: LazyLock<Identity> = LazyLock::new(|| Identity::root("root").issue("client"));

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else { return };
    let valid = if kind % 4 == 1 { CLIENT.pem() } else { CLIENT.key_pem() };
    let valid = FILES.write("valid.pem", valid);
    let fuzzed = FILES.write("fuzzed.pem", bytes);
    let mut selector = Selector::new();
    // The file changes faster than the cache detects. The cache has its own tests.
    selector.set_cache(false);
    // No password is given: the number of key derivation rounds in the file would determine the time.
    let added = match kind % 4 {
        0 => selector.add_files(fuzzed, Some(valid), None),
        1 => selector.add_files(valid, Some(fuzzed), None),
        2 => selector.add_files(fuzzed, None, None),
        _ => selector.add_issuers(&fuzzed),
    };
    let result = added.and_then(|()| selector.freeze()).and_then(|frozen| {
        for at in 0..frozen.count() {
            // An error that only OpenSSL detects is reported when the certificate is needed.
            let has_key = frozen.certificate(at).is_some_and(|leaf| leaf.public_key().is_ok());
            assert!(has_key || frozen.check_key(at).is_err());
        }
        frozen.validation().run()
    });
    if let Err(error) = result {
        let text = error.to_string();
        assert!(text.contains(".pem\"") && !text.contains('\n'), "{text}");
    }
});
