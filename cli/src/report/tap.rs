// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Test Anything Protocol, version 13, with one test point per finding.

use super::{Finding, Level, Report, Subject};
use std::fmt::Write;

/// Formats a report; with `quiet`, only problems.
pub fn format(report: &Report, strict: bool, quiet: bool) -> String {
    let mut points = String::new();
    let mut number = 0;
    report.each(|path| {
        for finding in path.last().map_or(&[][..], |s| &s.findings) {
            if !quiet || finding.level > Level::Note {
                number += 1;
                point(&mut points, number, path, finding, strict);
            }
        }
    });
    // TAP reads the plan 1..0 as "all skipped". A report without `quiet` has at least one finding.
    format!("TAP version 13\n1..{number}\n{points}")
}

fn point(out: &mut String, number: usize, path: &[&Subject], finding: &Finding, strict: bool) {
    let is_ok = match finding.level {
        Level::Good | Level::Note => true,
        Level::Warning => !strict,
        Level::Unknown | Level::Wrong => false,
    };
    let names: Vec<String> = path.iter().map(|s| format!("{} {}", s.kind, s.name)).collect();
    let text = format!("{}: {}", names.join(", "), finding.text);
    // An unescaped # begins a directive.
    let text = text.replace('\\', "\\\\").replace('#', "\\#");
    let result = if is_ok { "ok" } else { "not ok" };
    let _ = writeln!(out, "{result} {number} - {text}");
    if finding.level > Level::Note {
        let _ = writeln!(out, "  ---\n  key: {}\n  level: {}", finding.key, finding.level.word());
        if let Some(advice) = &finding.advice {
            // A JSON string is a valid YAML string.
            let _ = writeln!(out, "  advice: {}", serde_json::Value::from(&**advice));
        }
        let _ = writeln!(out, "  ...");
    }
}
