// SPDX-License-Identifier: MIT OR Apache-2.0
//! Wrong usage of `certpick check`: status 2, and a message on standard error.

use crate::check::made::{check, pair};
use crate::support::{Scene, failure, printed};
use testkit::certificates::Identity;

#[test]
fn invalid_combinations_of_options_are_rejected() {
    let scene = Scene::new();
    pair(&scene, "a", &Identity::root("ca").issue("a"));
    for (options, words) in [
        ("", "--sslcert <LIST>"),
        ("--server", "--cert <FILE>"),
        ("--cert a.crt --key a.key", "--server"),
        ("--server --cert a.crt --sslcert a.crt", "cannot be used with"),
        ("--sslcert a.crt --cert a.crt", "cannot be used with"),
        ("--sslcert a.crt --key a.key", "cannot be used with"),
        ("--sslcert a.crt --root system", "cannot be used with"),
        ("--sslcert a.crt --host db", "cannot be used with"),
        ("--sslcert a.crt --crl crl", "cannot be used with"),
        ("--server --cert a.crt --sslkey a.key", "cannot be used with"),
        ("--server --cert a.crt --host=", "--host"),
        ("--sslcert a.crt --min-days=-1", "--min-days"),
        ("--sslcert a.crt --min-days soon", "--min-days"),
        ("--sslcert a.crt --force", "--fix-order"),
        ("--sslcert a.crt --format xml", "text, tap, json, prometheus"),
        ("--sslcert a.crt --sslkeys a.key", "--sslkey"),
        ("a.crt", "unexpected argument"),
    ] {
        let message = failure(&mut check(&scene, options), 2);
        assert!(message.contains(words), "{options}: {message}");
    }
}

#[test]
fn the_help_has_examples_and_the_exit_status() {
    let scene = Scene::new();
    let help = printed(&mut check(&scene, "--help"));
    for words in ["Examples:", "--server --cert server.crt", "--fix-order", "Exit status: 0:"] {
        assert!(help.contains(words), "{help}");
    }
}
