// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory as the value of `--sslcert`.

use crate::check::made::{certificates, check, pair};
use crate::support::{Scene, failure, printed};
use std::os::unix::fs::symlink;
use testkit::certificates::{Identity, Subject};

/// Returns the lists that `certpick run` generates, with names relative to the scene.
fn lists(scene: &Scene, options: &[&str]) -> Vec<String> {
    let text = printed(scene.certpick_run().args(options).arg("--print"));
    let here = format!("{}/", scene.root().display());
    let is_list = |l: &&str| l.starts_with("sslcert") || l.starts_with("sslkey");
    text.lines().filter(is_list).map(|l| l.replace(&here, "")).collect()
}

#[test]
fn the_list_contains_every_certificate_that_has_a_key_longest_validity_first() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("d")).unwrap();
    let ca = Identity::root("ca");
    for (name, days) in [("b", 20), ("a", 10), ("late", 30)] {
        let identity = ca.issue(Subject::new(name).valid(-1, days));
        certificates(&scene, &format!("d/{name}.crt"), &[&identity]);
        scene.write(format!("d/{name}.key"), identity.key_pem());
    }
    let own = ca.issue(Subject::new("own").valid(-1, 15));
    scene.write("d/own.PEM", own.bundle());
    certificates(&scene, "d/ca.crt", &[&ca]);
    certificates(&scene, "d/lonely.crt", &[&ca.issue("lonely")]);
    scene.write("d/only.key", own.key_pem());
    scene.write("d/parameters.pem", "-----BEGIN DH PARAMETERS-----\n");
    scene.write("d/.hidden.crt", "garbage");
    scene.write("d/README", "garbage");
    std::fs::create_dir(scene.path("d/directory.pem")).unwrap();
    assert_eq!(
        lists(&scene, &["--sslcert=d"]),
        ["sslcert = d/late.crt,d/b.crt,d/own.PEM,d/a.crt", "sslkey = d/late.key,d/b.key,,d/a.key"]
    );
}

#[test]
fn an_intermediate_that_expires_earlier_lowers_the_rank_also_from_the_issuer_pool() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("d")).unwrap();
    let ca = Identity::root("ca");
    let middle = ca.authority(Subject::new("middle").valid(-1, 5));
    let below = middle.issue(Subject::new("below").valid(-1, 50));
    let other = ca.issue(Subject::new("other").valid(-1, 20));
    for (name, identity) in [("below", &below), ("other", &other)] {
        scene.write(format!("d/{name}.pem"), identity.bundle());
    }
    certificates(&scene, "middle.crt", &[&middle]);
    assert_eq!(lists(&scene, &["--sslcert=d"]), ["sslcert = d/below.pem,d/other.pem"]);
    assert_eq!(
        lists(&scene, &["--sslcert=d", "--issuers=middle.crt"]),
        ["sslcert = d/other.pem,d/below.pem"]
    );
}

#[test]
fn the_keys_may_be_in_another_directory() {
    let scene = Scene::new();
    for directory in ["certs", "keys"] {
        std::fs::create_dir(scene.path(directory)).unwrap();
    }
    let a = Identity::root("ca").issue("a");
    certificates(&scene, "certs/a.crt", &[&a]);
    scene.write("keys/a.key", a.key_pem());
    assert_eq!(
        lists(&scene, &["--sslcert=certs", "--sslkey=keys"]),
        ["sslcert = certs/a.crt", "sslkey = keys/a.key"]
    );
}

#[test]
fn all_broken_files_of_a_directory_are_reported_together() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("d")).unwrap();
    let a = Identity::root("ca").issue("a");
    scene.write("d/a.pem", a.bundle());
    scene.write("d/empty.crt", "");
    scene.write("d/cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
    scene.write("d/der.cer", a.certificate.to_der().unwrap());
    symlink("nowhere", scene.path("d/link.crt")).unwrap();
    let message = failure(scene.certpick_run().args(["--sslcert=d", "--", "true"]), 125);
    for expected in [
        "certificate file \"d/empty.crt\": it is empty",
        "certificate file \"d/cut.pem\": certificate 1 in it is damaged",
        "certificate file \"d/der.cer\": it holds no certificate in PEM; if it is DER",
        "certificate file \"d/link.crt\": No such file or directory",
    ] {
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(message.lines().count(), 4, "{message}");
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("d")).unwrap();
    scene.write("passwords", "\n");
    scene.write("file", "");
    for (options, expected) in [
        (&["--sslcert=d"][..], "directory \"d\" contains no certificate"),
        (&["--sslcert=d", "--sslkey=file"], "--sslkey must be a directory, and \"file\" is not"),
        (&["--sslcert=d", "--sslpassword-file=passwords"], "have no numbers"),
        (&["--sslcert=d", "--issuers=no"], "issuers: could not read certificate file \"no\""),
        (&["--sslcert=d,file"], "entry 1: could not read certificate file \"d\": it is not a"),
    ] {
        let message = failure(scene.certpick_run().args(options).args(["--", "true"]), 125);
        assert!(message.contains(expected), "{options:?}: {message}");
    }
}

#[test]
fn check_reports_each_of_a_thousand_certificates() {
    const MANY: usize = 1000;
    let scene = Scene::new();
    std::fs::create_dir(scene.path("d")).unwrap();
    let ca = Identity::root("ca");
    for number in 1..=MANY {
        // In the order of names, validity decreases.
        let days = i64::try_from(10 * MANY - number).unwrap();
        let subject = Subject::new(&format!("user {number}")).valid(-1, days);
        pair(&scene, &format!("d/{number:04}"), &ca.issue(subject));
    }
    // One of them has the key of another.
    std::fs::copy(scene.path("d/0007.key"), scene.path("d/0700.key")).unwrap();
    let output = check(&scene, "--sslcert d --format json").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let entries = &report["subjects"].as_array().unwrap()[1..];
    assert_eq!(entries.len(), MANY);
    for (at, entry) in entries.iter().enumerate() {
        assert_eq!(entry["name"], format!("d/{:04}.crt", at + 1));
        let level = match at {
            0 => "good",
            699 => "wrong",
            _ => "note",
        };
        assert_eq!(entry["level"], level, "{entry:#}");
        let collision = entry["findings"].as_array().unwrap().last().unwrap();
        let is_behind = collision["text"]
            .as_str()
            .unwrap()
            .contains("cannot distinguish this certificate from d/0001");
        assert_eq!(is_behind, at > 0, "{entry:#}");
    }
    let advice = &entries[699]["findings"][1]["advice"];
    assert!(advice.as_str().unwrap().contains("the key of d/0007.crt"), "{advice}");
}
