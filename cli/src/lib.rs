// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program `certpick`, as a library of its own: its manual pages and its tests need more of it
//! than a program gives. Each subcommand is a module; what they share stands beside them.

#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

mod certificate;
mod check;
mod credentials;
mod failure;
mod hostname;
mod inspect;
mod probe;
mod progress;
mod report;
mod run;
mod strength;

use certpick_core::text::printable;
use clap::{Parser, Subcommand};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

/// Client certificates for OpenSSL programs: the one that the server asks for is sent
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

/// The definition of the command line, with everything in it.
pub fn command() -> clap::Command {
    let mut command = <Arguments as clap::CommandFactory>::command();
    command.build();
    command
}

/// What is wrong with the arguments repeats them, so they are shown as [`certpick_core::text`] says.
fn arguments() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|error| {
        let shown = std::env::args_os().map(|word| printable(word.as_bytes()));
        match Arguments::try_parse_from(shown) {
            Err(the_same) => the_same.exit(),
            // An argument was no text, and that is said without repeating it.
            Ok(_) => error.exit(),
        }
    })
}

/// What the program does. Its result is the exit status.
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
    fn the_options_of_all_subcommands_are_well_formed() {
        super::command().debug_assert();
    }

    #[test]
    fn every_line_of_the_help_fits_a_terminal() {
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
