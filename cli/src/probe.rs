// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick probe`: what a server says of itself, what it asks a client for, and whether it would
//! be satisfied. Nobody logs in, and no password is sent to any server.

mod alert;
mod answers;
mod certificates;
mod connection;
mod credentials;
mod handshake;
mod login;
mod reach;
mod reaction;
mod request;
mod target;
mod trust;

use crate::credentials::{EmptyCaList, Flawed};
use crate::failure::{Failure, say};
use crate::report::{Finding, Level, Output, Report, Subject};
use clap::Args;
use connection::Deadline;
use credentials::Credentials;
use handshake::{Handshake, Purpose};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use target::Target;
use trust::{SslMode, Trust};

const AFTER_HELP: &str = r#"Examples:
  certpick probe db.example
  certpick probe db1.example db2.example:5433 --min-days 30 --quiet
  certpick probe db.example --sslcert a.crt,b.crt --sslkey a.key,b.key --send
  certpick probe db.example --sslcert ~/certificates --user joe --dbname shop
  certpick probe --tls www.example --sslrootcert system
  certpick probe db.example --format prometheus > db.prom

Exit status: 0: all is well; 1: something is wrong; 2: something could not be found out, or wrong
usage."#;

/// Tells what a server asks for, and whether it would be satisfied
///
/// Connects as libpq does, and reports on the server's certificate and on
/// what it asks clients for. With --sslcert: which credential it would be
/// sent, and what speaks against each. No password is sent to it.
#[derive(Args)]
#[command(after_help = AFTER_HELP, next_line_help = true, verbatim_doc_comment)]
pub struct Options {
    /// Servers: names, addresses, or the directories of Unix-domain sockets.
    /// An IPv6 address with a port stands in brackets. Without a port: 5432,
    /// or 443 with --tls
    #[arg(required = true, value_name = "HOST[:PORT]", verbatim_doc_comment)]
    hosts: Vec<String>,

    /// Begin with TLS at once, by ALPN "postgresql", as libpq does with
    /// sslnegotiation=direct (PostgreSQL 17 and later)
    #[arg(long, verbatim_doc_comment)]
    direct: bool,

    /// Begin with TLS at once, for any server, as https does
    #[arg(long, conflicts_with = "direct")]
    tls: bool,

    /// How long a server may take in all
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    timeout: Duration,

    /// The name to ask the server for (Server Name Indication) instead of
    /// HOST; empty for none
    #[arg(long, value_name = "NAME", verbatim_doc_comment)]
    sni: Option<String>,

    /// The roots to trust, or "system" for the system's. Default:
    /// ~/.postgresql/root.crt, if there is one
    #[arg(long, value_name = "FILE|system", verbatim_doc_comment)]
    sslrootcert: Option<OsString>,

    /// What is demanded of the server, as libpq's parameter of this name
    /// says it. Default: verify-full where there are roots, else require
    #[arg(long, value_name = "prefer|require|verify-ca|verify-full", verbatim_doc_comment)]
    #[arg(hide_possible_values = true)]
    sslmode: Option<SslMode>,

    /// Certificate files, separated by commas. A name that holds a comma
    /// is written between double quotes. Or a directory: each *.crt, *.pem
    /// and *.cer in it that has its key, in NAME.key or in its own file
    #[arg(long, value_name = "LIST|DIR", verbatim_doc_comment)]
    sslcert: Option<OsString>,

    /// Key files, entry N for certificate N. An empty entry, or no list:
    /// the key is in the certificate's own file. With a directory of
    /// certificates: that of their keys, if it is another
    #[arg(long, value_name = "LIST|DIR", verbatim_doc_comment, requires = "sslcert")]
    sslkey: Option<OsString>,

    /// One password a line, line N for entry N, an empty line for none.
    /// The file's mode must be 0600, or 0640 if root owns it
    #[arg(long, value_name = "FILE", verbatim_doc_comment, requires = "sslcert")]
    sslpassword_file: Option<PathBuf>,

    /// Intermediates (PEM) that may fill gaps in the chains that are sent
    #[arg(long, value_name = "FILE", verbatim_doc_comment, requires = "sslcert")]
    issuers: Option<PathBuf>,

    /// For a server that names no CA: choose among all (the default, as
    /// libpq does), send a certificate if there is only one, or none
    #[arg(long, value_name = "accept|sole|none", default_value = "accept", requires = "sslcert")]
    #[arg(hide_possible_values = true, hide_default_value = true, verbatim_doc_comment)]
    empty_ca_list: EmptyCaList,

    /// Certificates that have expired, are not valid yet or are for other
    /// uses: only if no other suits (the default), or never
    #[arg(long, value_name = "demote|exclude", default_value = "demote", requires = "sslcert")]
    #[arg(hide_possible_values = true, hide_default_value = true, verbatim_doc_comment)]
    flawed: Flawed,

    /// Really send what was chosen, or nothing without --sslcert, and read
    /// what the server says to it. A server whose certificate --sslrootcert
    /// and --sslmode do not accept is sent nothing
    #[arg(long, verbatim_doc_comment)]
    send: bool,

    /// Send it, and ask a PostgreSQL server to let this user in, as far as
    /// its first answer; under the same condition
    #[arg(long, value_name = "NAME", verbatim_doc_comment, conflicts_with = "tls")]
    user: Option<String>,

