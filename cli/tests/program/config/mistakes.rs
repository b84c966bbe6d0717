// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration files that cannot be used: one error with file, line and column, which shows nothing of
//! the content.

use super::{certpick, write};
use crate::support::{Scene, failure, stderr, stdout};
use serde_json::Value;
use std::os::unix::fs::symlink;
use testkit::certificates::Identity;
use testkit::directory::set_mode;

/// Runs each command with the file. Returns the error, which must be the same in all of them.
#[track_caller]
fn error(scene: &Scene, file: &str) -> String {
    let mut run = scene.certpick_run();
    run.args(["--config", file, "--", "touch", "started"]);
    let message = failure(&mut run, 125);
    assert!(!scene.path("started").exists() && scene.stored().is_empty());
    let probe = failure(&mut certpick(scene, &["probe", "127.0.0.1:1", "--config", file]), 2);
    assert_eq!(probe, message);
    let text = message.strip_prefix("certpick: ").and_then(|m| m.strip_suffix('\n')).unwrap();
    assert!(!text.contains('\n'), "{text}");

    let check = ["check", "--config", file, "--format", "json"];
    let output = certpick(scene, &check).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), String::new()));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let subjects = report["subjects"].as_array().unwrap();
    assert_eq!((subjects.len(), &subjects[0]["kind"]), (1, &Value::from("config")));
    let findings = subjects[0]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["key"], "config");
    assert_eq!(findings[0]["level"], "wrong");
    assert_eq!(findings[0]["text"], text);
    text.to_owned()
}

/// Returns the error in a file with this content, without the name of the file.
#[track_caller]
fn error_in(content: impl AsRef<[u8]>) -> String {
    let scene = Scene::new();
    let file = scene.write("my.toml", content);
    let message = error(&scene, "my.toml");
    let start = format!("configuration file \"{}\", ", file.display());
    message.strip_prefix(&start).unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[test]
fn mistakes_are_reported_with_line_and_column() {
    for (content, expected) in [
        ("host = 'Xyzzy'", "line 1, column 1: unknown key \"host\"; the only key before"),
        ("[[credential]]\nsslcert = 'Xyzzy'\n hosts = 'Xyzzy'", "line 3, column 10: hosts must be"),
        ("[[credential]]\nsslcert = 'Xyzzy'\nverified = 'Xyzzy'", "line 3, column 12: verified"),
        (
            "[[credential]]\nsslcert = 'Xyzzy'\nsslcert = 'Xyzzy'",
            "line 3, column 1: sslcert is set",
        ),
        ("[credential]\nsslcert = 'Xyzzy'", "line 1, column 1: unknown table"),
        ("[[credentials]]", "line 1, column 1: unknown table"),
        ("", "line 1, column 1: the file has no [[credential]]"),
        ("[[credential]]", "line 1, column 1: this [[credential]] has no sslcert"),
        ("[[credential]]\nsslcert = 'Xyzzy", "line 2, column "),
        ("[[credential]]\nsslpassword = 'Xyzzy'", "line 2, column 1: unknown key \"sslpassword\""),
        ("Xyzzy:5432:*:Xyzzy:Xyzzy\n", "line 1, column "),
    ] {
        let message = error_in(content);
        assert!(message.starts_with(expected), "{content:?}: {message}");
        assert!(!message.contains("Xyzzy"), "{content:?}: {message}");
    }
}

#[test]
fn mistakes_in_patterns_are_reported_without_the_pattern() {
    for hosts in
        ["", "Xyzzy/x", "10.1.*", "Xyzzy:0", "Xyzzy:65536", "Xyzzy x", "https://Xyzzy", "[::1"]
    {
        let content = format!("[[credential]]\nsslcert = 'a'\nhosts = ['ok', '{hosts}']");
        let message = error_in(content);
        assert!(message.starts_with("line 3, column "), "{hosts}: {message}");
        assert!(message.contains("hosts: pattern 2 "), "{hosts}: {message}");
        assert!(!message.contains("Xyzzy") && !message.contains("10.1"), "{hosts}: {message}");
    }
    let users = "[[credential]]\nsslcert = 'a'\nusers = []";
    assert!(error_in(users).contains("users is an empty array"));
}

#[test]
fn a_private_key_is_not_shown() {
    let key = Identity::self_signed("a").key_pem();
    let lines = String::from_utf8(key.clone()).unwrap();
    let message = error_in(key);
    for line in lines.lines() {
        assert!(!message.contains(line), "{message}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_that_names_it() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("directory")).unwrap();
    scene.fifo("fifo");
    symlink("missing", scene.path("dangling")).unwrap();
    scene.write("large", "#".repeat((1 << 20) + 1));
    for (file, reason) in [
        ("missing", "No such file or directory"),
        ("dangling", "No such file or directory"),
        ("directory", ""),
        ("fifo", ""),
        ("/dev/zero", ""),
        ("large", ""),
    ] {
        let message = error(&scene, file);
        assert!(message.starts_with("could not read configuration file \""), "{message}");
        assert!(message.contains(&format!("{file}\": ")), "{message}");
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn a_file_that_others_may_write_is_an_error() {
    let scene = Scene::new();
    scene.identity("a.pem");
    write(&scene, "my.toml", "[[credential]]\nsslcert = 'a.pem'\n");
    for mode in [0o620, 0o602, 0o666] {
        set_mode(scene.path("my.toml"), mode);
        let message = error(&scene, "my.toml");
        assert!(message.starts_with("could not read configuration file \""), "{message}");
    }
    set_mode(scene.path("my.toml"), 0o644);
    let output = certpick(&scene, &["check", "--config", "my.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn a_certificate_that_cannot_be_read_is_an_error_that_names_both_files() {
    let scene = Scene::new();
    scene.identity("a.pem");
    let text = "[[credential]]\nsslcert = 'a.pem'\n[[credential]]\nsslcert = 'no.pem'\n";
    write(&scene, "my.toml", text);
    let mut run = scene.certpick_run();
    let message = failure(run.args(["--config=my.toml", "--", "touch", "started"]), 125);
    let expected = format!(
        "certpick: configuration file \"my.toml\": entry 2: could not read certificate file \
         \"{}\": No such file or directory\n",
        scene.path("no.pem").display()
    );
    assert_eq!(message, expected);
    assert!(!scene.path("started").exists());
    let mut probe = certpick(&scene, &["probe", "127.0.0.1:1", "--config=my.toml"]);
    assert_eq!(failure(&mut probe, 2), expected);
}

#[test]
fn the_option_conflicts_with_lists_and_with_the_files_of_a_server() {
    let scene = Scene::new();
    for options in [
        &["check", "--config=c", "--sslcert=a"][..],
        &["check", "--config=c", "--issuers=a"],
        &["check", "--config=c", "--sslpassword-file=a"],
        &["check", "--config=c", "--server", "--cert=a"],
        &["check"],
        &["probe", "h", "--config=c", "--sslcert=a"],
        &["probe", "h", "--config=c", "--issuers=a"],
        &["probe", "h", "--flawed=exclude"],
    ] {
        let message = failure(&mut certpick(&scene, options), 2);
        assert!(message.starts_with("error: "), "{options:?}: {message}");
    }
}
