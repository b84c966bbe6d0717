// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick check`: checks the files of a client or of a server before they are used.

mod certificate_reports;
mod chain;
mod client;
mod collisions;
mod credential;
mod fix_order;
mod inputs;
mod keys;
mod order;
mod rules;
mod server;
mod usage;
mod verify;

use crate::certificate::Clock;
use crate::credentials;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::{Report, ReportOptions};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use fix_order::Target;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "certpick check [OPTIONS] --sslcert <LIST> [--sslkey <LIST>]\n       \
                     certpick check [OPTIONS] --config <FILE>\n       \
                     certpick check [OPTIONS] --server --cert <FILE> [--key <FILE>]";

const AFTER_HELP: &str = r#"Examples:
  certpick check --sslcert a.crt,b.crt --sslkey a.key,b.key
  certpick check --sslcert ~/certificates --min-days 30 --quiet
  certpick check --config certpick.toml --strict
  certpick check --sslcert a.crt --sslkey a.key --issuers ca.crt --fix-order fixed.crt
  certpick check --server --cert server.crt --key server.key --root root.crt --host db.example

Exit status: 0: no problem was found; 1: a problem was found; 2: a check could not be completed, or
wrong usage."#;

/// The options that are only valid with --server.
const SERVER_OPTIONS: [&str; 6] = ["server", "cert", "key", "root", "host", "crl"];

/// Check certificates and keys before they are used
///
/// By default, checks the credentials of a client: every entry of the lists,
/// including its key. With --config, checks a configuration file: its
/// syntax, its credentials, and their rules. With --server, checks the files
/// of a server: whether the server can load them, and whether its clients
/// will accept them.
#[derive(Args)]
#[command(override_usage = USAGE, after_help = AFTER_HELP, next_line_help = true)]
#[command(verbatim_doc_comment)]
#[command(mut_arg("sslcert", |arg| {
    arg.required_unless_present_any(["server", "config"]).conflicts_with_all(SERVER_OPTIONS)
}))]
#[command(mut_arg("sslkey", |arg| arg.conflicts_with_all(SERVER_OPTIONS)))]
#[command(mut_arg("config", |arg| arg.conflicts_with_all(SERVER_OPTIONS)))]
pub struct Options {
    #[command(flatten)]
    credentials: credentials::CredentialOptions,

    /// Check the files of a server. The first line of --sslpassword-file is
    /// then the password of its key
    #[arg(long, requires = "cert", verbatim_doc_comment)]
    server: bool,

    /// The server's certificate and intermediates (ssl_cert_file)
    #[arg(long, value_name = "FILE", requires = "server")]
    cert: Option<PathBuf>,

    /// The server's private key (ssl_key_file), if it is not in the file of
    /// --cert
    #[arg(long, value_name = "FILE", requires = "server", verbatim_doc_comment)]
    key: Option<PathBuf>,

    /// The root certificates of the clients (sslrootcert), or "system"
    #[arg(long, value_name = "FILE|system", requires = "server")]
    root: Option<OsString>,

    /// A host name by which clients connect to the server. May be repeated
    #[arg(long, value_name = "NAME", requires = "server")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    host: Vec<String>,

    /// A file with the certificate revocation lists of the clients (sslcrl).
    /// May be repeated
    #[arg(long, value_name = "FILE", requires = "server", verbatim_doc_comment)]
    crl: Vec<PathBuf>,

    /// Write the certificate and its intermediates in the correct order,
    /// without the root, to a new file
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    fix_order: Option<PathBuf>,

    /// Let --fix-order replace an existing file
    #[arg(long, requires = "fix_order")]
    force: bool,

    #[command(flatten)]
    report: ReportOptions,
}

/// Runs `certpick check`.
pub fn run(options: &Options) -> ExitCode {
    options.report.finish(options.check())
}

impl Options {
    fn check(&self) -> Result<Report, Failure> {
        let clock = Clock::new(self.report.min_days);
        match &self.cert {
            Some(cert) => server::report(self, cert, clock),
            None => client::report(self, clock, &mut Progress::new()),
        }
    }

    fn fix_order(&self) -> Option<Target<'_>> {
        self.fix_order.as_deref().map(|file| Target { file, force: self.force })
    }
}
