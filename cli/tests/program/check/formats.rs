// SPDX-License-Identifier: MIT OR Apache-2.0
//! Output of `certpick check`: colour, width, exit status, control characters.

use crate::check::made::{bundle, check, pair};
use crate::support::terminal::Terminal;
use crate::support::{Scene, stderr, stdout};
use certpick_core::text::is_printable;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;
use testkit::certificates::{Identity, StringKind, Subject, name_in};

/// a.crt and a.key without problems, and old.crt and old.key, which have expired.
fn scene() -> Scene {
    let scene = Scene::new();
    let ca = Identity::root("ca");
    pair(&scene, "a", &ca.issue("a"));
    pair(&scene, "old", &ca.issue(Subject::new("old").expired()));
    scene
}

const GOOD: &str = "--sslcert a.crt --sslkey a.key";
const BAD: &str = "--sslcert old.crt --sslkey old.key";

/// Returns the output on a terminal, with these variables.
fn on_a_terminal(scene: &Scene, options: &str, variables: &str) -> String {
    let mut shell = scene.command("bash");
    shell.env("TERM", "xterm").env("CERTPICK", env!("CARGO_BIN_EXE_certpick"));
    let mut terminal = Terminal::start(shell);
    terminal.type_in(&format!("{variables} \"$CERTPICK\" check {options}; echo do\"\"ne\n"));
    terminal.until("\r\n");
    terminal.until("done")
}

#[test]
fn colour_is_used_on_terminals_unless_it_is_disabled() {
    let scene = scene();
    let text = on_a_terminal(&scene, BAD, "");
    assert!(text.contains("\u{1b}[31mWRONG"), "{text:?}");
    let text = on_a_terminal(&scene, BAD, "NO_COLOR=1");
    assert!(text.contains("WRONG") && !text.contains("\u{1b}[3"), "{text:?}");
    let text = on_a_terminal(&scene, BAD, "TERM=dumb");
    assert!(text.contains("WRONG") && !text.contains("\u{1b}[3"), "{text:?}");
    let piped = check(&scene, BAD).env("TERM", "xterm").output().unwrap();
    assert!(!stdout(&piped).contains('\u{1b}'));
}

#[test]
fn warnings_set_the_exit_status_only_with_strict() {
    let scene = scene();
    let root = Identity::root("root");
    let middle = root.authority("middle");
    bundle(&scene, "twice", &middle.issue("twice"), &[&middle, &middle]);
    let options = "--sslcert twice.crt --sslkey twice.key";
    let status = |options: &str| check(&scene, options).output().unwrap().status.code();
    assert_eq!(status(options), Some(0));
    assert_eq!(status(&format!("{options} --strict")), Some(1));
    assert_eq!(status(&format!("{GOOD} --strict")), Some(0));
}

#[test]
fn the_last_line_is_the_number_of_problems() {
    let scene = scene();
    let last = |options: &str| {
        let text = stdout(&check(&scene, options).output().unwrap());
        text.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(last(GOOD), "No problems found.");
    assert_eq!(last(BAD), "1 problem.");
    assert_eq!(last("--sslcert a.crt,old.crt,none --sslkey a.key,,"), "3 problems.");
}

#[test]
fn a_closed_pipe_is_not_an_error_but_a_full_disk_is() {
    let scene = scene();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = check(&scene, GOOD).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("could not write to standard output: No space left"),
        "{}",
        stderr(&output)
    );
    let mut gone = scene.command("true").stdin(Stdio::piped()).spawn().unwrap();
    let writer = gone.stdin.take().unwrap();
    gone.wait().unwrap();
    let output = check(&scene, GOOD).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

/// Characters that reorder or separate text or are invisible, and their escapes.
const HIDDEN: &str = "\u{7f}\u{9b}\u{2028}\u{202e}\u{2066}\u{200b}\u{feff}\u{61c}\u{fff9}\u{e0041}";
const SHOWN: &str = r"\u{9b}\u{2028}\u{202e}\u{2066}\u{200b}\u{feff}\u{61c}\u{fff9}\u{e0041}";

#[test]
fn control_characters_in_names_are_escaped_in_every_format() {
    let scene = Scene::new();
    let evil = &format!("x\u{1b}[31m\r\n\"\\ # TODO {{}}{HIDDEN}");
    let ca = Identity::root(Subject::named(name_in(StringKind::Utf8, "o", evil)));
    let leaf = ca.issue(Subject::named(name_in(StringKind::Bmp, "o", "ünï")));
    let file = &format!("a\u{1b}[31m\n\"#{HIDDEN}.crt");
    scene.write(file, leaf.pem());
    scene.write("a.key", leaf.key.private_key_to_pem_pkcs8().unwrap());
    let run = |format: &str| {
        let mut command = check(&scene, "--sslkey a.key --format");
        command.arg(format).arg("--sslcert").arg(file);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    for format in ["text", "tap", "json", "prometheus"] {
        let text = run(format);
        assert!(text.lines().all(is_printable), "{text:?}");
    }
    let report: Value = serde_json::from_str(&run("json")).unwrap();
    let credential = &report["subjects"][0];
    assert_eq!(credential["facts"]["subject"], "O=o, CN=ünï");
    assert!(credential["facts"]["issuer"].as_str().unwrap().ends_with(SHOWN), "{credential:#}");
    let name = format!("a\\u{{1b}}[31m\\n\"#\\u{{7f}}{SHOWN}.crt");
    assert!(credential["name"].as_str().unwrap().ends_with(&name), "{credential:#}");
    let tap = run("tap");
    assert!(!tap.contains(" # "), "{tap}");
    let points = tap.lines().filter(|l| l.starts_with("ok ")).count();
    assert!(tap.starts_with(&format!("TAP version 13\n1..{points}\n")), "{tap}");
    scene.write("evil.prom", run("prometheus"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/support/metrics.py");
    let output = scene.command("/usr/bin/python3").arg(script).arg(".").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn lists_with_names_that_need_escapes_are_not_printed() {
    for name in [&b"m\xfcller"[..], "m\u{202e}ller".as_bytes(), b"mueller"] {
        let scene = Scene::new();
        let directory = scene.path("all");
        std::fs::create_dir(&directory).unwrap();
        let identity = Identity::root("ca").issue("a");
        let file = |ending: &str| {
            let name = [b"all/", name, ending.as_bytes()].concat();
            OsStr::from_bytes(&name).to_owned()
        };
        scene.write(file(".crt"), identity.pem());
        scene.write(file(".key"), identity.key.private_key_to_pem_pkcs8().unwrap());
        let output = check(&scene, "--sslcert all --format json").output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let [directory, credential] = [0, 1].map(|at| &report["subjects"][at]);
        let shown = certpick_core::text::printable(name);
        let name_shown = credential["name"].as_str().unwrap();
        assert!(name_shown.ends_with(&format!("/{shown}.crt")), "{name_shown}");
        let is_plain = name == b"mueller";
        assert_eq!(directory["facts"]["sslcert"].is_string(), is_plain, "{directory:#}");
    }
}
