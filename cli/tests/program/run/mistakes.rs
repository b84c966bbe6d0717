// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors of `certpick run` are reported before the program starts.

use crate::support::{Scene, failure, module, stderr};
use std::path::Path;
use testkit::directory::set_mode;

/// Returns the message if certpick itself fails. The program must not run, and no file must be left.
#[track_caller]
fn message(scene: &Scene, options: &[&str]) -> String {
    let mut command = scene.certpick_run();
    let message = failure(command.args(options).args(["--", "touch", "started"]), 125);
    assert!(!scene.path("started").exists());
    assert!(scene.stored().is_empty());
    message
}

#[test]
fn wrong_usage_exits_with_status_2() {
    let scene = Scene::new();
    scene.identity("a.pem");
    for options in [
        &["--", "true"][..],
        &["--sslcert", "a.pem"],
        &["--sslcert", "a.pem", "true"],
        &["--sslcert", "a.pem", "--sslpassword", "secret", "--", "true"],
        &["--sslcert", "a.pem", "--explain-when", "failure", "--", "true"],
        &["--sslcert", "a.pem", "--explain", "file", "--", "true"],
        &["--sslcert", "a.pem", "--flawed", "maybe", "--", "true"],
    ] {
        let error = failure(scene.certpick_run().args(options), 2);
        assert!(error.starts_with("error: ") && error.contains("--help"), "{error}");
    }
}

#[test]
fn errors_in_the_lists_have_the_librarys_messages() {
    let scene = Scene::new();
    for name in ["a.pem", "b.pem"] {
        scene.identity(name);
    }
    scene.pair("c", None);
    scene.write("one", "x\n");
    scene.write("three", "x\n\n\n");
    for (options, expected) in [
        (
            &["--sslcert=a.pem,b.pem", "--sslkey=k,k,k"][..],
            "could not match 2 sslcert to 3 sslkey values",
        ),
        (
            &["--sslcert=a.pem,b.pem", "--sslpassword-file=three"],
            "could not match 3 sslpassword to 2 sslcert values",
        ),
        (
            &["--sslcert=a.pem,b.pem", "--sslkey=,", "--sslpassword-file=one"],
            "could not match 1 sslpassword to 2 sslkey values",
        ),
        (&["--sslcert=a.pem,,b.pem"], "entry 2 of sslcert is empty; a file name is needed"),
        (&["--sslcert="], "entry 1 of sslcert is empty; a file name is needed"),
        (
            &["--sslcert=a.pem,no.pem"],
            "entry 2: could not read certificate file \"no.pem\": No such file or directory",
        ),
        (
            &["--sslcert=a.pem,c.crt"],
            "entry 2: certificate file \"c.crt\" holds no private key, and no sslkey names one",
        ),
        (
            &["--sslcert=a.pem", "--issuers=no.pem"],
            "issuers: could not read certificate file \"no.pem\": No such file or directory",
        ),
    ] {
        assert_eq!(message(&scene, options), format!("certpick: {expected}\n"), "{options:?}");
    }
}

#[test]
fn keys_are_not_read() {
    let scene = Scene::new();
    scene.pair("a", None);
    let mut command = scene.certpick_run();
    command.args(["--sslcert=a.crt", "--sslkey=no/such.key", "--", "true"]);
    assert!(command.status().unwrap().success());
}

#[test]
fn a_password_file_must_obey_the_rule_for_key_files() {
    let scene = Scene::new();
    scene.identity("a.pem");
    let file = scene.write("passwords", "Xyzzy\n");
    let options = ["--sslcert=a.pem", "--sslpassword-file=passwords"];
    for mode in [0o644, 0o660, 0o604, 0o601] {
        set_mode(&file, mode);
        let error = message(&scene, &options);
        assert!(error.contains("group or world access") && error.contains("0600"), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(message(&scene, &options).contains("No such file"));
    std::fs::create_dir(&file).unwrap();
    assert!(message(&scene, &options).contains("not a regular file"));
}

#[test]
fn an_explanation_file_that_cannot_be_written_is_an_error() {
    let scene = Scene::new();
    scene.identity("a.pem");
    let error = message(&scene, &["--sslcert=a.pem", "--explain=no/such/directory/file"]);
    assert!(error.contains("--explain=") && error.contains("No such file"), "{error}");
    std::os::unix::fs::symlink("target", scene.path("link")).unwrap();
    let error = message(&scene, &["--sslcert=a.pem", "--explain=link"]);
    assert!(error.contains("--explain=") && error.contains("it is a symbolic link"), "{error}");
    assert!(!scene.path("target").exists());
    let error =
        failure(scene.certpick_run().args(["--sslcert=a.pem", "--explain", "--print"]), 125);
    assert!(error.contains("--explain=FILE"), "{error}");
}

#[test]
fn a_module_that_openssl_cannot_load_is_an_error() {
    let scene = Scene::new();
    scene.identity("a.pem");
    scene.write("text.so", "no module");
    let legacy = crate::support::openssl_modules().join("legacy.so");
    for (module, error) in [
        ("no-such.so", "No such file"),
        ("text.so", "file too short"),
        (legacy.to_str().unwrap(), "it is not a module of certpick"),
    ] {
        let mut command = scene.command(env!("CARGO_BIN_EXE_certpick"));
        command.args(["run", "--sslcert=a.pem", "--module", module, "--", "true"]);
        let message = failure(&mut command, 125);
        assert!(message.contains(error) && message.contains(module), "{message}");
    }
}

/// Copies the program below `prefix`, and the module to a directory and name below it if `module_in` is
/// given. Returns the output of the program.
fn installed(program: &str, module_in: Option<(&str, &str)>, prefix: &Path) -> String {
    let scene = Scene::new();
    scene.identity("a.pem");
    let program = prefix.join(program);
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    crate::support::copy_program(Path::new(env!("CARGO_BIN_EXE_certpick")), &program);
    if let Some((directory, name)) = module_in {
        std::fs::create_dir_all(prefix.join(directory)).unwrap();
        std::fs::copy(module(), prefix.join(directory).join(name)).unwrap();
    }
    let mut command = scene.command(&program);
    command.args(["run", "--sslcert=a.pem", "--print"]).env("OPENSSL_MODULES", prefix.join("own"));
    let output = command.output().unwrap();
    crate::support::stdout(&output) + &stderr(&output)
}

#[test]
fn the_module_is_found_where_it_is_installed() {
    let multiarch = crate::support::openssl_modules();
    let multiarch = multiarch.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let multiarch = format!("lib/{multiarch}");
    for (directory, name) in [
        ("bin", "libcertpick.so"),
        ("lib", "libcertpick.so"),
        ("lib", "libcertpick.so.0"),
        ("lib64", "libcertpick.so.0"),
        (&multiarch, "libcertpick.so.0"),
        ("own", "libcertpick.so"),
    ] {
        let prefix = tempfile::tempdir().unwrap();
        let text = installed("bin/certpick", Some((directory, name)), prefix.path());
        let file = prefix.path().join(directory).join(name);
        assert!(text.contains(&format!("module = {}\n", file.display())), "{directory}: {text}");
    }
}

#[test]
fn the_error_about_a_missing_module_lists_the_search_path() {
    let prefix = tempfile::tempdir().unwrap();
    let text = installed("bin/certpick", None, prefix.path());
    for directory in ["bin", "lib", "lib64", "own"] {
        assert!(
            text.contains(&format!("    {}\n", prefix.path().join(directory).display())),
            "{text}"
        );
    }
    assert!(text.contains("--module /path/libcertpick.so"), "{text}");
}
