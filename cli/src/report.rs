// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `check` and `probe` found, as values; how it is printed stands in the modules below.

mod json;
mod prometheus;
mod tap;
mod text;

use crate::failure::say;
use certpick_core::text::printable;
use clap::{Args, ValueEnum};
use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};
use std::ops::Deref;
use std::process::ExitCode;

/// How much one finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It was looked at, and all is well.
    Good,
    /// Worth knowing; nothing has to be done.
    Note,
    /// It works here, and ought to be changed all the same.
    Warning,
    /// It could not be found out.
    Unknown,
    /// It does not work, or soon will not.
    Wrong,
}

impl Level {
    /// The stable word for programs.
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

/// Text of a report, in every format. It holds nothing that steers, hides or reorders text, wherever it
/// came from (see [`certpick_core::text`]).
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

/// What something is, without a judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The stable word for programs; doc/output.md lists them.
    pub key: &'static str,
    /// What a person reads.
    pub label: &'static str,
    pub value: Value,
}

/// One thing that was looked at, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stable word for programs; doc/output.md lists them.
    pub key: &'static str,
    pub level: Level,
    pub text: Text,
    /// What to do about it, where that is not plain.
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

/// What was looked at: a credential, a certificate, a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The stable word for programs; doc/output.md lists them.
    pub kind: &'static str,
    /// A file or a host.
    pub name: Text,
    pub facts: Vec<Fact>,
    pub findings: Vec<Finding>,
    /// The certificates of a chain, for one.
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

    /// This subject, its parts, theirs and so on.
    fn visit<'a>(&'a self, path: &mut Vec<&'a Subject>, visit: &mut dyn FnMut(&[&'a Subject])) {
        path.push(self);
        visit(path);
        for part in &self.parts {
            part.visit(path, visit);
        }
        path.pop();
    }

    /// The worst of its findings and of its parts'.
    pub fn level(&self) -> Level {
        let own = self.findings.iter().map(|f| f.level);
        own.chain(self.parts.iter().map(Subject::level)).max().unwrap_or(Level::Good)
    }
}

/// All that a command found.
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

    /// Each subject and part, with those that it belongs to before it.
    fn each<'a>(&'a self, mut visit: impl FnMut(&[&'a Subject])) {
        let mut path = Vec::new();
        for subject in &self.subjects {
            subject.visit(&mut path, &mut visit);
        }
    }

    /// How many findings there are of this level.
    fn count(&self, level: Level) -> usize {
        let mut count = 0;
        self.each(|path| {
            let findings = path.last().map_or(&[][..], |s| &s.findings);
            count += findings.iter().filter(|f| f.level == level).count();
        });
        count
    }

    /// 0: all well; 1: something is wrong; 2: something could not be found out.
    pub fn exit_status(&self, strict: bool) -> u8 {
        match self.level() {
            Level::Good | Level::Note => 0,
            Level::Warning => u8::from(strict),
            Level::Unknown => 2,
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

/// The options on how a report is given.
#[derive(Args, Debug)]
#[group(skip)]
pub struct Output {
    /// text for people (the default), tap (one point per finding, for
    /// prove), json, or prometheus (for node_exporter's textfile collector)
    #[arg(long, value_name = "text|tap|json|prometheus", default_value = "text")]
    #[arg(hide_possible_values = true, hide_default_value = true, verbatim_doc_comment)]
    format: Format,

    /// Say nothing where all is well, and else only what is not
    #[arg(long, short)]
    quiet: bool,

    /// Exit with 1 for warnings too
    #[arg(long)]
    strict: bool,
}

impl Output {
    /// Prints the report, and gives the exit status.
    pub fn print(&self, report: &Report) -> ExitCode {
        let status = ExitCode::from(report.exit_status(self.strict));
        let bytes = match self.format {
            Format::Text => return self.print_text(report, status),
            _ if self.quiet && report.level() <= Level::Note => return status,
            Format::Tap => tap::format(report, self.strict, self.quiet),
            Format::Json => json::format(report, report.exit_status(self.strict)),
            Format::Prometheus => prometheus::format(report),
        };
        written(io::stdout().lock().write_all(bytes.as_bytes()), status)
    }

    fn print_text(&self, report: &Report, status: ExitCode) -> ExitCode {
        let shown = text::format(report, self.quiet);
        // It takes the colours away where nobody sees them, or wants them (NO_COLOR).
        written(anstream::stdout().lock().write_all(shown.as_bytes()), status)
    }
}

/// A reader that has seen enough is no failure; a full disk is.
fn written(result: io::Result<()>, status: ExitCode) -> ExitCode {
    match result.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!("could not print: {error}"));
            ExitCode::from(2)
        }
        _ => status,
    }
}

/// How wide what is printed may be.
fn width() -> usize {
    const USUAL: usize = 80;
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    match columns() {
        Some(columns) if io::stdout().is_terminal() => std::cmp::max(columns, 40),
        _ => USUAL,
    }
}

#[cfg(test)]
mod tests;
