// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick probe --config` shows which credential would be sent to a server, and why.

use super::{certpick, write_rules};
use crate::check::made::host;
use crate::support::server::Server;
use crate::support::{Scene, stderr, stdout};
use serde_json::Value;
use testkit::certificates::Identity;

/// A server that names no CA, whose certificate is valid for localhost and 127.0.0.1.
struct Probed {
    server: Server,
    scene: Scene,
}

impl Probed {
    /// `PORT` in a rule stands for the port of the server.
    fn new(rules: &[(&str, &str)]) -> Probed {
        let scene = Scene::new();
        let own = Identity::self_signed(host("server", &["localhost", "127.0.0.1"]));
        scene.write("root.crt", own.pem());
        let server = Server::that_names_no_ca(&own);
        let port = server.address.port().to_string();
        let rules: Vec<(&str, String)> =
            rules.iter().map(|(name, rule)| (*name, rule.replace("PORT", &port))).collect();
        let rules: Vec<(&str, &str)> = rules.iter().map(|(n, rule)| (*n, rule.as_str())).collect();
        write_rules(&scene, &rules);
        Probed { server, scene }
    }

    /// Probes the server by this name. Returns its subject in the report.
    #[track_caller]
    fn probe(self, host: &str, options: &[&str]) -> Value {
        let is_postgresql = options.contains(&"--user");
        let start = if is_postgresql { "--direct" } else { "--tls" };
        let target = format!("{host}:{}", self.server.address.port());
        let words = ["probe", start, &target, "--config=certpick.toml", "--format=json"];
        let output = certpick(&self.scene, &words).args(options).output().unwrap();
        assert_eq!(stderr(&output), "");
        assert_eq!(self.server.received().is_some(), is_postgresql || options.contains(&"--send"));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["status"], output.status.code().unwrap(), "{}", stdout(&output));
        report["subjects"][0].clone()
    }
}

/// Returns the part about a credential.
fn credential(subject: &Value, at: usize) -> &Value {
    let parts = subject["parts"].as_array().unwrap();
    parts.iter().filter(|part| part["kind"] == "credential").nth(at).unwrap()
}

/// Returns level and text of a finding.
#[track_caller]
fn finding(subject: &Value, key: &str) -> (String, String) {
    let findings = subject["findings"].as_array().unwrap();
    let found = findings.iter().find(|f| f["key"] == key).unwrap_or_else(|| panic!("{subject}"));
    let text = |name: &str| found[name].as_str().unwrap().to_owned();
    (text("level"), text("text"))
}

#[track_caller]
fn assert_chosen(subject: &Value, file: &str) {
    let (level, text) = finding(subject, "choice");
    assert_eq!(level, "good", "{subject}");
    assert!(text.contains(&format!("{file})")) && text.ends_with("sent"), "{text}");
}

#[track_caller]
fn assert_none(subject: &Value) {
    let (level, text) = finding(subject, "choice");
    assert_eq!(level, "wrong", "{subject}");
    assert!(text.starts_with("no certificate would be sent"), "{text}");
}

