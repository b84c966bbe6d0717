// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where `certpick run` keeps its openssl.cnf: processes that outlive the program read it still, and
//! no other user can use its name.

mod support;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::{Scene, failure, is_private, printed, stderr};
use tempfile::TempDir;

const PRINT: [&str; 4] = ["--", "sh", "-c", "printf %s \"$OPENSSL_CONF\""];

fn is_root() -> bool {
    // SAFETY: no arguments.
    unsafe { libc::geteuid() == 0 }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_process_that_outlives_the_program_still_has_the_settings_of_the_system() {
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
        // From here on certpick and the program have ended.
        input.write_all(b"go on\n").unwrap();
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
fn the_file_is_ours_alone_to_write_whatever_the_umask() {
    for umask in ["0777", "0000"] {
        let scene = Scene::new();
        let certpick = scene.certpick_run_any();
        let mut command = scene.command("sh");
        command.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
        command.arg(certpick.get_program()).args(certpick.get_args()).args(PRINT);
        let file = PathBuf::from(printed(&mut command));
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o7777;
        // Root's program may go on as another user.
        let expected = if is_root() { (0o1644, 0o755) } else { (0o1600, 0o700) };
        assert_eq!((mode(&file), mode(file.parent().unwrap())), expected);
        assert_eq!(scene.kept(), [file]);
    }
}

#[test]
fn the_same_options_use_the_same_file_and_others_another() {
    let scene = Scene::new();
    let file = |options: &[&str]| printed(scene.certpick_run_any().args(options).args(PRINT));
    let first = file(&[]);
    assert_eq!(file(&[]), first);
    assert_ne!(file(&["--only=libpq"]), first);
    let explained = file(&["--explain", "--explain-when=failure"]);
    assert_eq!(file(&["--explain", "--explain-when=failure"]), explained);
    assert_eq!(scene.kept().len(), 3);
}

#[test]
fn many_at_once_share_a_file_that_is_always_whole() {
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
    assert_eq!(scene.kept().len(), 1);
}

#[test]
fn a_file_that_is_not_as_it_was_made_is_made_again() {
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
            fs::rename(&file, scene.file("elsewhere")).unwrap();
            symlink(scene.file("elsewhere"), &file).unwrap();
        },
    ];
    for spoil in spoil {
        spoil();
        run_again();
    }
}

#[test]
fn the_explanation_goes_when_it_was_told() {
    let scene = Scene::new();
    let mut command = scene.certpick_run_any();
    command.args(["--explain", "--", "sh", "-c", "echo told >\"$CERTPICK_EXPLAIN_FILE\""]);
    assert_eq!(stderr(&command.output().unwrap()), "told\n");
    assert_eq!(scene.kept().len(), 1);
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
            // The user must reach the program, wherever it was built.
            set_mode(user.scene.path(), 0o755);
            set_mode(&user.scene.file("any.pem"), 0o644);
            let program = Path::new(env!("CARGO_BIN_EXE_certpick"));
            support::copy_program(program, &user.scene.file("certpick"));
            support::copy_program(&support::module(), &user.scene.file("libcertpick.so"));
            chown(user.home.path(), Some(USER), Some(USER)).unwrap();
        }
        user
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    /// A directory of the user's in the home directory.
    fn directory(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.home().join(name);
        fs::create_dir(&path).unwrap();
        if is_root() {
            chown(&path, Some(USER), Some(USER)).unwrap();
        }
        set_mode(&path, mode);
        path
    }

    /// `certpick run` with these variables and no others that name a place.
    fn run(&self, variables: &[(&str, &Path)]) -> Command {
        let mut command = if is_root() {
            let mut command = self.scene.command(self.scene.file("certpick"));
            command.uid(USER).gid(USER);
            command.args(["run", "--module=libcertpick.so", "--sslcert=any.pem"]);
            command
        } else {
            self.scene.certpick_run_any()
        };
        command.env_remove("XDG_STATE_HOME").envs(variables.iter().copied()).args(PRINT);
        command
    }

    /// The directory of the file.
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
        // Where files are removed by age.
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
fn where_no_place_is_private_the_program_is_not_run() {
    let user = User::new();
    let sticky = user.directory("sticky", 0o1777);
    let refused = failure(&mut user.run(&[("HOME", &sticky), ("TMPDIR", user.home())]), 125);
    let place = sticky.join(".local/state/certpick");
    assert_eq!(
        refused,
        format!(
            "certpick: there is no private place for the program's openssl.cnf:\n    {}: others can \
             write to {sticky:?}\nSet XDG_STATE_HOME to a directory that only you can write to, like all those \
             above it, or install the file that --print prints.\n",
            place.display()
        )
    );
    let refused = failure(&mut user.run(&[]), 125);
    assert!(refused.contains("neither HOME nor XDG_STATE_HOME is set"), "{refused}");
}

#[test]
fn roots_file_is_in_run_where_the_environment_is_another_users() {
    let user = User::new();
    if !is_root() {
        // Root's files cannot be made, nor another user's; what is refused is the same.
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
