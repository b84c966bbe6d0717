// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files in a temporary directory, selectors for them, and the certificates and keys that these use.

use certpick_core::list::Passwords;
use certpick_core::source::Accepts;
use certpick_core::{Error, Secret, Selector};
use foreign_types::ForeignTypeRef;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::fs::{self, File, FileTimes, Metadata};
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use testkit::certificates::Identity;
use testkit::connection::Connection;
use testkit::directory::Directory;
use testkit::ffi;
use testkit::handshake::{Version, Way};
use testkit::set::Frozen;

/// Runs one test at a time, because a process has one cache.
static ALONE: Mutex<()> = Mutex::new(());

pub struct Files {
    directory: Directory,
    _alone: MutexGuard<'static, ()>,
}

impl Files {
    /// Creates an empty directory and empties the cache.
    pub fn new() -> Files {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        certpick::capi::certpick_cache_clear();
        Files { directory: Directory::new(), _alone: alone }
    }

    /// Like [`Files::new`], with `client.crt` and `client.key`, old enough to be cached.
    pub fn with_client() -> (Files, Identity) {
        let files = Files::new();
        let client = Identity::root("root").issue("client");
        files.write_identity("client", &client);
        files.wait_until_cacheable();
        (files, client)
    }

    /// Replaces a file by rename(2).
    pub fn replace(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let new = self.write(format!("{name}.new"), bytes);
        fs::rename(new, self.path(name)).unwrap();
    }

    /// Writes `NAME.crt` and `NAME.key`.
    pub fn write_identity(&self, name: &str, identity: &Identity) {
        self.write(format!("{name}.crt"), identity.pem());
        self.write(format!("{name}.key"), identity.key_pem());
    }

    /// Waits until all files are old enough to be cached.
    pub fn wait_until_cacheable(&self) {
        wait_until_cacheable(self.root());
    }

    /// Creates a selector of `NAME.crt` and `NAME.key`.
    pub fn selector(&self, name: &str) -> Selector {
        self.selector_with(name, None)
    }

    pub fn selector_with(&self, name: &str, password: Option<&str>) -> Selector {
        let mut selector = Selector::new();
        self.add(&mut selector, name, password);
        selector
    }

    pub fn add(&self, selector: &mut Selector, name: &str, password: Option<&str>) {
        self.try_add(selector, name, password).unwrap();
    }

    fn try_add(
        &self,
        selector: &mut Selector,
        name: &str,
        password: Option<&str>,
    ) -> Result<(), Error> {
        let [certificate, key] = ["crt", "key"].map(|end| self.path(format!("{name}.{end}")));
        let password = password.and_then(|p| Secret::new(p.as_bytes()));
        selector.add_files(certificate, Some(key), password)
    }

    /// Returns the error of `NAME.crt` and `NAME.key` when they are added or validated, and checks that
    /// a handshake has the same error.
    #[track_caller]
    pub fn fault(&self, name: &str) -> Error {
        let mut selector = Selector::new();
        let added = self.try_add(&mut selector, name, None);
        let fault = added.and_then(|()| selector.validation()?.run()).unwrap_err();
        let mut selector = Selector::new();
        if self.try_add(&mut selector, name, None).is_ok() {
            let set = Frozen::over(selector, Vec::new());
            let connection = set.handshake(Version::Tls13, Way::CertCb).run();
            let error = connection.assert_aborted(fault.status());
            assert_eq!(error.to_string(), fault.to_string());
        }
        fault
    }

    /// Creates a selector of a list of these names.
    pub fn list(&self, names: &[&str]) -> Selector {
        let mut selector = Selector::new();
        let list = |end: &str| {
            let path = |name: &&str| self.path(format!("{name}.{end}"));
            let paths: Vec<_> = names.iter().map(path).collect();
            paths.iter().map(|p| p.to_str().unwrap()).collect::<Vec<_>>().join(",")
        };
        let (certificates, keys) = (list("crt"), list("key"));
        let none = Passwords::List(None);
        selector
            .add_lists(certificates.as_bytes(), Some(keys.as_bytes()), &none, Accepts::Any)
            .unwrap();
        selector
    }
}

impl Deref for Files {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.directory
    }
}

