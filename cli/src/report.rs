// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report of `check` and `probe`. The submodules print it.

mod json;
mod prometheus;
mod tap;
mod text;

use crate::failure::{Failure, print_message};
use certpick_core::text::printable;
use clap::{Args, ValueEnum};
use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};
use std::ops::Deref;
use std::process::ExitCode;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The check passed.
    Good,
    /// Information; no action is needed.
    Note,
    /// It works here, but should be changed.
    Warning,
    /// The check could not be completed.
    Unknown,
    /// It does not work, or will soon stop working.
    Wrong,
}

impl Level {
    /// The stable identifier for programs.
    pub fn word(self) -> &'static str {
        match self {
            Level::Good => "good",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Unknown => "unknown",
            Level::Wrong => "wrong",
        }
    }
}

/// Text of a report, with control and formatting characters escaped (see [`certpick_core::text`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(String);

impl<T: AsRef<[u8]>> From<T> for Text {
    fn from(text: T) -> Text {
        Text(printable(text))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The value of a [`Fact`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(Text),
    Number(i64),
    Truth(bool),
    List(Vec<Text>),
    /// Seconds since 1970.
    Time(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Number(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Truth(truth)
    }
}

impl From<Vec<String>> for Value {
    fn from(list: Vec<String>) -> Value {
        Value::List(list.into_iter().map(Text::from).collect())
    }
}

/// A property of a subject, without a judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The stable identifier for programs; see doc/output.md.
    pub key: &'static str,
    /// The name in the text format.
    pub label: &'static str,
    pub value: Value,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stable identifier for programs; see doc/output.md.
    pub key: &'static str,
    pub level: Level,
    pub text: Text,
    /// What to do about it, if that is not obvious.
    pub advice: Option<Text>,
}

impl Finding {
    pub fn new(key: &'static str, level: Level, text: impl Into<Text>) -> Finding {
        Finding { key, level, text: text.into(), advice: None }
    }

    pub fn advice(mut self, advice: impl Into<Text>) -> Finding {
        self.advice = Some(advice.into());
        self
    }
}

/// An object that was checked: a credential, a certificate, a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The stable identifier for programs; see doc/output.md.
    pub kind: &'static str,
    /// A file or a host.
    pub name: Text,
    pub facts: Vec<Fact>,
    pub findings: Vec<Finding>,
    /// For example, the certificates of a chain.
    pub parts: Vec<Subject>,
}

impl Subject {
    pub fn new(kind: &'static str, name: impl Into<Text>) -> Subject {
        Subject {
            kind,
            name: name.into(),
            facts: Vec::new(),
            findings: Vec::new(),
            parts: Vec::new(),
        }
    }

    pub fn fact(
        &mut self,
        key: &'static str,
        label: &'static str,
        value: impl Into<Value>,
    ) -> &mut Subject {
        self.facts.push(Fact { key, label, value: value.into() });
        self
    }

    pub fn finding(
        &mut self,
        key: &'static str,
        level: Level,
        text: impl Into<Text>,
    ) -> &mut Subject {
        self.push(Finding::new(key, level, text))
    }

    pub fn advised(
        &mut self,
        key: &'static str,
        level: Level,
        text: impl Into<Text>,
        advice: impl Into<Text>,
    ) -> &mut Subject {
        self.push(Finding::new(key, level, text).advice(advice))
    }

    pub fn push(&mut self, finding: Finding) -> &mut Subject {
        self.findings.push(finding);
        self
    }

    pub fn part(&mut self, part: Subject) -> &mut Subject {
        self.parts.push(part);
        self
    }

    /// Visits this subject and all parts below it, each with the path to it.
    fn visit<'a>(&'a self, path: &mut Vec<&'a Subject>, visit: &mut dyn FnMut(&[&'a Subject])) {
        path.push(self);
        visit(path);
        for part in &self.parts {
            part.visit(path, visit);
        }
        path.pop();
    }

    /// Returns the worst level of its findings and of its parts.
    pub fn level(&self) -> Level {
        let own = self.findings.iter().map(|f| f.level);
        own.chain(self.parts.iter().map(Subject::level)).max().unwrap_or(Level::Good)
    }
}

