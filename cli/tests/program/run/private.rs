// SPDX-License-Identifier: MIT OR Apache-2.0
//! The location of the generated openssl.cnf: processes that outlive the program can still read it, and
//! no other user can replace it.

use crate::support::{self, Scene, failure, is_private, printed, stderr};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use testkit::directory::{is_root, set_mode};

const PRINT: [&str; 4] = ["--", "sh", "-c", "printf %s \"$OPENSSL_CONF\""];

#[test]
fn a_process_that_outlives_the_program_still_has_the_systems_settings() {
    for explain in [&[][..], &["--explain", "--explain-when=failure"]] {
        let scene = Scene::new();
        let in_force =
            "openssl_conf = init\n[init]\nproviders = list\n[list]\nbase = b\n[b]\nactivate = 1\n";
        let in_force = scene.write("in-force.cnf", in_force);
        let mut command = scene.certpick_run_any();
        command.args(explain).env("OPENSSL_CONF", in_force).args(["--", "bash", "-c"]);
        command.arg("exec 3<&0; { read -u 3; openssl list -providers; } & echo \"$OPENSSL_CONF\"");
        let mut certpick = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = certpick.stdin.take().unwrap();
        assert!(certpick.wait().unwrap().success());
        // certpick and the program have ended now.
        input.write_all(b"continue\n").unwrap();
        let mut output = String::new();
        certpick.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        let (file, providers) = output.split_once('\n').unwrap();
        for provider in ["  base\n", "  certpick\n"] {
            assert!(providers.contains(provider), "{output}");
        }
        assert!(is_private(Path::new(file).parent().unwrap()), "{file}");
    }
}

#[test]
fn only_its_owner_can_write_the_file_for_any_umask() {
    for umask in ["0777", "0000"] {
        let scene = Scene::new();
        let certpick = scene.certpick_run_any();
        let mut command = scene.command("sh");
        command.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
        command.arg(certpick.get_program()).args(certpick.get_args()).args(PRINT);
        let file = PathBuf::from(printed(&mut command));
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o7777;
        // A program that root started may change to another user.
        let expected = if is_root() { (0o1644, 0o755) } else { (0o1600, 0o700) };
        assert_eq!((mode(&file), mode(file.parent().unwrap())), expected);
        assert_eq!(scene.stored(), [file]);
    }
}

#[test]
fn the_same_options_use_the_same_file_and_other_options_another() {
    let scene = Scene::new();
    let file = |options: &[&str]| printed(scene.certpick_run_any().args(options).args(PRINT));
    let first = file(&[]);
    assert_eq!(file(&[]), first);
    assert_ne!(file(&["--only=libpq"]), first);
    let explained = file(&["--explain", "--explain-when=failure"]);
    assert_eq!(file(&["--explain", "--explain-when=failure"]), explained);
    assert_eq!(scene.stored().len(), 3);
}

