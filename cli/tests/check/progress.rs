// SPDX-License-Identifier: MIT OR Apache-2.0
//! The line on a terminal that tells how far long work is.

use crate::library::certificates::Identity;
use crate::made::{check, key_pem, pair};
use crate::support::terminal::Terminal;
use crate::support::{Scene, stderr};

/// Three entries whose key takes its time: each is derived from the password by many rounds.
fn slow() -> (Scene, &'static str) {
    let scene = Scene::new();
    let a = Identity::root("ca").issue("a");
    pair(&scene, "a", &a);
    scene.write("plain.key", key_pem(&a));
    scene.write("passwords", "secret\nsecret\nsecret\n");
    let mut openssl = scene.command("openssl");
    openssl.args(["pkcs8", "-topk8", "-iter", "2000000", "-passout", "pass:secret"]);
    openssl.args(["-in", "plain.key", "-out", "a.key"]);
    assert!(openssl.output().unwrap().status.success());
    (
        scene,
        "--sslcert a.crt,a.crt,a.crt --sslkey a.key,a.key,a.key --sslpassword-file passwords \
         --quiet",
    )
}

#[test]
fn a_terminal_shows_how_far_it_is_and_nothing_is_left_of_it() {
    let (scene, options) = slow();
    let mut shell = scene.command("bash");
    shell.args(["--norc", "--noprofile", "-i"]);
    shell.env("PS1", "PROMPT> ").env("TERM", "dumb").env("HISTFILE", "");
    shell.env("CERTPICK", env!("CARGO_BIN_EXE_certpick"));
    let mut terminal = Terminal::start(shell);
    terminal.until("PROMPT> ");
    terminal.type_in(&format!("\"$CERTPICK\" check {options} > out; echo do\"\"ne\n"));
    terminal.until("\r\n");
    terminal.until(" of 3 private keys looked at");
    let rest = terminal.until("done");
    // What is on the line in the end, with blanks in the place of what was there.
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
    assert_eq!(line.len(), "certpick: 1 of 3 private keys looked at".len(), "{rest:?}");
}

#[test]
fn whoever_is_no_terminal_sees_nothing_of_it() {
    let (scene, options) = slow();
    let output = check(&scene, options).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}
