// SPDX-License-Identifier: MIT OR Apache-2.0
//! By what a file is known to be as it was: cheap to get, and different after each change.

use std::ffi::{CStr, CString};
use std::fs::Metadata;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Seconds and nanoseconds since 1970.
type Time = (i64, i64);

/// Device, inode, size, and the times of the last change of content and of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: Time,
    changed: Time,
}

impl Stamp {
    /// Of a file that was looked at.
    pub fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a change after `moment` is sure to show in the stamp: the clock of the file's times
    /// has moved on since the last one.
    pub fn is_settled(&self, moment: &Moment) -> bool {
        let settled = |time: Time| {
            // Some file systems keep whole seconds, and FAT two, not of all their times.
            let margin = if time.1 == 0 { (2, 0) } else { (0, Moment::TICK) };
            moment.is_after(time, margin)
        };
        settled(self.modified) && settled(self.changed)
    }
}

/// A moment on the clock that the kernel stamps files with.
pub struct Moment(Time);

impl Moment {
    /// At least one tick of that clock, with 100 ticks a second at worst.
    const TICK: i64 = 20_000_000;

    /// Now, or somewhat earlier: the time of the last tick.
    pub fn now() -> Moment {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: room for a time. Where there is no such clock, it is 1970 and nothing is kept.
        unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut now) };
        #[allow(clippy::useless_conversion)] // 32 bits on some platforms
        Moment((now.tv_sec.into(), now.tv_nsec.into()))
    }

    fn is_after(&self, time: Time, margin: Time) -> bool {
        let nanoseconds = |t: Time| i128::from(t.0) * 1_000_000_000 + i128::from(t.1);
        nanoseconds(self.0) >= nanoseconds(time) + nanoseconds(margin)
    }
}

/// A working directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory {
    device: u64,
    inode: u64,
}

impl Directory {
    /// The working directory of the process, or `base`; `None` if stat(2) fails.
    pub fn of(base: Option<&Path>) -> Option<Directory> {
        let name = base.map(|base| CString::new(base.as_os_str().as_bytes())).transpose().ok()?;
        let found = stat(libc::AT_FDCWD, name.as_deref().unwrap_or(c"."))?;
        Some(Directory { device: found.device, inode: found.inode })
    }

    /// Whether it is the process's now.
    pub fn is_current(known: Option<Directory>) -> bool {
        known.is_some() && known == Directory::of(None)
    }
}

/// Looks at many files, one after the other; those in one directory are looked up in it.
#[derive(Default)]
pub struct Stats<'a> {
    directory: Option<(&'a [u8], OwnedFd)>,
    /// The directory of the last file, which is opened when a second one is in it.
    last: &'a [u8],
}

impl<'a> Stats<'a> {
    /// The stamp of the file with this name now; `None` where it cannot be had.
    pub fn of(&mut self, path: &'a CStr) -> Option<Stamp> {
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
            // SAFETY: a C string; the descriptor is ours then.
            let descriptor = unsafe { libc::open(parent_name.as_ptr(), flags) };
            if descriptor >= 0 {
                // SAFETY: a new descriptor that nobody else has.
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
    // SAFETY: a C string, and room for the result, which is filled on success.
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
    fn every_field_of_a_stamp_is_compared() {
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
    fn both_ways_of_stat_give_the_same_stamp() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["a", "b", "c"].map(|name| dir.path().join(name));
        let paths = names.each_ref().map(|name| {
            std::fs::write(name, name.as_os_str().as_encoded_bytes()).unwrap();
            std::ffi::CString::new(name.to_str().unwrap()).unwrap()
        });
        let mut stats = Stats::default();
        for (name, path) in names.iter().zip(&paths) {
            assert_eq!(stats.of(path), Some(Stamp::of(&name.metadata().unwrap())));
        }
        // All but the first are found relative to their directory.
        assert!(stats.directory.is_some());
        std::fs::remove_file(&names[2]).unwrap();
        assert_eq!(stats.of(&paths[2]), None);
        let missing = std::ffi::CString::new("/no/such/file").unwrap();
        assert_eq!(stats.of(&missing), None);
    }

    #[test]
    fn a_stamp_is_settled_when_its_clock_has_moved_on() {
        let long_ago = (5, 1);
        let at = |nanoseconds: i64| (100 + nanoseconds / SECOND, nanoseconds % SECOND);
        let cases = [
            // (the newer of the times, the moment), after second 100; whether it is settled
            (1, 1, false),
            (1, Moment::TICK, false),
            (1, 1 + Moment::TICK, true),
            // In the future.
            (SECOND / 2, 1, false),
            // Whole seconds: two of them.
            (0, Moment::TICK, false),
            (0, SECOND, false),
            (0, 2 * SECOND - 1, false),
            (0, 2 * SECOND, true),
        ];
        for (time, moment, settled) in cases {
            for stamp in [stamp(at(time), long_ago), stamp(long_ago, at(time))] {
                assert_eq!(stamp.is_settled(&Moment(at(moment))), settled, "{stamp:?} {moment}");
            }
        }
        // One time may be finer than the other.
        let mixed = stamp((100, 0), (100, SECOND / 2));
        assert!(!mixed.is_settled(&Moment((101, 0))));
        assert!(mixed.is_settled(&Moment((102, 0))));
    }

    #[test]
    fn the_moment_is_read_from_the_clock_of_files() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let made = Stamp::of(&file.as_file().metadata().unwrap());
        assert!(!made.is_settled(&Moment(made.changed)));
        let started = std::time::Instant::now();
        while !made.is_settled(&Moment::now()) {
            assert!(started.elapsed().as_secs() < 10, "{made:?}");
            std::thread::yield_now();
        }
    }
}
