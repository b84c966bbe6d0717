// SPDX-License-Identifier: MIT OR Apache-2.0
//! `certpick run` with `openssl s_client`: the certificate that the server receives.

use crate::support::server::Server;
use crate::support::{Scene, stderr, stdout};
use openssl::x509::X509;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Command, Output, Stdio};
use testkit::certificates::Identity;

/// Runs the command with s_client as its program and a server that names one CA.
#[track_caller]
fn connect(command: &mut Command, named: &Identity) -> (Output, Option<X509>) {
    let server = Server::start(named);
    command.args(["--", "openssl", "s_client", "-brief", "-connect"]);
    command.arg(server.address.to_string()).stdin(Stdio::null());
    let output = command.output().unwrap();
    (output, server.received())
}

#[track_caller]
fn is(received: Option<&X509>, expected: &Identity, output: &Output) {
    let same =
        received.is_some_and(|c| c.to_der().unwrap() == expected.certificate.to_der().unwrap());
    assert!(same, "{received:?}\n{}{}", stdout(output), stderr(output));
}

#[test]
fn the_server_receives_the_certificate_that_it_requests() {
    let scene = Scene::new();
    let a = scene.pair("a", None);
    let b = scene.pair("b", Some("secret, \"of b\""));
    let stranger = Identity::self_signed("stranger");
    scene.write("passwords", "\nsecret, \"of b\"\n");
    let lists = ["--sslcert=a.crt,b.crt", "--sslkey=a.key,b.key", "--sslpassword-file=passwords"];
    for expected in [&a, &b] {
        let (output, received) = connect(scene.certpick_run().args(lists), expected);
        is(received.as_ref(), expected, &output);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(!stderr(&output).contains("certpick"), "{}", stderr(&output));
    }
    let (_, received) = connect(scene.certpick_run().args(lists), &stranger);
    assert!(received.is_none());
}

#[test]
fn the_explanation_is_printed_at_the_end_or_appended_to_a_file() {
    let scene = Scene::new();
    let (a, b) = (scene.identity("a.pem"), scene.identity("b.pem"));
    let stranger = Identity::self_signed("stranger");
    let run = |options: &[&str], named: &Identity| {
        let mut command = scene.certpick_run();
        command.arg("--sslcert=a.pem,b.pem").args(options);
        stderr(&connect(&mut command, named).0)
    };
    let explanation = run(&["--explain"], &b);
    let at =
        explanation.find("certpick sent credential").unwrap_or_else(|| panic!("{explanation}"));
    assert!(explanation[at..].contains("b.pem: sent"), "{explanation}");
    assert!(
        explanation.find("CONNECTION ESTABLISHED").is_some_and(|before| before < at),
        "{explanation}"
    );

    let explanation = run(&["--explain", "--explain-when=failure"], &a);
    assert!(!explanation.contains("certpick"), "{explanation}");
    let explanation = run(&["--explain", "--explain-when=failure"], &stranger);
    assert!(explanation.contains("a.pem: not sent"), "{explanation}");

    for named in [&a, &b] {
        let explanation = run(&["--explain=file"], named);
        assert!(!explanation.contains("certpick"), "{explanation}");
    }
    let text = std::fs::read_to_string(scene.path("file")).unwrap();
    assert_eq!(text.matches("certpick sent credential").count(), 2, "{text}");
    assert!(text.contains("a.pem: sent") && text.contains("b.pem: sent"), "{text}");
}

#[test]
fn without_a_request_there_is_nothing_to_explain() {
    let scene = Scene::new();
    let output = scene.certpick_run_any().args(["--explain", "--", "true"]).output().unwrap();
    assert!(stderr(&output).starts_with("certpick: nothing to explain"), "{}", stderr(&output));
    let quiet = ["--explain", "--explain-when=failure", "--", "true"];
    assert_eq!(stderr(&scene.certpick_run_any().args(quiet).output().unwrap()), "");
}

#[test]
fn a_program_with_its_own_certificate_sends_that() {
    let scene = Scene::new();
    let a = scene.identity("a.pem");
    let own = scene.identity("own.pem");
    let server = Server::start(&a);
    let mut command = scene.certpick_run();
    command.args(["--sslcert=a.pem", "--", "openssl", "s_client", "-brief", "-cert", "own.pem"]);
    command.arg("-connect").arg(server.address.to_string()).stdin(Stdio::null());
    let output = command.output().unwrap();
    is(server.received().as_ref(), &own, &output);
}

