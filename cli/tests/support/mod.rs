// SPDX-License-Identifier: MIT OR Apache-2.0
//! Support for the tests of the program.
#![allow(dead_code)] // each test program uses only a part

pub mod running;
pub mod server;
pub mod terminal;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A self-signed certificate, whose subject is also the name of its CA.
pub struct Identity {
    pub certificate: X509,
    pub key: PKey<Private>,
}

impl Identity {
    pub fn new(common_name: &str) -> Identity {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", common_name).unwrap();
        let name = name.build();
        let mut serial = BigNum::new().unwrap();
        serial.rand(64, MsbOption::MAYBE_ZERO, false).unwrap();
        let mut builder = X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(10).unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Identity { certificate: builder.build(), key }
    }

    /// Returns certificate and key.
    pub fn bundle(&self) -> Vec<u8> {
        [self.pem(), self.key_pem()].concat()
    }

    fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }
}

/// A temporary directory for a test, and a private one for the files of `certpick run`.
pub struct Scene {
    directory: TempDir,
    private: TempDir,
}

pub fn effective_user() -> u32 {
    // SAFETY: geteuid has no preconditions.
    unsafe { libc::geteuid() }
}

pub fn is_root() -> bool {
    effective_user() == 0
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

impl Scene {
    pub fn new() -> Scene {
        Scene { directory: tempfile::tempdir().unwrap(), private: private_directory() }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn file(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path().join(name.as_ref())
    }

    /// Writes a file with mode 0600.
    pub fn write(&self, name: impl AsRef<OsStr>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .unwrap();
        std::io::Write::write_all(&mut file, bytes.as_ref()).unwrap();
        path
    }

    /// Writes a certificate with its key in one file.
    pub fn identity(&self, name: impl AsRef<OsStr>) -> Identity {
        let name = name.as_ref();
        let identity = Identity::new(&name.to_string_lossy());
        self.write(name, identity.bundle());
        identity
    }

    /// Writes a certificate NAME.crt and its key, encrypted if there is a password, NAME.key.
    pub fn pair(&self, name: &str, password: Option<&str>) -> Identity {
        let identity = Identity::new(name);
        self.write(format!("{name}.crt"), identity.pem());
        let key = match password {
            None => identity.key_pem(),
            Some(password) => {
                let cipher = openssl::symm::Cipher::aes_256_cbc();
                let password = password.as_bytes();
                identity.key.private_key_to_pem_pkcs8_passphrase(cipher, password).unwrap()
            }
        };
        self.write(format!("{name}.key"), key);
        identity
    }

    /// Returns a command in this directory with an almost empty environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
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
        if !self.file("any.pem").exists() {
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

/// Returns the module. Cargo builds it as a dependency of the program.
pub fn module() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_certpick"));
    let module = program.with_file_name("deps").join("libcertpick.so");
    assert!(module.exists(), "{} is not there", module.display());
    module
}

/// Returns the test program that prints the signals and lines that it receives.
pub fn signals_program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/signals.py")
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
