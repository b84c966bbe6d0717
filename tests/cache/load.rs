// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that are replaced during handshakes: each handshake sends a certificate that the file contained
//! during the handshake.

use crate::files::Files;
use certpick_core::Selector;
use certpick_core::list::Passwords;
use certpick_core::source::Accepts;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use testkit::certificates::Identity;
use testkit::connection::Connection;
use testkit::handshake::{Version, Way};
use testkit::set::Frozen;

const HANDSHAKES: usize = 300;
const IDENTITIES: usize = 8;

/// Performs handshakes while another thread calls `put` with 1, 2 and so on, once during each handshake.
fn handshakes_under_rotation(
    identities: &[Identity],
    put: impl Fn(usize) + Sync,
    mut connect: impl FnMut(Version, Way) -> Connection,
) {
    let (begun, finished, connected) =
        (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    put(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for at in 1.. {
                begun.store(at, SeqCst);
                put(at);
                finished.store(at, SeqCst);
                // Waits for the end of the handshake, so that each one sees at most one change.
                let before = connected.load(SeqCst);
                while connected.load(SeqCst) == before && before < HANDSHAKES {
                    std::thread::yield_now();
                }
                if connected.load(SeqCst) >= HANDSHAKES {
                    break;
                }
            }
        });
        // Ends the other thread also if the test fails.
        let _end = End(&connected);
        for round in 0..HANDSHAKES {
            let first = finished.load(SeqCst);
            let ways = [(Version::Tls13, Way::CertCb), (Version::Tls12, Way::ClientCertCb)];
            let (version, way) = ways[round % 2];
            let connection = connect(version, way);
            let last = begun.load(SeqCst);
            let received = connection.received();
            let held = (first..=last).map(|at| &identities[at % IDENTITIES].certificate);
            let is_held = received.first().is_some_and(|leaf| held.clone().any(|x| x == leaf));
            assert!(is_held, "{connection}\nround {round}, {first} to {last}: {received:?}");
            connected.fetch_add(1, SeqCst);
        }
    });
}

/// Ends the other thread when it is dropped, by a count of [`HANDSHAKES`] connections.
struct End<'a>(&'a AtomicUsize);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(HANDSHAKES, SeqCst);
    }
}

/// Identities of one CA, and files of a credential of another CA.
struct Rotation {
    files: Files,
    root: Identity,
    identities: Vec<Identity>,
}

impl Rotation {
    fn new() -> Rotation {
        let (files, root) = (Files::new(), Identity::root("root"));
        files.write_identity("other", &Identity::root("elsewhere").issue("other"));
        let identities = (0..IDENTITIES).map(|_| root.issue("client")).collect();
        Rotation { files, root, identities }
    }

    /// Replaces the file that contains certificate and key.
    fn put_both(&self, at: usize) {
        self.files.replace("both.pem", self.identities[at % IDENTITIES].bundle());
    }
}

/// Creates a selector of a list: the credential of the other CA and then these files.
fn selector(files: &Files, certificate: &str, key: Option<&str>) -> Selector {
    let path = |name: &str| files.path(name).to_str().unwrap().to_owned();
    let certificates = [path("other.crt"), path(certificate)].join(",");
    let keys = [path("other.key"), key.map(path).unwrap_or_default()].join(",");
    let mut selector = Selector::new();
    let none = Passwords::List(None);
    selector
        .add_lists(certificates.as_bytes(), Some(keys.as_bytes()), &none, Accepts::Any)
        .unwrap();
    selector
}

#[test]
fn no_handshake_fails_while_a_file_is_replaced() {
    let rotation = Rotation::new();
    let Rotation { files, root, identities } = &rotation;
    handshakes_under_rotation(
        identities,
        |at| rotation.put_both(at),
        |version, way| {
            let set = Frozen::over(selector(files, "both.pem", None), Vec::new());
            set.handshake(version, way).naming(&[root]).run()
        },
    );
}

#[test]
fn no_handshake_of_an_earlier_selector_fails_while_a_file_is_replaced() {
    let rotation = Rotation::new();
    let Rotation { files, root, identities } = &rotation;
    rotation.put_both(0);
    let set = Frozen::over(selector(files, "both.pem", None), Vec::new());
    handshakes_under_rotation(
        identities,
        |at| rotation.put_both(at),
        |version, way| set.handshake(version, way).naming(&[root]).run(),
    );
}

#[test]
fn no_handshake_fails_while_a_directory_is_switched() {
    let Rotation { files, root, identities } = Rotation::new();
    for name in ["client.crt", "client.key"] {
        symlink(format!("..data/{name}"), files.path(name)).unwrap();
    }
    for (at, identity) in identities.iter().enumerate() {
        fs::create_dir(files.path(at.to_string())).unwrap();
        files.write_identity(&format!("{at}/client"), identity);
    }
    let put = |at: usize| {
        symlink((at % IDENTITIES).to_string(), files.path("..data.new")).unwrap();
        fs::rename(files.path("..data.new"), files.path("..data")).unwrap();
    };
    handshakes_under_rotation(&identities, put, |version, way| {
        let set = Frozen::over(selector(&files, "client.crt", Some("client.key")), Vec::new());
        set.handshake(version, way).naming(&[&root]).run()
    });
}
