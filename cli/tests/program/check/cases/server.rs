// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of a server.

use super::{Case, case};
use crate::check::made::{bare_root, bundle, certificates, chmod, extension, host, pair};
use crate::support::Scene;
use openssl::x509::extension::ExtendedKeyUsage;
use testkit::certificates::{Identity, Subject};

/// Writes s.crt with its intermediate, s.key and root.crt. Returns root, intermediate and leaf.
fn usual(s: &Scene) -> (Identity, Identity, Identity) {
    let root = Identity::root("root");
    let middle = root.authority("middle");
    let leaf = middle.issue(host("db", &["db.example", "*.db.example", "192.0.2.1"]));
    bundle(s, "s", &leaf, &[&middle]);
    certificates(s, "root.crt", &[&root]);
    (root, middle, leaf)
}

/// The key, its file and the host names.
pub fn cases() -> Vec<Case> {
    vec![
        case(
            "a server without problems",
            0,
            &[
                ("key_file", "good", "\"s.key\" has mode 0600"),
                ("key_matches", "good", "matches the certificate"),
                ("usage", "good", "by a TLS server"),
                ("chain_order", "good", "leaf first"),
                ("verified", "good", "a client with \"root.crt\" accepts the chain"),
                ("chain", "good", "complete up to O=certpick tests, CN=root"),
                ("root_ca", "good", "the basic constraints identify a CA"),
                ("host", "good", "host db.example, which matches db.example"),
                ("host", "good", "A.DB.Example, which matches *.db.example"),
                ("host", "good", "192.0.2.1, which matches 192.0.2.1"),
            ],
            |s| {
                usual(s);
                "--server --cert s.crt --key s.key --root root.crt --host db.example \
                 --host A.DB.Example --host 192.0.2.1"
            },
        ),
        case(
            "the key in the certificate file, and no roots",
            0,
            &[("key_matches", "good", "matches"), ("verified", "note", "--root names them")],
            |s| {
                let (_, middle, leaf) = usual(s);
                s.write("s.pem", [leaf.pem(), middle.pem(), leaf.key_pem()].concat());
                "--server --cert s.pem"
            },
        ),
        case(
            "a server's exposed key",
            1,
            &[
                ("key_file", "wrong", "\"s.key\" has group or world access"),
                ("key_file", "wrong", "u=rw (0600) or less if owned by the database user"),
            ],
            |s| {
                usual(s);
                chmod(s, "s.key", 0o644);
                "--server --cert s.crt --key s.key --root root.crt"
            },
        ),
        case("no key", 1, &[("key_file", "wrong", "could not access private key file")], |s| {
            usual(s);
            "--server --cert s.crt --key none --root root.crt"
        }),
        case("a directory", 1, &[("key_file", "wrong", "is not a regular file")], |s| {
            usual(s);
            std::fs::create_dir(s.path("directory")).unwrap();
            "--server --cert s.crt --key directory --root root.crt"
        }),
        case("no certificate", 1, &[("certificate_file", "wrong", "\"none\"")], |s| {
            usual(s);
            "--server --cert none --key s.key"
        }),
        case(
            "a server's certificate and key are swapped",
            1,
            &[("certificate_file", "wrong", "Certificate and key may be swapped")],
            |s| {
                usual(s);
                "--server --cert s.key --key s.crt"
            },
        ),
        case("a server's unrelated key", 1, &[("key_matches", "wrong", "mismatch")], |s| {
            let (root, ..) = usual(s);
            s.write("s.key", root.key_pem());
            "--server --cert s.crt --key s.key --root root.crt"
        }),
        case("an encrypted key", 0, &[("password", "note", "ssl_passphrase_command")], |s| {
            let (_, _, leaf) = usual(s);
            s.write("s.key", leaf.encrypted_key_pem("pw-ONE"));
            s.write("password", "pw-ONE\n");
            "--server --cert s.crt --key s.key --sslpassword-file password"
        }),
        case(
            "an encrypted key without its password",
            2,
            &[("key_matches", "unknown", "--sslpassword-file")],
            |s| {
                let (_, _, leaf) = usual(s);
                s.write("s.key", leaf.encrypted_key_pem("pw-ONE"));
                "--server --cert s.crt --key s.key"
            },
        ),
        case("a wrong password", 1, &[("password", "wrong", "wrong password?")], |s| {
            let (_, _, leaf) = usual(s);
            s.write("s.key", leaf.encrypted_key_pem("pw-ONE"));
            s.write("password", "pw-one\n");
            "--server --cert s.crt --key s.key --sslpassword-file password"
        }),
        case("no password file", 1, &[("password_file", "wrong", "No such file")], |s| {
            usual(s);
            "--server --cert s.crt --key s.key --sslpassword-file none"
        }),
        case(
            "another host",
            1,
            &[
                ("host", "wrong", "x.example, only for db.example, *.db.example, 192.0.2.1"),
                ("host", "wrong", "not valid for host a.b.db.example"),
            ],
            |s| {
                usual(s);
                "--server --cert s.crt --key s.key --host x.example --host a.b.db.example"
            },
        ),
        case(
            "a host name in the CN only",
            0,
            &[
                ("host", "good", "db.example, which matches db.example"),
                ("names", "warning", "libpq uses its CN, but other clients do not"),
            ],
            |s| {
                pair(s, "s", &Identity::root("root").issue("db.example"));
                "--server --cert s.crt --key s.key --host db.example"
            },
        ),
        case(
            "the CN is ignored if there is a subjectAltName",
            1,
            &[("host", "wrong", "not valid for host db, only for other")],
            |s| {
                pair(s, "s", &Identity::root("root").issue(host("db", &["other"])));
                "--server --cert s.crt --key s.key --host db"
            },
        ),
        case(
            "the certificate of a client",
            1,
            &[
                ("usage", "wrong", "not for TLS servers; clients reject it"),
                ("verified", "wrong", "rejects the chain"),
            ],
            |s| {
                let root = Identity::root("root");
                let mut usage = ExtendedKeyUsage::new();
                let subject = host("db", &["db"]).extended_key_usage(usage.client_auth());
                pair(s, "s", &root.issue(subject));
                certificates(s, "root.crt", &[&root]);
                "--server --cert s.crt --key s.key --root root.crt"
            },
        ),
        case("a server's bundle", 0, &[("fix_order", "good", "and 1 intermediate")], |s| {
            usual(s);
            "--server --cert s.crt --key s.key --fix-order out.crt"
        }),
    ]
}

