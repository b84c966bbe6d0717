// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program `certpick`. It is a library so that the example `manual` can generate the manual
//! pages from [`command`]. Each subcommand is a module.

#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

mod certificate;
mod certificate_file;
mod chain_error;
mod check;
mod credential_set;
mod credentials;
mod facts;
mod failure;
mod hostname;
mod probe;
mod progress;
mod report;
mod roots;
mod rule_text;
mod run;
mod strength;
mod temporary;

use certpick_core::text::printable;
use clap::{Parser, Subcommand};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

/// Use several TLS client certificates with OpenSSL: check them, probe servers, run programs
#[derive(Parser)]
#[command(name = "certpick", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Options),
    Probe(probe::Options),
    Run(run::Options),
}

/// Returns the definition of the command line.
pub fn command() -> clap::Command {
    let mut command = <Arguments as clap::CommandFactory>::command();
    command.build();
    command
}

/// Parses the command line. clap's errors quote the arguments, so they are parsed again with
/// control characters escaped (see [`certpick_core::text`]).
fn arguments() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|error| {
        let escaped = std::env::args_os().map(|argument| printable(argument.as_bytes()));
        match Arguments::try_parse_from(escaped) {
            Err(escaped_error) => escaped_error.exit(),
            // An argument was not valid UTF-8. clap does not quote it.
            Ok(_) => error.exit(),
        }
    })
}

/// Runs the program and returns its exit status.
pub fn main() -> ExitCode {
    match arguments().command {
        Command::Check(options) => check::run(&options),
        Command::Probe(options) => probe::run(&options),
        Command::Run(options) => run::run(&options),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_definition_is_valid() {
        super::command().debug_assert();
    }

    #[test]
    fn no_line_of_the_help_is_longer_than_100_columns() {
        let mut command = super::command();
        for subcommand in command.get_subcommands_mut() {
            for help in [subcommand.render_help(), subcommand.render_long_help()] {
                let long: Vec<String> =
                    help.to_string().lines().filter(|l| l.len() > 100).map(str::to_owned).collect();
                assert_eq!(long, Vec::<String>::new());
            }
        }
    }
}
