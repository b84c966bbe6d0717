// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors that end certpick: an exit status and a message.

use certpick_core::text::printable;
use std::fmt::Display;
use std::process::ExitCode;

/// certpick itself failed; the status that env(1) and timeout(1) use.
const OWN_FAILURE: u8 = 125;
/// The program was found but could not be run; the shell's convention.
const NOT_EXECUTABLE: u8 = 126;
/// The program was not found; the shell's convention.
const NOT_FOUND: u8 = 127;

/// An error that ends certpick.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// certpick itself cannot continue.
    pub fn new(message: impl Display) -> Failure {
        Failure { status: OWN_FAILURE, message: message.to_string() }
    }

    /// The program to run does not exist.
    pub fn not_found(message: impl Display) -> Failure {
        Failure { status: NOT_FOUND, ..Failure::new(message) }
    }

    /// The program to run exists but cannot be executed.
    pub fn not_executable(message: impl Display) -> Failure {
        Failure { status: NOT_EXECUTABLE, ..Failure::new(message) }
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Prints the message and returns the exit status.
    pub fn report(&self) -> ExitCode {
        print_message(&self.message);
        ExitCode::from(self.status)
    }
}

/// Prints a message on standard error, with control characters escaped except line feeds. Write
/// errors are ignored.
pub fn print_message(message: &str) {
    use std::io::Write;
    let lines: Vec<String> = message.split('\n').map(printable).collect();
    let _ = writeln!(std::io::stderr(), "certpick: {}", lines.join("\n"));
}
