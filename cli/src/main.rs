// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program `certpick`. Each subcommand is a module; what they share stands beside them.

#![allow(dead_code)] // until check and probe use all of it
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

mod certificate;
mod check;
mod credentials;
mod failure;
mod hostname;
mod probe;
mod progress;
mod report;
mod run;
mod strength;

use clap::{Parser, Subcommand};
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

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Check(options) => check::run(&options),
        Command::Probe(options) => probe::run(&options),
        Command::Run(options) => run::run(&options),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_options_of_all_subcommands_are_well_formed() {
        super::Arguments::command().debug_assert();
    }

    #[test]
    fn every_line_of_the_help_fits_a_terminal() {
        let mut command = super::Arguments::command();
        command.build();
        for subcommand in command.get_subcommands_mut() {
            for help in [subcommand.render_help(), subcommand.render_long_help()] {
                let long: Vec<String> =
                    help.to_string().lines().filter(|l| l.len() > 100).map(str::to_owned).collect();
                assert_eq!(long, Vec::<String>::new());
            }
        }
    }
}
