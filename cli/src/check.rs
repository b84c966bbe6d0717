// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick check`: the files of clients, or those of a server, looked at before they are used.

mod chain;
mod client;
mod entry;
mod equal;
mod fix_order;
mod inputs;
mod keys;
mod order;
mod parts;
mod server;
mod usage;
mod verify;

use crate::failure::{Failure, say};
use crate::progress::Progress;
use crate::report::{Output, Report};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use fix_order::Target;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const USAGE: &str = "certpick check [OPTIONS] --sslcert <LIST|DIR> [--sslkey <LIST|DIR>]\n       \
                     certpick check [OPTIONS] --server --cert <FILE> [--key <FILE>]";

const AFTER_HELP: &str = r#"Examples:
  certpick check --sslcert a.crt,b.crt --sslkey a.key,b.key
  certpick check --sslcert ~/certificates --min-days 30 --quiet
  certpick check --sslcert a.crt --sslkey a.key --issuers ca.crt --fix-order fixed.crt
  certpick check --server --cert server.crt --key server.key --root root.crt --host db.example

Exit status: 0: all is well; 1: something is wrong; 2: something could not be found out, or wrong
usage."#;

/// What is for --server alone.
const OF_A_SERVER: [&str; 6] = ["server", "cert", "key", "root", "host", "crl"];

/// Tells what is wrong with certificates and keys, before it fails
///
/// Those of a client: every entry of the lists is looked at, keys included.
/// With --server those of a server: as it will load them, and as its
/// clients will judge them.
#[derive(Args)]
#[command(override_usage = USAGE, after_help = AFTER_HELP, next_line_help = true)]
#[command(verbatim_doc_comment)]
pub struct Options {
    /// Certificate files, separated by commas. A name that holds a comma
    /// is written between double quotes. Or a directory: each *.crt, *.pem
    /// and *.cer in it that has its key, in NAME.key or in its own file
    #[arg(long, value_name = "LIST|DIR", verbatim_doc_comment)]
    #[arg(required_unless_present = "server", conflicts_with_all = OF_A_SERVER)]
    sslcert: Option<OsString>,

    /// Key files, entry N for certificate N. An empty entry, or no list:
    /// the key is in the certificate's own file. With a directory of
    /// certificates: that of their keys, if it is another
    #[arg(long, value_name = "LIST|DIR", verbatim_doc_comment)]
    #[arg(conflicts_with_all = OF_A_SERVER)]
    sslkey: Option<OsString>,

    /// One password a line, line N for entry N, an empty line for none.
    /// The file's mode must be 0600, or 0640 if root owns it. With
    /// --server the first line is that of its key
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    sslpassword_file: Option<PathBuf>,

    /// Intermediates (PEM) that may fill gaps in chains
    #[arg(long, value_name = "FILE")]
    issuers: Option<PathBuf>,

    /// Look at the files of a server
    #[arg(long, requires = "cert")]
    server: bool,

    /// The server's certificate and intermediates (ssl_cert_file)
    #[arg(long, value_name = "FILE", requires = "server")]
    cert: Option<PathBuf>,

    /// The server's key (ssl_key_file), if it is not in the same file
    #[arg(long, value_name = "FILE", requires = "server")]
    key: Option<PathBuf>,

    /// The roots that its clients have (sslrootcert), or "system"
    #[arg(long, value_name = "FILE|system", requires = "server")]
    root: Option<OsString>,

    /// A name by which its clients connect to it; for each once
    #[arg(long, value_name = "NAME", requires = "server")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    host: Vec<String>,

    /// A file of revocation lists that its clients have (sslcrl); for each
    /// once
    #[arg(long, value_name = "FILE", requires = "server", verbatim_doc_comment)]
    crl: Vec<PathBuf>,

    /// What is valid for fewer days is wrong
    #[arg(long, value_name = "DAYS")]
    min_days: Option<u32>,

    /// Write the certificate and its intermediates in the right order,
    /// without the root, to a new file
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    fix_order: Option<PathBuf>,

    /// Let --fix-order replace a file
    #[arg(long, requires = "fix_order")]
    force: bool,

    #[command(flatten)]
    output: Output,
}

/// The options that say which client certificates there are.
pub struct Lists<'a> {
    pub sslcert: &'a OsStr,
    pub sslkey: Option<&'a OsStr>,
    pub password_file: Option<&'a Path>,
    pub issuers: Option<&'a Path>,
}

/// By what certificates are held against the calendar.
#[derive(Clone, Copy)]
pub struct Calendar {
    /// Seconds since 1970.
    pub now: i64,
    pub min_days: Option<i64>,
}

/// Wrong usage, and what could not be found out.
const UNUSABLE: u8 = 2;

/// Does it.
pub fn run(options: &Options) -> ExitCode {
    match options.report() {
        Ok(report) => options.output.print(&report),
        Err(failure) => {
            say(failure.words());
            ExitCode::from(UNUSABLE)
        }
    }
}

impl Options {
    fn report(&self) -> Result<Report, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let calendar = Calendar {
            now: i64::try_from(now).unwrap_or(i64::MAX),
            min_days: self.min_days.map(i64::from),
        };
        let fix_order = self.fix_order.as_deref().map(|file| Target { file, force: self.force });
        if let Some(cert) = &self.cert {
            let files = server::Files {
                cert,
                key: self.key.as_deref(),
                password_file: self.sslpassword_file.as_deref(),
                root: self.root.as_deref(),
                issuers: self.issuers.as_deref(),
                hosts: &self.host,
                crls: &self.crl,
                fix_order,
            };
            return server::report(&files, calendar);
        }
        let lists = Lists {
            sslcert: self.sslcert.as_deref().unwrap_or_default(),
            sslkey: self.sslkey.as_deref(),
            password_file: self.sslpassword_file.as_deref(),
            issuers: self.issuers.as_deref(),
        };
        client::report(&lists, calendar, fix_order, &mut Progress::new())
    }
}
