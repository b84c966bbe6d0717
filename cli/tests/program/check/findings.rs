// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs every test case in every format, and compares the findings with the documentation.

use super::cases::{self, Case};
use crate::check::made::{check, chmod, pair};
use crate::support::{Scene, stderr, stdout};
use serde_json::Value;
use std::collections::BTreeSet;
use testkit::certificates::Identity;
use testkit::directory::is_root;

/// Collects key, level and text with advice of all findings of a subject and its parts.
fn findings(subject: &Value, all: &mut Vec<(String, String, String)>) {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    for finding in subject["findings"].as_array().unwrap() {
        let words = format!("{}\n{}", text(&finding["text"]), text(&finding["advice"]));
        all.push((text(&finding["key"]), text(&finding["level"]), words));
    }
    for part in subject["parts"].as_array().unwrap() {
        findings(part, all);
    }
}

fn all_findings(report: &Value) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for subject in report["subjects"].as_array().unwrap() {
        findings(subject, &mut all);
    }
    all
}

/// Runs a case, checks the expected findings, and returns the report.
fn run(case: &Case, scene: &Scene, options: &str) -> Value {
    let output = check(scene, options).args(["--format", "json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{}: {e}: {}{}", case.name, stdout(&output), stderr(&output)));
    let found = all_findings(&report);
    for (key, level, words) in case.expected {
        let is_it = |f: &&(String, String, String)| f.0 == *key && f.1 == *level;
        let matching = found.iter().filter(is_it).any(|f| f.2.contains(words));
        assert!(matching, "{}: no {key} {level} {words:?} in {found:#?}", case.name);
    }
    assert_eq!(output.status.code(), Some(case.status), "{}: {found:#?}", case.name);
    assert_eq!(report["status"], case.status, "{}", case.name);
    assert_eq!(stderr(&output), "", "{}", case.name);
    report
}

#[test]
fn each_case_has_its_findings_and_exit_status() {
    let fails = |case: &Case| {
        let scene = Scene::new();
        std::panic::catch_unwind(|| run(case, &scene, (case.make)(&scene))).is_err()
    };
    let failed: Vec<&str> = cases::all().iter().filter(|c| fails(c)).map(|c| c.name).collect();
    assert_eq!(failed, Vec::<&str>::new());
}

#[test]
fn text_fits_80_columns_and_has_no_colour_in_a_pipe() {
    for case in cases::all() {
        let scene = Scene::new();
        let options = (case.make)(&scene);
        let output = check(&scene, options).output().unwrap();
        assert_eq!(output.status.code(), Some(case.status), "{}", case.name);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{}: {text:?}", case.name);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", case.name);
        }
    }
}

#[test]
fn quiet_prints_exactly_the_problems() {
    for case in cases::all() {
        let scene = Scene::new();
        let options = (case.make)(&scene);
        let report = run(&case, &scene, options);
        if options.contains("--fix-order") {
            continue;
        }
        let output = check(&scene, options).arg("--quiet").output().unwrap();
        assert_eq!(output.status.code(), Some(case.status), "{}", case.name);
        let text = stdout(&output);
        let is_well = ["good", "note"].contains(&report["level"].as_str().unwrap());
        assert_eq!(text.is_empty(), is_well, "{}: {text}", case.name);
        let shown = text.lines().filter(|l| {
            let word = l.trim_start();
            ["WRONG ", "WARNING ", "UNKNOWN "].iter().any(|w| word.starts_with(w))
        });
        let bad = |f: &&(String, String, String)| f.1 != "good" && f.1 != "note";
        let expected = all_findings(&report).iter().filter(bad).count();
        assert_eq!(shown.count(), expected, "{}: {text}", case.name);
        assert!(!text.contains("  ok ") && !text.contains("  note "), "{}: {text}", case.name);
    }
}

/// Each case is a test program for prove(1).
#[test]
fn prove_reads_tap_and_fails_for_each_case_with_a_problem() {
    let (good, bad) = (Scene::new(), Scene::new());
    let mut wrong = Vec::new();
    for (at, case) in cases::all().into_iter().enumerate() {
        let scene = Scene::new();
        let options = (case.make)(&scene);
        let output = check(&scene, options).args(["--format", "tap"]).output().unwrap();
        assert_eq!(output.status.code(), Some(case.status), "{}", case.name);
        let name = format!("{at:03}.tap");
        let text = stdout(&output);
        let points = |start: &str| text.lines().filter(|l| l.starts_with(start)).count();
        let (passed, failed) = (points("ok "), points("not ok "));
        assert!(passed + failed > 0, "{}: {text}", case.name);
        if case.status == 0 {
            good.write(&name, text);
        } else {
            wrong.push((case.name, name.clone(), passed + failed, failed));
            bad.write(&name, text);
        }
    }
    let prove = |scene: &Scene| {
        let files = std::fs::read_dir(scene.root()).unwrap().map(|f| f.unwrap().file_name());
        let files = files.filter(|f| f.to_string_lossy().ends_with(".tap"));
        scene.command("prove").args(["--exec", "cat", "--merge"]).args(files).output().unwrap()
    };
    let output = prove(&good);
    let text = stdout(&output);
    assert!(output.status.success() && text.contains("All tests successful."), "{text}");
    let output = prove(&bad);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(!text.contains("Parse errors"), "{text}");
    for (name, file, all, failed) in wrong {
        let matching = text.lines().any(|l| {
            let words: Vec<&str> = l.split_whitespace().collect();
            words.first() == Some(&file.as_str())
                && l.contains(&format!("Tests: {all} Failed: {failed})"))
        });
        assert!(matching, "{name}: {file} with {failed} of {all} in {text}");
    }
}

