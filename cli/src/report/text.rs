// SPDX-License-Identifier: MIT OR Apache-2.0
//! For people: a tree of what was looked at, within the width of a terminal.

use super::{Fact, Finding, Level, Report, Subject, Value, width};
use anstyle::{AnsiColor, Style};
use std::fmt::Write;
use textwrap::core::display_width;

const BOLD: Style = Style::new().bold();
/// As wide as the longest word before a finding.
const WORD: usize = "WARNING".len();

/// All of it; with `quiet` only what is not well.
pub fn format(report: &Report, quiet: bool) -> String {
    let mut page = Page { text: String::new(), width: width(), quiet };
    for subject in &report.subjects {
        page.subject(subject, 0);
    }
    if !quiet {
        page.wrap("", "", &sum(report));
    }
    page.text
}

/// The last line.
fn sum(report: &Report) -> String {
    let count = |level, one: &str, many: &str| match report.count(level) {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let parts: Vec<String> = [
        count(Level::Wrong, "thing is wrong", "things are wrong"),
        count(Level::Unknown, "could not be found out", "could not be found out"),
        count(Level::Warning, "warning", "warnings"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { "All is well.".to_owned() } else { format!("{}.", parts.join(", ")) }
}

/// A moment in UTC, as RFC 3339 writes it.
pub fn moment(seconds: i64) -> String {
    use time::format_description::well_known::Rfc3339;
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
    moment.and_then(|m| m.format(&Rfc3339).ok()).unwrap_or_else(|| format!("@{seconds}"))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Truth(true) => "yes".to_owned(),
        Value::Truth(false) => "no".to_owned(),
        Value::List(list) if list.is_empty() => "none".to_owned(),
        Value::List(list) => list.iter().map(|item| &**item).collect::<Vec<_>>().join(", "),
        Value::Time(seconds) => moment(*seconds),
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
            // A list of more than words has a line for each, where it is long.
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
        let gap = " ".repeat(WORD - word.len() + 2);
        let next = format!("{margin}{}", " ".repeat(WORD + 2));
        let start = self.text.len();
        self.wrap(&format!("{margin}{word}{gap}"), &next, &finding.text);
        // Coloured afterwards: the wrapping is not to count what cannot be seen.
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

    /// Words are kept whole where they fit in a line, and never cut off.
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