/// Appends line feeds to the shorter text until both have the same length.
pub fn same_length(a: &[u8], b: &[u8]) -> [Vec<u8>; 2] {
    let length = a.len().max(b.len());
    [a, b].map(|bytes| {
        let mut padded = bytes.to_vec();
        padded.resize(length, b'\n');
        padded
    })
}

/// Returns the time at which a file is old enough, by its newest time and the resolution of that.
fn cacheable_at(metadata: &Metadata) -> Duration {
    let times =
        [(metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec())];
    let until = |(seconds, nanoseconds): (i64, i64)| {
        let margin = if nanoseconds == 0 { 2000 } else { 20 };
        let time = Duration::new(seconds.try_into().unwrap(), nanoseconds.try_into().unwrap());
        // The clock of files may be one tick behind the clock that this process reads.
        time + Duration::from_millis(margin + 20)
    };
    times.into_iter().map(until).max().unwrap()
}

fn wait_until_cacheable(dir: &Path) {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let until = entries
        .filter_map(|path| {
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                wait_until_cacheable(&path);
            }
            path.metadata().ok()
        })
        .map(|metadata| cacheable_at(&metadata))
        .max()
        .unwrap_or_default();
    let started = Instant::now();
    while SystemTime::now().duration_since(UNIX_EPOCH).unwrap() < until {
        assert!(started.elapsed() < Duration::from_secs(10), "a file has a time in the future");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Sets both times of a file.
pub fn set_times(path: &Path, time: SystemTime) {
    let times = FileTimes::new().set_accessed(time).set_modified(time);
    File::open(path).unwrap().set_times(times).unwrap();
}

/// The certificate and key of a client during a handshake. As long as they exist, no other object has
/// their addresses.
pub struct Sent {
    pub certificate: X509,
    pub key: PKey<Private>,
}

impl Sent {
    pub fn of(connection: &Connection) -> Sent {
        let seen = ffi::take_certificate();
        let (certificate, key) = seen.unwrap_or_else(|| panic!("{connection}"));
        Sent { certificate, key }
    }

    pub fn shares_certificate(&self, other: &Sent) -> bool {
        self.certificate.as_ptr() == other.certificate.as_ptr()
    }

    pub fn shares_key(&self, other: &Sent) -> bool {
        self.key.as_ptr() == other.key.as_ptr()
    }

    /// Checks that certificate and key are the same objects.
    #[track_caller]
    pub fn assert_shared(&self, other: &Sent) {
        assert!(self.shares_certificate(other), "the certificate was read again");
        assert!(self.shares_key(other), "the key was read again");
    }

    /// Checks that neither certificate nor key is the same object.
    #[track_caller]
    pub fn assert_apart(&self, other: &Sent) {
        assert!(!self.shares_certificate(other), "the certificate was not read again");
        assert!(!self.shares_key(other), "the key was not read again");
    }

    /// Checks that they are this certificate and its key.
    #[track_caller]
    pub fn assert_is(&self, identity: &Identity) {
        assert_eq!(self.certificate, identity.certificate);
        assert!(self.key.public_eq(&identity.key));
    }
}

/// Prepares a selector for handshakes.
pub fn freeze(selector: Selector, leaves: &[&Identity]) -> Frozen {
    Frozen::over(selector, leaves.iter().map(|i| i.certificate.clone()).collect())
}

/// Connects and checks that it sends this certificate.
#[track_caller]
pub fn connect(selector: Selector, identity: &Identity) -> Sent {
    let connection = freeze(selector, &[identity]).handshake(Version::Tls13, Way::CertCb).run();
    connection.assert_sent(0);
    let sent = Sent::of(&connection);
    sent.assert_is(identity);
    sent
}

/// Returns the error of the validation, which must fail.
#[track_caller]
pub fn refused(selector: &mut Selector) -> String {
    selector.validation().and_then(|v| v.run()).unwrap_err().to_string()
}

/// Creates a selector that does not use the cache.
pub fn without_cache(make: impl FnOnce(&mut Selector)) -> Selector {
    let mut selector = Selector::new();
    selector.set_cache(false);
    make(&mut selector);
    selector
}
