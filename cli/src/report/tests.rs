// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

const CONTROLS: &str =
    "\u{1b}[31mred\u{7}\r\n\u{7f}\u{9b}1m\u{202e}\u{2066}\u{2028}\u{feff}\u{e0041}back";
const SHOWN: &str =
    r"\u{1b}[31mred\u{7}\r\n\u{7f}\u{9b}1m\u{202e}\u{2066}\u{2028}\u{feff}\u{e0041}back";

/// A report with every kind of value and finding, and control characters in names.
fn report() -> Report {
    let mut leaf = Subject::new("certificate", format!("CN=leaf {CONTROLS}"));
    leaf.fact("subject", "subject", format!("CN=\"leaf\\{CONTROLS}\""));
    leaf.fact("not_after", "not after", Value::Time(1_900_000_000));
    leaf.fact("days_left", "days left", 12);
    leaf.finding("validity", Level::Good, "valid # TODO not really");
    let mut credential = Subject::new("credential", "1 ".to_owned() + &"a-long-name/".repeat(20));
    let names = vec!["one".repeat(30), "two".repeat(30), format!("CN=three {CONTROLS}")];
    credential.fact("names", "names", names);
    credential.advised("key", Level::Wrong, format!("wrong {CONTROLS}"), "do something".repeat(20));
    credential.finding("chain", Level::Warning, "a warning \\# 1");
    credential.finding("order", Level::Note, "a note");
    credential.part(leaf.clone()).part(leaf);
    let mut report = Report::new("check");
    report.subjects = vec![credential, Subject::new("server", "empty")];
    report
}

fn with(level: Level) -> Report {
    let mut report = Report::new("check");
    let mut outer = Subject::new("credential", "a");
    let mut part = Subject::new("certificate", "b");
    part.finding("key", level, "text");
    outer.finding("other", Level::Good, "text").part(part);
    report.subjects.push(outer);
    report
}

#[test]
fn the_exit_status_is_that_of_the_worst_finding() {
    let status = |level| (with(level).exit_status(false), with(level).exit_status(true));
    assert_eq!(status(Level::Good), (0, 0));
    assert_eq!(status(Level::Note), (0, 0));
    assert_eq!(status(Level::Warning), (0, 1));
    assert_eq!(status(Level::Unknown), (2, 2));
    assert_eq!(status(Level::Wrong), (1, 1));
}

#[test]
fn text_is_wrapped_to_80_columns_and_never_cut_off() {
    let text = anstream::adapter::strip_str(&text::format(&report(), false)).to_string();
    for line in text.lines() {
        assert!(textwrap::core::display_width(line) <= 80, "{line}");
    }
    let squeezed: String = text.split_whitespace().collect();
    assert!(squeezed.contains(&"a-long-name/".repeat(20)), "{text}");
    assert!(squeezed.contains(&"dosomething".repeat(20)), "{text}");
    assert!(squeezed.contains(&"one".repeat(30)) && squeezed.contains(&"two".repeat(30)), "{text}");
    assert!(text.ends_with("1 problem, 1 warning.\n"), "{text}");
}

#[test]
fn control_characters_are_escaped_in_every_format() {
    let report = report();
    let shown = [
        anstream::adapter::strip_str(&text::format(&report, false)).to_string(),
        tap::format(&report, false, false),
        json::format(&report, 1),
        prometheus::format(&report),
    ];
    for text in shown {
        assert!(text.lines().all(certpick_core::text::is_printable), "{text:?}");
    }
}

#[test]
fn quiet_prints_only_problems() {
    assert_eq!(text::format(&with(Level::Note), true), "");
    let text = text::format(&report(), true);
    assert!(text.contains("WRONG") && text.contains("WARNING"), "{text}");
    assert!(!text.contains("a note") && !text.contains("days left"), "{text}");
    assert!(!text.contains("valid"), "{text}");
}

#[test]
fn each_finding_is_a_test_point_in_tap() {
    let text = tap::format(&report(), false, false);
    let points = |start: &str| text.lines().filter(|l| l.starts_with(start)).count();
    assert!(text.starts_with("TAP version 13\n1..5\n"), "{text}");
    assert_eq!((points("ok "), points("not ok ")), (4, 1), "{text}");
    // The # is escaped, because it would begin a directive.
    assert!(text.contains(r"valid \# TODO"), "{text}");
    assert!(tap::format(&report(), true, false).contains("not ok 2"));
}

#[test]
fn json_contains_all_facts_and_findings() {
    let value: serde_json::Value = serde_json::from_str(&json::format(&report(), 1)).unwrap();
    assert_eq!((&value["format"], &value["status"]), (&1.into(), &1.into()));
    let credential = &value["subjects"][0];
    assert_eq!(credential["findings"][0]["level"], "wrong");
    assert_eq!(credential["parts"][1]["facts"]["not_after"], "2030-03-17T17:46:40Z");
    assert_eq!(credential["parts"][0]["facts"]["days_left"], 12);
    assert_eq!(credential["parts"][0]["name"], format!("CN=leaf {SHOWN}"));
    assert_eq!(credential["parts"][0]["facts"]["subject"], format!("CN=\"leaf\\{SHOWN}\""));
    assert_eq!(credential["facts"]["names"][2], format!("CN=three {SHOWN}"));
    assert_eq!(credential["findings"][0]["text"], format!("wrong {SHOWN}"));
    assert_eq!(value["subjects"][1]["level"], "good");
}

#[test]
fn each_prometheus_series_is_unique() {
    let text = prometheus::format(&report());
    let mut series: Vec<&str> = text
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.rsplit_once(' ').unwrap().0)
        .collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all, "{text}");
    assert!(text.contains("certpick_up{command=\"check\",entry=\"1\""), "{text}");
    assert!(text.contains(r#"part="1",subject="CN=\"leaf\\"#), "{text}");
    assert!(text.contains("} 1900000000\n"), "{text}");
}

#[test]
fn times_are_formatted_in_utc() {
    assert_eq!(text::rfc3339(0), "1970-01-01T00:00:00Z");
    assert_eq!(text::rfc3339(-1), "1969-12-31T23:59:59Z");
    assert_eq!(text::rfc3339(i64::MAX), format!("@{}", i64::MAX));
}
