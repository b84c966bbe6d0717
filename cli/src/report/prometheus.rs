// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prometheus' text format, for node_exporter's textfile collector.

use super::{Fact, Level, Report, Subject, Value};
use std::fmt::Write;

struct Metric {
    name: &'static str,
    help: &'static str,
    samples: String,
}

impl Metric {
    fn new(name: &'static str, help: &'static str) -> Metric {
        Metric { name, help, samples: String::new() }
    }

    fn sample(&mut self, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.samples, "{}{{{labels}}} {value}", self.name);
    }
}

/// All metrics, each with its samples together, as the format wants it.
pub fn format(report: &Report) -> String {
    let mut up = Metric::new("certpick_up", "1 where nothing is wrong and all could be found out.");
    let mut findings = Metric::new("certpick_findings", "How many findings there are, by level.");
    let mut days = Metric::new(
        "certpick_certificate_days_left",
        "Whole days until a certificate expires; negative once it has.",
    );
    let mut not_after = Metric::new(
        "certpick_certificate_not_after_timestamp_seconds",
        "When a certificate expires, in seconds since 1970.",
    );
    for (at, subject) in report.subjects.iter().enumerate() {
        let entry = format!("command={},{}", label(report.command), labels(at + 1, subject));
        up.sample(&entry, u8::from(subject.level() < Level::Unknown));
        for level in [Level::Wrong, Level::Unknown, Level::Warning] {
            let alone = Report { command: report.command, subjects: vec![subject.clone()] };
            let labels = format!("{entry},level={}", label(level.word()));
            findings.sample(&labels, alone.count(level));
        }
        certificates(subject, &entry, &mut String::new(), &mut |labels, fact| match fact {
            Fact { key: "days_left", value: Value::Number(left), .. } => days.sample(labels, left),
            Fact { key: "not_after", value: Value::Time(time), .. } => {
                not_after.sample(labels, time);
            }
            _ => {}
        });
    }
    let mut text = String::new();
    for metric in [up, findings, days, not_after] {
        let Metric { name, help, samples } = metric;
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{samples}");
    }
    text
}

/// Visits the facts of a subject and its parts. `part` is the place in the tree, so that no two
/// certificates share a series.
fn certificates(
    subject: &Subject,
    entry: &str,
    part: &mut String,
    visit: &mut dyn FnMut(&str, &Fact),
) {
    let name = |fact: &&Fact| fact.key == "subject";
    let named = match subject.facts.iter().find(name) {
        Some(Fact { value: Value::Text(text), .. }) => &**text,
        _ => "",
    };
    let labels = format!("{entry},part={},subject={}", label(part), label(named));
    for fact in &subject.facts {
        visit(&labels, fact);
    }
    for (at, below) in subject.parts.iter().enumerate() {
        let length = part.len();
        let dot = if part.is_empty() { "" } else { "." };
        let _ = write!(part, "{dot}{}", at + 1);
        certificates(below, entry, part, visit);
        part.truncate(length);
    }
}

fn labels(number: usize, subject: &Subject) -> String {
    format!("entry=\"{number}\",kind={},name={}", label(subject.kind), label(&subject.name))
}

/// A label's value, quoted.
fn label(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
