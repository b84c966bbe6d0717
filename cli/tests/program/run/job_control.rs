// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick run` in an interactive shell on a terminal.

use crate::support::Scene;
use crate::support::terminal::Terminal;

/// Starts a shell with a short prompt.
fn start(scene: &Scene) -> Terminal {
    let certpick = scene.certpick_run_any();
    let mut shell = scene.command("bash");
    shell
        .env("TERM", "dumb")
        .env("CERTPICK", certpick.get_program())
        .env("MODULE", crate::support::module())
        .env("SIGNALS", crate::support::signals_program());
    Terminal::start(shell)
}

/// Returns the line that runs the test program with certpick.
fn run(watched: &str) -> String {
    let certpick = "\"$CERTPICK\" run --module \"$MODULE\" --sslcert any.pem";
    format!("{certpick} -- python3 \"$SIGNALS\" {watched}\n")
}

#[test]
fn control_c_reaches_the_program_once_and_certpick_continues() {
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
    assert_eq!(scene.stored().len(), 1);
}

#[test]
fn the_shell_sees_that_control_c_killed_the_program() {
    let scene = Scene::new();
    let mut terminal = start(&scene);
    // A script continues after a command that handled SIGINT, and ends if SIGINT killed the command.
    scene.write("script", run("") + "echo the script continues\n");
    terminal.type_in("bash script\n");
    terminal.until("ready");
    terminal.type_in("\x03");
    assert!(!terminal.until("PROMPT> ").contains("continues"));
    terminal.type_in("echo status $?\n");
    terminal.until("status 130");
    assert_eq!(scene.stored().len(), 1);
}

#[test]
fn control_z_stops_both_processes_and_fg_and_bg_continue_them() {
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
    // In the background, reading from the terminal stops the program, and certpick with it.
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
    assert_eq!(scene.stored().len(), 1);
}
