// SPDX-License-Identifier: MIT OR Apache-2.0
//! The chain in a client's certificate file.

use super::{Case, case};
use crate::check::made::{bundle, certificates, extension, pair};
use testkit::certificates::{Identity, Subject};
use testkit::keys::{Kind, key};

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "the correct order, including the root",
            0,
            &[
                ("chain_order", "good", "leaf first"),
                ("root_included", "note", "O=certpick tests, CN=ca, which is not sent"),
            ],
            |s| {
                let ca = Identity::root("ca");
                let middle = ca.authority("middle");
                bundle(s, "a", &middle.issue("a"), &[&middle, &ca]);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case(
            "the wrong order",
            0,
            &[(
                "chain_order",
                "warning",
                "The correct order is 2 (O=certpick tests, CN=a), then 3 (O=certpick tests, \
                 CN=lower), then 1 (O=certpick tests, CN=upper)",
            )],
            |s| {
                let upper = Identity::root("ca").authority("upper");
                let lower = upper.authority("lower");
                let a = lower.issue("a");
                certificates(s, "a.crt", &[&upper, &a, &lower]);
                s.write("a.key", a.key_pem());
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case(
            "an intermediate is missing",
            1,
            &[(
                "chain_gap",
                "wrong",
                "the certificate of O=certpick tests, CN=lower, which issued O=certpick tests, \
                 CN=a; the file continues with O=certpick tests, CN=upper",
            )],
            |s| {
                let upper = Identity::root("ca").authority("upper");
                bundle(s, "a", &upper.authority("lower").issue("a"), &[&upper]);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case(
            "superfluous certificates in the file",
            0,
            &[
                ("superfluous", "warning", "more than once: O=certpick tests, CN=middle"),
                ("superfluous", "warning", "not in the chain and are not sent"),
            ],
            |s| {
                let ca = Identity::root("ca");
                let middle = ca.authority("middle");
                let stranger = Identity::root("stranger");
                bundle(s, "a", &middle.issue("a"), &[&middle, &middle, &ca, &stranger]);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case(
            "an old root of the same name",
            0,
            &[("namesake", "warning", "has the name of the missing issuer but another key")],
            |s| {
                bundle(s, "a", &Identity::root("ca").issue("a"), &[&Identity::root("ca")]);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case(
            "an old intermediate of the same name",
            1,
            &[("namesake", "wrong", "certificate 2 of the file, O=certpick tests, CN=middle")],
            |s| {
                let ca = Identity::root("ca");
                let (new, old) = (ca.authority("middle"), ca.authority("middle"));
                bundle(s, "a", &new.issue("a"), &[&old]);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case(
            "a signature by another key",
            1,
            &[("chain_verifies", "wrong", "certificate signature failure")],
            |s| {
                let middle = Identity::root("ca").authority("middle");
                let forged = Identity { key: key(Kind::P256), ..middle.clone() };
                bundle(s, "a", &forged.issue("a"), &[&middle]);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case(
            "a self-signed certificate",
            0,
            &[("self_signed", "note", "only servers that trust this certificate itself")],
            |s| {
                let own = crate::check::made::bare_root("own", 2, []);
                pair(s, "a", &own);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case(
            "the URL of the CA certificate",
            0,
            &[("chain", "good", "its certificate is available at http://ca/x")],
            |s| {
                let place = extension("authorityInfoAccess", "caIssuers;URI:http://ca/x");
                let a = Identity::root("ca").issue(Subject::new("a").extension(place));
                pair(s, "a", &a);
                "--sslcert a.crt --sslkey a.key"
            },
        ),
        case(
            "a bundle in the correct order",
            0,
            &[
                ("fix_order", "good", "\"out.crt\" was written: the leaf and 2 intermediates"),
                ("fix_order", "note", "the private key was not copied"),
            ],
            |s| {
                let upper = Identity::root("ca").authority("upper");
                let lower = upper.authority("lower");
                let a = lower.issue("a");
                let all = [upper.pem(), a.key_pem(), a.pem(), lower.pem()];
                s.write("a.pem", all.concat());
                "--sslcert a.pem --fix-order out.crt"
            },
        ),
        case(
            "a bundle whose file exists",
            1,
            &[("fix_order", "wrong", "\"a.crt\" was not written: it already exists; --force")],
            |s| {
                pair(s, "a", &Identity::root("ca").issue("a"));
                "--sslcert a.crt --sslkey a.key --fix-order a.crt"
            },
        ),
    ]
}
