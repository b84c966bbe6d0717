// SPDX-License-Identifier: MIT OR Apache-2.0
//! Selectors without the cache, and an empty cache.

use crate::files::{Files, connect, freeze, without_cache};
use certpick::capi::certpick_cache_clear;
use testkit::handshake::{VERSIONS, Way};

#[test]
fn a_selector_without_the_cache_neither_reads_it_nor_adds_to_it() {
    let (files, client) = Files::with_client();
    let without = || connect(without_cache(|s| files.add(s, "client", None)), &client);
    let first = without();
    without().assert_apart(&first);
    let kept = connect(files.selector("client"), &client);
    kept.assert_apart(&first);
    without().assert_apart(&kept);
    connect(files.selector("client"), &client).assert_shared(&kept);
}

#[test]
fn the_cache_option_can_be_set_at_any_time() {
    let (files, client) = Files::with_client();
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
fn an_emptied_cache_reads_everything_again_and_existing_selectors_still_work() {
    let (files, client) = Files::with_client();
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
