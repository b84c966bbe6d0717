// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys and their passwords.

use super::{Case, case};
use crate::check::made::{bundle, certificates, chmod, pair};
use crate::support::Scene;
use testkit::certificates::Identity;

/// Writes a.crt, b.crt, a.key and b.key.
fn two(s: &Scene) -> (Identity, Identity) {
    let ca = Identity::root("ca");
    let (a, b) = (ca.issue("a"), ca.issue("b"));
    pair(s, "a", &a);
    pair(s, "b", &b);
    (a, b)
}

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "a key without problems",
            0,
            &[
                ("key_file", "good", "\"a.key\" can be read, with mode 0600"),
                ("key_matches", "good", "matches the certificate"),
            ],
            |s| {
                two(s);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case("an exposed key", 1, &[("key_file", "wrong", "Run: chmod 600 a.key")], |s| {
            two(s);
            chmod(s, "a.key", 0o644);
            "--sslcert a.crt --sslkey a.key"
        }),
        case(
            "certificate and key are swapped",
            1,
            &[
                ("certificate_file", "wrong", "Certificate and key may be swapped"),
                ("key_file", "wrong", "a certificate and no private key"),
            ],
            |s| {
                two(s);
                chmod(s, "a.crt", 0o644);
                "--sslcert a.key --sslkey a.crt"
            },
        ),
        case(
            "the key file does not exist",
            1,
            &[("key_file", "wrong", "certificate present, but not private key file \"no.key\"")],
            |s| {
                two(s);
                "--sslcert a.crt --sslkey no.key"
            },
        ),
        case(
            "the key file does not exist, but the certificate file contains a key",
            1,
            &[("key_file", "wrong", "leave the entry of sslkey empty")],
            |s| {
                let (a, _) = two(s);
                s.write("a.pem", a.bundle());
                "--sslcert a.pem --sslkey no.key"
            },
        ),
        case(
            "two keys for one certificate",
            1,
            &[("key_file", "wrong", "With one certificate, sslkey is one file name")],
            |s| {
                two(s);
                "--sslcert a.crt --sslkey a.key,b.key"
            },
        ),
        case("the key is a directory", 1, &[("key_file", "wrong", "not a regular file")], |s| {
            two(s);
            std::fs::create_dir(s.path("directory")).unwrap();
            "--sslcert a.crt --sslkey directory"
        }),
        case("the key is garbage", 1, &[("key_file", "wrong", "could not load")], |s| {
            two(s);
            s.write("a.key", "garbage");
            "--sslcert a.crt --sslkey a.key"
        }),
        case(
            "no key is named",
            1,
            &[("key_file", "wrong", "\"a.key\" exists. Name it with --sslkey.")],
            |s| {
                two(s);
                "--sslcert a.crt"
            },
        ),
        case(
            "two entries have each other's key",
            1,
            &[
                ("key_matches", "wrong", "swapped: \"b.key\" is the key of entry 2 (b.crt)"),
                ("key_matches", "wrong", "swapped: \"a.key\" is the key of entry 1 (a.crt)"),
            ],
            |s| {
                two(s);
                "--sslcert a.crt,b.crt --sslkey b.key,a.key"
            },
        ),
        case(
            "three entries whose keys are mixed up",
            1,
            &[
                ("key_matches", "wrong", "\"b.key\" is the key of entry 2 (b.crt)"),
                ("key_matches", "wrong", "The right key is in \"a.key\" of entry 3 (c.crt)."),
                ("key_matches", "wrong", "\"c.key\" is the key of entry 3 (c.crt)"),
            ],
            |s| {
                two(s);
                pair(s, "c", &Identity::root("ca").issue("c"));
                "--sslcert a.crt,b.crt,c.crt --sslkey b.key,c.key,a.key"
            },
        ),
        case("an unrelated key", 1, &[("key_matches", "wrong", "none of the certificates")], |s| {
            two(s);
            "--sslcert a.crt --sslkey b.key"
        }),
        case(
            "the key of the CA",
            1,
            &[("key_matches", "wrong", "certificate 2 of the file, which is not the leaf")],
            |s| {
                let ca = Identity::root("ca");
                bundle(s, "a", &ca.issue("a"), &[&ca]);
                s.write("ca.key", ca.key_pem());
                "--sslcert a.crt --sslkey ca.key"
            },
        ),
        case(
            "the right key is in the certificate file",
            1,
            &[
                ("key_matches", "wrong", "The key in the certificate file matches"),
                ("key_elsewhere", "note", "the one in \"b.key\" is used"),
            ],
            |s| {
                let (a, _) = two(s);
                s.write("a.pem", a.bundle());
                "--sslcert a.pem --sslkey b.key"
            },
        ),
        case(
            "an exposed second key",
            0,
            &[("key_elsewhere", "warning", "from the file, or run: chmod 600 a.pem")],
            |s| {
                let (a, _) = two(s);
                s.write("a.pem", a.bundle());
                chmod(s, "a.pem", 0o644);
                "--sslcert a.pem --sslkey a.key"
            },
        ),
        case("the right password", 0, &[("password", "good", "decrypts")], |s| {
            let (a, _) = two(s);
            s.write("a.key", a.encrypted_key_pem("pw-ONE"));
            s.write("passwords", "pw-ONE\n");
            "--sslcert a.crt --sslkey a.key --sslpassword-file passwords"
        }),
        case("an unneeded password", 0, &[("password", "note", "is not encrypted")], |s| {
            two(s);
            s.write("passwords", "pw-ONE\n");
            "--sslcert a.crt --sslkey a.key --sslpassword-file passwords"
        }),
        case("the wrong password", 1, &[("password", "wrong", "wrong password?")], |s| {
            let (a, _) = two(s);
            s.write("a.key", a.encrypted_key_pem("pw-ONE"));
            s.write("passwords", "pw-one\n");
            "--sslcert a.crt --sslkey a.key --sslpassword-file passwords"
        }),
        case("no password", 1, &[("password", "wrong", "line N for entry N")], |s| {
            let (a, _) = two(s);
            s.write("a.key", a.encrypted_key_pem("pw-ONE"));
            "--sslcert a.crt --sslkey a.key"
        }),
        case(
            "swapped passwords",
            1,
            &[
                ("password", "wrong", "Line 2 of the password file contains its password"),
                ("password", "wrong", "Line 1 of the password file contains its password"),
            ],
            |s| {
                let (a, b) = two(s);
                s.write("a.key", a.encrypted_key_pem("pw-ONE"));
                s.write("b.key", b.encrypted_key_pem("pw-TWO"));
                s.write("passwords", "pw-TWO\npw-ONE\n");
                "--sslcert a.crt,b.crt --sslkey a.key,b.key --sslpassword-file passwords"
            },
        ),
        case(
            "a missing line in the password file",
            1,
            &[
                ("lists", "wrong", "could not match 1 sslpassword to 2 sslkey values"),
                ("password", "unknown", "its password is not known"),
                ("key_matches", "good", "matches"),
            ],
            |s| {
                let (a, _) = two(s);
                s.write("a.key", a.encrypted_key_pem("pw-ONE"));
                s.write("passwords", "pw-ONE\n");
                "--sslcert a.crt,b.crt --sslkey a.key,b.key --sslpassword-file passwords"
            },
        ),
        case(
            "an exposed password file",
            1,
            &[("password_file", "wrong", "chmod it to 0600"), ("password", "unknown", "encrypted")],
            |s| {
                let (a, _) = two(s);
                s.write("a.key", a.encrypted_key_pem("pw-ONE"));
                s.write("passwords", "pw-ONE\n");
                chmod(s, "passwords", 0o644);
                "--sslcert a.crt --sslkey a.key --sslpassword-file passwords"
            },
        ),
        case(
            "a missing key in the list",
            1,
            &[
                ("lists", "wrong", "could not match 2 sslcert to 1 sslkey values"),
                ("key_matches", "unknown", "cannot be determined from the lists"),
                ("key_owner", "note", "\"b.key\" is the key of entry 2 (b.crt)"),
            ],
            |s| {
                two(s);
                "--sslcert a.crt,b.crt --sslkey b.key"
            },
        ),
        case(
            "too many keys in the list",
            1,
            &[
                ("key_owner", "warning", "\"no.key\" matches none of the certificates"),
                ("key_owner", "note", "\"c.key\" is encrypted"),
                ("key_file", "wrong", "\"none.key\""),
            ],
            |s| {
                let (a, _) = two(s);
                s.write("no.key", Identity::root("no").key_pem());
                s.write("c.key", a.encrypted_key_pem("pw-ONE"));
                certificates(s, "a.crt", &[&a]);
                "--sslcert a.crt,b.crt --sslkey b.key,no.key,c.key,none.key"
            },
        ),
    ]
}
