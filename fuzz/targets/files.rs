// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of certificates and keys: PEM, bundles, and for keys DER. Input: what kind of file it is,
//! then its bytes.

#![no_main]

use certpick_core::Selector;
use certpick_fuzz::certificates::{Identity, pem};
use certpick_fuzz::file;
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

fn sound() -> &'static [Vec<u8>; 2] {
    static FILES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    FILES.get_or_init(|| {
        let own = Identity::root("root").issue("client");
        let key = own.key.private_key_to_pem_pkcs8().expect("a key");
        [pem(&[&own.certificate]), key]
    })
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, bytes)) = data.split_first() else { return };
    let [certificate, key] = sound();
    let other = file("other.pem", if kind % 4 == 1 { certificate } else { key });
    let fuzzed = file("fuzzed.pem", bytes);
    let mut selector = Selector::new();
    // The same file, a moment later, with other bytes: the cache has its own tests.
    selector.set_cache(false);
    // No password: trying one may take as long as the file says.
    let added = match kind % 4 {
        0 => selector.add_files(fuzzed, Some(other), None),
        1 => selector.add_files(other, Some(fuzzed), None),
        2 => selector.add_files(fuzzed, None, None),
        _ => selector.add_issuers(&fuzzed),
    };
    let result = added.and_then(|()| selector.freeze()).and_then(|frozen| {
        for at in 0..frozen.count() {
            // What only OpenSSL finds wrong is told when the certificate is needed.
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
