// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which configuration file `certpick run` uses, and the certificate that servers receive.

use super::{write, write_rules};
use crate::support::server::Server;
use crate::support::{Scene, failure, printed, stderr};
use openssl::x509::X509;
use std::path::Path;
use std::process::{Command, Stdio};
use testkit::certificates::Identity;

/// Returns the settings `config` and `sslcert` that `certpick run --print` writes.
#[track_caller]
fn settings(command: &mut Command) -> Vec<String> {
    let text = printed(command.arg("--print"));
    let is_source = |line: &&str| {
        ["config = ", "sslcert = ", "sslkey = ", "issuers = "].iter().any(|s| line.starts_with(s))
    };
    text.lines().filter(is_source).map(str::to_owned).collect()
}

fn config_is(file: &Path) -> Vec<String> {
    vec![format!("config = {}", file.display())]
}

/// A scene with a certificate and the text of a configuration file that names it.
fn scene() -> (Scene, String) {
    let scene = Scene::new();
    let file = scene.path("a.pem");
    scene.identity("a.pem");
    let text = format!("[[credential]]\nsslcert = '{}'\n", file.display());
    (scene, text)
}

#[test]
fn the_option_is_written_as_an_absolute_path_instead_of_lists() {
    let (scene, text) = scene();
    let file = write(&scene, "etc/my.toml", &text);
    for option in ["etc/my.toml", file.to_str().unwrap(), "./etc/my.toml"] {
        assert_eq!(settings(scene.certpick_run().args(["--config", option])), config_is(&file));
    }
    let mut command = scene.certpick_run();
    command.args(["--config=etc/my.toml", "--", "sh", "-c", "cat \"$OPENSSL_CONF\""]);
    let text = printed(&mut command);
    assert!(text.contains(&config_is(&file)[0]) && !text.contains("sslcert"), "{text}");
}

#[test]
fn without_options_the_first_file_that_exists_is_used() {
    let (scene, text) = scene();
    let home = write(&scene, "home/.config/certpick/certpick.toml", &text);
    let xdg = write(&scene, "xdg/certpick/certpick.toml", &text);
    let named = write(&scene, "named", &text);
    let with = |variables: &[(&str, &Path)]| {
        let mut command = scene.certpick_run();
        command.envs(variables.iter().copied());
        settings(&mut command)
    };
    let (home_directory, xdg_directory) = (scene.path("home"), scene.path("xdg"));
    let of_home = ("HOME", home_directory.as_path());
    let of_xdg = ("XDG_CONFIG_HOME", xdg_directory.as_path());
    assert_eq!(with(&[of_home]), config_is(&home));
    assert_eq!(with(&[of_home, of_xdg]), config_is(&xdg));
    assert_eq!(with(&[of_home, of_xdg, ("CERTPICK_CONFIG", &named)]), config_is(&named));
    // A relative path is ignored, as the XDG Base Directory Specification says.
    assert_eq!(with(&[of_home, ("XDG_CONFIG_HOME", Path::new("xdg"))]), config_is(&home));
}

#[test]
fn an_option_takes_precedence_over_the_variable() {
    let (scene, text) = scene();
    let file = write(&scene, "my.toml", &text);
    let mut command = scene.certpick_run();
    command.env("CERTPICK_CONFIG", "relative").args(["--config", "my.toml"]);
    assert_eq!(settings(&mut command), config_is(&file));
    let mut command = scene.certpick_run();
    command.env("CERTPICK_CONFIG", "relative").args(["--sslcert", "a.pem"]);
    let expected = format!("sslcert = {}", scene.path("a.pem").display());
    assert_eq!(settings(&mut command), [expected]);
}

