// SPDX-License-Identifier: MIT OR Apache-2.0
//! Directories as entries.

use crate::check::made::{certificates, check, chmod, pair};
use crate::support::{Scene, failure, printed, stderr};
use serde_json::Value;
use std::os::unix::fs::symlink;
use testkit::certificates::{Identity, Subject};

/// Returns the settings sslcert and sslkey that `certpick run` generates, with names relative to the scene.
fn settings(scene: &Scene, options: &[&str]) -> Vec<String> {
    let text = printed(scene.certpick_run().args(options).arg("--print"));
    let here = format!("{}/", scene.root().display());
    let is_list = |l: &&str| l.starts_with("sslcert") || l.starts_with("sslkey");
    text.lines().filter(is_list).map(|l| l.replace(&here, "")).collect()
}

/// Returns the report of `certpick check`.
fn report(scene: &Scene, options: &str) -> Value {
    let output = check(scene, &format!("{options} --format json")).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

/// Returns the subjects of a kind.
fn subjects<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    let all = report["subjects"].as_array().unwrap().iter();
    all.filter(|subject| subject["kind"] == kind).collect()
}

/// Returns the lists that `certpick check` shows for a directory, with names relative to the scene.
fn lists(scene: &Scene, options: &str) -> [String; 2] {
    let report = report(scene, options);
    let here = format!("{}/", scene.root().display());
    let facts = &subjects(&report, "directory")[0]["facts"];
    ["sslcert", "sslkey"].map(|key| facts[key].as_str().unwrap_or_default().replace(&here, ""))
}

/// Returns level, key and text of each finding of a subject.
fn findings(subject: &Value) -> Vec<String> {
    let text = |finding: &Value| {
        let part = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        format!("{} {}: {}", part("level"), part("key"), part("text"))
    };
    subject["findings"].as_array().unwrap().iter().map(text).collect()
}

fn directory(scene: &Scene, name: &str) {
    std::fs::create_dir(scene.path(name)).unwrap();
}

#[test]
fn every_certificate_that_has_a_key_is_a_credential_longest_validity_first() {
    let scene = Scene::new();
    directory(&scene, "d");
    let ca = Identity::root("ca");
    for (name, days) in [("b", 20), ("a", 10), ("late", 30)] {
        let identity = ca.issue(Subject::new(name).valid(-1, days));
        certificates(&scene, &format!("d/{name}.crt"), &[&identity]);
        scene.write(format!("d/{name}.key"), identity.key_pem());
    }
    let own = ca.issue(Subject::new("own").valid(-1, 15));
    scene.write("d/own.PEM", own.bundle());
    let other = ca.issue(Subject::new("other").valid(-1, 12));
    certificates(&scene, "d/other-cert.pem", &[&other]);
    scene.write("d/other-key.pem", other.key_pem());
    certificates(&scene, "d/ca.crt", &[&ca]);
    certificates(&scene, "d/lonely.crt", &[&ca.issue("lonely")]);
    scene.write("d/only.key", own.key_pem());
    scene.write("d/parameters.pem", "-----BEGIN DH PARAMETERS-----\n");
    scene.write("d/.hidden.crt", "garbage");
    scene.write("d/README", "garbage");
    directory(&scene, "d/directory.pem");
    assert_eq!(
        lists(&scene, "--sslcert d"),
        [
            "d/late.crt,d/b.crt,d/own.PEM,d/other-cert.pem,d/a.crt",
            "d/late.key,d/b.key,,d/other-key.pem,d/a.key"
        ]
    );
    let report = report(&scene, "--sslcert d");
    assert_eq!(
        findings(subjects(&report, "directory")[0]),
        [
            "good lists: the directory contains 5 certificates that have a key; the one valid longest is first",
            "note other_file: \"d/ca.crt\" contains a CA certificate",
            "note other_file: \"d/directory.pem\" is not a regular file",
            "warning key_file: certificate file \"d/lonely.crt\" contains no private key, and there is no \
             \"d/lonely.key\"",
            "note other_file: \"d/only.key\" belongs to no certificate by its name",
            "note other_file: \"d/parameters.pem\" contains no certificate in PEM",
        ]
    );
}

#[test]
fn an_intermediate_that_expires_earlier_does_not_lower_the_rank() {
    let scene = Scene::new();
    directory(&scene, "d");
    let ca = Identity::root("ca");
    let middle = ca.authority(Subject::new("middle").valid(-1, 5));
    let below = middle.issue(Subject::new("below").valid(-1, 50));
    let other = ca.issue(Subject::new("other").valid(-1, 20));
    for (name, identity) in [("below", &below), ("other", &other)] {
        scene.write(format!("d/{name}.pem"), identity.bundle());
    }
    certificates(&scene, "middle.crt", &[&middle]);
    for options in ["--sslcert d", "--sslcert d --issuers middle.crt"] {
        assert_eq!(lists(&scene, options)[0], "d/below.pem,d/other.pem");
    }
}

