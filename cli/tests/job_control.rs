// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick run` at a terminal, in an interactive shell.

mod support;

use support::Scene;
use support::terminal::Terminal;

/// A shell with a short prompt, and a program under certpick in it that says what befalls it.
fn start(scene: &Scene) -> Terminal {
    scene.write(
        "program",
        "n=0\n\
         trap 'n=$((n+1)); echo \"int $n\"' INT\n\
         trap 'c=$((c+1)); echo \"cont $c\"' CONT\n\
         echo ready\n\
         while read -r line; do echo \"got $line, $n int, ${c:-0} cont\"; done\n\
         exit 7\n",
    );
    let certpick = scene.certpick_run_any();
    let mut shell = scene.command("bash");
    shell
        .args(["--norc", "--noprofile", "-i"])
        .env("PS1", "PROMPT> ")
        .env("TERM", "dumb")
        .env("HISTFILE", "")
        .env("CERTPICK", certpick.get_program())
        .env("MODULE", support::module());
    let mut terminal = Terminal::start(shell);
    terminal.until("PROMPT> ");
    terminal
}

const RUN: &str = "\"$CERTPICK\" run --module \"$MODULE\" --sslcert any.pem -- bash program\n";

#[test]
fn control_c_reaches_the_program_once_and_certpick_lives_on() {
    let scene = Scene::new();
    let mut terminal = start(&scene);
    terminal.type_in(RUN);
    terminal.until("ready");
    terminal.type_in("\x03");
    terminal.until("int 1");
    terminal.type_in("a\n");
    terminal.until("got a, 1 int, 0 cont");
    terminal.type_in("\x04");
    terminal.until("PROMPT> ");
    terminal.type_in("echo status $?\n");
    terminal.until("status 7");
    assert_eq!(scene.left_behind(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_program_that_dies_of_control_c_is_seen_to_by_the_shell() {
    let scene = Scene::new();
    let mut terminal = start(&scene);
    scene.write("program", "echo ready\nread -r line\n");
    // A script goes on after a command that handled SIGINT, and ends if the command died of it.
    scene.write("script", format!("{RUN}echo the script goes on\n"));
    terminal.type_in("bash script\n");
    terminal.until("ready");
    terminal.type_in("\x03");
    assert!(!terminal.until("PROMPT> ").contains("goes on"));
    terminal.type_in("echo status $?\n");
    terminal.until("status 130");
    assert_eq!(scene.left_behind(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn control_z_stops_both_and_fg_and_bg_bring_both_back() {
    let scene = Scene::new();
    let mut terminal = start(&scene);
    terminal.type_in(RUN);
    terminal.until("ready");
    terminal.type_in("\x1a");
    terminal.until("Stopped");
    terminal.until("PROMPT> ");
    terminal.type_in("fg\n");
    terminal.until("cont 1");
    terminal.type_in("b\n");
    terminal.until("got b, 0 int, 1 cont");
    // In the background its reading from the terminal stops it, and certpick with it.
    terminal.type_in("\x1a");
    terminal.until("Stopped");
    terminal.until("PROMPT> ");
    terminal.type_in("bg; wait %1; echo waited \"for\" it\n");
    terminal.until("waited for it");
    terminal.type_in("jobs -l\n");
    terminal.until("Stopped (tty input)");
    terminal.type_in("fg\n");
    terminal.until("bash program");
    terminal.type_in("c\n");
    terminal.until("got c, 0 int");
    terminal.type_in("\x04");
    terminal.until("PROMPT> ");
    terminal.type_in("echo status $?\n");
    terminal.until("status 7");
    assert_eq!(scene.left_behind(), Vec::<std::path::PathBuf>::new());
}
