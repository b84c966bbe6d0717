// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs the program as if it had been started in our place, and waits for its end.

use super::signals::{self, Blocked};
use crate::failure::{Failure, say};
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

/// How it ended.
pub enum End {
    Exited(u8),
    Killed(c_int),
}

impl End {
    /// Ends certpick in the same way.
    pub fn imitate(self) -> ExitCode {
        match self {
            End::Exited(status) => ExitCode::from(status),
            End::Killed(signal) => {
                signals::die_by(signal);
                // What the shell would say of it.
                ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
            }
        }
    }
}

/// Runs `command`, a program and its arguments, with these variables set to names of files.
pub fn run(
    command: &[OsString],
    variables: &[(&str, PathBuf)],
    blocked: &Blocked,
) -> Result<End, Failure> {
    let [program, arguments @ ..] = command else {
        return Err(Failure::new("no program is named"));
    };
    warn_where_ignored(program);
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().map(|(name, file)| (name, file)));
    // SAFETY: the closure calls nothing but signal(2) and sigprocmask(2), which may be called after
    // fork(2).
    unsafe { command.pre_exec(blocked.undo_in_child()) };
    let child = command.spawn().map_err(|error| not_run(program, &error))?;
    let pid = pid_t::try_from(child.id()).map_err(Failure::new)?;
    loop {
        let signal = blocked.take();
        if signal.number == libc::SIGCHLD {
            if let Some(end) = changed(pid, blocked) {
                return Ok(end);
            }
        } else if !signal.reached(pid) {
            send(pid, signal.number);
        }
    }
}

fn send(pid: pid_t, signal: c_int) {
    // SAFETY: the child is not yet waited for, so the id is its own.
    unsafe { libc::kill(pid, signal) };
}

/// A child has ended, stopped or gone on; it may be another that we were given with our process.
fn changed(pid: pid_t, blocked: &Blocked) -> Option<End> {
    loop {
        let mut status = 0;
        // SAFETY: our child, and room for its status.
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
            // The shell is to see that its job has stopped.
            blocked.stop_by(libc::WSTOPSIG(status));
            // A shell sends SIGCONT to both, another process perhaps to us alone.
            if !has_gone_on(pid) {
                send(pid, libc::SIGCONT);
            }
        }
    }
}

/// Whether the program runs again. Its end, if it comes to that, is left to be found, unlike by
/// waitpid(2).
fn has_gone_on(pid: pid_t) -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: our child, and room for what is told of it; 0 for its id where there is nothing.
    unsafe {
        let flags = libc::WCONTINUED | libc::WNOHANG;
        let done = libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), flags);
        done == 0 && info.assume_init().si_pid() == pid
    }
}

fn not_run(program: &OsStr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound if !program.as_bytes().contains(&b'/') => {
            Failure::not_found(format!("{program:?} is not to be found in PATH"))
        }
        io::ErrorKind::NotFound => Failure::not_found(format!("{program:?}: {error}")),
        _ => Failure::not_executable(format!("{program:?} could not be run: {error}")),
    }
}

/// OpenSSL does not heed `OPENSSL_CONF` in a program that runs with others' rights. It may still
/// be what the user wants: such a program can hand its environment on to another.
fn warn_where_ignored(program: &OsStr) {
    let Some((file, metadata)) = find(program) else { return };
    // SAFETY: no arguments.
    let (user, group) = unsafe { (libc::getuid(), libc::getgid()) };
    let mode = metadata.mode();
    let what = if mode & 0o4000 != 0 && metadata.uid() != user {
        "set-user-ID"
    } else if mode & 0o2010 == 0o2010 && metadata.gid() != group {
        "set-group-ID"
    } else {
        return;
    };
    say(&format!(
        "warning: {} is {what}, and OpenSSL ignores OPENSSL_CONF in such a program; if it runs \
         another one, put certpick behind it: {} … certpick run … -- …",
        file_name(&file),
        file_name(Path::new(program))
    ));
}

/// The file that execvp(3) will take.
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