#[test]
fn a_variable_that_is_set_and_unusable_is_an_error() {
    let (scene, text) = scene();
    write(&scene, "home/.config/certpick/certpick.toml", &text);
    let message = |variable: &str, value: &str| {
        let mut command = scene.certpick_run();
        command.env("HOME", scene.path("home")).env(variable, value).args(["--", "touch", "x"]);
        let message = failure(&mut command, 125);
        assert!(!scene.path("x").exists() && scene.stored().is_empty());
        assert_eq!(message.lines().count(), 1, "{message}");
        message
    };
    let not_absolute = "certpick: CERTPICK_CONFIG is set, but is not an absolute path\n";
    assert_eq!(message("CERTPICK_CONFIG", ""), not_absolute);
    assert_eq!(message("CERTPICK_CONFIG", "my.toml"), not_absolute);
    assert!(message("CERTPICK_CONFIG", "/no/such").contains("\"/no/such\": No such file"));
    assert!(message("CERTPICK_CONFIG", "/tmp").contains("\"/tmp\": "));
    assert_eq!(message("HOME", "home"), "certpick: HOME is set, but is not an absolute path\n");
}

#[test]
fn without_a_file_the_error_lists_the_places() {
    let scene = Scene::new();
    let mut command = scene.certpick_run();
    command.env("HOME", "/no/such/home").args(["--", "true"]);
    let message = failure(&mut command, 2);
    for part in [
        "error: the following required arguments were not provided:\n",
        "--sslcert <LIST> or --config <FILE>\n",
        "CERTPICK_CONFIG is not set",
        "\n  /no/such/home/.config/certpick/certpick.toml\n  /etc/certpick/certpick.toml\n",
        "Usage: certpick run [OPTIONS] [--config <FILE>] -- <PROGRAM>",
        "--help",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn the_options_of_lists_conflict_with_the_option_and_need_a_list() {
    let (scene, text) = scene();
    write(&scene, "my.toml", &text);
    let list = ["--sslcert=a.pem", "--sslkey=a.pem", "--sslpassword-file=p", "--issuers=a.pem"];
    for option in list {
        let words = ["--config=my.toml", option, "--print"];
        let message = failure(scene.certpick_run().args(words), 2);
        assert!(message.contains("cannot be used with"), "{option}: {message}");
    }
    let file = scene.path("my.toml");
    for option in &list[1..] {
        let mut command = scene.certpick_run();
        command.env("CERTPICK_CONFIG", &file).args([option, "--print"]);
        assert!(failure(&mut command, 2).contains("--sslcert"), "{option}");
    }
}

/// Returns the certificate that a server receives from s_client. The server names a CA or none.
fn received(scene: &Scene, server: Server, options: &[&str]) -> Option<X509> {
    let mut command = scene.certpick_run();
    command.args(options).args(["--config=certpick.toml", "--", "openssl", "s_client", "-brief"]);
    command.arg("-connect").arg(server.address.to_string()).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(!stderr(&output).contains("certpick:"), "{}", stderr(&output));
    server.received()
}

#[test]
fn each_server_receives_the_certificate_of_its_rule() {
    let scene = Scene::new();
    let own = Identity::self_signed("server");
    let start = || Server::that_names_no_ca(&own);
    let (first, second, third) = (start(), start(), start());
    let rule = |server: &Server| format!("hosts = ['{}']", server.address);
    let rules = [("a", &*rule(&first)), ("b", &*rule(&second)), ("c", "")];
    let identities = write_rules(&scene, &rules);
    let expect = |identity: &Identity| Some(identity.certificate.to_der().unwrap());
    let der = |certificate: Option<X509>| certificate.map(|x| x.to_der().unwrap());
    assert_eq!(der(received(&scene, second, &[])), expect(&identities[1]));
    assert_eq!(der(received(&scene, first, &[])), expect(&identities[0]));
    assert_eq!(der(received(&scene, third, &[])), None);
    assert_eq!(der(received(&scene, start(), &["--empty-ca-list=accept"])), expect(&identities[2]));
    assert_eq!(der(received(&scene, Server::start(&identities[2]), &[])), expect(&identities[2]));
    assert_eq!(der(received(&scene, Server::start(&identities[0]), &[])), None);
}
