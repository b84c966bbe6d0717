// SPDX-License-Identifier: MIT OR Apache-2.0
//! Support for the tests of the program.

pub mod running;
pub mod server;
pub mod terminal;

use std::ffi::OsStr;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use testkit::certificates::Identity;
use testkit::directory::{Directory, effective_user};

/// A temporary directory for a test, and a private one for the files of `certpick run`.
pub struct Scene {
    directory: Directory,
    private: TempDir,
}

/// Returns whether only root and the user can write to this directory and those above it.
pub fn is_private(path: &Path) -> bool {
    path.ancestors().all(|ancestor| {
        let metadata = ancestor.symlink_metadata().unwrap();
        let is_trusted = metadata.uid() == 0 || metadata.uid() == effective_user();
        metadata.is_dir() && is_trusted && metadata.mode() & 0o022 == 0
    })
}

/// Creates a directory in target/, or elsewhere if other users can write above that.
fn private_directory() -> TempDir {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let parents = [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), home.into(), "/run".into()];
    let parents = parents.into_iter().filter_map(|parent| parent.canonicalize().ok());
    let parent = parents.into_iter().find(|parent| is_private(parent));
    tempfile::tempdir_in(parent.expect("neither target/ nor HOME is private")).unwrap()
}

impl Deref for Scene {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.directory
    }
}

impl Scene {
    pub fn new() -> Scene {
        Scene { directory: Directory::new(), private: private_directory() }
    }

    /// Writes a certificate with its key in one file.
    pub fn identity(&self, name: &str) -> Identity {
        let identity = Identity::self_signed(name);
        self.write(name, identity.bundle());
        identity
    }

    /// Writes a certificate NAME.crt and its key, encrypted if there is a password, NAME.key.
    pub fn pair(&self, name: &str, password: Option<&str>) -> Identity {
        let identity = Identity::self_signed(name);
        self.write(format!("{name}.crt"), identity.pem());
        let key = password.map_or_else(|| identity.key_pem(), |p| identity.encrypted_key_pem(p));
        self.write(format!("{name}.key"), key);
        identity
    }

    /// Returns a command in this directory with an almost empty environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.root())
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(std::env::var_os("LD_LIBRARY_PATH").map(|path| ("LD_LIBRARY_PATH", path)))
            .env("XDG_STATE_HOME", self.private.path());
        // Resets signals that the test runner ignores or blocks.
        // SAFETY: the functions are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                for signal in 1..32 {
                    libc::signal(signal, libc::SIG_DFL);
                }
                let mut none = std::mem::zeroed();
                libc::sigemptyset(&mut none);
                libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
                Ok(())
            });
        }
        command
    }

    /// Returns `certpick run` with the module of this build.
    pub fn certpick_run(&self) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_certpick"));
        command.args(["run", "--module"]).arg(module());
        command
    }

    /// Like [`Scene::certpick_run`], with a certificate.
    pub fn certpick_run_any(&self) -> Command {
        if !self.path("any.pem").exists() {
            self.identity("any.pem");
        }
        let mut command = self.certpick_run();
        command.args(["--sslcert", "any.pem"]);
        command
    }

    pub fn private(&self) -> &Path {
        self.private.path()
    }

    /// Creates a directory in the private one.
    pub fn subdirectory(&self) -> TempDir {
        tempfile::tempdir_in(self.private()).unwrap()
    }

    /// Returns the openssl.cnf files that `certpick run` has stored. There must be no other files.
    #[track_caller]
    pub fn stored(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.private().join("certpick")) else { return vec![] };
        let found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        assert!(found.iter().all(|f| f.extension().is_some_and(|end| end == "cnf")), "{found:?}");
        found
    }
}

/// Returns the module. Cargo builds it as a dependency of the tests.
pub fn module() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_certpick"));
    let module = program.with_file_name("deps").join("libcertpick.so");
    assert!(module.exists(), "{} is not there", module.display());
    module
}

/// Returns the test program that prints the signals and lines that it receives.
pub fn signals_program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/support/signals.py")
}

/// Copies a program with cp(1). If this process wrote it, a child that another thread forks meanwhile
/// would inherit the descriptor, and exec(2) would fail with ETXTBSY.
pub fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

/// Returns OpenSSL's directory of modules.
pub fn openssl_modules() -> PathBuf {
    let output = Command::new("openssl").args(["version", "-m"]).output().unwrap();
    let text = stdout(&output);
    PathBuf::from(text.split('"').nth(1).unwrap_or_else(|| panic!("{text}")))
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the standard output of a command, which must succeed without error messages.
#[track_caller]
pub fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(stderr(&output), "");
    assert!(output.status.success(), "{}", output.status);
    stdout(&output)
}

/// Returns the error message of a command, which must fail with this status.
#[track_caller]
pub fn failure(command: &mut Command, status: i32) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(stdout(&output), "");
    stderr(&output)
}
