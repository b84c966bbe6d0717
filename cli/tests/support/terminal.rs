// SPDX-License-Identifier: MIT OR Apache-2.0
//! A terminal with an interactive shell in it, as a person has one.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// How long anything may take before the test fails rather than waits for ever.
const PATIENCE_MS: i32 = 60_000;

pub struct Terminal {
    screen: File,
    shell: Child,
    seen: String,
}

impl Terminal {
    /// Starts the shell, with this command's environment and directory.
    pub fn start(mut shell: Command) -> Terminal {
        let (mut ours, mut its) = (-1, -1);
        // SAFETY: room for two descriptors, which are ours then.
        let (ours, its) = unsafe {
            let done = libc::openpty(
                &mut ours,
                &mut its,
                std::ptr::null_mut(),
                std::ptr::null(),
                std::ptr::null(),
            );
            assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
            libc::fcntl(ours, libc::F_SETFD, libc::FD_CLOEXEC);
            (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(its))
        };
        let number = its.as_raw_fd();
        shell.stdin(its.try_clone().unwrap()).stdout(its.try_clone().unwrap()).stderr(its);
        // SAFETY: setsid(2) and ioctl(2) may be called after fork(2).
        unsafe {
            shell.pre_exec(move || {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                libc::close(number);
                Ok(())
            });
        }
        let child = shell.spawn().unwrap();
        Terminal { screen: File::from(ours), shell: child, seen: String::new() }
    }

    pub fn type_in(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until this is shown, and gives all that came since the last time, this included.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let mut poll =
                libc::pollfd { fd: self.screen.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one descriptor of ours.
            let ready = unsafe { libc::poll(&mut poll, 1, PATIENCE_MS) };
            assert_eq!(ready, 1, "{text:?} does not come, only {:?}", self.seen);
            let mut bytes = [0; 4096];
            let count = self.screen.read(&mut bytes).unwrap_or(0);
            assert_ne!(count, 0, "the shell has ended; {text:?} did not come: {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The shell and what runs in it are one session; its leader's end hangs up on the others.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