/// The chain, and the roots of clients.
pub fn chains() -> Vec<Case> {
    vec![
        case(
            "an intermediate that is missing in the server's file",
            1,
            &[
                ("verified", "wrong", "Add an intermediate to the server's file"),
                ("chain_filled", "wrong", "Add it with --fix-order FILE"),
            ],
            |s| {
                let (_, middle, leaf) = usual(s);
                pair(s, "s", &leaf);
                certificates(s, "middle.crt", &[&middle]);
                "--server --cert s.crt --key s.key --root root.crt --issuers middle.crt"
            },
        ),
        case(
            "an intermediate that the clients have",
            0,
            &[
                ("verified", "good", "accepts the chain"),
                ("chain_filled", "note", "does not send it"),
            ],
            |s| {
                let (root, middle, leaf) = usual(s);
                pair(s, "s", &leaf);
                certificates(s, "middle.crt", &[&middle]);
                certificates(s, "root.crt", &[&root, &middle]);
                "--server --cert s.crt --key s.key --root root.crt --issuers middle.crt"
            },
        ),
        case(
            "a gap in the server's chain",
            1,
            &[("chain_gap", "wrong", "an intermediate is missing")],
            |s| {
                let upper = Identity::root("root").authority("upper");
                let leaf = upper.authority("lower").issue(host("db", &["db"]));
                bundle(s, "s", &leaf, &[&upper]);
                "--server --cert s.crt --key s.key"
            },
        ),
        case(
            "a gap that the clients can fill",
            0,
            &[("chain_gap", "note", "an intermediate is missing")],
            |s| {
                let root = Identity::root("root");
                let upper = root.authority("upper");
                let lower = upper.authority("lower");
                bundle(s, "s", &lower.issue(host("db", &["db"])), &[&upper]);
                certificates(s, "root.crt", &[&root, &lower, &upper]);
                "--server --cert s.crt --key s.key --root root.crt"
            },
        ),
        case(
            "a server's file out of order",
            1,
            &[
                ("chain_order", "wrong", "a server uses the first one as its own"),
                ("key_matches", "wrong", "which must come first in the file"),
            ],
            |s| {
                let (_, middle, leaf) = usual(s);
                certificates(s, "s.crt", &[&middle, &leaf]);
                "--server --cert s.crt --key s.key --root root.crt"
            },
        ),
        case(
            "intermediates out of order",
            0,
            &[("chain_order", "warning", "most clients reorder them")],
            |s| {
                let upper = Identity::root("root").authority("upper");
                let lower = upper.authority("lower");
                bundle(s, "s", &lower.issue(host("db", &["db"])), &[&upper, &lower]);
                "--server --cert s.crt --key s.key"
            },
        ),
        case(
            "other roots",
            1,
            &[("verified", "wrong", "The certificate of O=certpick tests, CN=root is missing")],
            |s| {
                usual(s);
                certificates(s, "root.crt", &[&Identity::root("other")]);
                "--server --cert s.crt --key s.key --root root.crt"
            },
        ),
        case("the system's roots", 1, &[("verified", "wrong", "the system's roots")], |s| {
            usual(s);
            "--server --cert s.crt --key s.key --root system"
        }),
        case("no roots", 1, &[("root_file", "wrong", "\"none\"")], |s| {
            usual(s);
            "--server --cert s.crt --key s.key --root none"
        }),
        case(
            "a root that is not a CA certificate",
            1,
            &[("root_ca", "wrong", "basicConstraints=critical,CA:TRUE")],
            |s| {
                let root = bare_root("root", 2, [extension("basicConstraints", "CA:FALSE")]);
                pair(s, "s", &root.issue(host("db", &["db"])));
                certificates(s, "root.crt", &[&root]);
                "--server --cert s.crt --key s.key --root root.crt"
            },
        ),
        case("a root of version 1", 0, &[("root_ca", "warning", "X.509 version 1")], |s| {
            let root = bare_root("root", 0, []);
            pair(s, "s", &root.issue(host("db", &["db"])));
            certificates(s, "root.crt", &[&root]);
            "--server --cert s.crt --key s.key --root root.crt"
        }),
        case(
            "a root with a key usage only",
            0,
            &[("root_ca", "warning", "the root has no basic constraints")],
            |s| {
                let root = bare_root("root", 2, [extension("keyUsage", "keyCertSign")]);
                pair(s, "s", &root.issue(host("db", &["db"])));
                certificates(s, "root.crt", &[&root]);
                "--server --cert s.crt --key s.key --root root.crt"
            },
        ),
        case(
            "a root that expires soon",
            1,
            &[("validity", "wrong", "--min-days requires 60 days")],
            |s| {
                let root = Identity::root(Subject::new("root").valid(-1, 50));
                pair(s, "s", &root.issue(host("db", &["db"])));
                certificates(s, "root.crt", &[&root]);
                "--server --cert s.crt --key s.key --root root.crt --min-days 60"
            },
        ),
        case(
            "a self-signed server certificate",
            0,
            &[
                ("self_signed", "note", "only clients that trust this certificate itself"),
                ("verified", "good", "accepts the chain"),
            ],
            |s| {
                let own = bare_root("db", 2, [extension("subjectAltName", "DNS:db")]);
                pair(s, "s", &own);
                certificates(s, "root.crt", &[&own]);
                "--server --cert s.crt --key s.key --root root.crt"
            },
        ),
        case(
            "a self-signed server certificate that is a CA",
            0,
            &[("ca_as_leaf", "note", "openssl req -x509"), ("self_signed", "note", "clients")],
            |s| {
                let own = bare_root("db", 2, [extension("basicConstraints", "CA:TRUE")]);
                pair(s, "s", &own);
                "--server --cert s.crt --key s.key"
            },
        ),
        case(
            "superfluous certificates in the server's file",
            0,
            &[
                ("superfluous", "warning", "are sent needlessly"),
                ("root_included", "note", "CN=root, which is sent needlessly"),
            ],
            |s| {
                let (root, middle, leaf) = usual(s);
                bundle(s, "s", &leaf, &[&middle, &root, &Identity::root("stranger")]);
                "--server --cert s.crt --key s.key --root root.crt"
            },
        ),
    ]
}
