// SPDX-License-Identifier: MIT OR Apache-2.0
//! The warnings of `certpick check --config` about rules. A rule is reported as hidden only if that is
//! certain.

use super::{certpick, write};
use crate::check::made::pair;
use crate::support::{Scene, stdout};
use serde_json::Value;
use testkit::certificates::{Identity, Subject};

/// A scene with a.crt and b.crt, which servers cannot distinguish, other.crt with another CN, old.crt, which
/// has expired, and foreign.crt of another CA.
fn scene() -> Scene {
    let scene = Scene::new();
    let ca = Identity::root("ca");
    for name in ["a", "b"] {
        pair(&scene, name, &ca.issue("app"));
    }
    pair(&scene, "other", &ca.issue("other"));
    pair(&scene, "old", &ca.issue(Subject::new("app").expired()));
    pair(&scene, "foreign", &Identity::root("foreign").issue("app"));
    scene
}

/// Returns the credentials of the report for certificates and rules.
#[track_caller]
fn report(scene: &Scene, rules: &[(&str, &str)]) -> Vec<Value> {
    let text = rules.iter().map(|(name, rule)| {
        format!("[[credential]]\nsslcert = '{name}.crt'\nsslkey = '{name}.key'\n{rule}\n")
    });
    write(scene, "my.toml", &text.collect::<String>());
    let words = ["check", "--config=my.toml", "--format=json"];
    let output = certpick(scene, &words).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stdout(&output)));
    let subjects = report["subjects"].as_array().unwrap();
    subjects.iter().filter(|s| s["kind"] == "credential").cloned().collect()
}

fn keys(subject: &Value) -> Vec<&str> {
    let findings = subject["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["key"].as_str().unwrap()).collect()
}

/// Returns whether the second of two credentials is reported as hidden by the first one.
#[track_caller]
fn is_hidden(scene: &Scene, first: (&str, &str), second: (&str, &str)) -> bool {
    let credentials = report(scene, &[first, second]);
    assert!(!keys(&credentials[0]).contains(&"rule_hidden"), "{first:?}");
    keys(&credentials[1]).contains(&"rule_hidden")
}

#[test]
fn a_rule_behind_an_equal_or_wider_one_is_hidden() {
    let scene = scene();
    for (first, second) in [
        ("hosts = ['db']", "hosts = ['db']"),
        ("hosts = ['db']", "hosts = ['DB.:5432']"),
        ("hosts = ['*.example', 'db']", "hosts = ['db', 'x.example']"),
        ("hosts = ['10.1.2.3']", "hosts = ['10.1.2.3:1']\nusers = ['app']"),
        ("hosts = ['db']\nusers = ['a*']", "hosts = ['db']\nusers = ['app']"),
        ("hosts = ['d*']\nverified = true", "hosts = ['db']\nverified = true"),
        ("users = ['*']", "users = ['app']"),
    ] {
        for name in ["a", "b"] {
            assert!(is_hidden(&scene, ("a", first), (name, second)), "{first} {name} {second}");
        }
    }
}

#[test]
fn a_rule_that_may_win_is_not_hidden() {
    let scene = scene();
    let db = "hosts = ['db']";
    for (first, second) in [
        (("a", "hosts = ['*']"), ("b", db)),
        (("a", ""), ("b", db)),
        (("a", "hosts = ['db:5432']"), ("b", db)),
        (("a", db), ("b", "hosts = ['d*']")),
        (("a", db), ("b", "")),
        (("a", "hosts = ['db']\nverified = true"), ("b", db)),
        // With host and hostaddr in libpq, only the verified rule is preferred.
        (("a", db), ("b", "hosts = ['db']\nverified = true")),
        (("a", "hosts = ['db']\nusers = ['app']"), ("b", db)),
        (("old", db), ("b", db)),
        (("foreign", db), ("b", db)),
        (("a", db), ("foreign", db)),
        // A user named `other` gets the second one.
        (("a", db), ("other", db)),
    ] {
        assert!(!is_hidden(&scene, first, second), "{first:?} {second:?}");
    }
}

#[test]
fn a_credential_that_is_sent_for_its_user_is_a_collision() {
    let db = "hosts = ['db']";
    let credentials = report(&scene(), &[("a", db), ("other", db)]);
    let findings = credentials[1]["findings"].as_array().unwrap();
    let collision = findings.iter().find(|finding| finding["key"] == "collision").unwrap();
    let text = collision["text"].as_str().unwrap();
    assert!(text.contains("comes first in the file, unless the connection's user is"), "{text}");
}

#[test]
fn credentials_with_different_rules_are_neither_duplicates_nor_collisions() {
    let scene = scene();
    for name in ["a", "b"] {
        let rules = [("a", "hosts = ['db1']"), (name, "hosts = ['db2']")];
        for credential in report(&scene, &rules) {
            let keys = keys(&credential);
            let wrong = ["duplicate", "collision", "rule_hidden"];
            assert!(!keys.iter().any(|key| wrong.contains(key)), "{keys:?}");
        }
    }
}

#[test]
fn the_facts_have_line_and_patterns() {
    let rule = "hosts = ['*.Example', '[::1]:5']\nusers = ['a?']";
    let credentials = report(&scene(), &[("a", ""), ("other", rule)]);
    let facts = &credentials[1]["facts"];
    assert_eq!(facts["line"], 5);
    assert_eq!(facts["hosts"], serde_json::json!(["*.Example", "[::1]:5"]));
    assert_eq!(facts["users"], serde_json::json!(["a?"]));
    assert_eq!(facts["only_verified"], false);
    assert_eq!(facts["entry"], 2);
    assert!(credentials[0]["facts"]["hosts"].is_null());
}

#[test]
fn a_file_without_rules_has_no_findings_about_rules() {
    for credential in report(&scene(), &[("a", ""), ("other", "")]) {
        assert!(!keys(&credential).iter().any(|key| key.starts_with("rule")), "{credential}");
    }
    let users = report(&scene(), &[("a", "users = ['app']")]);
    assert_eq!(users[0]["level"], "note", "{users:?}");
}

#[test]
fn many_patterns_and_credentials_are_compared_in_reasonable_time() {
    let scene = scene();
    let hosts: Vec<String> = (0..9_000).map(|n| format!("'h{n}.example'")).collect();
    let many = format!("hosts = [{}]", hosts.join(","));
    let rules = [("a", many.as_str()), ("b", many.as_str()), ("other", &many)];
    let start = std::time::Instant::now();
    let credentials = report(&scene, &rules);
    assert!(keys(&credentials[1]).contains(&"rule_hidden"));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
