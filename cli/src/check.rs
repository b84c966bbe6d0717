// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick check`.

use crate::report::{Output, Report};
use clap::Args;
use std::process::ExitCode;

/// Tells what is wrong with certificates and keys, before it fails
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    output: Output,
}

/// Does it.
pub fn run(options: &Options) -> ExitCode {
    options.output.print(&Report::new("check"))
}
