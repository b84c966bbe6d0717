// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick run` is transparent to the program and to its parent process.

mod config;
mod handshakes;
mod job_control;
mod mistakes;
mod private;

use crate::support::running::Running;
use crate::support::{Scene, failure, printed, stderr, stdout};
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use testkit::directory::{is_root, set_mode};

fn run_script(scene: &Scene, script: &str) -> Command {
    let mut command = scene.certpick_run_any();
    command.args(["--", "bash", "-c", script]);
    command
}

#[track_caller]
fn assert_one_file_stored(scene: &Scene) {
    assert_eq!(scene.stored().len(), 1);
}

#[test]
fn the_exit_status_is_that_of_the_program() {
    let scene = Scene::new();
    for status in [0, 1, 2, 3, 125, 126, 127, 128, 200, 255] {
        let ended = run_script(&scene, &format!("exit {status}")).status().unwrap();
        assert_eq!(ended.code(), Some(status));
    }
    assert_one_file_stored(&scene);
}

#[test]
fn a_signal_that_kills_the_program_kills_certpick_too() {
    let scene = Scene::new();
    let realtime = libc::SIGRTMIN() + 1;
    for signal in [1, 2, 3, libc::SIGABRT, 9, libc::SIGSEGV, 13, 14, 15, libc::SIGUSR1, realtime] {
        let command = |mut command: Command| -> ExitStatus {
            // Prevents a core dump of the shell.
            command.args(["-c", "ulimit -c 0; kill -$0 $$; sleep 600", &signal.to_string()]);
            command.status().unwrap()
        };
        let alone = command(scene.command("sh"));
        let mut wrapped = scene.certpick_run_any();
        wrapped.args(["--", "sh"]);
        let wrapped = command(wrapped);
        assert_eq!(alone.signal(), Some(signal));
        assert_eq!(wrapped.signal(), alone.signal(), "{signal}");
        assert!(!wrapped.core_dumped(), "{signal}");
        assert_one_file_stored(&scene);
    }
}

#[test]
fn a_missing_program_gives_status_127_and_one_that_cannot_be_executed_126() {
    let scene = Scene::new();
    scene.write("data", "no program");
    std::fs::create_dir(scene.path("directory")).unwrap();
    let message =
        |program: &str, status| failure(scene.certpick_run_any().args(["--", program]), status);
    let not_in_path = message("no-such-program", 127);
    assert_eq!(not_in_path, "certpick: could not find \"no-such-program\" in PATH\n");
    assert!(message("./no-such-program", 127).contains("No such file"));
    assert!(message("./data", 126).contains("Permission denied"));
    assert!(message("./directory", 126).contains("Permission denied"));
    assert_one_file_stored(&scene);
}

#[test]
fn arguments_are_passed_unchanged() {
    let scene = Scene::new();
    let odd = std::ffi::OsString::from_vec(b"\xff \n'\"".to_vec());
    let mut command = scene.certpick_run_any();
    command.args(["--", "printf", "%s|", "--", "-x", "--print", "", " a  b "]).arg(&odd);
    let output = command.output().unwrap();
    assert_eq!(output.stdout, b"--|-x|--print|| a  b |\xff \n'\"|");
}

/// Prints what the process has inherited.
const INHERITED: &str = "env | grep -v -e ^OPENSSL_CONF= -e ^_= -e ^SHLVL=; umask; ulimit -a; pwd; \
                         grep -E '^(Sig(Blk|Ign|Cgt)|NoNewPrivs)' /proc/self/status; \
                         ps -o nice= -p $$; for fd in /proc/self/fd/*; do \
                         [ -e \"$fd\" ] && echo \"${fd##*/} $(readlink \"$fd\")\"; done | grep -v -e pipe -e /fd";

#[test]
fn the_program_inherits_the_environment_and_state_of_certpick() {
    let scene = Scene::new();
    scene.identity("any.pem");
    let odd_environment = |mut command: Command| {
        command.args(["-c", INHERITED]).env("ODD", "a\nb").env("LANG", "C").env("EMPTY", "");
        command.stdin(Stdio::null());
        // SAFETY: the functions are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                for signal in [libc::SIGPIPE, libc::SIGCHLD, libc::SIGHUP, libc::SIGUSR2] {
                    libc::signal(signal, libc::SIG_IGN);
                }
                let mut set = std::mem::zeroed();
                libc::sigemptyset(&mut set);
                libc::sigaddset(&mut set, libc::SIGUSR1);
                libc::sigaddset(&mut set, libc::SIGTERM);
                libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut());
                libc::umask(0o027);
                libc::dup2(0, 9);
                Ok(())
            });
        }
        printed(&mut command)
    };
    let alone = odd_environment(scene.command("/bin/bash"));
    let mut wrapped = scene.certpick_run_any();
    wrapped.args(["--", "/bin/bash"]);
    let wrapped = odd_environment(wrapped);
    assert!(alone.contains("\n9 /dev/null\n"), "{alone}");
    assert_eq!(wrapped, alone);
    assert_one_file_stored(&scene);
}

#[test]
fn sigpipe_has_its_default_disposition_unless_it_was_ignored() {
    let scene = Scene::new();
    let blocked_and_ignored = "grep -E '^Sig(Blk|Ign)' /proc/self/status";
    let normal = |mut command: Command| printed(command.args(["-c", blocked_and_ignored]));
    let alone = normal(scene.command("sh"));
    let mut wrapped = scene.certpick_run_any();
    wrapped.args(["--", "sh"]);
    assert_eq!(normal(wrapped), alone);
}

#[test]
fn standard_streams_are_passed_through() {
    let scene = Scene::new();
    let mut child = run_script(&scene, "read line; echo \"out $line\"; echo \"err $line\" >&2")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((stdout(&output), stderr(&output)), ("out hello\n".into(), "err hello\n".into()));
}

