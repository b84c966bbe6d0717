// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ends certpick before its work is done: an exit status, and words for a person.

use certpick_core::text::printable;
use std::fmt::Display;
use std::process::ExitCode;

/// What env(1), timeout(1) and others say for a failure of their own.
const OWN_FAILURE: u8 = 125;
/// The program was found but could not be run; the shell's convention.
const NOT_EXECUTABLE: u8 = 126;
/// The program was not found; likewise.
const NOT_FOUND: u8 = 127;

/// See the module.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    words: String,
}

impl Failure {
    /// certpick itself cannot go on.
    pub fn new(words: impl Display) -> Failure {
        Failure { status: OWN_FAILURE, words: words.to_string() }
    }

    /// A program was to be run and is not there.
    pub fn not_found(words: impl Display) -> Failure {
        Failure { status: NOT_FOUND, ..Failure::new(words) }
    }

    /// A program was to be run and cannot be.
    pub fn not_executable(words: impl Display) -> Failure {
        Failure { status: NOT_EXECUTABLE, ..Failure::new(words) }
    }

    /// What a person is to read.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Tells it, and gives the exit status.
    pub fn report(&self) -> ExitCode {
        say(&self.words);
        ExitCode::from(self.status)
    }
}

/// One message on standard error, as [`certpick_core::text`] shows it; its lines are those of the caller.
/// Whether it can be written changes nothing.
pub fn say(words: &str) {
    use std::io::Write;
    let lines: Vec<String> = words.split('\n').map(printable).collect();
    let _ = writeln!(std::io::stderr(), "certpick: {}", lines.join("\n"));
}
