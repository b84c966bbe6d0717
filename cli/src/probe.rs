// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick probe`: reports a server's certificate, its CertificateRequest, and the credential that
//! would be sent. It never authenticates to the server, and sends no password.

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

use crate::certificate::Clock;
use crate::failure::Failure;
use crate::report::{Finding, Level, Report, ReportOptions, Subject};
use clap::{ArgGroup, Args};
use connection::Deadline;
use credentials::Credentials;
use handshake::{Handshake, Purpose};
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use target::Target;
use trust::{SslMode, Trust};

const AFTER_HELP: &str = r#"Examples:
  certpick probe db.example
  certpick probe db1.example db2.example:5433 --min-days 30 --quiet
  certpick probe db.example --sslcert a.crt,b.crt --sslkey a.key,b.key --send
  certpick probe db.example --sslcert ~/certificates --user joe --dbname shop
  certpick probe --tls www.example --sslrootcert system
  certpick probe --tls redis1.example:6379 --config certpick.toml
  certpick probe db.example --format prometheus > db.prom

Exit status: 0: no problem was found; 1: a problem was found; 2: a check could not be completed, or
wrong usage."#;

/// Show which client certificate a server requests, and check the server
///
/// Connects as libpq does and checks the server's certificate. Shows the
/// content of the server's CertificateRequest. With --sslcert or --config,
/// shows which credential would be sent, and why the others would not. The
/// rules of a configuration file are compared with HOST, the port, the
/// address and --user. Never sends a password.
#[derive(Args)]
#[command(after_help = AFTER_HELP, next_line_help = true, verbatim_doc_comment)]
#[command(mut_arg("sslpassword_file", |arg| arg.requires("sslcert")))]
#[command(mut_arg("issuers", |arg| arg.requires("sslcert")))]
#[command(group(ArgGroup::new("source").args(["sslcert", "config"])))]
#[command(mut_arg("empty_ca_list", |arg| arg.requires("source")))]
#[command(mut_arg("flawed", |arg| arg.requires("source")))]
pub struct Options {
    /// Host names, addresses or directories of Unix-domain sockets. Write an
    /// IPv6 address with a port in brackets. The default port is 5432, or
    /// 443 with --tls
    #[arg(required = true, value_name = "HOST[:PORT]", verbatim_doc_comment)]
    hosts: Vec<String>,

    /// Start TLS without PostgreSQL's SSLRequest, with the ALPN protocol
    /// "postgresql", as libpq does with sslnegotiation=direct (PostgreSQL 17
    /// and later)
    #[arg(long, verbatim_doc_comment)]
    direct: bool,

    /// Start TLS immediately, for servers other than PostgreSQL, as https
    /// does
    #[arg(long, conflicts_with = "direct", verbatim_doc_comment)]
    tls: bool,

    /// Maximum total time per server
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    timeout: Duration,

    /// Server Name Indication to send instead of HOST; if empty, none is
    /// sent
    #[arg(long, value_name = "NAME", verbatim_doc_comment)]
    sni: Option<String>,

    /// Root certificates to trust, or "system" for those of the system.
    /// Default: ~/.postgresql/root.crt, if that file exists
    #[arg(long, value_name = "FILE|system", verbatim_doc_comment)]
    sslrootcert: Option<OsString>,

    /// How to verify the server, as libpq's parameter of this name. Default:
    /// verify-full if there are root certificates, else require
    #[arg(long, value_name = "prefer|require|verify-ca|verify-full", verbatim_doc_comment)]
    #[arg(hide_possible_values = true)]
    sslmode: Option<SslMode>,

    #[command(flatten)]
    credentials: crate::credentials::CredentialOptions,

    #[command(flatten)]
    policy: crate::credentials::PolicyOptions,

    /// Send the chosen certificate, or none without --sslcert and --config,
    /// and report the server's reaction. Nothing is sent to a server that does not
    /// verify according to --sslrootcert and --sslmode
    #[arg(long, verbatim_doc_comment)]
    send: bool,

    /// Like --send, then request a PostgreSQL session for this user, and
    /// report the first response. No password is sent
    #[arg(long, value_name = "NAME", verbatim_doc_comment, conflicts_with = "tls")]
    user: Option<String>,

    /// Database for --user (default: the user's name)
    #[arg(long, value_name = "NAME", requires = "user")]
    dbname: Option<String>,