#[test]
fn no_password_appears_in_files_environment_or_output() {
    let scene = Scene::new();
    scene.pair("a", Some("Xyzzy-secret"));
    scene.pair("b", None);
    scene.write("passwords", "Xyzzy-secret\n\n");
    let mut command = scene.certpick_run();
    command.args(["--sslcert=a.crt,b.crt", "--sslkey=a.key,b.key", "--sslpassword-file=passwords"]);
    command.args(["--explain", "--", "bash", "-c"]);
    command.arg("cat \"$OPENSSL_CONF\"; env; tr '\\0' ' ' </proc/$PPID/cmdline");
    let output = command.output().unwrap();
    let stored = std::fs::read_to_string(&scene.stored()[0]).unwrap();
    let all = stdout(&output) + &stderr(&output) + &stored;
    assert!(all.contains("sslpasswordfile = "), "{all}");
    assert!(!all.contains("Xyzzy"), "{all}");
}

#[test]
fn signals_to_certpick_are_forwarded_to_the_program() {
    let scene = Scene::new();
    let names = [
        (libc::SIGHUP, "HUP"),
        (libc::SIGINT, "INT"),
        (libc::SIGQUIT, "QUIT"),
        (libc::SIGTERM, "TERM"),
        (libc::SIGUSR1, "USR1"),
        (libc::SIGUSR2, "USR2"),
        (libc::SIGALRM, "ALRM"),
        (libc::SIGRTMIN() + 1, "RTMIN+1"),
    ];
    let mut running = Running::start(&scene, &names.map(|(_, name)| name));
    running.ready();
    for (number, name) in names {
        running.send(number);
        assert_eq!(running.line(), format!("{name} 1"));
    }
    let (rest, status) = running.end();
    assert_eq!((rest.as_str(), status.code()), ("", Some(7)));
    assert_one_file_stored(&scene);
}

#[test]
fn a_terminating_signal_ends_both_processes() {
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT, libc::SIGUSR1] {
        let scene = Scene::new();
        let mut running = Running::start(&scene, &[]);
        running.ready();
        running.send(signal);
        // The input stays open, so that only the signal ends the program.
        let status = running.ended();
        assert_eq!(status.signal(), Some(signal));
        assert_one_file_stored(&scene);
    }
}

#[test]
fn certpick_ends_if_the_program_is_killed() {
    let scene = Scene::new();
    let mut running = Running::start(&scene, &[]);
    let program = running.ready();
    // SAFETY: certpick has not waited for the program yet.
    assert_eq!(unsafe { libc::kill(program, libc::SIGKILL) }, 0);
    let (_, status) = running.end();
    assert_eq!(status.signal(), Some(libc::SIGKILL));
    assert_one_file_stored(&scene);
}

#[test]
fn certpick_stops_and_continues_with_the_program() {
    let scene = Scene::new();
    let mut running = Running::start(&scene, &["CONT", "USR1"]);
    let program = running.ready();
    // Stop and continue signals to certpick alone and to its process group.
    for (round, (stop, stop_group, continue_group)) in (1..).zip([
        (libc::SIGTSTP, false, false),
        (libc::SIGTSTP, false, true),
        (libc::SIGTTIN, true, true),
        (libc::SIGTSTP, true, false),
    ]) {
        let to = |group: bool| if group { -running.pid() } else { running.pid() };
        // SAFETY: kill has no preconditions; the child has not been waited for.
        assert_eq!(unsafe { libc::kill(to(stop_group), stop) }, 0);
        assert_eq!(running.stopped_by(), stop);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::kill(to(continue_group), libc::SIGCONT) }, 0);
        assert_eq!(running.line(), format!("CONT {round}"));
        // A forwarded signal shows that certpick runs, too.
        running.send(libc::SIGUSR1);
        assert_eq!(running.line(), format!("USR1 {round}"));
    }
    // SAFETY: certpick has not waited for the program yet.
    assert_eq!(unsafe { libc::kill(program, libc::SIGSTOP) }, 0);
    assert_eq!(running.stopped_by(), libc::SIGSTOP);
    running.send(libc::SIGCONT);
    assert_eq!(running.line(), "CONT 5");
    let (rest, status) = running.end();
    assert_eq!((rest.as_str(), status.code()), ("", Some(7)));
}

#[test]
fn a_program_that_signals_its_process_group_receives_the_signal_once() {
    let scene = Scene::new();
    let mut running = Running::start(&scene, &["--to-group", "USR1", "USR1"]);
    running.ready();
    assert_eq!(running.line(), "USR1 1");
    running.type_in("after");
    assert_eq!(running.line(), "got after: {'USR1': 1}");
    let (rest, status) = running.end();
    assert_eq!((rest.as_str(), status.code()), ("", Some(7)));
}

#[test]
fn there_is_a_warning_about_set_user_id_and_set_group_id_programs() {
    let scene = Scene::new();
    let true_program = printed(scene.command("bash").args(["-c", "type -P true"]));
    let set_group = scene.path("set-group-id");
    crate::support::copy_program(Path::new(true_program.trim()), &set_group);
    let root = is_root();
    if root {
        std::os::unix::fs::chown(&set_group, Some(12345), Some(12345)).unwrap();
    }
    let message = |mode: u32| {
        set_mode(&set_group, mode);
        let output = scene.certpick_run_any().args(["--", "./set-group-id"]).output().unwrap();
        stderr(&output)
    };
    assert_eq!(message(0o755), "");
    // No warning if the program's user and group are those of certpick.
    assert_eq!(message(0o6755).contains("set-user-ID"), root);
    assert_eq!(message(0o2755).contains("set-group-ID"), root);
}
