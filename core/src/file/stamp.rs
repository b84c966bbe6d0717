// SPDX-License-Identifier: MIT OR Apache-2.0
//! Identity and timestamps of a file, which show whether the file has changed.

use std::ffi::{CStr, CString, OsStr};
use std::fs::Metadata;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
#[cfg(not(target_pointer_width = "64"))]
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds and nanoseconds since 1970.
type Time = (i64, i64);

/// Identity, size and timestamps (mtime and ctime) of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: Time,
    changed: Time,
}

impl Stamp {
    /// Returns the stamp in the metadata of a file.
    pub fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Returns whether both are stamps of the same file.
    pub fn is_same_file(&self, other: &Stamp) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Returns whether every change after `start` changes the stamp. This is so if the clock of the
    /// timestamps had advanced since the last change.
    pub fn shows_changes_after(&self, start: &CoarseTime) -> bool {
        let is_older = |time: Time| {
            // Some file systems store whole seconds, and FAT stores mtime in units of two seconds.
            let margin = if time.1 == 0 { (2, 0) } else { (0, CoarseTime::TICK) };
            start.is_after(time, margin)
        };
        is_older(self.modified) && is_older(self.changed)
    }
}

/// A time of the clock from which the kernel takes the timestamps of files.
pub struct CoarseTime(Time);

impl CoarseTime {
    /// In nanoseconds. Longer than one tick of the clock, which has at least 100 ticks a second.
    const TICK: i64 = 20_000_000;

    /// Returns the time of the last tick. If the system has no such clock, the result is 1970, and no
    /// stamp is older.
    pub fn now() -> CoarseTime {
        #[cfg(target_pointer_width = "64")]
        {
            let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: a timespec for the result.
            unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut now) };
            CoarseTime((now.tv_sec, now.tv_nsec))
        }
        // libc's timespec ends in 2038, std's clock does not. It may be one tick ahead.
        #[cfg(not(target_pointer_width = "64"))]
        {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
            CoarseTime((seconds, i64::from(now.subsec_nanos()) - CoarseTime::TICK))
        }
    }

    fn is_after(&self, time: Time, margin: Time) -> bool {
        let nanoseconds = |t: Time| i128::from(t.0) * 1_000_000_000 + i128::from(t.1);
        nanoseconds(self.0) >= nanoseconds(time) + nanoseconds(margin)
    }
}

/// The identity of a working directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkingDirectory {
    device: u64,
    inode: u64,
}

impl WorkingDirectory {
    /// Returns the identity of `base`, or of the current working directory. Returns `None` if stat(2)
    /// fails.
    pub fn of(base: Option<&Path>) -> Option<WorkingDirectory> {
        let found = base.unwrap_or(Path::new(".")).metadata().ok()?;
        Some(WorkingDirectory { device: found.dev(), inode: found.ino() })
    }

    /// Returns whether `known` is the current working directory.
    pub fn is_current(known: Option<WorkingDirectory>) -> bool {
        known.is_some() && known == WorkingDirectory::of(None)
    }
}

/// Reads the stamps of many files. Consecutive files in the same directory are found relative to its
/// descriptor, which is faster than resolving each path.
#[derive(Default)]
pub struct StampReader<'a> {
    directory: Option<(&'a [u8], OwnedFd)>,
    /// The directory of the previous file. It is opened for the second consecutive file.
    last: &'a [u8],
}

impl<'a> StampReader<'a> {
    /// Returns the current stamp of a file, or `None` if stat(2) fails.
    pub fn read(&mut self, path: &'a CStr) -> Option<Stamp> {
        if cfg!(not(target_pointer_width = "64")) {
            // libc's stat ends in 2038, std's Metadata does not.
            let path = Path::new(OsStr::from_bytes(path.to_bytes()));
            return Some(Stamp::of(&path.metadata().ok()?));
        }
        let bytes = path.to_bytes_with_nul();
        let slash = path.to_bytes().iter().rposition(|b| *b == b'/');
        let Some((parent, name)) = slash.and_then(|at| bytes.split_at_checked(at + 1)) else {
            return stat(libc::AT_FDCWD, path);
        };
        if let Some((_, directory)) = self.directory.as_ref().filter(|(known, _)| *known == parent)
        {
            return stat(directory.as_raw_fd(), CStr::from_bytes_with_nul(name).ok()?);
        }
        if self.last == parent {
            let parent_name = CString::new(parent).ok()?;
            let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
            // SAFETY: a C string.
            let descriptor = unsafe { libc::open(parent_name.as_ptr(), flags) };
            if descriptor >= 0 {
                // SAFETY: a new descriptor, which we own.
                let directory = unsafe { OwnedFd::from_raw_fd(descriptor) };
                let found = stat(directory.as_raw_fd(), CStr::from_bytes_with_nul(name).ok()?);
                self.directory = Some((parent, directory));
                return found;
            }
        }
        self.last = parent;
        stat(libc::AT_FDCWD, path)
    }
}

