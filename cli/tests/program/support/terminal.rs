// SPDX-License-Identifier: MIT OR Apache-2.0
//! A pseudo-terminal with an interactive shell.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// A test that waits longer fails.
const TIMEOUT_MS: i32 = 60_000;

pub struct Terminal {
    screen: File,
    shell: Child,
    seen: String,
}

impl Terminal {
    /// Starts bash with a short prompt, and waits for the prompt.
    pub fn start(mut shell: Command) -> Terminal {
        shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "PROMPT> ").env("HISTFILE", "");
        let (mut master, mut slave) = (-1, -1);
        // SAFETY: openpty writes two descriptors, which we own.
        let (master, slave) = unsafe {
            let done = libc::openpty(
                &mut master,
                &mut slave,
                std::ptr::null_mut(),
                std::ptr::null(),
                std::ptr::null(),
            );
            assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
            libc::fcntl(master, libc::F_SETFD, libc::FD_CLOEXEC);
            (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
        };
        let number = slave.as_raw_fd();
        shell.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        // SAFETY: setsid(2), ioctl(2) and close(2) are async-signal-safe.
        unsafe {
            shell.pre_exec(move || {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                libc::close(number);
                Ok(())
            });
        }
        let child = shell.spawn().unwrap();
        let mut terminal =
            Terminal { screen: File::from(master), shell: child, seen: String::new() };
        terminal.until("PROMPT> ");
        terminal
    }

    pub fn type_in(&mut self, text: &str) {
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until the text appears. Returns the output since the last call, up to that text.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let mut poll =
                libc::pollfd { fd: self.screen.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: the array has one pollfd.
            let ready = unsafe { libc::poll(&mut poll, 1, TIMEOUT_MS) };
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
        // The shell is the session leader, so its end sends SIGHUP to the processes in it.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
