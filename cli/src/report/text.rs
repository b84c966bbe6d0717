// SPDX-License-Identifier: MIT OR Apache-2.0
//! The text format: a tree of subjects, wrapped to the width of the terminal.

use super::{Fact, Finding, Level, Report, Subject, Value, width};
use anstyle::{AnsiColor, Style};
use std::fmt::Write;
use textwrap::core::display_width;

const BOLD: Style = Style::new().bold();
/// Width of the level before a finding.
const LEVEL_WIDTH: usize = "WARNING".len();

/// Formats a report; with `quiet`, only problems.
pub fn format(report: &Report, quiet: bool) -> String {
    let mut page = Page { text: String::new(), width: width(), quiet };
    for subject in &report.subjects {
        page.subject(subject, 0);
    }
    if !quiet {
        page.wrap("", "", &summary(report));
    }
    page.text
}

/// Returns the last line.
fn summary(report: &Report) -> String {
    let count = |level, text: &str| match report.count(level) {
        0 => None,
        1 => Some(format!("1 {text}")),
        n => Some(format!("{n} {text}s")),
    };
    let parts = [
        count(Level::Wrong, "problem"),
        count(Level::Unknown, "incomplete check"),
        count(Level::Warning, "warning"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        "No problems found.".to_owned()
    } else {
        format!("{}.", parts.join(", "))
    }
}

/// Formats a time in seconds since 1970 by RFC 3339, in UTC.
pub fn rfc3339(seconds: i64) -> String {
    use time::format_description::well_known::Rfc3339;
    let time = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
    time.and_then(|t| t.format(&Rfc3339).ok()).unwrap_or_else(|| format!("@{seconds}"))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Truth(true) => "yes".to_owned(),
        Value::Truth(false) => "no".to_owned(),
        Value::List(list) if list.is_empty() => "none".to_owned(),
        Value::List(list) => list.iter().map(|item| &**item).collect::<Vec<_>>().join(", "),
        Value::Time(seconds) => rfc3339(*seconds),
    }
}

struct Page {
    text: String,
    width: usize,
    quiet: bool,
}

impl Page {
    fn subject(&mut self, subject: &Subject, depth: usize) {
        if self.quiet && subject.level() <= Level::Note {
            return;
        }
        let margin = "  ".repeat(depth);
        self.styled(&margin, BOLD, &format!("{}: {}", subject.kind, subject.name));
        if !self.quiet {
            self.facts(&subject.facts, &format!("{margin}  "));
        }
        for finding in &subject.findings {
            if !self.quiet || finding.level > Level::Note {
                self.finding(finding, &format!("{margin}  "));
            }
        }
        for part in &subject.parts {
            self.subject(part, depth + 1);
        }
        if depth == 0 && !self.quiet {
            self.text.push('\n');
        }
    }

    fn facts(&mut self, facts: &[Fact], margin: &str) {
        let column = facts.iter().map(|f| display_width(f.label)).max().unwrap_or(0);
        for fact in facts {
            let gap = " ".repeat(column - display_width(fact.label));
            let first = format!("{margin}{}{gap}  ", fact.label);
            let next = " ".repeat(display_width(&first));
            // A long list has one line per item, unless its items are single words.
            match &fact.value {
                Value::List(list)
                    if display_width(&shown(&fact.value)) > self.width - next.len()
                        && list.iter().any(|item| item.contains([' ', '=', ':'])) =>
                {
                    for (at, item) in list.iter().enumerate() {
                        let first = if at == 0 { &first } else { &next };
                        self.wrap(first, &format!("{next}  "), item);
                    }
                }
                value => self.wrap(&first, &next, &shown(value)),
            }
        }
    }

    fn finding(&mut self, finding: &Finding, margin: &str) {
        let (word, colour) = match finding.level {
            Level::Good => ("ok", AnsiColor::Green),
            Level::Note => ("note", AnsiColor::Cyan),
            Level::Warning => ("WARNING", AnsiColor::Yellow),
            Level::Unknown => ("UNKNOWN", AnsiColor::Magenta),
            Level::Wrong => ("WRONG", AnsiColor::Red),
        };
        let style = Style::new().fg_color(Some(colour.into()));
        let gap = " ".repeat(LEVEL_WIDTH - word.len() + 2);
        let next = format!("{margin}{}", " ".repeat(LEVEL_WIDTH + 2));
        let start = self.text.len();
        self.wrap(&format!("{margin}{word}{gap}"), &next, &finding.text);
        // Colour is added after wrapping, which would count the escape sequences as text.
        let at = start + margin.len();
        self.text.replace_range(at..at + word.len(), &format!("{style}{word}{style:#}"));
        if let Some(advice) = &finding.advice {
            self.wrap(&format!("{next}-> "), &format!("{next}   "), advice);
        }
    }

    fn styled(&mut self, margin: &str, style: Style, text: &str) {
        let start = self.text.len();
        self.wrap(margin, &format!("{margin}    "), text);
        let end = self.text.trim_end_matches('\n').len();
        let shown = self.text[start + margin.len()..end].to_owned();
        self.text.truncate(start);
        let _ = writeln!(self.text, "{margin}{style}{shown}{style:#}");
    }

    /// Wraps text. Words that are longer than a line are broken, not cut off.
    fn wrap(&mut self, first: &str, next: &str, text: &str) {
        let options = textwrap::Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(next)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        for line in textwrap::wrap(text, options) {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }
}
