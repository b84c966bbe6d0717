// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists, directories, files that hold no certificate, and entries that are alike.

use super::{Case, case};
use crate::library::certificates::{Identity, Subject};
use crate::made::{bundle, certificates, key_pem, pair};
use std::os::unix::fs::symlink;

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "certificate files that are none",
            1,
            &[
                ("certificate_file", "wrong", "\"none\": No such file or directory"),
                ("certificate_file", "wrong", "\"empty\": it is empty"),
                ("certificate_file", "wrong", "\"garbage\": it holds no certificate in PEM"),
                ("certificate_file", "wrong", "\"directory\": it is not a regular file"),
                ("certificate_file", "wrong", "\"loop\": Too many levels of symbolic links"),
                ("certificate_file", "wrong", "\"damaged\""),
            ],
            |s| {
                s.write("empty", "");
                s.write("garbage", "garbage");
                std::fs::create_dir(s.file("directory")).unwrap();
                s.write("damaged", "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n");
                symlink("loop", s.file("loop")).unwrap();
                "--sslcert none,empty,garbage,directory,loop,damaged"
            },
        ),
        case(
            "an empty entry, and what else there is all the same",
            1,
            &[
                ("lists", "wrong", "take entry 2 out of every list"),
                ("key_matches", "wrong", "\"a.key\" is the key of entry 1 (a.crt)"),
            ],
            |s| {
                let ca = Identity::root("ca");
                pair(s, "a", &ca.issue("a"));
                pair(s, "b", &ca.issue("b"));
                "--sslcert a.crt,,b.crt --sslkey a.key,,a.key"
            },
        ),
        case(
            "text after a quote",
            1,
            &[("lists", "wrong", "what comes after it was not looked at")],
            |s| {
                pair(s, "a", &Identity::root("ca").issue("a"));
                "--sslcert a.crt,\"b\"x --sslkey a.key,"
            },
        ),
        case(
            "a directory",
            1,
            &[
                ("lists", "good", "2 certificates that have their keys; those valid longest first"),
                ("other_file", "note", "the certificate of a CA"),
                ("key_file", "warning", "\"d/lonely.crt\" holds no private key"),
                ("certificate_file", "wrong", "\"d/broken.crt\""),
                ("collision", "note", "that one is valid longer"),
            ],
            |s| {
                std::fs::create_dir(s.file("d")).unwrap();
                let ca = Identity::root("ca");
                pair(s, "d/a", &ca.issue(Subject::new("a").valid(-1, 50)));
                pair(s, "d/b", &ca.issue(Subject::new("b").valid(-1, 60)));
                certificates(s, "d/ca.crt", &[&ca]);
                certificates(s, "d/lonely.crt", &[&ca.issue("lonely")]);
                s.write("d/broken.crt", "garbage");
                "--sslcert d"
            },
        ),
        case("an empty directory", 1, &[("lists", "wrong", "holds no certificate")], |s| {
            std::fs::create_dir(s.file("d")).unwrap();
            "--sslcert d"
        }),
        case(
            "an issuer pool",
            0,
            &[
                ("certificate_file", "good", "holds 2 certificates"),
                ("chain_filled", "note", "taken from the issuer pool (--issuers)"),
                ("chain", "good", "complete up to O=certpick tests, CN=ca"),
                ("chain_verifies", "good", "every signature"),
            ],
            |s| {
                let ca = Identity::root("ca");
                let middle = ca.authority("middle");
                pair(s, "a", &middle.issue("a"));
                certificates(s, "cas.crt", &[&middle, &ca]);
                "--sslcert a.crt --sslkey a.key --issuers cas.crt"
            },
        ),
        case("no issuer pool", 1, &[("certificate_file", "wrong", "\"none\"")], |s| {
            pair(s, "a", &Identity::root("ca").issue("a"));
            "--sslcert a.crt --sslkey a.key --issuers none"
        }),
        case(
            "an intermediate that another entry has",
            0,
            &[("chain_filled", "note", "taken from the file of entry 2 (b.crt)")],
            |s| {
                let middle = Identity::root("ca").authority("middle");
                pair(s, "a", &middle.issue("a"));
                bundle(s, "b", &middle.issue("b"), &[&middle]);
                "--sslcert a.crt,b.crt --sslkey a.key,b.key"
            },
        ),
        case(
            "the same certificate twice",
            0,
            &[("duplicate", "warning", "the same certificate as entry 1 (a.crt)")],
            |s| {
                let a = Identity::root("ca").issue("a");
                pair(s, "a", &a);
                s.write("b.pem", [a.pem(), key_pem(&a)].concat());
                "--sslcert a.crt,b.pem --sslkey a.key,"
            },
        ),
        case(
            "two that no server can tell apart",
            0,
            &[("collision", "note", "servers cannot tell it from entry 1 (a.crt)")],
            |s| {
                let ca = Identity::root("ca");
                pair(s, "a", &ca.issue("user"));
                pair(s, "b", &ca.issue("user"));
                "--sslcert a.crt,b.crt --sslkey a.key,b.key"
            },
        ),
        case(
            "two that differ by the user alone",
            0,
            &[("collision", "note", "unless the user of the connection is the CN of this one")],
            |s| {
                let ca = Identity::root("ca");
                pair(s, "a", &ca.issue("a"));
                pair(s, "b", &ca.issue("b"));
                "--sslcert a.crt,b.crt --sslkey a.key,b.key"
            },
        ),
        case(
            "one that has expired is behind one that has not",
            1,
            &[("collision", "note", "entry 2 (b.crt), which is sent in its place: nothing speaks")],
            |s| {
                let ca = Identity::root("ca");
                pair(s, "a", &ca.issue(Subject::new("user").expired()));
                pair(s, "b", &ca.issue("user"));
                "--sslcert a.crt,b.crt --sslkey a.key,b.key"
            },
        ),
        case(
            "one whose chain names fewer CAs",
            0,
            &[("collision", "note", "every server that accepts it also accepts entry 1 (a.crt)")],
            |s| {
                let ca = Identity::root("ca");
                let middle = ca.authority("middle");
                bundle(s, "a", &middle.issue("user"), &[&middle]);
                pair(s, "b", &ca.issue("user"));
                "--sslcert a.crt,b.crt --sslkey a.key,b.key"
            },
        ),
    ]
}
