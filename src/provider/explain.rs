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
        let _ = file.write_all(format!("{text}\n").as_bytes());
    }
}
