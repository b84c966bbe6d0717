// SPDX-License-Identifier: MIT OR Apache-2.0
//! Without the cache, and with an empty one.

use crate::files::{Files, connect, freeze, without_cache};
use crate::support::certificates::Identity;
use crate::support::handshake::{VERSIONS, Way};
use certpick::capi::certpick_cache_clear;

#[test]
fn a_selector_that_does_without_the_cache_neither_takes_from_it_nor_adds_to_it() {
    let files = Files::new();
    let client = Identity::root("root").issue("client");
    files.write_identity("client", &client);
    files.settle();
    let without = || connect(without_cache(|s| files.add(s, "client", None)), &client);
    let first = without();
    without().assert_apart(&first);
    let kept = connect(files.selector("client"), &client);
    kept.assert_apart(&first);
    without().assert_apart(&kept);
    connect(files.selector("client"), &client).assert_shared(&kept);
}

#[test]
fn the_option_may_be_set_at_any_time() {
    let files = Files::new();
    let client = Identity::root("root").issue("client");
    files.write_identity("client", &client);
    files.settle();
    let kept = connect(files.selector("client"), &client);

    let mut late = files.selector("client");
    late.set_cache(false);
    let off = connect(late, &client);
    assert!(off.shares_certificate(&kept), "it had been added before");
    assert!(!off.shares_key(&kept));

    let on = connect(
        {
            let mut selector = without_cache(|s| files.add(s, "client", None));
            selector.set_cache(true);
            selector
        },
        &client,
    );
    assert!(!on.shares_certificate(&kept));
    assert!(on.shares_key(&kept));
    connect(files.selector("client"), &client).assert_shared(&kept);
}

#[test]
fn after_it_was_emptied_everything_is_read_again_and_selectors_keep_what_they_have() {
    let files = Files::new();
    let client = Identity::root("root").issue("client");
    files.write_identity("client", &client);
    files.settle();
    let first = connect(files.selector("client"), &client);
    let in_use = freeze(files.selector("client"), &[&client]);
    certpick_cache_clear();
    let second = connect(files.selector("client"), &client);
    second.assert_apart(&first);
    connect(files.selector("client"), &client).assert_shared(&second);
    certpick_cache_clear();
    certpick_cache_clear();
    for version in VERSIONS {
        in_use.handshake(version, Way::ClientCertCb).run().assert_sent(0);
    }
}
