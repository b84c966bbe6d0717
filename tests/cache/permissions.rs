// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that the process may no longer use. c-tests/cache_rights.c tests a process that drops its rights.

use crate::files::{Files, connect, refused, without_cache};
use std::fs;
use std::os::unix::fs::symlink;
use testkit::certificates::Identity;
use testkit::directory::set_mode;

/// Returns the error of the key, which must be the same without the cache.
#[track_caller]
fn same_error(files: &Files) -> String {
    let error = refused(&mut files.selector("client"));
    assert_eq!(error, refused(&mut without_cache(|s| files.add(s, "client", None))));
    assert_eq!(error, refused(&mut files.selector("client")), "the second time");
    error
}

/// Writes a credential and uses it twice.
fn used_files() -> (Files, Identity) {
    let (files, client) = Files::with_client();
    let first = connect(files.selector("client"), &client);
    connect(files.selector("client"), &client).assert_shared(&first);
    (files, client)
}

#[test]
fn a_key_that_becomes_readable_for_others_is_refused() {
    let (files, client) = used_files();
    for mode in [0o644, 0o604, 0o660] {
        set_mode(files.path("client.key"), mode);
        files.wait_until_cacheable();
        let error = same_error(&files);
        assert!(error.contains("has group or world access"), "{error}");
        set_mode(files.path("client.key"), 0o600);
        files.wait_until_cacheable();
        let next = connect(files.selector("client"), &client);
        connect(files.selector("client"), &client).assert_shared(&next);
    }
}

#[test]
fn a_removed_key_is_an_error() {
    let (files, client) = used_files();
    fs::rename(files.path("client.key"), files.path("away")).unwrap();
    let error = same_error(&files);
    assert!(error.starts_with("entry 1: certificate present, but not private key file"), "{error}");
    fs::rename(files.path("away"), files.path("client.key")).unwrap();
    connect(files.selector("client"), &client);
}

#[test]
fn a_key_that_becomes_a_fifo_or_a_broken_link_is_an_error() {
    let (files, client) = used_files();
    let path = files.path("client.key");
    fs::remove_file(&path).unwrap();
    files.fifo("client.key");
    assert!(same_error(&files).ends_with("is not a regular file"));
    fs::remove_file(&path).unwrap();
    symlink("/no/such/file", &path).unwrap();
    same_error(&files);
    files.replace("client.key", client.key_pem());
    connect(files.selector("client"), &client);
}

#[test]
fn a_removed_certificate_is_an_error() {
    let (files, client) = used_files();
    fs::rename(files.path("client.crt"), files.path("away")).unwrap();
    let error = files.fault("client").to_string();
    assert!(error.ends_with("No such file or directory"), "{error}");
    fs::create_dir(files.path("client.crt")).unwrap();
    let error = files.fault("client").to_string();
    assert!(error.ends_with("it is not a regular file"), "{error}");
    fs::remove_dir(files.path("client.crt")).unwrap();
    fs::rename(files.path("away"), files.path("client.crt")).unwrap();
    connect(files.selector("client"), &client);
}
