// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mistakes are told at once and clearly, and the program is not started.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::{Scene, failure, module, stderr};

/// What is said where certpick itself fails with these options; nothing may have run or be left.
#[track_caller]
fn said(scene: &Scene, options: &[&str]) -> String {
    let mut command = scene.certpick_run();
    let words = failure(command.args(options).args(["--", "touch", "started"]), 125);
    assert!(!scene.file("started").exists());
    assert!(scene.kept().is_empty());
    words
}

#[test]
fn wrong_usage_is_status_2() {
    let scene = Scene::new();
    scene.identity("a.pem");
    for options in [
        &["--", "true"][..],
        &["--sslcert", "a.pem"],
        &["--sslcert", "a.pem", "true"],
        &["--sslcert", "a.pem", "--sslpassword", "secret", "--", "true"],
        &["--sslcert", "a.pem", "--explain-when", "failure", "--", "true"],
        &["--sslcert", "a.pem", "--explain", "told", "--", "true"],
        &["--sslcert", "a.pem", "--flawed", "maybe", "--", "true"],
    ] {
        let words = failure(scene.certpick_run().args(options), 2);
        assert!(words.starts_with("error: ") && words.contains("--help"), "{words}");
    }
}

#[test]
fn lists_that_do_not_match_are_told_in_the_librarys_words() {
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
        assert_eq!(said(&scene, options), format!("certpick: {expected}\n"), "{options:?}");
    }
}

#[test]
fn keys_are_not_looked_at() {
    let scene = Scene::new();
    scene.pair("a", None);
    let mut command = scene.certpick_run();
    command.args(["--sslcert=a.crt", "--sslkey=no/such.key", "--", "true"]);
    assert!(command.status().unwrap().success());
}

#[test]
fn a_file_of_passwords_obeys_the_rule_for_keys() {
    let scene = Scene::new();
    scene.identity("a.pem");
    let file = scene.write("passwords", "Xyzzy\n");
    let options = ["--sslcert=a.pem", "--sslpassword-file=passwords"];
    for mode in [0o644, 0o660, 0o604, 0o601] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        let words = said(&scene, &options);
        assert!(words.contains("group or world access") && words.contains("0600"), "{words}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(said(&scene, &options).contains("No such file"));
    std::fs::create_dir(&file).unwrap();
    assert!(said(&scene, &options).contains("not a regular file"));
}

#[test]
fn an_explanation_that_cannot_be_written_is_told_at_once() {
    let scene = Scene::new();
    scene.identity("a.pem");
    let words = said(&scene, &["--sslcert=a.pem", "--explain=no/such/directory/told"]);
    assert!(words.contains("--explain=") && words.contains("No such file"), "{words}");
    std::os::unix::fs::symlink("target", scene.file("link")).unwrap();
    let words = said(&scene, &["--sslcert=a.pem", "--explain=link"]);
    assert!(words.contains("--explain=") && words.contains("it is a symbolic link"), "{words}");
    assert!(!scene.file("target").exists());
    let words =
        failure(scene.certpick_run().args(["--sslcert=a.pem", "--explain", "--print"]), 125);
    assert!(words.contains("--explain=FILE"), "{words}");
}

#[test]
fn a_module_that_openssl_could_not_load_is_told_at_once() {
    let scene = Scene::new();
    scene.identity("a.pem");
    scene.write("text.so", "no module");
    let legacy = support::openssl_modules().join("legacy.so");
    for (module, words) in [
        ("no-such.so", "No such file"),
        ("text.so", "file too short"),
        (legacy.to_str().unwrap(), "it is not certpick's"),
    ] {
        let mut command = scene.command(env!("CARGO_BIN_EXE_certpick"));
        command.args(["run", "--sslcert=a.pem", "--module", module, "--", "true"]);
        let said = failure(&mut command, 125);
        assert!(said.contains(words) && said.contains(module), "{said}");
    }
}

/// Copies the program and, if it is to be found, the module; what certpick then says or prints.
fn installed(program: &str, module_in: Option<(&str, &str)>, prefix: &Path) -> String {
    let scene = Scene::new();
    scene.identity("a.pem");
    let program = prefix.join(program);
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    support::copy_program(Path::new(env!("CARGO_BIN_EXE_certpick")), &program);
    if let Some((directory, name)) = module_in {
        std::fs::create_dir_all(prefix.join(directory)).unwrap();
        std::fs::copy(module(), prefix.join(directory).join(name)).unwrap();
    }
    let mut command = scene.command(&program);
    command.args(["run", "--sslcert=a.pem", "--print"]).env("OPENSSL_MODULES", prefix.join("own"));
    let output = command.output().unwrap();
    support::stdout(&output) + &stderr(&output)
}

#[test]
fn the_module_is_found_where_it_is_installed() {
    let multiarch = support::openssl_modules();
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
fn a_module_that_is_nowhere_to_be_found_is_told_with_the_places() {
    let prefix = tempfile::tempdir().unwrap();
    let text = installed("bin/certpick", None, prefix.path());
    for place in ["bin", "lib", "lib64", "own"] {
        assert!(text.contains(&format!("    {}\n", prefix.path().join(place).display())), "{text}");
    }
    assert!(text.contains("--module /path/libcertpick.so"), "{text}");
}