#[test]
fn the_keys_may_be_in_another_directory() {
    let scene = Scene::new();
    directory(&scene, "certs");
    directory(&scene, "keys");
    let a = Identity::root("ca").issue("a");
    certificates(&scene, "certs/a.crt", &[&a]);
    scene.write("keys/a.key", a.key_pem());
    assert_eq!(lists(&scene, "--sslcert certs --sslkey keys"), ["certs/a.crt", "keys/a.key"]);
    let report = report(&scene, "--sslcert certs --sslkey keys");
    assert_eq!(report["status"], 0, "{report:#}");
    assert_eq!(subjects(&report, "credential")[0]["facts"]["key_file"], "keys/a.key");
    let names = ["--sslcert=certs", "--sslkey=keys"];
    assert_eq!(settings(&scene, &names), ["sslcert = certs", "sslkey = keys"]);
}

#[test]
fn a_directory_is_an_entry_among_others_and_has_one_password() {
    let scene = Scene::new();
    directory(&scene, "d");
    let ca = Identity::root("ca");
    for (name, days) in [("long", 30), ("short", 20)] {
        let identity = ca.issue(Subject::new(name).valid(-1, days));
        certificates(&scene, &format!("d/{name}.crt"), &[&identity]);
        scene.write(format!("d/{name}.key"), identity.encrypted_key_pem("secret"));
    }
    let plain = ca.issue(Subject::new("plain").valid(-1, 10));
    pair(&scene, "d/plain", &plain);
    pair(&scene, "first", &ca.issue("first"));
    pair(&scene, "last", &ca.issue("last"));
    scene.write("passwords", "\nsecret\n\n");
    let options = "--sslcert first.crt,d,last.crt --sslkey first.key,,last.key \
                   --sslpassword-file passwords";
    let report = report(&scene, options);
    assert_eq!(report["status"], 0, "{report:#}");
    let all = subjects(&report, "credential");
    let names: Vec<&str> = all.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "entry 1: first.crt",
            "entry 2: d/long.crt",
            "entry 2: d/short.crt",
            "entry 2: d/plain.crt",
            "entry 3: last.crt"
        ]
    );
    assert_eq!(all[1]["facts"]["entry"], 2);
    let decrypted = "good password: the password decrypts the private key".to_owned();
    assert!(findings(all[2]).contains(&decrypted), "{:#}", all[2]);
    assert!(!findings(all[3]).iter().any(|f| f.contains("password")), "{:#}", all[3]);
    // Between entries the order of the list decides, within a directory the validity.
    let text = |at: usize| findings(all[at]).last().unwrap().clone();
    assert!(text(2).contains("entry 1 (first.crt), which is sent instead because it comes first"));
    let lists = format!("--sslcert d,first.crt --sslkey {}", ",first.key");
    let report = self::report(&scene, &lists);
    let all = subjects(&report, "credential");
    let text = findings(all[1]).last().unwrap().clone();
    assert!(
        text.contains("entry 1 (d/long.crt), which is sent instead because it is valid longer")
    );
    assert!(findings(all[0]).iter().any(|f| f.starts_with("wrong password: could not load")));
}

#[test]
fn the_files_of_a_directory_that_is_named_in_a_configuration_file_have_its_rule() {
    let scene = Scene::new();
    directory(&scene, "d");
    let ca = Identity::root("ca");
    for name in ["a", "b"] {
        scene.write(format!("d/{name}.pem"), ca.issue(name).bundle());
    }
    pair(&scene, "c", &ca.issue("c"));
    let text = "[[credential]]\nsslcert = 'd'\nhosts = ['db1']\n\
                [[credential]]\nsslcert = 'c.crt'\nsslkey = 'c.key'\nhosts = ['db2']\n";
    scene.write("certpick.toml", text);
    let here = format!("{}/", scene.root().display());
    for options in ["--config certpick.toml", "--sslcert certpick:certpick.toml"] {
        let report = report(&scene, options);
        assert_eq!(report["status"], 0, "{report:#}");
        assert_eq!(subjects(&report, "directory")[0]["facts"]["entry"], 1);
        let all = subjects(&report, "credential").into_iter();
        let facts: Vec<String> = all
            .map(|one| {
                let facts = &one["facts"];
                let name = one["name"].as_str().unwrap().replace(&here, "");
                format!("{name} {} {} {}", facts["entry"], facts["line"], facts["hosts"])
            })
            .collect();
        assert_eq!(
            facts,
            [
                "entry 1: d/a.pem 1 1 [\"db1\"]",
                "entry 1: d/b.pem 1 1 [\"db1\"]",
                "entry 2: c.crt 2 4 [\"db2\"]"
            ]
        );
    }
    // The credentials of the file count as entries, as in errors.
    let report = report(&scene, "--sslcert certpick:certpick.toml,none.pem");
    let last = subjects(&report, "credential").pop().unwrap();
    assert_eq!(last["name"], "entry 3: none.pem");
    let message = failure(
        scene.certpick_run().args(["--sslcert=certpick:certpick.toml,none.pem", "--", "true"]),
        125,
    );
    assert!(message.contains("entry 3: could not read certificate file \"none.pem\""), "{message}");
}

