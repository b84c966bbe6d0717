// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists, directories, files without a certificate, and credentials that servers cannot distinguish.

use super::{Case, case};
use crate::check::made::{bundle, certificates, chmod, pair};
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use testkit::certificates::{Identity, Subject};

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "files that contain no certificate",
            1,
            &[
                ("certificate_file", "wrong", "\"none\": No such file or directory"),
                ("certificate_file", "wrong", "\"empty\": it is empty"),
                ("certificate_file", "wrong", "\"garbage\": it holds no certificate in PEM"),
                ("certificate_file", "wrong", "\"fifo\": it is not a regular file"),
                ("certificate_file", "wrong", "\"loop\": Too many levels of symbolic links"),
                ("certificate_file", "wrong", "\"damaged\""),
            ],
            |s| {
                s.write("empty", "");
                s.write("garbage", "garbage");
                let fifo = CString::new(s.path("fifo").into_os_string().into_vec()).unwrap();
                // SAFETY: a C string.
                assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
                s.write("damaged", "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n");
                symlink("loop", s.path("loop")).unwrap();
                "--sslcert none,empty,garbage,fifo,loop,damaged"
            },
        ),
        case(
            "an empty entry; the others are checked all the same",
            1,
            &[
                ("lists", "wrong", "Remove entry 2 from every list."),
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
            &[("lists", "wrong", "the rest of the list was not checked")],
            |s| {
                pair(s, "a", &Identity::root("ca").issue("a"));
                "--sslcert a.crt,\"b\"x --sslkey a.key,"
            },
        ),
        case(
            "a directory",
            1,
            &[
                ("lists", "good", "2 certificates that have a key; the one valid longest is first"),
                ("other_file", "note", "a CA certificate"),
                ("key_file", "warning", "\"d/lonely.crt\" contains no private key"),
                ("certificate_file", "wrong", "The directory is refused because of this file"),
                ("collision", "note", "it is valid longer"),
            ],
            |s| {
                std::fs::create_dir(s.path("d")).unwrap();
                let ca = Identity::root("ca");
                pair(s, "d/a", &ca.issue(Subject::new("a").valid(-1, 50)));
                pair(s, "d/b", &ca.issue(Subject::new("b").valid(-1, 60)));
                certificates(s, "d/ca.crt", &[&ca]);
                certificates(s, "d/lonely.crt", &[&ca.issue("lonely")]);
                s.write("d/broken.crt", "garbage");
                s.write("d/broken.key", ca.key_pem());
                "--sslcert d"
            },
        ),
        case(
            "an empty directory",
            1,
            &[("lists", "wrong", "contains no client certificate")],
            |s| {
                std::fs::create_dir(s.path("d")).unwrap();
                "--sslcert d"
            },
        ),
        case(
            "a directory that other users can change",
            1,
            &[("directory", "wrong", "could not read directory \"d\"")],
            |s| {
                std::fs::create_dir(s.path("d")).unwrap();
                chmod(s, "d", 0o777);
                "--sslcert d"
            },
        ),
        case(
            "URIs without a provider, and one that is refused",
            1,
            &[
                ("key_file", "wrong", "\"pkcs11:object=a\": "),
                ("certificate_file", "wrong", "\"handle:0x81000001\": "),
                ("certificate_file", "wrong", "\"pkcs11:...\": "),
            ],
            |s| {
                pair(s, "a", &Identity::root("ca").issue("a"));
                "--sslcert a.crt,handle:0x81000001,pkcs11:object=a?pin-value=1 \
                 --sslkey pkcs11:object=a,,"
            },
        ),
        case(
            "an entry that may be a configuration file or not",
            1,
            &[("certificate_file", "wrong", "write ./ before the name to mean the file")],
            |s| {
                s.write("certpick:a.pem", Identity::self_signed("a").bundle());
                "--sslcert certpick:a.pem"
            },
        ),
        case(
            "an issuer pool",
            0,
            &[
                ("certificate_file", "good", "contains 2 certificates"),
                ("chain_filled", "note", "taken from the issuer pool (issuers)"),
                ("chain", "good", "complete up to O=certpick tests, CN=ca"),
                ("chain_verifies", "good", "all signatures"),
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
            "an intermediate from the file of another entry",
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
                s.write("b.pem", a.bundle());
                "--sslcert a.crt,b.pem --sslkey a.key,"
            },
        ),
        case(
            "two credentials that no server can distinguish",
            0,
            &[("collision", "note", "servers cannot distinguish this certificate from entry 1")],
            |s| {
                let ca = Identity::root("ca");
                pair(s, "a", &ca.issue("user"));
                pair(s, "b", &ca.issue("user"));
                "--sslcert a.crt,b.crt --sslkey a.key,b.key"
            },
        ),
        case(
            "two credentials that differ only in the user",
            0,
            &[("collision", "note", "unless the connection's user is the CN of this certificate")],
            |s| {
                let ca = Identity::root("ca");
                pair(s, "a", &ca.issue("a"));
                pair(s, "b", &ca.issue("b"));
                "--sslcert a.crt,b.crt --sslkey a.key,b.key"
            },
        ),
        case(
            "a credential that is not expired is preferred",
            1,
            &[("collision", "note", "b.crt), which is sent instead because it is currently valid")],
            |s| {
                let ca = Identity::root("ca");
                pair(s, "a", &ca.issue(Subject::new("user").expired()));
                pair(s, "b", &ca.issue("user"));
                "--sslcert a.crt,b.crt --sslkey a.key,b.key"
            },
        ),
        case(
            "a credential whose chain has fewer CAs",
            0,
            &[(
                "collision",
                "note",
                "every server that accepts this certificate also accepts entry 1",
            )],
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
