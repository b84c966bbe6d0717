// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration files: their errors, passwords and rules.

use super::{Case, case};
use crate::check::made::{certificates, chmod, pair};
use crate::support::Scene;
use testkit::certificates::Identity;

const OPTIONS: &str = "--config certpick.toml";

/// Writes the configuration file.
fn config(scene: &Scene, text: &str) -> &'static str {
    scene.write("certpick.toml", text);
    chmod(scene, "certpick.toml", 0o644);
    OPTIONS
}

/// Writes a credential for each name and rule, with certificates of one CA, and the file.
fn credentials(scene: &Scene, all: &[(&str, &str)]) -> &'static str {
    let ca = Identity::root("ca");
    let mut text = String::new();
    for (name, rule) in all {
        pair(scene, name, &ca.issue(*name));
        text.push_str(&credential(name, rule));
    }
    config(scene, &text)
}

fn credential(name: &str, rule: &str) -> String {
    format!("[[credential]]\nsslcert = \"{name}.crt\"\nsslkey = \"{name}.key\"\n{rule}\n")
}

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "a configuration file with rules",
            0,
            &[
                ("config", "good", "the file has 2 credentials, 2 with rules"),
                ("rule", "note", "the rule matches hosts *.north.example, db7; user app"),
                ("rule", "note", "the rule matches host 10.1.2.3:6379; verified servers only"),
                ("key_matches", "good", "the private key matches"),
            ],
            |s| {
                let north = "hosts = [\"*.north.example\", \"db7\"]\nusers = [\"app\"]";
                let redis = "hosts = [\"10.1.2.3:6379\"]\nverified = true";
                credentials(s, &[("north", north), ("redis", redis)])
            },
        ),
        case(
            "a credential without hosts beside one with a rule",
            0,
            &[
                ("rule", "note", "the rule matches host db"),
                ("rule", "warning", "no hosts, so it may be sent to any server, although other"),
            ],
            |s| credentials(s, &[("a", "hosts = [\"db\"]"), ("b", "")]),
        ),
        case(
            "a credential with users and no hosts beside one with a rule",
            0,
            &[("rule", "warning", "any server (users app, web; verified servers only), although")],
            |s| {
                let users = "users = [\"app\", \"web\"]\nverified = true";
                credentials(s, &[("a", "hosts = [\"db\"]"), ("b", users)])
            },
        ),
        case(
            "the same certificate again with a narrower rule",
            0,
            &[("rule_hidden", "warning", "entry 1 (")],
            |s| {
                pair(s, "a", &Identity::root("ca").issue("a"));
                let rules = ["hosts = [\"*.example\"]", "hosts = [\"db.example:5432\"]"];
                config(s, &rules.map(|rule| credential("a", rule)).concat())
            },
        ),
        case(
            "a certificate that servers cannot distinguish, with an equal rule",
            0,
            &[("rule_hidden", "warning", "matches at least as widely (host db.example)")],
            |s| {
                let ca = Identity::root("ca");
                for name in ["a", "b"] {
                    pair(s, name, &ca.issue("app"));
                }
                let rule = "hosts = [\"db.example\"]";
                config(s, &["a", "b"].map(|name| credential(name, rule)).concat())
            },
        ),
        case(
            "an encrypted key whose password is in a file, and intermediates in another",
            0,
            &[
                ("password", "good", "the password decrypts the private key"),
                ("chain_filled", "note", "taken from the issuer pool (issuers)"),
            ],
            |s| {
                let ca = Identity::root("ca");
                let middle = ca.authority("middle");
                let leaf = middle.issue("a");
                certificates(s, "a.crt", &[&leaf]);
                certificates(s, "middle.crt", &[&middle]);
                s.write("a.key", leaf.encrypted_key_pem("pw-ONE"));
                s.write("a.pass", "pw-ONE\nanother line\n");
                let issuers = "issuers = \"middle.crt\"\n";
                let rule = "sslpasswordfile = \"a.pass\"";
                config(s, &(issuers.to_owned() + &credential("a", rule)))
            },
        ),
        case(
            "a missing, a readable and an unnamed password file",
            1,
            &[
                ("password_file", "wrong", "no.pass\""),
                ("password_file", "wrong", "open.pass\" has group or world access"),
                ("password", "wrong", "contains its password in sslpasswordfile."),
                ("password", "wrong", "(wrong password?)"),
            ],
            |s| {
                let ca = Identity::root("ca");
                let mut text = String::new();
                for (name, file) in
                    [("a", "no.pass"), ("b", "open.pass"), ("c", ""), ("d", "wrong.pass")]
                {
                    let leaf = ca.issue(name);
                    certificates(s, &format!("{name}.crt"), &[&leaf]);
                    s.write(format!("{name}.key"), leaf.encrypted_key_pem("pw-ONE"));
                    let rule = format!("sslpasswordfile = \"{file}\"");
                    text.push_str(&credential(name, if file.is_empty() { "" } else { &rule }));
                }
                s.write("open.pass", "pw-ONE\n");
                chmod(s, "open.pass", 0o644);
                s.write("wrong.pass", "pw-TWO\n");
                config(s, &text)
            },
        ),
        case(
            "a configuration file with an unknown key",
            1,
            &[("config", "wrong", "line 3, column 1: unknown key \"host\"; the keys of")],
            |s| config(s, "[[credential]]\nsslcert = \"a.crt\"\nhost = [\"db\"]\n"),
        ),
        case(
            "a configuration file that others may write",
            1,
            &[("config", "wrong", "certpick.toml\": ")],
            |s| {
                let options = credentials(s, &[("a", "")]);
                chmod(s, "certpick.toml", 0o666);
                options
            },
        ),
        case(
            "a configuration file that names no readable certificate",
            1,
            &[
                ("certificate_file", "wrong", "no.crt\": No such file or directory"),
                ("key_matches", "wrong", "remove sslkey from the credential"),
            ],
            |s| {
                let (a, b) = (Identity::root("a"), Identity::root("b"));
                s.write("a.crt", a.bundle());
                s.write("a.key", b.key_pem());
                config(s, &(credential("no", "") + &credential("a", "")))
            },
        ),
    ]
}
