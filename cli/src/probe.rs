// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick probe`.

use crate::report::{Output, Report};
use clap::Args;
use std::process::ExitCode;

/// Tells what a server asks for, and whether it would be satisfied
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    output: Output,
}

/// Does it.
pub fn run(options: &Options) -> ExitCode {
    options.output.print(&Report::new("probe"))
}