fn compared(subject: &Value) -> Vec<String> {
    let lines = subject["facts"]["compared"].as_array().unwrap();
    lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_address_and_the_port_of_the_connection_are_compared() {
    let rules = [("a", "hosts = ['127.0.0.1:1']"), ("b", "hosts = ['127.0.0.1:PORT']"), ("c", "")];
    let probed = Probed::new(&rules);
    let port = format!("port: {} (socket)", probed.server.address.port());
    let server = probed.probe("127.0.0.1", &[]);
    assert_chosen(&server, "b.crt");
    let lines = compared(&server);
    assert_eq!(lines[0], "name: unknown");
    assert!(lines[1].starts_with("address: 127.0.0.1 (set by the program)"), "{lines:?}");
    assert_eq!(lines[2..4], [port, "user: unknown".to_owned()]);
    let part = |at| credential(&server, at);
    let rule = |at: usize| finding(part(at), "rule").1;
    assert_eq!(rule(0), "the rule does not match: host 127.0.0.1:1");
    assert!(rule(1).starts_with("the rule matches and names this host: host 127.0.0.1:"));
    assert!(finding(part(0), "verdict").1.contains("127.0.0.1:1"));
    assert!(finding(part(1), "verdict").1.contains("matches and is chosen"));
    assert!(finding(part(2), "verdict").1.contains("named no CA"), "{}", part(2));
}

#[test]
fn the_name_is_compared_also_with_the_server_name_indication() {
    let rules = [("a", "hosts = ['localhost:PORT']"), ("b", "hosts = ['127.0.0.1']")];
    let server = Probed::new(&rules).probe("localhost", &[]);
    assert_chosen(&server, "a.crt");
    let name = "name: \"localhost\" (set by the program), \"localhost\" (server name indication)";
    assert_eq!(compared(&server)[0], name);
    let server = Probed::new(&rules).probe("localhost", &["--sni", "other.example"]);
    assert_none(&server);
    assert!(compared(&server).iter().any(|line| line.starts_with("note: the names disagree")));
    assert_chosen(&Probed::new(&rules).probe("LOCALHOST", &["--sni", ""]), "a.crt");
}

#[test]
fn a_credential_without_a_rule_is_for_servers_that_name_its_ca() {
    let rules = [("a", "hosts = ['db.example']"), ("b", "")];
    assert_none(&Probed::new(&rules).probe("localhost", &[]));
    assert_chosen(&Probed::new(&rules).probe("localhost", &["--empty-ca-list=accept"]), "b.crt");
    // `*` does not name a host.
    assert_none(&Probed::new(&[("a", "hosts = ['*']")]).probe("localhost", &[]));
}

#[test]
fn verified_needs_a_server_that_verifies() {
    let rules = [("a", "hosts = ['localhost']\nverified = true")];
    let server = Probed::new(&rules).probe("localhost", &[]);
    assert_none(&server);
    assert!(compared(&server).contains(&"server: not verified".to_owned()));
    let server = Probed::new(&rules).probe("localhost", &["--sslrootcert=root.crt"]);
    assert_chosen(&server, "a.crt");
    assert!(compared(&server).contains(&"server: verified".to_owned()));
}

#[test]
fn users_need_the_option_user() {
    let rules = [("a", "hosts = ['localhost']\nusers = ['app']")];
    let server = Probed::new(&rules).probe("localhost", &[]);
    assert_none(&server);
    assert!(finding(credential(&server, 0), "verdict").1.contains("app"), "{server}");
    assert!(compared(&server).contains(&"user: unknown".to_owned()));
    let server = Probed::new(&rules).probe("localhost", &["--user", "app"]);
    assert_chosen(&server, "a.crt");
    assert!(compared(&server).contains(&"user: \"app\" (set by the program)".to_owned()));
}

#[test]
fn the_chosen_credential_is_sent_with_the_option_send() {
    let rules = [("a", "hosts = ['localhost:PORT']")];
    let options = ["--send", "--sslrootcert=root.crt"];
    let server = Probed::new(&rules).probe("localhost", &options);
    assert_chosen(&server, "a.crt");
}

#[test]
fn every_format_has_the_rules() {
    let rules = [("a", "hosts = ['localhost:PORT']")];
    for (format, expected) in [
        ("text", "the rule matches and names this host"),
        ("tap", "the rule matches and names this host"),
        ("prometheus", "certpick_up"),
    ] {
        let Probed { server, scene } = Probed::new(&rules);
        let target = format!("localhost:{}", server.address.port());
        let words = ["probe", "--tls", &target, "--config=certpick.toml", "--format", format];
        let output = certpick(&scene, &words).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).contains(expected), "{}", stdout(&output));
        server.received();
    }
}
