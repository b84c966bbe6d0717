// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files in a directory of their own, selectors over them, and what those send.

use crate::support::certificates::Identity;
use crate::support::connection::Connection;
use crate::support::ffi;
use crate::support::handshake::{Version, Way};
use crate::support::set::Frozen;
use certpick_core::list::Passwords;
use certpick_core::{Error, Secret, Selector};
use foreign_types::ForeignTypeRef;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use std::ffi::CString;
use std::fs::{self, Metadata, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// One test at a time: there is one cache in a process.
static ALONE: Mutex<()> = Mutex::new(());

pub struct Files {
    dir: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Files {
    /// No files, and nothing in the cache.
    pub fn new() -> Files {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        certpick::capi::certpick_cache_clear();
        Files { dir: tempfile::tempdir().unwrap(), _alone: alone }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file in place; nobody else may read it.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Puts a new file in its place, as careful programs do.
    pub fn replace(&self, name: &str, bytes: &[u8]) {
        let new = self.write(&format!("{name}.new"), bytes);
        fs::rename(new, self.path(name)).unwrap();
    }

    /// `NAME.crt` and `NAME.key`.
    pub fn write_identity(&self, name: &str, identity: &Identity) {
        self.write(&format!("{name}.crt"), &identity.pem());
        self.write(&format!("{name}.key"), &key_pem(identity));
    }

    /// Waits until the times of all files are so old that what is read now may be kept.
    pub fn settle(&self) {
        settle(self.dir.path());
    }

    /// A selector over `NAME.crt` and `NAME.key`.
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
        let [certificate, key] = ["crt", "key"].map(|end| self.path(&format!("{name}.{end}")));
        let password = password.and_then(|p| Secret::new(p.as_bytes()));
        selector.add_files(certificate, Some(key), password)
    }

    /// What is wrong with `NAME.crt` and `NAME.key`. It shows when they are added or, where they were
    /// looked at less than a second ago, when they are validated; and in a handshake.
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

    /// A selector over the list of these.
    pub fn list(&self, names: &[&str]) -> Selector {
        let mut selector = Selector::new();
        let list = |end: &str| {
            let path = |name: &&str| self.path(&format!("{name}.{end}"));
            let paths: Vec<_> = names.iter().map(path).collect();
            paths.iter().map(|p| p.to_str().unwrap()).collect::<Vec<_>>().join(",")
        };
        let (certificates, keys) = (list("crt"), list("key"));
        let none = Passwords::List(None);
        selector.add_lists(certificates.as_bytes(), Some(keys.as_bytes()), &none).unwrap();
        selector
    }
}

pub fn key_pem(identity: &Identity) -> Vec<u8> {
    identity.key.private_key_to_pem_pkcs8().unwrap()
}

/// Both in PEM, each as long as the other: with spaces behind the shorter one.
pub fn as_long(a: &[u8], b: &[u8]) -> [Vec<u8>; 2] {
    let length = a.len().max(b.len());
    [a, b].map(|bytes| {
        let mut padded = bytes.to_vec();
        padded.resize(length, b'\n');
        padded
    })
}

/// The newest time of a file, and how coarse it may be.
fn newest(metadata: &Metadata) -> Duration {
    let times =
        [(metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec())];
    let until = |(seconds, nanoseconds): (i64, i64)| {
        let margin = if nanoseconds == 0 { 2000 } else { 20 };
        let time = Duration::new(seconds.try_into().unwrap(), nanoseconds.try_into().unwrap());
        // The clock of files may be behind the one that is asked here by a tick.
        time + Duration::from_millis(margin + 20)
    };
    times.into_iter().map(until).max().unwrap()
}

fn settle(dir: &Path) {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let until = entries
        .filter_map(|path| {
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                settle(&path);
            }
            path.metadata().ok()
        })
        .map(|metadata| newest(&metadata))
        .max()
        .unwrap_or_default();
    let started = Instant::now();
    while SystemTime::now().duration_since(UNIX_EPOCH).unwrap() < until {
        assert!(started.elapsed() < Duration::from_secs(10), "a file is of the future");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Gives a file these times.
pub fn set_times(path: &Path, times: libc::timespec) {
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: a C string and two times.
    let done = unsafe { libc::utimensat(libc::AT_FDCWD, name.as_ptr(), [times; 2].as_ptr(), 0) };
    assert_eq!(done, 0);
}

pub fn modified(metadata: &Metadata) -> libc::timespec {
    libc::timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() }
}

/// What a client had during one handshake. It is kept, so that no other object has its address.
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

    /// Both come from one reading.
    #[track_caller]
    pub fn assert_shared(&self, other: &Sent) {
        assert!(self.shares_certificate(other), "the certificate was read again");
        assert!(self.shares_key(other), "the key was read again");
    }

    /// Neither does.
    #[track_caller]
    pub fn assert_apart(&self, other: &Sent) {
        assert!(!self.shares_certificate(other), "the certificate was not read again");
        assert!(!self.shares_key(other), "the key was not read again");
    }

    /// It is this certificate, with its key.
    #[track_caller]
    pub fn assert_is(&self, identity: &Identity) {
        assert_eq!(self.certificate, identity.certificate);
        assert!(self.key.public_eq(&identity.key));
    }
}

/// A selector that is ready for handshakes.
pub fn freeze(selector: Selector, leaves: &[&Identity]) -> Frozen {
    Frozen::over(selector, leaves.iter().map(|i| i.certificate.clone()).collect())
}

/// One connection of a selector with one credential, whose certificate is this.
#[track_caller]
pub fn connect(selector: Selector, identity: &Identity) -> Sent {
    let connection = freeze(selector, &[identity]).handshake(Version::Tls13, Way::CertCb).run();
    connection.assert_sent(0);
    let sent = Sent::of(&connection);
    sent.assert_is(identity);
    sent
}

/// The words of what is wrong with a selector's keys.
#[track_caller]
pub fn refused(selector: &mut Selector) -> String {
    selector.validation().and_then(|v| v.run()).unwrap_err().to_string()
}

/// As this selector but without the cache.
pub fn without_cache(make: impl FnOnce(&mut Selector)) -> Selector {
    let mut selector = Selector::new();
    selector.set_cache(false);
    make(&mut selector);
    selector
}
