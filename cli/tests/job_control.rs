// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick run` at a terminal, in an interactive shell.

mod support;

use support::Scene;
use support::terminal::Terminal;

/// A shell with a short prompt, and a program under certpick in it that says what befalls it.
fn start(scene: &Scene) -> Terminal {
    let certpick = scene.certpick_run_any();
    let mut shell = scene.command("bash");
    shell
        .args(["--norc", "--noprofile", "-i"])
        .env("PS1", "PROMPT> ")
        .env("TERM", "dumb")
        .env("HISTFILE", "")
        .env("CERTPICK", certpick.get_program())
        .env("MODULE", support::module())
        .env("TELLER", support::teller());
    let mut terminal = Terminal::start(shell);
    terminal.until("PROMPT> ");
    terminal
}

/// The line that runs the program under certpick.
fn run(watched: &str) -> String {
    let certpick = "\"$CERTPICK\" run --module \"$MODULE\" --sslcert any.pem";
    format!("{certpick} -- python3 \"$TELLER\" {watched}\n")
}

#[test]
fn control_c_reaches_the_program_once_and_certpick_lives_on() {
    let scene = Scene::new();
    let mut terminal = start(&scene);
    terminal.type_in(&run("INT CONT"));
    terminal.until("ready");
    terminal.type_in("\x03");
    terminal.until("INT 1");
    terminal.type_in("a\n");
    terminal.until("got a: {'INT': 1}");
    terminal.type_in("\x04");
    terminal.until("PROMPT> ");
    terminal.type_in("echo status $?\n");
    terminal.until("status 7");
    assert_eq!(scene.kept().len(), 1);
}

#[test]
fn a_program_that_dies_of_control_c_is_seen_to_by_the_shell() {
    let scene = Scene::new();
    let mut terminal = start(&scene);
    // A script goes on after a command that handled SIGINT, and ends if the command died of it.
    scene.write("script", run("") + "echo the script goes on\n");
    terminal.type_in("bash script\n");
    terminal.until("ready");
    terminal.type_in("\x03");
    assert!(!terminal.until("PROMPT> ").contains("goes on"));
    terminal.type_in("echo status $?\n");
    terminal.until("status 130");
    assert_eq!(scene.kept().len(), 1);
}

#[test]
fn control_z_stops_both_and_fg_and_bg_bring_both_back() {
    let scene = Scene::new();
    let mut terminal = start(&scene);
    terminal.type_in(&run("INT CONT"));
    terminal.until("ready");
    terminal.type_in("\x1a");
    terminal.until("Stopped");
    terminal.until("PROMPT> ");
    terminal.type_in("fg\n");
    terminal.until("CONT 1");
    terminal.type_in("b\n");
    terminal.until("got b: {'CONT': 1}");
    // In the background its reading from the terminal stops it, and certpick with it.
    terminal.type_in("\x1a");
    terminal.until("Stopped");
    terminal.until("PROMPT> ");
    terminal.type_in("bg; wait %1; echo waited \"for\" it\n");
    terminal.until("waited for it");
    terminal.type_in("jobs -l\n");
    terminal.until("Stopped (tty input)");
    terminal.type_in("fg\n");
    terminal.until("python3");
    terminal.type_in("c\n");
    terminal.until("got c: {'CONT': ");
    terminal.type_in("\x04");
    terminal.until("PROMPT> ");
    terminal.type_in("echo status $?\n");
    terminal.until("status 7");
    assert_eq!(scene.kept().len(), 1);
}