#[test]
fn files_that_cannot_be_used_are_reported_and_those_with_a_key_refuse_the_directory() {
    let scene = Scene::new();
    directory(&scene, "d");
    let ca = Identity::root("ca");
    let a = ca.issue("a");
    scene.write("d/a.pem", a.bundle());
    scene.write("d/copy.pem", a.bundle());
    scene.write("d/empty.crt", "");
    scene.write("d/cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
    scene.write("d/der.cer", a.certificate.to_der().unwrap());
    symlink("nowhere", scene.path("d/link.crt")).unwrap();
    let found = || {
        let report = report(&scene, "--sslcert d");
        let found = findings(subjects(&report, "directory")[0]);
        (report["status"].as_i64(), found)
    };
    let (status, all) = found();
    assert_eq!(status, Some(0), "{all:#?}");
    for expected in [
        "note other_file: \"d/copy.pem\" contains the same certificate as \"d/a.pem\"",
        "warning certificate_file: could not read certificate file \"d/empty.crt\": it is empty",
        "warning certificate_file: could not read certificate file \"d/cut.pem\": certificate 1 in it is damaged",
        "warning certificate_file: could not read certificate file \"d/der.cer\": it holds no certificate in PEM; if it is DER",
        "warning certificate_file: could not read certificate file \"d/link.crt\": No such file or directory",
    ] {
        assert!(all.iter().any(|f| f.starts_with(expected)), "{expected}: {all:#?}");
    }
    printed(scene.certpick_run().args(["--sslcert=d", "--print"]));

    for name in ["empty", "link"] {
        scene.write(format!("d/{name}.key"), a.key_pem());
    }
    let (status, all) = found();
    assert_eq!(status, Some(1));
    for expected in [
        "wrong certificate_file: could not read certificate file \"d/empty.crt\": it is empty",
        "wrong certificate_file: could not read certificate file \"d/link.crt\": No such file or directory",
    ] {
        assert!(all.iter().any(|f| f.starts_with(expected)), "{expected}: {all:#?}");
    }
    let message = failure(scene.certpick_run().args(["--sslcert=d", "--", "true"]), 125);
    let expected =
        "certpick: entry 1: could not read certificate file \"d/empty.crt\": it is empty";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error() {
    let scene = Scene::new();
    directory(&scene, "d");
    directory(&scene, "open");
    scene.pair("open/a", None);
    chmod(&scene, "open", 0o777);
    scene.write("passwords", "\n\n");
    scene.write("file", "");
    for (options, expected) in [
        (&["--sslcert=d"][..], "entry 1: could not read directory \"d\": it holds no client"),
        (&["--sslcert=d", "--sslkey=file"], "\"d\": the sslkey entry must be empty or the name of"),
        (&["--sslcert=open"], "could not read directory \"open\": "),
        (
            &["--sslcert=d", "--sslpassword-file=passwords"],
            "could not match 2 sslpassword to 1 sslcert values",
        ),
        (&["--sslcert=open/a.crt", "--sslkey=open/a.key", "--issuers=no"], "issuers: could not"),
    ] {
        let message = failure(scene.certpick_run().args(options).args(["--", "true"]), 125);
        assert!(message.contains(expected), "{options:?}: {message}");
    }
    for options in ["--sslcert d --sslkey file", "--sslcert open"] {
        let report = report(&scene, options);
        let found = findings(subjects(&report, "directory")[0]);
        assert!(found[0].starts_with("wrong directory: could not read directory"), "{found:?}");
        assert_eq!(report["status"], 1);
    }
}

#[test]
fn run_passes_entries_on_and_numbers_errors_as_the_library() {
    let scene = Scene::new();
    scene.identity("a.pem");
    directory(&scene, "d");
    scene.write("d/b.pem", Identity::root("ca").issue("b").bundle());
    scene.write(
        "certpick.toml",
        "[[credential]]\nsslcert = 'a.pem'\n[[credential]]\nsslcert = 'd'\n",
    );
    // No provider serves the scheme in this process, but one may in the program.
    let lists =
        ["--sslcert=d,certpick:certpick.toml,handle:0x1,a.pem", "--sslkey=,,,pkcs11:object=a"];
    assert_eq!(
        settings(&scene, &lists),
        ["sslcert = d,certpick:certpick.toml,handle:0x1,a.pem", "sslkey = ,,,pkcs11:object=a"]
    );
    let lists = ["--sslcert=d,certpick:certpick.toml,handle:0x1,none.pem", "--", "true"];
    let message = failure(scene.certpick_run().args(lists), 125);
    let expected = "entry 5: could not read certificate file \"none.pem\"";
    assert!(message.contains(expected), "{message}");
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
