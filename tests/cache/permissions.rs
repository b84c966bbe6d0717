// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a process may not open it does not get. Rights that are dropped: c-tests/cache_rights.c.

use crate::files::{Files, connect, key_pem, refused, without_cache};
use crate::support::certificates::Identity;
use std::ffi::CString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

/// The words for its key, which must be those without the cache.
#[track_caller]
fn refused_alike(files: &Files) -> String {
    let words = refused(&mut files.selector("client"));
    assert_eq!(words, refused(&mut without_cache(|s| files.add(s, "client", None))));
    assert_eq!(words, refused(&mut files.selector("client")), "the second time");
    words
}

fn used_once() -> (Files, Identity) {
    let files = Files::new();
    let client = Identity::root("root").issue("client");
    files.write_identity("client", &client);
    files.settle();
    let first = connect(files.selector("client"), &client);
    connect(files.selector("client"), &client).assert_shared(&first);
    (files, client)
}

fn set_mode(files: &Files, mode: u32) {
    fs::set_permissions(files.path("client.key"), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_key_that_others_may_read_now_is_refused() {
    let (files, client) = used_once();
    for mode in [0o644, 0o604, 0o660] {
        set_mode(&files, mode);
        files.settle();
        let words = refused_alike(&files);
        assert!(words.contains("has group or world access"), "{words}");
        set_mode(&files, 0o600);
        files.settle();
        let next = connect(files.selector("client"), &client);
        connect(files.selector("client"), &client).assert_shared(&next);
    }
}

#[test]
fn a_key_that_was_removed_is_missed() {
    let (files, client) = used_once();
    fs::rename(files.path("client.key"), files.path("away")).unwrap();
    let words = refused_alike(&files);
    assert!(words.starts_with("entry 1: certificate present, but not private key file"), "{words}");
    fs::rename(files.path("away"), files.path("client.key")).unwrap();
    connect(files.selector("client"), &client);
}

#[test]
fn a_key_that_is_no_regular_file_any_more_is_refused_without_waiting() {
    let (files, client) = used_once();
    let path = files.path("client.key");
    fs::remove_file(&path).unwrap();
    let name = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a C string.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert!(refused_alike(&files).ends_with("is not a regular file"));
    fs::remove_file(&path).unwrap();
    symlink("/no/such/file", &path).unwrap();
    refused_alike(&files);
    files.replace("client.key", &key_pem(&client));
    connect(files.selector("client"), &client);
}

#[test]
fn a_certificate_that_was_removed_is_missed() {
    let (files, client) = used_once();
    fs::rename(files.path("client.crt"), files.path("away")).unwrap();
    let words = files.fault("client").to_string();
    assert!(words.ends_with("No such file or directory"), "{words}");
    fs::create_dir(files.path("client.crt")).unwrap();
    let words = files.fault("client").to_string();
    assert!(words.ends_with("it is not a regular file"), "{words}");
    fs::remove_dir(files.path("client.crt")).unwrap();
    fs::rename(files.path("away"), files.path("client.crt")).unwrap();
    connect(files.selector("client"), &client);
}
