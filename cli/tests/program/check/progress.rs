// SPDX-License-Identifier: MIT OR Apache-2.0
//! The progress line on a terminal.

use crate::check::made::{check, pair};
use crate::support::terminal::Terminal;
use crate::support::{Scene, stderr};
use testkit::certificates::Identity;

/// Three entries whose key is encrypted with this number of key derivation rounds.
fn scene(rounds: u32) -> (Scene, &'static str) {
    let scene = Scene::new();
    let a = Identity::root("ca").issue("a");
    pair(&scene, "a", &a);
    scene.write("plain.key", a.key_pem());
    scene.write("passwords", "secret\nsecret\nsecret\n");
    let mut openssl = scene.command("openssl");
    openssl.args(["pkcs8", "-topk8", "-iter", &rounds.to_string(), "-passout", "pass:secret"]);
    openssl.args(["-in", "plain.key", "-out", "a.key"]);
    assert!(openssl.output().unwrap().status.success());
    (
        scene,
        "--sslcert a.crt,a.crt,a.crt --sslkey a.key,a.key,a.key --sslpassword-file passwords \
         --quiet",
    )
}

/// Returns the output of the check on a terminal.
fn on_terminal(scene: &Scene, options: &str) -> String {
    let mut shell = scene.command("bash");
    shell.env("TERM", "dumb").env("CERTPICK", env!("CARGO_BIN_EXE_certpick"));
    let mut terminal = Terminal::start(shell);
    terminal.type_in(&format!("\"$CERTPICK\" check {options} > out; echo do\"\"ne\n"));
    terminal.until("\r\n");
    terminal.until("done")
}

/// Doubles the work until it is long enough for a progress line on this machine. Also returns the
/// output after the text of the line.
fn long() -> (Scene, &'static str, String) {
    let mut rounds = 250_000;
    loop {
        let (scene, options) = scene(rounds);
        let shown = on_terminal(&scene, options);
        if let Some((_, rest)) = shown.split_once(" of 3 private keys checked") {
            return (scene, options, rest.to_owned());
        }
        rounds = rounds.checked_mul(2).expect("no line appears");
    }
}

#[test]
fn a_terminal_shows_the_progress_line_and_it_is_erased() {
    let (_, _, rest) = long();
    // The final content of the line, with blanks in place of the erased text.
    let mut line: Vec<char> = vec!['#'; 80];
    let mut cursor = 0;
    for c in rest.chars() {
        match c {
            '\r' => cursor = 0,
            c => {
                line[cursor] = c;
                cursor += 1;
            }
        }
    }
    let line: String = line.into_iter().collect();
    let line = line.trim_end_matches('#');
    assert_eq!(line.trim_end(), "done", "{rest:?}");
    assert_eq!(line.len(), "certpick: 1 of 3 private keys checked".len(), "{rest:?}");
}

#[test]
fn without_a_terminal_there_is_no_progress_line() {
    let (scene, options, _) = long();
    let output = check(&scene, options).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}
