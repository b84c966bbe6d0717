// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs the program as if it had been started instead of certpick, and waits for it.

use super::signals::{self, BlockedSignals};
use crate::failure::{Failure, print_message};
use certpick_core::error::file_name;
use libc::{c_int, pid_t};
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// How the program ended.
pub enum End {
    Exited(u8),
    Killed(c_int),
}

impl End {
    /// Ends certpick in the same way.
    pub fn reproduce(self) -> ExitCode {
        match self {
            End::Exited(status) => ExitCode::from(status),
            End::Killed(signal) => {
                signals::kill_self(signal);
                // The shell's convention, if the signal did not kill us.
                ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
            }
        }
    }
}

/// Runs `command`, a program and its arguments, with these environment variables.
pub fn run(
    command: &[OsString],
    variables: &[(&str, PathBuf)],
    blocked: &BlockedSignals,
) -> Result<End, Failure> {
    let [program, arguments @ ..] = command else {
        return Err(Failure::new("no program is given"));
    };
    warn_if_privileged(program);
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().map(|(name, file)| (name, file)));
    // SAFETY: the closure calls only signal(2) and sigprocmask(2), which are async-signal-safe.
    unsafe { command.pre_exec(blocked.restore_in_child()) };
    let child = command.spawn().map_err(|error| not_run(program, &error))?;
    let pid = pid_t::try_from(child.id()).map_err(Failure::new)?;
    loop {
        let signal = blocked.wait();
        if signal.number == libc::SIGCHLD {
            if let Some(end) = handle_child_change(pid, blocked) {
                return Ok(end);
            }
        } else if !signal.was_delivered_to(pid) {
            send(pid, signal.number);
        }
    }
}

fn send(pid: pid_t, signal: c_int) {
    // SAFETY: the child has not been waited for, so its ID is not reused.
    unsafe { libc::kill(pid, signal) };
}

/// Handles SIGCHLD. Returns how the program ended, if it did. The signal may be about a child that
/// this process had before exec(2).
fn handle_child_change(pid: pid_t, blocked: &BlockedSignals) -> Option<End> {
    loop {
        let mut status = 0;
        // SAFETY: waitpid writes one status.
        let found = unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG | libc::WUNTRACED) };
        if found != pid {
            return None;
        }
        if libc::WIFEXITED(status) {
            return Some(End::Exited(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX)));
        }
        if libc::WIFSIGNALED(status) {
            return Some(End::Killed(libc::WTERMSIG(status)));
        }
        if libc::WIFSTOPPED(status) {
            // Stops certpick, so that the shell sees that its job has stopped.
            blocked.stop_self(libc::WSTOPSIG(status));
            // A shell sends SIGCONT to both processes, kill(1) perhaps only to certpick.
            if !has_continued(pid) {
                send(pid, libc::SIGCONT);
            }
        }
    }
}

/// Returns whether the program has continued. Unlike waitpid(2), does not reap it if it has ended.
fn has_continued(pid: pid_t) -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: waitid writes one siginfo_t. Its si_pid is 0 if no child has changed.
    unsafe {
        let flags = libc::WCONTINUED | libc::WNOHANG;
        let done = libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), flags);
        done == 0 && info.assume_init().si_pid() == pid
    }
}

fn not_run(program: &OsStr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound if !program.as_bytes().contains(&b'/') => {
            Failure::not_found(format!("could not find {program:?} in PATH"))
        }
        io::ErrorKind::NotFound => {
            Failure::not_found(format!("could not find {program:?}: {error}"))
        }
        _ => Failure::not_executable(format!("could not execute {program:?}: {error}")),
    }
}

/// Warns about set-user-ID and set-group-ID programs, in which OpenSSL ignores `OPENSSL_CONF`. That is
/// no error, because the program may pass its environment to another program.
fn warn_if_privileged(program: &OsStr) {
    let Some((file, metadata)) = find(program) else { return };
    // SAFETY: getuid and getgid have no preconditions.
    let (user, group) = unsafe { (libc::getuid(), libc::getgid()) };
    let mode = metadata.mode();
    let what = if mode & 0o4000 != 0 && metadata.uid() != user {
        "set-user-ID"
    } else if mode & 0o2010 == 0o2010 && metadata.gid() != group {
        "set-group-ID"
    } else {
        return;
    };
    print_message(&format!(
        "warning: {} is {what}, and OpenSSL ignores OPENSSL_CONF in such programs\n\
         If it runs another program, use certpick for that program: {} ... certpick run ... -- ...",
        file_name(&file),
        file_name(Path::new(program))
    ));
}

/// Returns the file that execvp(3) will execute.
fn find(program: &OsStr) -> Option<(PathBuf, Metadata)> {
    let at = |file: PathBuf| {
        let metadata = file.metadata().ok()?;
        (metadata.is_file() && metadata.mode() & 0o111 != 0).then_some((file, metadata))
    };
    if program.as_bytes().contains(&b'/') {
        return at(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find_map(|directory| at(directory.join(program)))
}
