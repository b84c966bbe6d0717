// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program in `certpick run` that prints the signals that it receives.

use super::{Scene, signals_program};
use std::io::{BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// A test that waits longer fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// certpick with `signals.py` as its program, which ends at the end of its input.
pub struct Running {
    certpick: Child,
    output: Receiver<u8>,
}

impl Running {
    pub fn start(scene: &Scene, arguments: &[&str]) -> Running {
        let mut command = scene.certpick_run_any();
        command.args(["--", "python3"]).arg(signals_program()).args(arguments);
        // Its own process group, as in a shell.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut certpick = command.spawn().unwrap();
        let output = certpick.stdout.take().unwrap();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for byte in BufReader::new(output).bytes() {
                let _ = sender.send(byte.unwrap());
            }
        });
        Running { certpick, output: receiver }
    }

    /// Returns the next line of the program's output.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        loop {
            match self.output.recv_timeout(TIMEOUT) {
                Ok(b'\n') => return String::from_utf8(line).unwrap(),
                Ok(byte) => line.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&line)),
            }
        }
    }

    /// Waits until the program is ready. Returns its process ID.
    #[track_caller]
    pub fn ready(&mut self) -> i32 {
        let line = self.line();
        line.strip_prefix("ready ").unwrap_or_else(|| panic!("{line}")).parse().unwrap()
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.certpick.id()).unwrap()
    }

    pub fn send(&self, signal: i32) {
        // SAFETY: the child has not been waited for.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    pub fn type_in(&mut self, line: &str) {
        writeln!(self.certpick.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until certpick stops. Returns the signal.
    #[track_caller]
    pub fn stopped_by(&self) -> i32 {
        let pid = self.pid();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut status = 0;
            // SAFETY: waitpid writes one status.
            let found = unsafe { libc::waitpid(pid, &mut status, libc::WUNTRACED) };
            let _ = sender.send((found, status));
        });
        let (found, status) = receiver.recv_timeout(TIMEOUT).expect("certpick does not stop");
        assert_eq!(found, pid);
        assert!(libc::WIFSTOPPED(status), "{status:x}");
        libc::WSTOPSIG(status)
    }

    /// Waits until certpick ends with its input still open.
    pub fn ended(&mut self) -> ExitStatus {
        let input = self.certpick.stdin.take();
        let (_, status) = self.rest();
        drop(input);
        status
    }

    /// Closes the input. Returns the rest of the output and the exit status of certpick.
    pub fn end(mut self) -> (String, ExitStatus) {
        drop(self.certpick.stdin.take());
        self.rest()
    }

    fn rest(&mut self) -> (String, ExitStatus) {
        let mut rest = Vec::new();
        loop {
            match self.output.recv_timeout(TIMEOUT) {
                Ok(byte) => rest.push(byte),
                // Both processes have closed their output.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the program does not end"),
            }
        }
        (String::from_utf8(rest).unwrap(), self.certpick.wait().unwrap())
    }
}

impl Drop for Running {
    /// Kills the processes of a failed test, which may be stopped.
    fn drop(&mut self) {
        if let Ok(None) = self.certpick.try_wait() {
            // SAFETY: the child has not been waited for, so the group ID is not reused.
            unsafe { libc::kill(-self.pid(), libc::SIGKILL) };
            let _ = self.certpick.wait();
        }
    }
}
