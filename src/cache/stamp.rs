// SPDX-License-Identifier: MIT OR Apache-2.0
//! By what a file is known to be as it was: cheap to get, and different after each change.

use std::ffi::CStr;
use std::fs::Metadata;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

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

    /// Which file it is, whatever it holds.
    pub fn file(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Whether a change after `moment` is sure to show in the stamp: the clock of the file's times
    /// has moved on since the last one.
    pub fn is_settled(&self, moment: &Moment) -> bool {
        let newest = self.modified.max(self.changed);
        // Some file systems keep whole seconds, and FAT two.
        let margin = if newest.1 == 0 { (2, 0) } else { (0, Moment::TICK) };
        moment.is_after(newest, margin)
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
            let parent_name = std::ffi::CString::new(parent).ok()?;
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