fn stat(directory: libc::c_int, name: &CStr) -> Option<Stamp> {
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: a C string, and a buffer that fstatat(2) fills on success.
    let found = unsafe {
        if libc::fstatat(directory, name.as_ptr(), found.as_mut_ptr(), 0) != 0 {
            return None;
        }
        found.assume_init()
    };
    #[allow(clippy::useless_conversion)] // other widths on some platforms
    Some(Stamp {
        device: found.st_dev.into(),
        inode: found.st_ino.into(),
        size: u64::try_from(found.st_size).ok()?,
        modified: (found.st_mtime.into(), found.st_mtime_nsec.into()),
        changed: (found.st_ctime.into(), found.st_ctime_nsec.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn stamp(modified: Time, changed: Time) -> Stamp {
        Stamp { device: 1, inode: 2, size: 3, modified, changed }
    }

    #[test]
    fn each_part_of_a_stamp_counts() {
        let one = stamp((4, 5), (6, 7));
        let others = [
            Stamp { device: 9, ..one },
            Stamp { inode: 9, ..one },
            Stamp { size: 9, ..one },
            Stamp { modified: (9, 5), ..one },
            Stamp { modified: (4, 9), ..one },
            Stamp { changed: (9, 7), ..one },
            Stamp { changed: (6, 9), ..one },
        ];
        for other in others {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_stamp_is_the_same_relative_to_a_descriptor_and_by_path() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["a", "b", "c"].map(|name| dir.path().join(name));
        let paths = names.each_ref().map(|name| {
            std::fs::write(name, name.as_os_str().as_encoded_bytes()).unwrap();
            std::ffi::CString::new(name.to_str().unwrap()).unwrap()
        });
        let mut stats = StampReader::default();
        // After 2038.
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1 << 32);
        std::fs::File::open(&names[0]).unwrap().set_modified(time).unwrap();
        for (name, path) in names.iter().zip(&paths) {
            assert_eq!(stats.read(path), Some(Stamp::of(&name.metadata().unwrap())));
        }
        // The second file opened the directory.
        assert_eq!(stats.directory.is_some(), cfg!(target_pointer_width = "64"));
        std::fs::remove_file(&names[2]).unwrap();
        assert_eq!(stats.read(&paths[2]), None);
        let missing = std::ffi::CString::new("/no/such/file").unwrap();
        assert_eq!(stats.read(&missing), None);
    }

    #[test]
    fn a_stamp_shows_changes_once_its_clock_has_advanced() {
        let long_ago = (5, 1);
        let at = |nanoseconds: i64| (100 + nanoseconds / SECOND, nanoseconds % SECOND);
        let cases = [
            // (the newer timestamp, the start, whether later changes show), in nanoseconds after second 100
            (1, 1, false),
            (1, CoarseTime::TICK, false),
            (1, 1 + CoarseTime::TICK, true),
            // In the future.
            (SECOND / 2, 1, false),
            // For a timestamp in whole seconds, the margin is two seconds.
            (0, CoarseTime::TICK, false),
            (0, SECOND, false),
            (0, 2 * SECOND - 1, false),
            (0, 2 * SECOND, true),
        ];
        for (time, start, expected) in cases {
            for stamp in [stamp(at(time), long_ago), stamp(long_ago, at(time))] {
                let found = stamp.shows_changes_after(&CoarseTime(at(start)));
                assert_eq!(found, expected, "{stamp:?} {start}");
            }
        }
        // The two timestamps may have different resolutions.
        let mixed = stamp((100, 0), (100, SECOND / 2));
        assert!(!mixed.shows_changes_after(&CoarseTime((101, 0))));
        assert!(mixed.shows_changes_after(&CoarseTime((102, 0))));
    }

    #[test]
    fn the_coarse_clock_is_the_clock_of_timestamps() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let made = Stamp::of(&file.as_file().metadata().unwrap());
        assert!(!made.shows_changes_after(&CoarseTime(made.changed)));
        let started = std::time::Instant::now();
        while !made.shows_changes_after(&CoarseTime::now()) {
            assert!(started.elapsed().as_secs() < 10, "{made:?}");
            std::thread::yield_now();
        }
    }
}
