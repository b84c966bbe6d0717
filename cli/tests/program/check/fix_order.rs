// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick check --fix-order`.

use crate::check::made::{certificates, check, chmod, pair};
use crate::support::{Scene, failure, stdout};
use std::os::unix::fs::PermissionsExt;
use testkit::certificates::{Identity, pem};

struct Files {
    scene: Scene,
    leaf: Identity,
    lower: Identity,
    upper: Identity,
}

/// Writes a.crt (upper, root, leaf, lower, lower) and a.key.
fn files() -> Files {
    let scene = Scene::new();
    let root = Identity::root("ca");
    let upper = root.authority("upper");
    let lower = upper.authority("lower");
    let leaf = lower.issue("a");
    certificates(&scene, "a.crt", &[&upper, &root, &leaf, &lower, &lower]);
    scene.write("a.key", leaf.key_pem());
    Files { scene, leaf, lower, upper }
}

const OPTIONS: &str = "--sslcert a.crt --sslkey a.key --fix-order out.crt";

/// Returns the exit status.
fn run(files: &Files, options: &str) -> i32 {
    check(&files.scene, options).output().unwrap().status.code().unwrap()
}

fn right(files: &Files) -> Vec<u8> {
    pem(&[&files.leaf, &files.lower, &files.upper].map(|i| &i.certificate))
}

#[test]
fn the_leaf_and_its_intermediates_are_written_in_order_and_world_readable() {
    let files = files();
    assert_eq!(run(&files, OPTIONS), 0);
    let out = files.scene.path("out.crt");
    assert_eq!(std::fs::read(&out).unwrap(), right(&files));
    assert_eq!(out.metadata().unwrap().permissions().mode() & 0o7777, 0o644);
    let again = check(&files.scene, "--sslcert out.crt --sslkey a.key --quiet").output().unwrap();
    assert_eq!((again.status.code(), stdout(&again)), (Some(0), String::new()));
}

#[test]
fn the_file_is_world_readable_for_any_umask() {
    let files = files();
    let certpick = env!("CARGO_BIN_EXE_certpick");
    let line = format!("umask 077; exec \"{certpick}\" check {OPTIONS}");
    assert!(files.scene.command("sh").args(["-c", &line]).output().unwrap().status.success());
    let mode = files.scene.path("out.crt").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
}

#[test]
fn an_existing_file_is_replaced_only_with_force_and_no_temporary_file_is_left() {
    let files = files();
    files.scene.write("out.crt", "old");
    assert_eq!(run(&files, OPTIONS), 1);
    let out = files.scene.path("out.crt");
    assert_eq!(std::fs::read(&out).unwrap(), b"old");
    assert_eq!(run(&files, &format!("{OPTIONS} --force")), 0);
    assert_eq!(std::fs::read(&out).unwrap(), right(&files));
    assert_eq!(out.metadata().unwrap().permissions().mode() & 0o7777, 0o644);
    let names = std::fs::read_dir(files.scene.root()).unwrap().map(|f| f.unwrap().file_name());
    let mut names: Vec<String> = names.map(|n| n.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["a.crt", "a.key", "out.crt"]);
}

#[test]
fn the_certificate_file_itself_can_be_replaced() {
    let files = files();
    let options = "--sslcert a.crt --sslkey a.key --fix-order a.crt --force";
    assert_eq!(run(&files, options), 0);
    assert_eq!(std::fs::read(files.scene.path("a.crt")).unwrap(), right(&files));
}

#[test]
fn a_private_key_is_neither_overwritten_nor_copied() {
    let files = files();
    let both = [&files.upper, &files.leaf, &files.lower].map(Identity::pem).concat();
    let both = [both, files.leaf.key_pem()].concat();
    files.scene.write("a.pem", &both);
    let options = "--sslcert a.pem --fix-order a.pem --force";
    assert_eq!(run(&files, options), 1);
    assert_eq!(std::fs::read(files.scene.path("a.pem")).unwrap(), both);
    // The key is not copied to a file that other users can read.
    assert_eq!(run(&files, "--sslcert a.pem --fix-order new.pem"), 0);
    let written = std::fs::read_to_string(files.scene.path("new.pem")).unwrap();
    assert!(!written.contains("PRIVATE"), "{written}");
}

#[test]
fn missing_intermediates_are_taken_from_the_issuer_pool() {
    let files = files();
    certificates(&files.scene, "a.crt", &[&files.leaf]);
    certificates(&files.scene, "pool.crt", &[&files.upper, &files.lower]);
    assert_eq!(run(&files, &format!("{OPTIONS} --issuers pool.crt")), 0);
    assert_eq!(std::fs::read(files.scene.path("out.crt")).unwrap(), right(&files));
}

#[test]
fn a_write_error_is_reported_and_leaves_no_file() {
    let files = files();
    let options = "--sslcert a.crt --sslkey a.key --quiet --fix-order none/out.crt";
    let output = check(&files.scene, options).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains("\"none/out.crt\" was not written: No such file"), "{text}");
    std::fs::create_dir(files.scene.path("d")).unwrap();
    assert_eq!(run(&files, "--sslcert a.crt --sslkey a.key --fix-order d --force"), 1);
    assert_eq!(std::fs::read_dir(files.scene.path("d")).unwrap().count(), 0);
    // No file is written if the certificate cannot be read.
    files.scene.write("a.crt", "garbage");
    assert_eq!(run(&files, OPTIONS), 1);
    assert!(!files.scene.path("out.crt").exists());
}

#[test]
fn fix_order_requires_exactly_one_certificate() {
    let files = files();
    pair(&files.scene, "b", &files.upper.issue("b"));
    chmod(&files.scene, "b.key", 0o600);
    let options = "--sslcert a.crt,b.crt --sslkey a.key,b.key --fix-order out.crt";
    let message = failure(&mut check(&files.scene, options), 2);
    assert!(message.contains("requires exactly one certificate, but there are 2"), "{message}");
    assert!(!files.scene.path("out.crt").exists());
}

#[test]
fn for_a_server_the_certificate_that_matches_the_key_comes_first() {
    let files = files();
    let Files { scene, leaf, .. } = &files;
    let root = Identity::root("another");
    // Without the intermediates, only the key identifies the leaf.
    certificates(scene, "server.crt", &[&root, leaf]);
    let options = "--server --cert server.crt --key a.key --fix-order out.crt";
    assert_eq!(run(&files, options), 1);
    assert_eq!(std::fs::read(scene.path("out.crt")).unwrap(), pem(&[&leaf.certificate]));
}
