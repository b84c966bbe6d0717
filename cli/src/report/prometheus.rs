// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Prometheus text format, for node_exporter's textfile collector.

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

/// Formats a report. The format requires the samples of a metric to be together.
pub fn format(report: &Report) -> String {
    let mut up =
        Metric::new("certpick_up", "1 if there is no problem and all checks completed, else 0.");
    let mut findings = Metric::new("certpick_findings", "Number of findings, by level.");
    let mut days = Metric::new(
        "certpick_certificate_days_left",
        "Whole days until a certificate expires; negative after that.",
    );
    let mut not_after = Metric::new(
        "certpick_certificate_not_after_timestamp_seconds",
        "Expiry time of a certificate, in seconds since 1970.",
    );
    for (at, subject) in report.subjects.iter().enumerate() {
        let subject_labels =
            format!("command={},{}", label(report.command), labels(at + 1, subject));
        up.sample(&subject_labels, u8::from(subject.level() < Level::Unknown));
        for level in [Level::Wrong, Level::Unknown, Level::Warning] {
            let alone = Report { command: report.command, subjects: vec![subject.clone()] };
            let labels = format!("{subject_labels},level={}", label(level.word()));
            findings.sample(&labels, alone.count(level));
        }
        visit_facts(subject, &subject_labels, &mut String::new(), &mut |labels, fact| match fact {
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

/// Visits the facts of a subject and its parts. `part` is the position in the tree, which makes the
/// series of each certificate unique.
fn visit_facts(
    subject: &Subject,
    subject_labels: &str,
    part: &mut String,
    visit: &mut dyn FnMut(&str, &Fact),
) {
    let name = match subject.facts.iter().find(|fact| fact.key == "subject") {
        Some(Fact { value: Value::Text(text), .. }) => &**text,
        _ => "",
    };
    let labels = format!("{subject_labels},part={},subject={}", label(part), label(name));
    for fact in &subject.facts {
        visit(&labels, fact);
    }
    for (at, below) in subject.parts.iter().enumerate() {
        let length = part.len();
        let dot = if part.is_empty() { "" } else { "." };
        let _ = write!(part, "{dot}{}", at + 1);
        visit_facts(below, subject_labels, part, visit);
        part.truncate(length);
    }
}

fn labels(number: usize, subject: &Subject) -> String {
    format!("entry=\"{number}\",kind={},name={}", label(subject.kind), label(&subject.name))
}

/// Quotes the value of a label.
fn label(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
