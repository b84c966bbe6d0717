// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that are replaced while the process runs: the next handshake uses the new files.

use crate::files::{Files, connect, freeze, refused, without_cache};
use certpick_core::{Selector, Status};
use std::fs;
use std::os::unix::fs::symlink;
use testkit::certificates::Identity;
use testkit::handshake::{VERSIONS, Version, Way};

/// Writes one identity after the other with `put`. Handshakes must send it at once and when the files
/// are old enough to be cached, also with an earlier selector. An earlier selector without the cache
/// keeps its first identity.
#[track_caller]
fn rotate(files: &Files, identities: &[Identity], put: impl Fn(usize, &Identity)) {
    let mut first = None;
    for (at, identity) in identities.iter().enumerate() {
        put(at, identity);
        if let Some((following, fixed)) = &mut first {
            let following: &mut testkit::set::Frozen = following;
            following.leaves = vec![identity.certificate.clone()];
            for set in [following, fixed] {
                for (version, way) in
                    [(Version::Tls12, Way::CertCb), (Version::Tls13, Way::ClientCertCb)]
                {
                    set.handshake(version, way).run().assert_sent(0);
                }
            }
        }
        connect(files.selector("client"), identity);
        files.wait_until_cacheable();
        let kept = connect(files.selector("client"), identity);
        connect(files.selector("client"), identity).assert_shared(&kept);
        if first.is_none() {
            let without = without_cache(|s| files.add(s, "client", None));
            let sets = [files.selector("client"), without].map(|s| freeze(s, &[identity]));
            for set in &sets {
                set.handshake(Version::Tls13, Way::CertCb).run().assert_sent(0);
            }
            let [following, fixed] = sets;
            first = Some((following, fixed));
        }
    }
}

fn renewals() -> Vec<Identity> {
    let root = Identity::root("root");
    (0..4).map(|_| root.issue("client")).collect()
}

#[test]
fn replaced_files_are_read_again() {
    let files = Files::new();
    rotate(&files, &renewals(), |_, identity| {
        files.replace("client.key", identity.key_pem());
        files.replace("client.crt", identity.pem());
    });
}

#[test]
fn files_written_in_place_are_read_again() {
    let files = Files::new();
    rotate(&files, &renewals(), |_, identity| files.write_identity("client", identity));
}

/// live/NAME/cert.pem is a link to ../../archive/NAME/certN.pem.
#[test]
fn switched_links_are_followed_as_with_certbot() {
    let files = Files::new();
    fs::create_dir_all(files.path("archive")).unwrap();
    rotate(&files, &renewals(), |at, identity| {
        for (name, bytes) in [("client.key", identity.key_pem()), ("client.crt", identity.pem())] {
            let target = format!("archive/{at}-{name}");
            files.write(&target, bytes);
            let _ = fs::remove_file(files.path(name));
            symlink(target, files.path(name)).unwrap();
        }
    });
}

/// Kubernetes mounts secrets with files that are links through `..data`, and switches that link.
#[test]
fn a_switched_directory_is_read_again_as_with_kubernetes() {
    let files = Files::new();
    for name in ["client.crt", "client.key"] {
        symlink(format!("..data/{name}"), files.path(name)).unwrap();
    }
    rotate(&files, &renewals(), |at, identity| {
        let version = format!("version-{at}");
        fs::create_dir(files.path(&version)).unwrap();
        files.write_identity(&format!("{version}/client"), identity);
        symlink(&version, files.path("..data.new")).unwrap();
        fs::rename(files.path("..data.new"), files.path("..data")).unwrap();
    });
}

#[test]
fn one_file_with_certificate_and_key_is_read_again_when_it_is_replaced() {
    let files = Files::new();
    for identity in renewals() {
        files.replace("both.pem", identity.bundle());
        files.wait_until_cacheable();
        let select = || {
            let mut selector = Selector::new();
            selector.add_files(files.path("both.pem"), None, None).unwrap();
            connect(selector, &identity)
        };
        let first = select();
        select().assert_shared(&first);
    }
}

#[test]
fn a_half_replaced_pair_is_an_error_until_it_is_complete() {
    let files = Files::new();
    let identities = renewals();
    files.write_identity("client", &identities[0]);
    files.wait_until_cacheable();
    connect(files.selector("client"), &identities[0]);
    for pair in identities.windows(2) {
        let [_, new] = pair else { unreachable!() };
        files.replace("client.crt", new.pem());
        // Three selectors: at once, when the files are old enough to be cached, and from the cache.
        for wait in [false, true, true] {
            if wait {
                files.wait_until_cacheable();
            }
            for version in VERSIONS {
                let set = freeze(files.selector("client"), &[new]);
                let connection = set.handshake(version, Way::ClientCertCb).run();
                let error = connection.assert_aborted(Status::KeyMismatch).to_string();
                assert!(error.starts_with("entry 1: certificate does not match private key file"));
                assert_eq!(error, refused(&mut without_cache(|s| files.add(s, "client", None))));
            }
        }
        files.replace("client.key", new.key_pem());
        connect(files.selector("client"), new);
    }
}

#[test]
fn a_half_written_file_is_an_error_until_it_is_complete() {
    let files = Files::new();
    let [old, new] = [0, 1].map(|_| Identity::root("root").issue("client"));
    files.write_identity("client", &old);
    files.wait_until_cacheable();
    connect(files.selector("client"), &old);
    let (certificate, key) = (new.pem(), new.key_pem());
    for wait in [false, true] {
        files.write("client.crt", &certificate[..certificate.len() / 2]);
        if wait {
            files.wait_until_cacheable();
        }
        for _ in 0..2 {
            assert_eq!(files.fault("client").status(), Status::Certificate);
        }
        files.write("client.crt", &certificate);
        files.write("client.key", &key[..key.len() / 2]);
        if wait {
            files.wait_until_cacheable();
        }
        for _ in 0..2 {
            let error = files.fault("client").to_string();
            assert!(error.starts_with("entry 1: could not load private key file"), "{error}");
        }
        files.write("client.key", &key);
        connect(files.selector("client"), &new);
    }
}
