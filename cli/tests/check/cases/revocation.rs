// SPDX-License-Identifier: MIT OR Apache-2.0
//! Revocation lists for the chain of a server.

use super::{Case, case};
use crate::library::certificates::Identity;
use crate::library::keys::{Kind, key};
use crate::made::{certificates, host, pair, revocations};
use crate::support::Scene;
use openssl::x509::X509Crl;

/// s.crt, s.key and root.crt.
fn files(s: &Scene) -> (Identity, Identity) {
    let root = Identity::root("root");
    let leaf = root.issue(host("db", &["db"]));
    pair(s, "s", &leaf);
    certificates(s, "root.crt", &[&root]);
    (root, leaf)
}

const USUAL: &str = "--server --cert s.crt --key s.key --root root.crt --crl crl";

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "a list that is current",
            0,
            &[
                ("crl_validity", "good", "days from now"),
                ("crl_signature", "good", "O=certpick tests, CN=root signed it"),
                ("revoked", "good", "CN=db is not revoked"),
                ("crl_check", "good", "each certificate needs one"),
            ],
            |s| {
                let (root, _) = files(s);
                let other = root.issue("other");
                s.write("crl", revocations(&root, &root.key, -1, Some(7), &[&other]));
                USUAL
            },
        ),
        case(
            "a certificate that is revoked",
            1,
            &[
                ("revoked", "wrong", "CN=db is revoked since"),
                ("crl_check", "wrong", "certificate revoked"),
            ],
            |s| {
                let (root, leaf) = files(s);
                s.write("crl", revocations(&root, &root.key, -1, Some(7), &[&leaf]));
                USUAL
            },
        ),
        case(
            "an old list",
            1,
            &[
                ("crl_validity", "wrong", "get the CA's current list"),
                ("crl_check", "wrong", "CRL has expired"),
            ],
            |s| {
                let (root, _) = files(s);
                s.write("crl", revocations(&root, &root.key, -9, Some(-2), &[]));
                USUAL
            },
        ),
        case("a list to come", 1, &[("crl_validity", "wrong", "not valid before")], |s| {
            let (root, _) = files(s);
            s.write("crl", revocations(&root, &root.key, 2, Some(9), &[]));
            USUAL
        }),
        case("a list without an end", 0, &[("crl_validity", "note", "does not say")], |s| {
            let (root, _) = files(s);
            s.write("crl", revocations(&root, &root.key, -1, None, &[]));
            USUAL
        }),
        case("a forged list", 1, &[("crl_signature", "wrong", "does not verify")], |s| {
            let (root, _) = files(s);
            s.write("crl", revocations(&root, &key(Kind::P256), -1, Some(7), &[]));
            USUAL
        }),
        case(
            "another CA's list",
            1,
            &[
                ("crl_issuer", "warning", "it says nothing about this certificate"),
                ("crl_check", "wrong", "a current list of O=certpick tests, CN=root is needed"),
            ],
            |s| {
                files(s);
                let other = Identity::root("other");
                s.write("crl", revocations(&other, &other.key, -1, Some(7), &[]));
                USUAL
            },
        ),
        case(
            "a list too few for an intermediate",
            1,
            &[("crl_check", "wrong", "a current list of O=certpick tests, CN=middle is needed")],
            |s| {
                let root = Identity::root("root");
                let middle = root.authority("middle");
                crate::made::bundle(s, "s", &middle.issue(host("db", &["db"])), &[&middle]);
                certificates(s, "root.crt", &[&root]);
                s.write("crl", revocations(&root, &root.key, -1, Some(7), &[]));
                USUAL
            },
        ),
        case("no list", 1, &[("crl_file", "wrong", "No such file or directory")], |s| {
            files(s);
            USUAL
        }),
        case("an empty file", 1, &[("crl_file", "wrong", "it is empty")], |s| {
            files(s);
            s.write("crl", "");
            USUAL
        }),
        case("a certificate in its place", 1, &[("crl_file", "wrong", "no CRL in PEM")], |s| {
            let (root, _) = files(s);
            certificates(s, "crl", &[&root]);
            USUAL
        }),
        case("a list in DER", 1, &[("crl_file", "wrong", "openssl crl -inform DER")], |s| {
            let (root, _) = files(s);
            let pem = revocations(&root, &root.key, -1, Some(7), &[]);
            s.write("crl", X509Crl::from_pem(&pem).unwrap().to_der().unwrap());
            USUAL
        }),
        case("a damaged list", 1, &[("crl_file", "wrong", "CRL 2 in it is damaged")], |s| {
            let (root, _) = files(s);
            let good = revocations(&root, &root.key, -1, Some(7), &[]);
            let half = good[..good.len() / 2].to_vec();
            s.write("crl", [good, half].concat());
            USUAL
        }),
    ]
}
