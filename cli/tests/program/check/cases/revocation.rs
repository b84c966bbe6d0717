// SPDX-License-Identifier: MIT OR Apache-2.0
//! CRLs for the chain of a server.

use super::{Case, case};
use crate::check::made::{certificates, host, pair, revocations};
use crate::support::Scene;
use openssl::x509::X509Crl;
use testkit::certificates::Identity;
use testkit::keys::{Kind, key};

/// Writes s.crt, s.key and root.crt.
fn files(s: &Scene) -> (Identity, Identity) {
    let root = Identity::root("root");
    let leaf = root.issue(host("db", &["db"]));
    pair(s, "s", &leaf);
    certificates(s, "root.crt", &[&root]);
    (root, leaf)
}

const OPTIONS: &str = "--server --cert s.crt --key s.key --root root.crt --crl crl";

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "a valid CRL",
            0,
            &[
                ("crl_validity", "good", "days from now"),
                ("crl_signature", "good", "signed by O=certpick tests, CN=root"),
                ("revoked", "good", "CN=db is not revoked"),
                ("crl_check", "good", "and the CRLs accepts the chain"),
            ],
            |s| {
                let (root, _) = files(s);
                let other = root.issue("other");
                s.write("crl", revocations(&root, &root.key, -1, Some(7), &[&other]));
                OPTIONS
            },
        ),
        case(
            "a revoked certificate",
            1,
            &[
                ("revoked", "wrong", "CN=db has been revoked since"),
                ("crl_check", "wrong", "certificate revoked"),
            ],
            |s| {
                let (root, leaf) = files(s);
                s.write("crl", revocations(&root, &root.key, -1, Some(7), &[&leaf]));
                OPTIONS
            },
        ),
        case(
            "an expired CRL",
            1,
            &[
                ("crl_validity", "wrong", "Get the current CRL from the CA."),
                ("crl_check", "wrong", "CRL has expired"),
            ],
            |s| {
                let (root, _) = files(s);
                s.write("crl", revocations(&root, &root.key, -9, Some(-2), &[]));
                OPTIONS
            },
        ),
        case("a future CRL", 1, &[("crl_validity", "wrong", "not valid before")], |s| {
            let (root, _) = files(s);
            s.write("crl", revocations(&root, &root.key, 2, Some(9), &[]));
            OPTIONS
        }),
        case("a CRL without nextUpdate", 0, &[("crl_validity", "note", "does not contain")], |s| {
            let (root, _) = files(s);
            s.write("crl", revocations(&root, &root.key, -1, None, &[]));
            OPTIONS
        }),
        case("a forged CRL", 1, &[("crl_signature", "wrong", "does not verify")], |s| {
            let (root, _) = files(s);
            s.write("crl", revocations(&root, &key(Kind::P256), -1, Some(7), &[]));
            OPTIONS
        }),
        case(
            "a CRL of another CA",
            1,
            &[
                ("crl_issuer", "warning", "the CRL does not apply to this certificate"),
                ("crl_check", "wrong", "A current CRL of O=certpick tests, CN=root is required"),
            ],
            |s| {
                files(s);
                let other = Identity::root("other");
                s.write("crl", revocations(&other, &other.key, -1, Some(7), &[]));
                OPTIONS
            },
        ),
        case(
            "a missing CRL for an intermediate",
            1,
            &[("crl_check", "wrong", "A current CRL of O=certpick tests, CN=middle is required")],
            |s| {
                let root = Identity::root("root");
                let middle = root.authority("middle");
                crate::check::made::bundle(s, "s", &middle.issue(host("db", &["db"])), &[&middle]);
                certificates(s, "root.crt", &[&root]);
                s.write("crl", revocations(&root, &root.key, -1, Some(7), &[]));
                OPTIONS
            },
        ),
        case("no CRL file", 1, &[("crl_file", "wrong", "No such file or directory")], |s| {
            files(s);
            OPTIONS
        }),
        case("an empty file", 1, &[("crl_file", "wrong", "it is empty")], |s| {
            files(s);
            s.write("crl", "");
            OPTIONS
        }),
        case("a certificate instead of a CRL", 1, &[("crl_file", "wrong", "no CRL in PEM")], |s| {
            let (root, _) = files(s);
            certificates(s, "crl", &[&root]);
            OPTIONS
        }),
        case("a CRL in DER", 1, &[("crl_file", "wrong", "openssl crl -inform DER")], |s| {
            let (root, _) = files(s);
            let pem = revocations(&root, &root.key, -1, Some(7), &[]);
            s.write("crl", X509Crl::from_pem(&pem).unwrap().to_der().unwrap());
            OPTIONS
        }),
        case("a damaged CRL", 1, &[("crl_file", "wrong", "CRL 2 in it is damaged")], |s| {
            let (root, _) = files(s);
            let good = revocations(&root, &root.key, -1, Some(7), &[]);
            let half = good[..good.len() / 2].to_vec();
            s.write("crl", [good, half].concat());
            OPTIONS
        }),
    ]
}