    /// The database to ask for with --user (default: the user's name)
    #[arg(long, value_name = "NAME", requires = "user")]
    dbname: Option<String>,

    /// A certificate that is valid for fewer days is wrong
    #[arg(long, value_name = "DAYS")]
    min_days: Option<u32>,

    #[command(flatten)]
    output: Output,
}

fn seconds(text: &str) -> Result<Duration, String> {
    const MOST: f64 = 86_400.0;
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= MOST => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("not a number of seconds above 0 and up to {MOST}")),
    }
}

/// How a conversation with a server begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With PostgreSQL's request for TLS.
    SslRequest,
    /// With TLS, and PostgreSQL after it.
    Direct,
    /// With TLS.
    Tls,
}

impl Start {
    /// The stable word for programs.
    fn word(self) -> &'static str {
        match self {
            Start::SslRequest => "sslrequest",
            Start::Direct => "direct",
            Start::Tls => "tls",
        }
    }

    fn is_postgresql(self) -> bool {
        self != Start::Tls
    }
}

/// What is done with each server.
struct Plan<'a> {
    options: &'a Options,
    start: Start,
    trust: Trust,
    credentials: Option<Credentials>,
    now: i64,
}

impl Plan<'_> {
    /// Whether a certificate is to go out, to a server that is trusted.
    fn sends(&self) -> bool {
        self.options.send || self.options.user.is_some()
    }

    fn min_days(&self) -> Option<i64> {
        self.options.min_days.map(i64::from)
    }
}

/// Wrong usage, and what could not be found out.
const UNUSABLE: u8 = 2;

/// Does it.
pub fn run(options: &Options) -> ExitCode {
    match report(options) {
        Ok(report) => options.output.print(&report),
        Err(words) => {
            say(&words);
            ExitCode::from(UNUSABLE)
        }
    }
}

fn report(options: &Options) -> Result<Report, String> {
    let start = match (options.direct, options.tls) {
        (true, _) => Start::Direct,
        (_, true) => Start::Tls,
        _ => Start::SslRequest,
    };
    let targets: Vec<Target> =
        options.hosts.iter().map(|h| Target::parse(h, start)).collect::<Result<_, _>>()?;
    let words = |failure: Failure| failure.words().to_owned();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let plan = Plan {
        options,
        start,
        trust: Trust::new(options.sslmode, options.sslrootcert.as_deref())?,
        credentials: Credentials::new(options).map_err(words)?,
        now: i64::try_from(now).unwrap_or(i64::MAX),
    };
    Ok(Report { command: "probe", subjects: all(&plan, &targets) })
}

/// Some servers at the same time, since one that is dead takes all of its time. The order stays.
fn all(plan: &Plan<'_>, targets: &[Target]) -> Vec<Subject> {
    const MOST_AT_ONCE: usize = 16;
    if let [target] = targets {
        return vec![one(plan, target)];
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Subject)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..targets.len().min(MOST_AT_ONCE) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(target) = targets.get(at) else { return };
                    let subject = one(plan, target);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, subject));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, subject)| subject).collect()
}

fn one(plan: &Plan<'_>, target: &Target) -> Subject {
    let mut subject = Subject::new("server", target.name());
    subject.fact("host", "host", target.host.as_str());
    subject.fact("port", "port", i64::from(target.port));
    subject.fact("start", "start", plan.start.word());
    if let Err(finding) = converse(plan, target, &mut subject) {
        subject.push(finding);
    }
    subject
}

/// All of a conversation. What ends it early is the error.
fn converse(plan: &Plan<'_>, target: &Target, subject: &mut Subject) -> Result<(), Finding> {
    let deadline = Deadline::new(plan.options.timeout);
    let connection = reach::connect(plan, target, deadline, subject)?;
    let connection = reach::begin(plan, target, connection, subject)?;
    let purpose = if plan.sends() { Purpose::Send } else { Purpose::Preview };
    let mut handshake = Handshake::run(plan, target, connection, purpose)?;
    if let Some(why) = handshake.distrust(plan) {
        // OpenSSL keeps nothing of what such a server sent, so the report is made from a second
        // connection, in which nothing of the client's is sent.
        drop(handshake);
        subject.push(nothing_sent(&why));
        let mut told = Subject::new("server", target.name());
        let connection = reach::connect(plan, target, deadline, &mut told)?;
        let connection = reach::begin(plan, target, connection, &mut told)?;
        handshake = Handshake::run(plan, target, connection, Purpose::Preview)?;
    }
    handshake.tell(plan, subject);
    certificates::tell(plan, target, &handshake, subject);
    request::tell(plan, &handshake, subject);
    match (&plan.options.user, handshake.is_done() && handshake.sends()) {
        (Some(user), true) => login::tell(plan, user, &mut handshake.stream, subject),
        (None, true) => reaction::tell(plan, &mut handshake, subject),
        _ => handshake.leave(),
    }
    Ok(())
}

/// As libpq, which fails there.
fn nothing_sent(why: &str) -> Finding {
    Finding::new("trust", Level::Wrong, format!("nothing was sent: {why}"))
        .advice("--sslrootcert and --sslmode say which servers are accepted")
}
