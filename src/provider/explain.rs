// SPDX-License-Identifier: MIT OR Apache-2.0
//! Explanations that are appended to a file.

use super::settings::{Explain, Settings};
use certpick_core::decision::{Decision, Outcome};
use certpick_core::file::explain;
use std::io::Write;

/// Returns whether the settings require an explanation of this decision.
pub fn is_wanted(settings: &Settings, decision: &Decision) -> bool {
    match settings.explain {
        Explain::Never => false,
        Explain::Failure => decision.outcome() != Outcome::Sent,
        Explain::Always => true,
    }
}

/// Appends the explanation of this decision. A file that cannot be written is not an error, since
/// it must not affect the connection.
pub fn write(settings: &Settings, decision: &Decision) {
    append(settings, &decision.explanation());
}

/// Appends an error that occurred before the choice.
pub fn write_error(settings: &Settings, error: &str) {
    if settings.explain != Explain::Never {
        append(settings, &format!("certpick aborted the handshake: {error}\n"));
    }
}

/// Appends the reason for which certpick does not choose a certificate.
pub fn write_none(settings: &Settings, why: &str) {
    if settings.explain != Explain::Never {
        append(settings, &format!("certpick sent no certificate: {why}\n"));
    }
}

fn append(settings: &Settings, text: &str) {
    let Some(path) = &settings.explain_file else { return };
    if let Ok(mut file) = explain::open(path) {
        // One write(2), so that processes that share the file do not interleave their lines.
        without_signal(|| drop(file.write_all(format!("{text}\n").as_bytes())));
    }
}

/// Runs `body` with SIGXFSZ blocked. A write beyond RLIMIT_FSIZE raises this signal, which would
/// terminate the program. It is sent to the writing thread, where it stays pending and is then
/// consumed, unless one was pending before.
fn without_signal(body: impl FnOnce()) {
    const NOW: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: signal sets on the stack, filled before they are read; the thread's mask is
    // restored.
    unsafe {
        let [mut ours, mut before, mut pending] = std::mem::zeroed::<[libc::sigset_t; 3]>();
        libc::sigemptyset(&mut ours);
        libc::sigpending(&mut pending);
        if libc::sigismember(&pending, libc::SIGXFSZ) != 1 {
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