/// The reference parser finds the same values as in JSON.
#[test]
fn the_prometheus_parser_reads_the_metrics() {
    let collected = Scene::new();
    let mut expected = Vec::new();
    for (at, case) in cases::all().into_iter().enumerate() {
        let scene = Scene::new();
        let options = (case.make)(&scene);
        if options.contains("--fix-order") {
            continue;
        }
        let report = run(&case, &scene, options);
        let output = check(&scene, options).args(["--format", "prometheus"]).output().unwrap();
        assert_eq!(output.status.code(), Some(case.status), "{}", case.name);
        collected.write(format!("{at:03}.prom"), output.stdout);
        let mut days: Vec<i64> = Vec::new();
        for subject in report["subjects"].as_array().unwrap() {
            days_left(subject, &mut days);
        }
        days.sort_unstable();
        let level = |s: &Value| s["level"] == "wrong" || s["level"] == "unknown";
        let down = report["subjects"].as_array().unwrap().iter().filter(|s| level(s)).count();
        expected.push((format!("{at:03}.prom"), days, down));
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/support/metrics.py");
    let output = collected.command("/usr/bin/python3").arg(script).arg(".").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (file, days, down) in expected {
        let shown: Vec<i64> = serde_json::from_value(read[&file]["days_left"].clone()).unwrap();
        assert_eq!(shown.len(), days.len(), "{file}");
        // A day may have ended between the two runs.
        let is_same = shown.iter().zip(&days).all(|(a, b)| (b - 1..=*b).contains(a));
        assert!(is_same, "{file}: {shown:?}, {days:?}");
        assert_eq!(read[&file]["down"], down, "{file}");
    }
}

fn days_left(subject: &Value, all: &mut Vec<i64>) {
    all.extend(subject["facts"]["days_left"].as_i64());
    for part in subject["parts"].as_array().unwrap() {
        days_left(part, all);
    }
}

/// Returns the keys of findings in doc/output.md.
fn documented() -> BTreeSet<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../doc/output.md");
    let text = std::fs::read_to_string(file).unwrap();
    let section = |title: &str| {
        let (_, section) = text.split_once(&format!("### {title}\n")).unwrap();
        section.split("\n#").next().unwrap().to_owned()
    };
    let tables = section("Findings of both") + &section("Findings of check");
    let first_cells = tables.lines().filter_map(|l| l.strip_prefix("| `")?.split('|').next());
    let keys = first_cells.flat_map(|cell| cell.split(',').map(|key| key.trim().trim_matches('`')));
    keys.map(str::to_owned).collect()
}

#[test]
fn there_is_a_case_for_each_documented_finding() {
    let mut seen = BTreeSet::new();
    for case in cases::all() {
        seen.extend(case.expected.iter().map(|(key, _, _)| (*key).to_owned()));
    }
    // Only root can change the owner of a key; see the test below.
    seen.insert("key_access".to_owned());
    assert_eq!(seen, documented());
}

#[test]
fn a_servers_key_must_belong_to_its_user_or_to_root() {
    const NOBODY: u32 = 65_534;
    let scene = Scene::new();
    pair(&scene, "s", &Identity::root("root").issue("db"));
    let message = |scene: &Scene| {
        let options = "--server --cert s.crt --key s.key --format json";
        let output = check(scene, options).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = all_findings(&report).into_iter().filter(|f| f.0 == "key_access");
        (output.status.code(), found.map(|f| (f.1, f.2)).collect::<Vec<_>>())
    };
    if !is_root() {
        // Only root can change the owner of a file.
        assert_eq!(message(&scene), (Some(0), Vec::new()));
        return;
    }
    let (status, found) = message(&scene);
    assert_eq!((status, found[0].0.as_str()), (Some(0), "warning"), "{found:?}");
    chmod(&scene, "s.key", 0o640);
    let (status, found) = message(&scene);
    assert_eq!((status, found[0].0.as_str()), (Some(0), "note"), "{found:?}");
    assert!(found[0].1.contains("must be a member of group root"), "{found:?}");
    std::os::unix::fs::chown(scene.path("s.key"), Some(NOBODY), None).unwrap();
    let text =
        stdout(&check(&scene, "--server --cert s.crt --key s.key --quiet").output().unwrap());
    assert!(text.contains("\"s.key\" has group or world access"), "{text}");
    chmod(&scene, "s.key", 0o600);
    let (status, found) = message(&scene);
    assert_eq!((status, found[0].0.as_str()), (Some(0), "note"), "{found:?}");
    assert!(found[0].1.contains("the server must run as nobody"), "{found:?}");
}

#[test]
fn no_output_contains_a_password() {
    const PASSWORDS: [&str; 3] = ["pw-ONE", "pw-one", "pw-TWO"];
    for case in cases::all() {
        let scene = Scene::new();
        let options = (case.make)(&scene);
        if !options.contains("--sslpassword-file") {
            continue;
        }
        for format in ["text", "tap", "json", "prometheus"] {
            let output = check(&scene, options).args(["--format", format]).output().unwrap();
            let message = stdout(&output) + &stderr(&output);
            for password in PASSWORDS {
                assert!(!message.contains(password), "{}: {message}", case.name);
            }
        }
    }
}
