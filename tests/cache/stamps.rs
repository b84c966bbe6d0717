// SPDX-License-Identifier: MIT OR Apache-2.0
//! The properties of a file by which a change is detected.

use crate::files::{Files, connect, same_length, set_times};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use testkit::certificates::Identity;

/// Returns two certificates with the same name and different keys.
fn two() -> [Identity; 2] {
    let root = Identity::root("root");
    [root.issue("client"), root.issue("client")]
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

fn long_ago() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_700_000_000, 1)
}

fn changed(name: &std::path::Path) -> (i64, i64) {
    let metadata = name.metadata().unwrap();
    (metadata.ctime(), metadata.ctime_nsec())
}

#[test]
fn an_unchanged_file_is_read_once() {
    let (files, client) = Files::with_client();
    let first = connect(files.selector("client"), &client);
    for _ in 0..3 {
        connect(files.selector("client"), &client).assert_shared(&first);
    }
}

#[test]
fn a_change_of_content_is_detected_although_size_inode_and_mtime_are_equal() {
    let files = Files::new();
    let [old, new] = two();
    let certificates = same_length(&old.pem(), &new.pem());
    let keys = same_length(&old.key_pem(), &new.key_pem());
    let paths = [("client.crt", &certificates), ("client.key", &keys)].map(|(name, contents)| {
        let path = files.write(name, &contents[0]);
        (path, &contents[1])
    });
    files.wait_until_cacheable();
    connect(files.selector("client"), &old);

    for (path, content) in paths {
        let before = path.metadata().unwrap();
        fs::write(&path, content).unwrap();
        set_times(&path, before.modified().unwrap());
        let after = path.metadata().unwrap();
        let seen = |m: &fs::Metadata| (m.ino(), m.size(), m.mtime(), m.mtime_nsec());
        assert_eq!(seen(&before), seen(&after));
    }
    connect(files.selector("client"), &new);
}

#[test]
fn another_file_is_detected_although_size_and_times_are_equal() {
    let files = Files::new();
    let [old, new] = two();
    let certificates = same_length(&old.pem(), &new.pem());
    let keys = same_length(&old.key_pem(), &new.key_pem());
    // Makes two files in one clock tick, so that only their inodes differ.
    let make_alike = |name: &str, contents: &[Vec<u8>; 2]| {
        for _ in 0..10_000 {
            let paths = ["old", "new"].map(|age| files.path(format!("{name}.{age}")));
            for (path, content) in paths.iter().zip(contents) {
                let _ = fs::remove_file(path);
                files.write(path, content);
            }
            // There is no stat(2) in between, because the kernel would then set finer times.
            for path in &paths {
                set_times(path, long_ago());
            }
            if changed(&paths[0]) == changed(&paths[1]) {
                symlink(&paths[0], files.path(name)).unwrap();
                return paths;
            }
        }
        panic!("no two files with the same times");
    };
    let all = [make_alike("client.crt", &certificates), make_alike("client.key", &keys)];
    files.wait_until_cacheable();
    connect(files.selector("client"), &old);
    for [old, new] in all {
        assert_eq!(old.metadata().unwrap().size(), new.metadata().unwrap().size());
        assert_eq!(changed(&old), changed(&new));
        let link = old.with_extension("");
        fs::remove_file(&link).unwrap();
        symlink(&new, link).unwrap();
    }
    connect(files.selector("client"), &new);
}

#[test]
fn a_file_with_only_a_new_mtime_is_read_again() {
    let (files, client) = Files::with_client();
    let first = connect(files.selector("client"), &client);
    for name in ["client.crt", "client.key"] {
        set_times(&files.path(name), long_ago());
    }
    files.wait_until_cacheable();
    let second = connect(files.selector("client"), &client);
    second.assert_apart(&first);
    connect(files.selector("client"), &client).assert_shared(&second);
}

/// A second change in the same clock tick could not be detected.
#[test]
fn content_that_is_read_just_after_a_change_is_not_cached() {
    let files = Files::new();
    let root = Identity::root("root");
    for _ in 0..1000 {
        let client = root.issue("client");
        files.write_identity("client", &client);
        let first = connect(files.selector("client"), &client);
        let [written, key_written] =
            ["client.crt", "client.key"].map(|name| changed(&files.path(name)));
        // The first connection must read the files in the clock tick of the change.
        let oldest = written.min(key_written);
        let oldest = Duration::new(oldest.0.try_into().unwrap(), oldest.1.try_into().unwrap());
        if now() > oldest + Duration::from_millis(10) {
            continue;
        }
        let second = connect(files.selector("client"), &client);
        second.assert_apart(&first);
        files.wait_until_cacheable();
        let third = connect(files.selector("client"), &client);
        connect(files.selector("client"), &client).assert_shared(&third);
        return;
    }
    panic!("the files were never read within 10 ms");
}

#[test]
fn fast_rewriting_never_gives_old_content() {
    let files = Files::new();
    let identities = two();
    let certificates = same_length(&identities[0].pem(), &identities[1].pem());
    let keys = same_length(&identities[0].key_pem(), &identities[1].key_pem());
    for round in 0..300 {
        let at = round % 2;
        files.write("client.crt", &certificates[at]);
        files.write("client.key", &keys[at]);
        connect(files.selector("client"), &identities[at]);
    }
}

#[test]
fn a_file_with_a_time_in_the_future_is_never_cached() {
    let (files, client) = Files::with_client();
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    for name in ["client.crt", "client.key"] {
        set_times(&files.path(name), tomorrow);
    }
    let first = connect(files.selector("client"), &client);
    connect(files.selector("client"), &client).assert_apart(&first);
}

#[test]
fn a_file_with_a_time_after_2038_can_be_used() {
    let (files, client) = Files::with_client();
    for name in ["client.crt", "client.key"] {
        set_times(&files.path(name), UNIX_EPOCH + Duration::from_secs(1 << 32));
    }
    let selector = files.selector("client");
    connect(selector, &client);
    let listed = files.list(&["client", "client"]);
    connect(listed, &client);
}
