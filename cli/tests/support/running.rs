// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program under `certpick run` that tells which signals come.

use super::{Scene, teller};
use std::io::{BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long anything may take before the test fails rather than waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// certpick with `teller.py` under it, which ends by itself when its input ends.
pub struct Running {
    certpick: Child,
    says: Receiver<u8>,
}

impl Running {
    pub fn start(scene: &Scene, arguments: &[&str]) -> Running {
        let mut command = scene.certpick_run_any();
        command.args(["--", "python3"]).arg(teller()).args(arguments);
        // A process group of its own, as a shell would give it.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut certpick = command.spawn().unwrap();
        let output = certpick.stdout.take().unwrap();
        let (sender, says) = channel();
        std::thread::spawn(move || {
            for byte in BufReader::new(output).bytes() {
                let _ = sender.send(byte.unwrap());
            }
        });
        Running { certpick, says }
    }

    /// The next line that the program says.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        loop {
            match self.says.recv_timeout(PATIENCE) {
                Ok(b'\n') => return String::from_utf8(line).unwrap(),
                Ok(byte) => line.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&line)),
            }
        }
    }

    /// The program's process id, once it is ready.
    #[track_caller]
    pub fn ready(&mut self) -> i32 {
        let line = self.line();
        line.strip_prefix("ready ").unwrap_or_else(|| panic!("{line}")).parse().unwrap()
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.certpick.id()).unwrap()
    }

    pub fn send(&self, signal: i32) {
        // SAFETY: our child, which is not yet waited for.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    pub fn type_in(&mut self, line: &str) {
        writeln!(self.certpick.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits for certpick itself to stop, and gives the signal.
    #[track_caller]
    pub fn stopped_by(&self) -> i32 {
        let pid = self.pid();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut status = 0;
            // SAFETY: our child, and room for its status.
            let found = unsafe { libc::waitpid(pid, &mut status, libc::WUNTRACED) };
            let _ = sender.send((found, status));
        });
        let (found, status) = receiver.recv_timeout(PATIENCE).expect("certpick does not stop");
        assert_eq!(found, pid);
        assert!(libc::WIFSTOPPED(status), "{status:x}");
        libc::WSTOPSIG(status)
    }

    /// How certpick ends while the input is still open.
    pub fn ended(&mut self) -> ExitStatus {
        let input = self.certpick.stdin.take();
        let (_, status) = self.rest();
        drop(input);
        status
    }

    /// Ends the input; what the program still says, and how certpick ends.
    pub fn end(mut self) -> (String, ExitStatus) {
        drop(self.certpick.stdin.take());
        self.rest()
    }

    fn rest(&mut self) -> (String, ExitStatus) {
        let mut rest = Vec::new();
        loop {
            match self.says.recv_timeout(PATIENCE) {
                Ok(byte) => rest.push(byte),
                // Both have closed their output.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the program does not end"),
            }
        }
        (String::from_utf8(rest).unwrap(), self.certpick.wait().unwrap())
    }
}

impl Drop for Running {
    /// A test that failed leaves nothing behind, stopped processes least of all.
    fn drop(&mut self) {
        if let Ok(None) = self.certpick.try_wait() {
            // SAFETY: its process group, since it is not yet waited for.
            unsafe { libc::kill(-self.pid(), libc::SIGKILL) };
            let _ = self.certpick.wait();
        }
    }
}