#[test]
fn files_with_special_names_are_found_from_another_directory() {
    let names: [&[u8]; 9] = [
        b"plain",
        b"a b ",
        b" a",
        b"a,b",
        b"\"q\" 'q' `q`",
        b"$HOME#;x",
        b"back\\slash\\",
        b"\xff\xfe",
        b"two\nlines\r",
    ];
    for name in names {
        let scene = Scene::new();
        let file = |end: &[u8]| OsString::from_vec([name, end].concat());
        let (other, odd) = (Identity::self_signed("other"), Identity::self_signed("odd"));
        scene.write("other.pem", other.bundle());
        scene.write(file(b""), odd.bundle());
        scene.write(file(b".pw"), "\n\n");
        let quoted = quoted(name);
        let list = |flag: &[u8], entries: &[&[u8]]| {
            OsString::from_vec([flag, &entries.join(&b","[..])].concat())
        };
        std::fs::create_dir(scene.path("elsewhere")).unwrap();
        let lists = [
            // A list, a single file, and all other options.
            vec![list(b"--sslcert=", &[b"other.pem", &quoted])],
            vec![list(b"--sslcert=", &[if name.contains(&b',') { name } else { &quoted }])],
            vec![
                list(b"--sslcert=", &[&quoted, b"other.pem"]),
                list(b"--sslkey=", &[&quoted, b""]),
                list(b"--sslpassword-file=", &[&file(b".pw").into_vec()]),
                list(b"--issuers=", &[name]),
                list(b"--explain=", &[&file(b".txt").into_vec()]),
            ],
        ];
        for options in lists {
            let server = Server::start(&odd);
            let mut command = scene.certpick_run();
            command.args(&options).args(["--", "bash", "-c"]);
            command.arg(format!("cd elsewhere; openssl s_client -connect {}", server.address));
            let output = command.stdin(Stdio::null()).output().unwrap();
            is(server.received().as_ref(), &odd, &output);
        }
        assert!(scene.path(file(b".txt")).exists(), "{name:?}");
    }
}

/// Quotes a list entry.
fn quoted(name: &[u8]) -> Vec<u8> {
    let inner = name.iter().flat_map(|b| if *b == b'"' { vec![b'"', b'"'] } else { vec![*b] });
    [vec![b'"'], inner.collect(), vec![b'"']].concat()
}

#[test]
fn the_module_may_have_a_special_name() {
    let scene = Scene::new();
    let a = scene.identity("a.pem");
    let odd = scene.path(OsStr::from_bytes(b"$a #b\\ \"c\".so"));
    std::fs::copy(crate::support::module(), &odd).unwrap();
    let mut command = scene.command(env!("CARGO_BIN_EXE_certpick"));
    command.args(["run", "--sslcert=a.pem", "--module"]).arg(&odd);
    let (output, received) = connect(&mut command, &a);
    is(received.as_ref(), &a, &output);
}

#[test]
fn the_inner_of_two_nested_runs_is_effective() {
    let scene = Scene::new();
    let (outer, inner) = (scene.pair("outer", None), scene.pair("inner", None));
    for (named, sent) in [(&inner, true), (&outer, false)] {
        let mut command = scene.certpick_run();
        command.args(["--sslcert=outer.crt", "--sslkey=outer.key", "--explain=outer.txt", "--"]);
        command.arg(env!("CARGO_BIN_EXE_certpick")).args(["run", "--module"]);
        command.arg(crate::support::module()).args(["--sslcert=inner.crt", "--sslkey=inner.key"]);
        let (output, received) = connect(&mut command, named);
        assert_eq!(received.is_some(), sent, "{}", stderr(&output));
    }
    assert_eq!(std::fs::read(scene.path("outer.txt")).unwrap(), b"");
    // One file for the outer and one for the inner run, reused the second time.
    assert_eq!(scene.stored().len(), 2);
}

#[test]
fn the_printed_openssl_cnf_has_the_same_effect_when_installed() {
    let scene = Scene::new();
    let (a, b) = (scene.identity("a.pem"), scene.identity("b.pem"));
    let printed =
        crate::support::printed(scene.certpick_run().args(["--sslcert=a.pem,b.pem", "--print"]));
    let file = scene.write("certpick.cnf", printed);
    for expected in [&a, &b] {
        let server = Server::start(expected);
        let mut client = scene.command("openssl");
        client.args(["s_client", "-connect"]).arg(server.address.to_string());
        let output = client.env("OPENSSL_CONF", &file).stdin(Stdio::null()).output().unwrap();
        is(server.received().as_ref(), expected, &output);
    }
}
