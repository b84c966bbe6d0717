// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Test Anything Protocol, version 13, one point per finding: for prove(1) and the like.

use super::{Finding, Level, Report, Subject};
use std::fmt::Write;

/// With `quiet` only the points that are not well.
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
    // A plan of none means that all was skipped; there is always something to look at.
    format!("TAP version 13\n1..{number}\n{points}")
}

fn point(out: &mut String, number: usize, path: &[&Subject], finding: &Finding, strict: bool) {
    let well = match finding.level {
        Level::Good | Level::Note => true,
        Level::Warning => !strict,
        Level::Unknown | Level::Wrong => false,
    };
    let names: Vec<String> = path.iter().map(|s| format!("{} {}", s.kind, s.name)).collect();
    let text = format!("{}: {}", names.join(", "), finding.text);
    // A # would begin a directive.
    let text = text.replace('\\', "\\\\").replace('#', "\\#");
    let result = if well { "ok" } else { "not ok" };
    let _ = writeln!(out, "{result} {number} - {text}");
    if finding.level > Level::Note {
        let _ = writeln!(out, "  ---\n  key: {}\n  level: {}", finding.key, finding.level.word());
        if let Some(advice) = &finding.advice {
            // In YAML a string may be quoted as in JSON.
            let _ = writeln!(out, "  advice: {}", serde_json::Value::from(&**advice));
        }
        let _ = writeln!(out, "  ...");
    }
}
