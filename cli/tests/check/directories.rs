// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory in the place of a list.

use crate::library::certificates::{Identity, Subject};
use crate::support::{Scene, failure, printed};
use std::os::unix::fs::symlink;

fn write(scene: &Scene, name: &str, identity: &Identity) {
    scene.write(name, identity.pem());
}

fn key(identity: &Identity) -> Vec<u8> {
    identity.key.private_key_to_pem_pkcs8().unwrap()
}

/// The lists that `certpick run` makes of a directory, with names relative to the scene's.
fn lists(scene: &Scene, options: &[&str]) -> Vec<String> {
    let text = printed(scene.certpick_run().args(options).arg("--print"));
    let here = format!("{}/", scene.path().display());
    let is_list = |l: &&str| l.starts_with("sslcert") || l.starts_with("sslkey");
    text.lines().filter(is_list).map(|l| l.replace(&here, "")).collect()
}

#[test]
fn every_certificate_of_a_directory_that_has_its_key_is_in_the_list_and_the_longest_valid_first() {
    let scene = Scene::new();
    std::fs::create_dir(scene.file("d")).unwrap();
    let ca = Identity::root("ca");
    for (name, days) in [("b", 20), ("a", 10), ("late", 30)] {
        let identity = ca.issue(Subject::new(name).valid(-1, days));
        write(&scene, &format!("d/{name}.crt"), &identity);
        scene.write(format!("d/{name}.key"), key(&identity));
    }
    let own = ca.issue(Subject::new("own").valid(-1, 15));
    scene.write("d/own.PEM", [own.pem(), key(&own)].concat());
    write(&scene, "d/ca.crt", &ca);
    write(&scene, "d/lonely.crt", &ca.issue("lonely"));
    scene.write("d/only.key", key(&own));
    scene.write("d/parameters.pem", "-----BEGIN DH PARAMETERS-----\n");
    scene.write("d/.hidden.crt", "garbage");
    scene.write("d/README", "garbage");
    std::fs::create_dir(scene.file("d/directory.pem")).unwrap();
    assert_eq!(
        lists(&scene, &["--sslcert=d"]),
        ["sslcert = d/late.crt,d/b.crt,d/own.PEM,d/a.crt", "sslkey = d/late.key,d/b.key,,d/a.key"]
    );
}

#[test]
fn an_intermediate_that_ends_earlier_counts_for_the_rank_also_one_of_the_issuer_pool() {
    let scene = Scene::new();
    std::fs::create_dir(scene.file("d")).unwrap();
    let ca = Identity::root("ca");
    let middle = ca.authority(Subject::new("middle").valid(-1, 5));
    let below = middle.issue(Subject::new("below").valid(-1, 50));
    let other = ca.issue(Subject::new("other").valid(-1, 20));
    for (name, identity) in [("below", &below), ("other", &other)] {
        scene.write(format!("d/{name}.pem"), [identity.pem(), key(identity)].concat());
    }
    write(&scene, "middle.crt", &middle);
    assert_eq!(lists(&scene, &["--sslcert=d"]), ["sslcert = d/below.pem,d/other.pem"]);
    assert_eq!(
        lists(&scene, &["--sslcert=d", "--issuers=middle.crt"]),
        ["sslcert = d/other.pem,d/below.pem"]
    );
}

#[test]
fn the_keys_may_be_in_a_directory_of_their_own() {
    let scene = Scene::new();
    for directory in ["certs", "keys"] {
        std::fs::create_dir(scene.file(directory)).unwrap();
    }
    let a = Identity::root("ca").issue("a");
    write(&scene, "certs/a.crt", &a);
    scene.write("keys/a.key", key(&a));
    assert_eq!(
        lists(&scene, &["--sslcert=certs", "--sslkey=keys"]),
        ["sslcert = certs/a.crt", "sslkey = keys/a.key"]
    );
}

#[test]
fn what_cannot_be_read_in_a_directory_is_told_all_at_once() {
    let scene = Scene::new();
    std::fs::create_dir(scene.file("d")).unwrap();
    let a = Identity::root("ca").issue("a");
    scene.write("d/a.pem", [a.pem(), key(&a)].concat());
    scene.write("d/empty.crt", "");
    scene.write("d/cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
    scene.write("d/der.cer", a.certificate.to_der().unwrap());
    symlink("nowhere", scene.file("d/link.crt")).unwrap();
    let words = failure(scene.certpick_run().args(["--sslcert=d", "--", "true"]), 125);
    for expected in [
        "certificate file \"d/empty.crt\": it is empty",
        "certificate file \"d/cut.pem\": certificate 1 in it is damaged",
        "certificate file \"d/der.cer\": it holds no certificate in PEM; if it is DER",
        "certificate file \"d/link.crt\": No such file or directory",
    ] {
        assert!(words.contains(expected), "{words}");
    }
    assert_eq!(words.lines().count(), 4, "{words}");
}

#[test]
fn a_directory_that_cannot_be_used_is_told() {
    let scene = Scene::new();
    std::fs::create_dir(scene.file("d")).unwrap();
    scene.write("passwords", "\n");
    scene.write("file", "");
    for (options, expected) in [
        (&["--sslcert=d"][..], "directory \"d\" holds no certificate"),
        (&["--sslcert=d", "--sslkey=file"], "--sslkey must be one too, and \"file\" is not"),
        (&["--sslcert=d", "--sslpassword-file=passwords"], "have no numbers"),
        (&["--sslcert=d", "--issuers=no"], "issuers: could not read certificate file \"no\""),
        (&["--sslcert=d,file"], "entry 1: could not read certificate file \"d\": it is not a"),
    ] {
        let words = failure(scene.certpick_run().args(options).args(["--", "true"]), 125);
        assert!(words.contains(expected), "{options:?}: {words}");
    }
}
