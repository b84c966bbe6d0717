// SPDX-License-Identifier: MIT OR Apache-2.0
//! The limits of the cache.

use crate::files::{Files, connect};
use certpick_core::Selector;
use std::os::unix::fs::symlink;
use testkit::certificates::Identity;

/// The limit in certpick.h, at certpick_cache_clear().
const MAX_KEYS: usize = 1024;

#[test]
fn the_least_recently_used_key_is_evicted_first() {
    let files = Files::new();
    let client = Identity::root("root").issue("client");
    files.write("client.crt", client.pem());
    let target = files.write("the.key", client.key_pem());
    let name = |at: usize| format!("{at}.key");
    for at in 0..=MAX_KEYS {
        symlink(&target, files.path(name(at))).unwrap();
    }
    files.wait_until_cacheable();
    let use_key = |at: usize| {
        let mut selector = Selector::new();
        selector.add_files(files.path("client.crt"), Some(files.path(name(at))), None).unwrap();
        connect(selector, &client)
    };
    let load = |keys: std::ops::Range<usize>| {
        for at in keys {
            let mut selector = Selector::new();
            let key = Some(files.path(name(at)));
            selector.add_files(files.path("client.crt"), key, None).unwrap();
            selector.validation().and_then(|v| v.run()).unwrap();
        }
    };
    let [first, second] = [0, 1].map(use_key);
    load(2..MAX_KEYS);
    assert!(use_key(0).shares_key(&first), "all of them fit");
    // One more evicts the second.
    load(MAX_KEYS..MAX_KEYS + 1);
    assert!(use_key(0).shares_key(&first), "it was used recently");
    assert!(!use_key(1).shares_key(&second));
}