    #[command(flatten)]
    report: ReportOptions,
}

fn seconds(text: &str) -> Result<Duration, String> {
    const MAX_SECONDS: f64 = 86_400.0;
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= MAX_SECONDS => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err(format!("not a number of seconds between 0 and {MAX_SECONDS}")),
    }
}

/// How TLS starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After PostgreSQL's SSLRequest.
    SslRequest,
    /// Immediately, followed by PostgreSQL's protocol.
    Direct,
    /// Immediately, followed by any protocol.
    Tls,
}

impl Start {
    /// The stable identifier for programs.
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

/// The settings for all servers.
struct Plan<'a> {
    options: &'a Options,
    start: Start,
    trust: Trust,
    credentials: Option<Credentials>,
    clock: Clock,
}

impl Plan<'_> {
    /// Returns whether a certificate is sent to servers that verify.
    fn sends(&self) -> bool {
        self.options.send || self.options.user.is_some()
    }
}

/// Runs `certpick probe`.
pub fn run(options: &Options) -> ExitCode {
    options.report.finish(probe(options))
}

fn probe(options: &Options) -> Result<Report, Failure> {
    let start = match (options.direct, options.tls) {
        (true, _) => Start::Direct,
        (_, true) => Start::Tls,
        _ => Start::SslRequest,
    };
    let targets: Vec<Target> =
        options.hosts.iter().map(|h| Target::parse(h, start)).collect::<Result<_, _>>()?;
    let plan = Plan {
        options,
        start,
        trust: Trust::new(options.sslmode, options.sslrootcert.as_deref())?,
        credentials: Credentials::new(options)?,
        clock: Clock::new(options.report.min_days),
    };
    Ok(Report { command: "probe", subjects: probe_all(&plan, &targets) })
}

/// Probes several servers in parallel, so that the timeouts of dead servers do not add up. Returns
/// the subjects in the order of `targets`.
fn probe_all(plan: &Plan<'_>, targets: &[Target]) -> Vec<Subject> {
    const MAX_THREADS: usize = 16;
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Subject)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..targets.len().min(MAX_THREADS) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(target) = targets.get(at) else { return };
                    let subject = probe_server(plan, target);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, subject));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, subject)| subject).collect()
}

fn probe_server(plan: &Plan<'_>, target: &Target) -> Subject {
    let mut subject = Subject::new("server", target.name());
    subject.fact("host", "host", target.host.as_str());
    subject.fact("port", "port", i64::from(target.port));
    subject.fact("start", "start", plan.start.word());
    if let Err(finding) = try_probe(plan, target, &mut subject) {
        subject.push(finding);
    }
    subject
}

/// Probes a server. The error is the finding that ended the probe early.
fn try_probe(plan: &Plan<'_>, target: &Target, subject: &mut Subject) -> Result<(), Finding> {
    let deadline = Deadline::new(plan.options.timeout);
    let connection = reach::connect(plan, target, deadline, subject)?;
    let connection = reach::start_tls(plan, target, connection, subject)?;
    let purpose = if plan.sends() { Purpose::Send } else { Purpose::Preview };
    let mut handshake = Handshake::run(plan, target, connection, purpose)?;
    if let Some(reason) = handshake.trust_error(plan) {
        // OpenSSL does not keep the chain of a server that does not verify. A second connection, in
        // which nothing of the client is sent, gives the rest of the report.
        drop(handshake);
        let finding = Finding::new("trust", Level::Wrong, format!("nothing was sent: {reason}"));
        subject.push(finding.advice("Set --sslrootcert and --sslmode to accept this server."));
        let mut unused = Subject::new("server", target.name());
        let connection = reach::connect(plan, target, deadline, &mut unused)?;
        let connection = reach::start_tls(plan, target, connection, &mut unused)?;
        handshake = Handshake::run(plan, target, connection, Purpose::Preview)?;
    }
    handshake.report(plan, subject);
    certificates::report(plan, target, &handshake, subject);
    request::report(plan, &handshake, subject);
    match (&plan.options.user, handshake.is_done() && handshake.sends()) {
        (Some(user), true) => login::report(plan, user, &mut handshake.stream, subject),
        (None, true) => reaction::report(plan, &mut handshake, subject),
        _ => handshake.close(),
    }
    Ok(())
}
