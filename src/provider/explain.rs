// SPDX-License-Identifier: MIT OR Apache-2.0
//! Explanations appended to a file.

use super::settings::{Explain, Settings};
use certpick_core::decision::{Decision, Outcome};
use certpick_core::file::explain;
use std::io::Write;

/// Whether this decision is to be explained.
pub fn is_wanted(settings: &Settings, decision: &Decision) -> bool {
    match settings.explain {
        Explain::Never => false,
        Explain::Failure => decision.outcome() != Outcome::Sent,
        Explain::Always => true,
    }
}

/// Appends this decision's explanation. A file that cannot be written must not get in the way of a
/// connection, so that is not an error.
pub fn write(settings: &Settings, decision: &Decision) {
    append(settings, &decision.explanation());
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
    if let Ok(mut file) = explain::open(path) {
        // One write, so that processes which share the file do not mix their lines.
        without_signal(|| drop(file.write_all(format!("{text}\n").as_bytes())));
    }
}

/// A file that has reached its limit (RLIMIT_FSIZE) is a signal besides an error, which would end the
/// program. It is sent to the thread that writes, so there it waits and is taken away, unless one
/// waited before.
fn without_signal(body: impl FnOnce()) {
    const NOW: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: sets of our own on the stack, filled before they are read; this thread's mask is put
    // back as it was.
    unsafe {
        let [mut ours, mut before, mut waiting] = std::mem::zeroed::<[libc::sigset_t; 3]>();
        libc::sigemptyset(&mut ours);
        libc::sigpending(&mut waiting);
        if libc::sigismember(&waiting, libc::SIGXFSZ) != 1 {
            libc::sigaddset(&mut ours, libc::SIGXFSZ);
        }
        if libc::pthread_sigmask(libc::SIG_BLOCK, &ours, &mut before) != 0 {
            return;
        }
        body();
        while libc::sigtimedwait(&ours, std::ptr::null_mut(), &NOW) > 0 {}
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
    }
}
