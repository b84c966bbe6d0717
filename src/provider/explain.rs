// SPDX-License-Identifier: MIT OR Apache-2.0
//! Explanations appended to a file.

use super::settings::{Explain, Settings};
use crate::decision::{Decision, Outcome};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// Appends this decision's explanation, if it is wanted. A file that cannot be written must not
/// get in the way of a connection, so that is not an error.
pub fn write(settings: &Settings, decision: &Decision) {
    let wanted = match settings.explain {
        Explain::Never => false,
        Explain::Failure => decision.outcome() != Outcome::Sent,
        Explain::Always => true,
    };
    if wanted {
        append(settings, &decision.explanation());
    }
}

/// Appends words about what failed before there was anything to decide.
pub fn write_error(settings: &Settings, words: &str) {
    if settings.explain != Explain::Never {
        append(settings, &format!("certpick aborted the handshake: {words}\n"));
    }
}

/// Appends why no certificate is sent, where nothing was decided.
pub fn write_none(settings: &Settings, why: &str) {
    if settings.explain != Explain::Never {
        append(settings, &format!("certpick sent no certificate: {why}\n"));
    }
}

fn append(settings: &Settings, text: &str) {
    let Some(path) = &settings.explain_file else { return };
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path);
    if let Ok(mut file) = file {
        // One write, so that processes which share the file do not mix their lines.
        without_signals(|| drop(file.write_all(format!("{text}\n").as_bytes())));
    }
}

/// A file that has reached its limit (RLIMIT_FSIZE) and a FIFO that nobody reads are signals besides
/// errors, which would end the program. Both are sent to the thread that writes, so there they wait
/// and are taken away, unless they waited before.
fn without_signals(body: impl FnOnce()) {
    const NOW: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: sets of our own on the stack, filled before they are read; this thread's mask is put
    // back as it was.
    unsafe {
        let [mut ours, mut before, mut waiting] = std::mem::zeroed::<[libc::sigset_t; 3]>();
        libc::sigemptyset(&mut ours);
        libc::sigpending(&mut waiting);
        for signal in [libc::SIGXFSZ, libc::SIGPIPE] {
            if libc::sigismember(&waiting, signal) != 1 {
                libc::sigaddset(&mut ours, signal);
            }
        }
        if libc::pthread_sigmask(libc::SIG_BLOCK, &ours, &mut before) != 0 {
            return;
        }
        body();
        while libc::sigtimedwait(&ours, std::ptr::null_mut(), &NOW) > 0 {}
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
    }
}