#[test]
fn concurrent_runs_share_a_complete_file() {
    let scene = Scene::new();
    scene.identity("any.pem");
    let start = || {
        let mut command = scene.certpick_run_any();
        command.args(["--", "sh", "-c", "cat \"$OPENSSL_CONF\""]).stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let running: Vec<_> = (0..16).map(|_| start()).collect();
    let texts: Vec<_> = running.into_iter().map(|c| c.wait_with_output().unwrap().stdout).collect();
    assert!(!texts[0].is_empty() && texts.iter().all(|text| *text == texts[0]));
    assert_eq!(scene.stored().len(), 1);
}

#[test]
fn a_modified_file_is_replaced() {
    let scene = Scene::new();
    let file = PathBuf::from(printed(scene.certpick_run_any().args(PRINT)));
    let (text, inode) = (fs::read(&file).unwrap(), file.metadata().unwrap().ino());
    let run_again = || {
        assert_eq!(printed(scene.certpick_run_any().args(PRINT)), file.to_str().unwrap());
        let metadata = file.symlink_metadata().unwrap();
        assert!(metadata.is_file() && metadata.mode() & 0o022 == 0);
        assert_eq!(fs::read(&file).unwrap(), text);
        metadata.ino()
    };
    assert_eq!(run_again(), inode);
    let spoil: [&dyn Fn(); 5] = [
        &|| fs::write(&file, "module = /tmp/x.so\n").unwrap(),
        &|| fs::write(&file, &text[..10]).unwrap(),
        &|| fs::write(&file, [&text[..], b"#"].concat()).unwrap(),
        &|| set_mode(&file, 0o666),
        &|| {
            // Not rename(2): /tmp may be another file system.
            fs::copy(&file, scene.path("elsewhere")).unwrap();
            fs::remove_file(&file).unwrap();
            symlink(scene.path("elsewhere"), &file).unwrap();
        },
    ];
    for spoil in spoil {
        spoil();
        run_again();
    }
}

#[test]
fn the_explanation_is_removed_after_it_was_printed() {
    let scene = Scene::new();
    let mut command = scene.certpick_run_any();
    command.args(["--explain", "--", "sh", "-c", "echo text >\"$CERTPICK_EXPLAIN_FILE\""]);
    assert_eq!(stderr(&command.output().unwrap()), "text\n");
    assert_eq!(scene.stored().len(), 1);
}

/// A user who is not root, with an empty home directory.
struct User {
    scene: Scene,
    home: TempDir,
}

const USER: u32 = 12345;

impl User {
    fn new() -> User {
        let scene = Scene::new();
        scene.identity("any.pem");
        let home = if is_root() { tempfile::tempdir_in("/run") } else { Ok(scene.subdirectory()) };
        let user = User { scene, home: home.unwrap() };
        if is_root() {
            // The user may have no access to the build directory.
            set_mode(user.scene.root(), 0o755);
            set_mode(user.scene.path("any.pem"), 0o644);
            let program = Path::new(env!("CARGO_BIN_EXE_certpick"));
            support::copy_program(program, &user.scene.path("certpick"));
            support::copy_program(&support::module(), &user.scene.path("libcertpick.so"));
            chown(user.home.path(), Some(USER), Some(USER)).unwrap();
        }
        user
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    /// Creates a directory of the user in the home directory.
    fn directory(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.home().join(name);
        fs::create_dir(&path).unwrap();
        if is_root() {
            chown(&path, Some(USER), Some(USER)).unwrap();
        }
        set_mode(&path, mode);
        path
    }

    /// Returns `certpick run` with only these variables for the location.
    fn run(&self, variables: &[(&str, &Path)]) -> Command {
        let mut command = if is_root() {
            let mut command = self.scene.command(self.scene.path("certpick"));
            command.uid(USER).gid(USER);
            command.args(["run", "--module=libcertpick.so", "--sslcert=any.pem"]);
            command
        } else {
            self.scene.certpick_run_any()
        };
        command.env_remove("XDG_STATE_HOME").envs(variables.iter().copied()).args(PRINT);
        command
    }

    /// Returns the directory of the file.
    #[track_caller]
    fn place(&self, variables: &[(&str, &Path)]) -> PathBuf {
        PathBuf::from(printed(&mut self.run(variables))).parent().unwrap().to_owned()
    }
}

#[test]
fn the_file_is_in_the_first_directory_that_is_private() {
    let user = User::new();
    let home = user.home();
    let (state, runtime) = (home.join("state"), user.directory("runtime", 0o700));
    let all = [("XDG_STATE_HOME", &*state), ("HOME", home), ("XDG_RUNTIME_DIR", &*runtime)];
    assert_eq!(user.place(&all), state.join("certpick"));
    assert_eq!(user.place(&all[1..]), home.join(".local/state/certpick"));
    assert_eq!(user.place(&all[2..]), runtime.join("certpick"));
    let (shared, sticky) = (user.directory("shared", 0o770), user.directory("sticky", 0o1777));
    fs::create_dir(sticky.join("own")).unwrap();
    symlink(&shared, home.join("link")).unwrap();
    for refused in [
        &shared,
        &sticky,
        // A directory for temporary files.
        &sticky.join("own"),
        &home.join("link"),
        Path::new("relative"),
        Path::new(""),
        Path::new("/nonexistent"),
        Path::new("/"),
        Path::new("/tmp"),
    ] {
        let names = [("XDG_STATE_HOME", refused), ("HOME", refused), all[2]];
        assert_eq!(user.place(&names), runtime.join("certpick"), "{refused:?}");
        assert!(!refused.join("certpick").exists() && !refused.join(".local").exists());
    }
}

#[test]
fn without_a_private_directory_the_program_is_not_run() {
    let user = User::new();
    let sticky = user.directory("sticky", 0o1777);
    let refused = failure(&mut user.run(&[("HOME", &sticky), ("TMPDIR", user.home())]), 125);
    let place = sticky.join(".local/state/certpick");
    assert_eq!(
        refused,
        format!(
            "certpick: could not find a private directory for the program's openssl.cnf:\n    {}: other \
             users can write to {sticky:?}\nSet XDG_STATE_HOME to a directory that, like all directories above \
             it, no other user can write to, or use --print and install the file.\n",
            place.display()
        )
    );
    let refused = failure(&mut user.run(&[]), 125);
    assert!(refused.contains("neither HOME nor XDG_STATE_HOME is set"), "{refused}");
}

#[test]
fn the_file_of_root_is_in_the_directory_run_if_the_environment_belongs_to_another_user() {
    let user = User::new();
    if !is_root() {
        // Only root can create directories of another user. The root directory is rejected as well.
        assert!(failure(&mut user.run(&[("HOME", Path::new("/"))]), 125).contains("HOME"));
        return;
    }
    let mut command = user.scene.certpick_run_any();
    for variable in ["XDG_STATE_HOME", "HOME", "XDG_RUNTIME_DIR"] {
        command.env(variable, user.home());
    }
    let file = PathBuf::from(printed(command.args(PRINT)));
    assert_eq!(file.parent().unwrap(), Path::new("/run/certpick"));
    fs::remove_file(file).unwrap();
    assert_eq!(fs::read_dir(user.home()).unwrap().count(), 0);
}