/// The report of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `check` or `probe`.
    pub command: &'static str,
    pub subjects: Vec<Subject>,
}

impl Report {
    pub fn new(command: &'static str) -> Report {
        Report { command, subjects: Vec::new() }
    }

    fn level(&self) -> Level {
        self.subjects.iter().map(Subject::level).max().unwrap_or(Level::Good)
    }

    /// Visits each subject and part with the path to it.
    fn each<'a>(&'a self, mut visit: impl FnMut(&[&'a Subject])) {
        let mut path = Vec::new();
        for subject in &self.subjects {
            subject.visit(&mut path, &mut visit);
        }
    }

    /// Returns the number of findings of a level.
    fn count(&self, level: Level) -> usize {
        let mut count = 0;
        self.each(|path| {
            let findings = path.last().map_or(&[][..], |s| &s.findings);
            count += findings.iter().filter(|f| f.level == level).count();
        });
        count
    }

    /// Returns 0 for no problem, 1 for a problem, 2 for a check that could not be completed.
    pub fn exit_status(&self, strict: bool) -> u8 {
        match self.level() {
            Level::Good | Level::Note => 0,
            Level::Warning => u8::from(strict),
            Level::Unknown => UNKNOWN_STATUS,
            Level::Wrong => 1,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Tap,
    Json,
    Prometheus,
}

/// Wrong usage, a check that could not be completed, or a report that could not be printed.
const UNKNOWN_STATUS: u8 = 2;

/// The options of a report.
#[derive(Args, Debug)]
#[group(skip)]
pub struct ReportOptions {
    /// Fail if a certificate expires within DAYS days
    #[arg(long, value_name = "DAYS")]
    pub min_days: Option<u32>,

    /// Output format: text (the default), tap (Test Anything Protocol, for
    /// prove), json, or prometheus (for node_exporter's textfile collector)
    #[arg(long, value_name = "text|tap|json|prometheus", default_value = "text")]
    #[arg(hide_possible_values = true, hide_default_value = true, verbatim_doc_comment)]
    format: Format,

    /// Print problems only
    #[arg(long, short)]
    quiet: bool,

    /// Exit with status 1 for warnings, too
    #[arg(long)]
    strict: bool,
}

impl ReportOptions {
    /// Prints the report, or the error, and returns the exit status.
    pub fn finish(&self, report: Result<Report, Failure>) -> ExitCode {
        match report {
            Ok(report) => self.print(&report),
            Err(failure) => {
                print_message(failure.message());
                ExitCode::from(UNKNOWN_STATUS)
            }
        }
    }

    fn print(&self, report: &Report) -> ExitCode {
        let status = report.exit_status(self.strict);
        let printed = match self.format {
            Format::Text => {
                let text = text::format(report, self.quiet);
                // anstream removes colours if stdout is no terminal or NO_COLOR is set.
                anstream::stdout().lock().write_all(text.as_bytes())
            }
            _ if self.quiet && report.level() <= Level::Note => Ok(()),
            format => {
                let text = match format {
                    Format::Tap => tap::format(report, self.strict, self.quiet),
                    Format::Json => json::format(report, status),
                    _ => prometheus::format(report),
                };
                io::stdout().lock().write_all(text.as_bytes())
            }
        };
        match printed.and_then(|()| io::stdout().flush()) {
            // A reader that closes the pipe early is not an error.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                print_message(&format!("could not write to standard output: {error}"));
                ExitCode::from(UNKNOWN_STATUS)
            }
            _ => ExitCode::from(status),
        }
    }
}

/// Returns the width of the text format in columns.
fn width() -> usize {
    const DEFAULT_COLUMNS: usize = 80;
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    match columns() {
        Some(columns) if io::stdout().is_terminal() => std::cmp::max(columns, 40),
        _ => DEFAULT_COLUMNS,
    }
}

#[cfg(test)]
mod tests;
