// SPDX-License-Identifier: MIT OR Apache-2.0
//! The JSON format. Its keys are stable and described in doc/output.md.

use super::text::rfc3339;
use super::{Finding, Report, Subject, Value};
use serde_json::{Map, json};

/// Formats a report as one indented JSON object.
pub fn format(report: &Report, status: u8) -> String {
    let object = json!({
        "format": 1,
        "command": report.command,
        "version": env!("CARGO_PKG_VERSION"),
        "level": report.level().word(),
        "status": status,
        "subjects": report.subjects.iter().map(subject).collect::<Vec<_>>(),
    });
    format!("{object:#}\n")
}

fn subject(subject: &Subject) -> serde_json::Value {
    let facts: Map<String, serde_json::Value> =
        subject.facts.iter().map(|f| (f.key.to_owned(), value(&f.value))).collect();
    json!({
        "kind": subject.kind,
        "name": &*subject.name,
        "level": subject.level().word(),
        "facts": facts,
        "findings": subject.findings.iter().map(finding).collect::<Vec<_>>(),
        "parts": subject.parts.iter().map(self::subject).collect::<Vec<_>>(),
    })
}

fn finding(finding: &Finding) -> serde_json::Value {
    json!({
        "key": finding.key,
        "level": finding.level.word(),
        "text": &*finding.text,
        "advice": finding.advice.as_deref(),
    })
}

fn value(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => json!(**text),
        Value::Number(number) => json!(number),
        Value::Truth(truth) => json!(truth),
        Value::List(list) => json!(list.iter().map(|item| &**item).collect::<Vec<_>>()),
        Value::Time(seconds) => json!(rfc3339(*seconds)),
    }
}
