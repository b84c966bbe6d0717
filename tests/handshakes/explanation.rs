// SPDX-License-Identifier: MIT OR Apache-2.0
//! The explanation: the server's request, and each credential with the reasons against it.

use certpick_core::Status;
use certpick_core::choice::Flawed;
use openssl::x509::extension::{ExtendedKeyUsage, KeyUsage};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use testkit::certificates::{Identity, StringKind, Subject, name_der, name_in};
use testkit::connection::Connection;
use testkit::handshake::{Version, Way, everywhere};
use testkit::keys::Kind;
use testkit::set::{Frozen, Set};

/// Returns whether a line matches a pattern, in which `*` matches one or more characters.
fn fits(line: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return line == pattern };
    let Some(rest) = line.strip_prefix(before) else { return false };
    rest.char_indices()
        .skip(1)
        .map(|(at, _)| at)
        .chain([rest.len()])
        .any(|at| at > 0 && fits(&rest[at..], after))
}

/// Checks that the explanation has exactly these lines. `DIR` is the directory of the credentials.
#[track_caller]
fn assert_lines(connection: &Connection, set: &Frozen, patterns: &[&str]) {
    let dir = set.root().to_str().unwrap();
    let text = connection.record().explanation();
    let lines: Vec<&str> = text.lines().collect();
    for (line, pattern) in lines.iter().zip(patterns) {
        assert!(
            fits(&line.replace(dir, "DIR"), pattern),
            "{line:?} does not match {pattern:?} in\n{text}"
        );
    }
    assert_eq!(lines.len(), patterns.len(), "{text}");
    assert!(text.ends_with('\n'), "{text:?}");
}

#[test]
fn the_explanation_has_every_credential_with_the_reason_why_it_was_not_sent() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let middle = a.authority("middle");
    let mut set = Set::new();
    set.add("other", &b.issue(Subject::new("other").kind(Kind::Ed25519)), &[]);
    set.add("alice", &middle.issue("alice"), &[&middle.certificate]);
    set.add("bob", &a.issue("bob"), &[]);
    let both = a.issue(Subject::new("expired").expired());
    let path = set.write("both.pem", both.bundle());
    set.add_files(&both, path, None, None);
    set.add_from_memory(&a.issue("in memory"), &[]);
    let set = set.freeze();
    let schemes = "ecdsa_secp256r1_sha256:ed25519:ed448";
    for (version, way) in everywhere() {
        let connection = set
            .handshake(version, way)
            .signing(schemes)
            .client_signing("ecdsa_secp256r1_sha256:ed25519")
            .host("db.example")
            .user("alice")
            .naming(&[&a, &Identity::root("C")])
            .run();
        connection.assert_sent(1);
        let (version, types) = match version {
            Version::Tls12 => ("TLS 1.2", Some("It accepts the certificate types ecdsa_sign.")),
            _ => ("TLS 1.3", None),
        };
        let asked = format!("The server requested a client certificate over {version}.");
        let mut patterns = vec![
            "certpick sent credential 2 of 5.",
            "Connecting to host \"db.example\" as user \"alice\".",
            &asked,
            "It accepts * one of these 2 CAs:",
            "    O=certpick tests, CN=A",
            "    O=certpick tests, CN=C",
            "It accepts the signature algorithms ecdsa_secp256r1_sha256, ed25519, ed448.",
            "Of these, this client * ed448.",
        ];
        patterns.extend(types);
        patterns.extend([
            "1. DIR/other.crt: not sent",
            "    subject: O=certpick tests, CN=other",
            "    issuer:  O=certpick tests, CN=B",
            "    valid:   * to *",
            "    key:     Ed25519, in DIR/other.key",
            "    against: no certificate in its chain was issued by a CA that the server named; * O=certpick tests, CN=B*",
            "2. DIR/alice.crt: sent",
            "    subject: O=certpick tests, CN=alice",
            "    issuer:  O=certpick tests, CN=middle",
            "    valid:   * GMT to * GMT*",
            "    key:     EC, P-256, in DIR/alice.key",
            "    chain:   O=certpick tests, CN=middle",
            "3. DIR/bob.crt: not sent",
            "    subject: O=certpick tests, CN=bob",
            "    issuer:  O=certpick tests, CN=A",
            "    valid:   * to *",
            "    key:     EC, P-256, in DIR/bob.key",
            "    note:    suitable, but credential 2 has the user name as its CN",
            "4. DIR/both.pem: not sent",
            "    subject: O=certpick tests, CN=expired",
            "    issuer:  O=certpick tests, CN=A",
            "    valid:   * to *",
            "    key:     EC, P-256",
            "    against: it has expired (10 days ago)*",
            "5. held in memory: not sent",
            "    subject: O=certpick tests, CN=in memory",
            "    issuer:  O=certpick tests, CN=A",
            "    valid:   * to *",
            "    key:     EC, P-256",
            "    note:    suitable, but credential 2 has the user name as its CN",
        ]);
        assert_lines(&connection, &set, &patterns);
    }
}

#[test]
fn the_explanation_has_every_reason_if_no_credential_is_suitable() {
    let [a, b, c] = ["A", "B", "C"].map(Identity::root);
    let middle = b.authority("middle");
    let mut set = Set::new();
    set.add("a", &a.issue("a"), &[]);
    set.add("b", &middle.issue("b"), &[&middle.certificate]);
    let set = set.freeze();
    for (version, way) in everywhere() {
        let connection =
            set.handshake(version, way).signing("ed25519").types(&[64]).naming(&[&c]).run();
        connection.assert_none_suitable();
        let mut patterns = vec![
            "certpick sent no certificate. Server requests a client certificate but no suitable \
             certificate is found from sslcert list provided.",
            "The server requested a client certificate over *.",
            "It accepts * this CA:",
            "    O=certpick tests, CN=C",
            "It accepts the signature algorithms ed25519.",
        ];
        if version == Version::Tls12 {
            patterns.push("It accepts the certificate types ecdsa_sign.");
        }
        let signing = "    against: its key fits none of the signature algorithms *";
        patterns.extend([
            "1. DIR/a.crt: not sent",
            "    subject: O=certpick tests, CN=a",
            "    issuer:  O=certpick tests, CN=A",
            "    valid:   * to *",
            "    key:     EC, P-256, in DIR/a.key",
            "    against: no certificate in its chain was issued by a CA that the server named; * O=certpick tests, CN=A*",
            signing,
            "2. DIR/b.crt: not sent",
            "    subject: O=certpick tests, CN=b",
            "    issuer:  O=certpick tests, CN=middle",
            "    valid:   * to *",
            "    key:     EC, P-256, in DIR/b.key",
            "    chain:   O=certpick tests, CN=middle",
            // The issuer of the last certificate counts.
            "    against: no certificate in its chain was issued by a CA that the server named; * O=certpick tests, CN=B*",
            signing,
        ]);
        assert_lines(&connection, &set, &patterns);
    }
}

#[test]
fn an_unusable_key_is_explained_without_its_password() {
    let root = Identity::root("root");
    let client = root.issue("client");
    let key = client.encrypted_key_pem("right");
    let mut set = Set::new();
    set.add_with_key("client", &client, (&key, 0o600), Some("wr0ng, secret"));
    set.add("other", &root.issue("other"), &[]);
    let set = set.freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).signing("ecdsa_secp256r1_sha256").run();
        connection.assert_aborted(Status::PasswordWrong);
        let mut patterns = vec![
            "certpick aborted the handshake: entry 1: could not load private key file \
             \"DIR/client.key\": *",
            "The server requested a client certificate over *.",
            "It named no CA*",
            "It accepts the signature algorithms ecdsa_secp256r1_sha256.",
        ];
        if version == Version::Tls12 {
            patterns.push("It accepts the certificate types ecdsa_sign.");
        }
        patterns.extend([
            "1. DIR/client.crt: chosen, but not usable",
            "    subject: O=certpick tests, CN=client",
            "    issuer:  O=certpick tests, CN=root",
            "    valid:   * to *",
            "    key:     EC, P-256, in DIR/client.key",
            "    against: it was chosen, but it or its key could not be used: entry 1: could not load private key *",
            "2. DIR/other.crt: not sent",
            "    subject: O=certpick tests, CN=other",
            "    issuer:  O=certpick tests, CN=root",
            "    valid:   * to *",
            "    key:     EC, P-256, in DIR/other.key",
            "    note:    suitable, but credential 1 comes first in the list",
        ]);
        assert_lines(&connection, &set, &patterns);
        let text = connection.record().explanation();
        assert!(!text.contains("wr0ng") && !text.contains("secret"), "{text}");
    }
}

#[test]
fn every_reason_has_a_text() {
    let [a, b] = ["A", "B"].map(Identity::root);
    let middle = b.authority(Subject::new("new middle").not_yet_valid());
    let worst = Subject::new("worst")
        .kind(Kind::Rsa1024)
        .expired()
        .key_usage(KeyUsage::new().key_encipherment())
        .extended_key_usage(ExtendedKeyUsage::new().server_auth());
    let mut set = Set::new();
    set.add("worst", &middle.issue(worst), &[&middle.certificate]);
    set.policy().flawed = Flawed::Exclude;
    let set = set.freeze();
    let connection = set
        .handshake(Version::Tls12, Way::CertCb)
        .signing("ed25519")
        .types(&[64])
        .naming(&[&a])
        .run();
    let text = connection.record().explanation();
    let against: Vec<_> = text.lines().filter_map(|l| l.strip_prefix("    against: ")).collect();
    let patterns = [
        "no certificate in its chain was issued by a CA*",
        "*signature algorithms*",
        "*certificate types*",
        "*security level*too weak",
        "it has expired (10 days ago)*excluded by the policy*",
        "it is not yet valid (*CN=new middle, for another *)*excluded by the policy*",
        "*key usage lacks digitalSignature; *",
        "*extended key usage lacks clientAuth; *",
    ];
    for pattern in patterns {
        assert!(against.iter().any(|line| fits(line, pattern)), "{pattern:?} is not in\n{text}");
    }
    assert_eq!(against.len(), patterns.len(), "{text}");
}

#[test]
fn the_explanation_says_that_a_limit_ended_the_search_for_a_chain() {
    const LIMIT: &str = "limit:   ";
    let root = Identity::root("root");
    let mut authorities = vec![root.authority("CA 0")];
    for i in 1..=100 {
        let next = authorities[i - 1].authority(format!("CA {i}").as_str());
        authorities.push(next);
    }
    let client = authorities[100].issue("client");
    let set_of = |count: usize| {
        let above = authorities.iter().rev().take(count).map(|ca| &ca.certificate);
        let mut set = Set::new();
        set.add("client", &client, &above.collect::<Vec<_>>());
        set.freeze()
    };
    let (short, long) = (set_of(100), set_of(101));
    let line = |connection: &Connection, start: &str| {
        let text = connection.record().explanation();
        let pattern = format!("    {start}the search for its chain stopped at a limit*");
        text.lines().any(|line| fits(line, &pattern))
    };

    for (version, way) in everywhere() {
        let connection = long.handshake(version, way).naming(&[&root]).run();
        connection.assert_none_suitable();
        assert!(line(&connection, "against: no certificate in its chain * named*"), "{connection}");
        // The certificates that are sent are only a part of the chain.
        let connection = long.handshake(version, way).naming(&[&authorities[1]]).run();
        connection.assert_sent(0);
        assert!(line(&connection, LIMIT), "{connection}");
        let connection = short.handshake(version, way).naming(&[&authorities[0]]).run();
        connection.assert_sent(0);
        assert!(!line(&connection, LIMIT), "{connection}");
    }
}

/// Characters that reorder, hide or separate text, besides control characters.
const HIDDEN: &str = "\u{ad}\u{61c}\u{200b}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\
                      \u{2066}\u{2069}\u{feff}\u{fff9}\u{fffe}";

/// Performs a handshake with control and hidden characters in the names of a CA, a client and a file.
fn hostile(version: Version, way: Way, key_is_there: bool) -> Connection {
    let text = &format!("line\nbreak\r\x1b[2J\u{7}\u{7f}\u{9b}1m{HIDDEN}");
    let tagged = &format!("{text}\u{e0001}\u{e0041}");
    let root = Identity::root(Subject::named(name_in(StringKind::Utf8, "tests\t", tagged)));
    let client = root.issue(Subject::named(name_in(StringKind::Bmp, "o", text)));
    let file = &format!("a\nb\x1b[31m, c\u{7f}\u{85}{HIDDEN}\u{e0041}");
    let mut set = Set::new();
    let certificate = set.write(format!("{file}.crt"), client.pem());
    let key = set.path(format!("{file}.key"));
    if key_is_there {
        set.write(format!("{file}.key"), client.key_pem());
    }
    set.add_files(&client, certificate, Some(key), None);
    let set = set.freeze();
    let handshake = set.handshake(version, way).naming(&[&root, &client]);
    let text = format!("x\ny\x07{HIDDEN}");
    handshake.user(&text).host(&text).run()
}

/// Checks that every line begins as the library begins lines, and has no control or hidden character.
/// Names from the server are indented.
#[track_caller]
fn assert_clean(connection: &Connection) {
    let (text, message) = (connection.record().explanation(), connection.record().message());
    let is_hidden = |c: char| c.is_control() || HIDDEN.contains(c) || c >= '\u{e0000}';
    let is_clean = |line: &str| !line.chars().any(is_hidden);
    assert!(is_clean(&message), "{message:?}");
    for line in text.lines() {
        let starts =
            ["    ", "certpick ", "Connecting ", "The server ", "It ", "Of these, ", "1. "];
        let is_own = starts.iter().any(|start| line.starts_with(start));
        assert!(is_own && is_clean(line), "{line:?} in\n{text:?}");
        assert!(line.starts_with("    ") || !line.contains("break"), "{line:?} in\n{text:?}");
    }
}

#[test]
fn control_and_hidden_characters_in_names_and_files_are_escaped() {
    for (version, way) in everywhere() {
        let connection = hostile(version, way, true);
        connection.assert_sent(0);
        assert_clean(&connection);
    }
}

#[test]
fn an_error_with_control_characters_in_the_file_name_is_one_line() {
    for (version, way) in everywhere() {
        let connection = hostile(version, way, false);
        connection.assert_aborted(Status::File);
        assert_clean(&connection);
    }
}

#[test]
fn a_file_name_that_is_not_utf_8_works_and_is_escaped() {
    let client = Identity::root("root").issue("client");
    let mut set = Set::new();
    let bytes = |ending: &[u8]| OsString::from_vec([b"m\xfcller", ending].concat());
    for (ending, content) in [(&b".crt"[..], client.pem()), (b".key", client.key_pem())] {
        let path = set.write("plain", content);
        std::fs::rename(&path, path.with_file_name(bytes(ending))).unwrap();
    }
    let path = |ending| set.path("plain").with_file_name(bytes(ending));
    let (certificate, key) = (path(b".crt"), path(b".key"));
    set.add_files(&client, certificate, Some(key), None);
    let set = set.freeze();
    let connection = set.handshake(Version::Tls13, Way::ClientCertCb).run();
    connection.assert_sent(0);
    let text = connection.record().explanation();
    assert!(text.contains("m\\xfcller.crt: sent\n"), "{text}");
}

#[test]
fn the_explanation_lists_the_first_100_ca_names_and_counts_the_others() {
    let names: Vec<Vec<u8>> = (0..150).map(|i| name_der(&format!("{i:03}"))).collect();
    let set = Set::of(&[&Identity::root("A").issue("client")]).freeze();
    for (version, way) in everywhere() {
        let connection = set.handshake(version, way).naming_der(&names).run();
        connection.assert_none_suitable();
        let text = connection.record().explanation();
        assert!(text.contains("these 150 CAs:"), "{text}");
        assert!(text.contains("CN=000") && text.contains("CN=099"), "{text}");
        assert!(!text.contains("CN=100") && text.contains("    and 50 more\n"), "{text}");
    }
}

#[test]
fn every_kind_of_key_has_a_name() {
    let root = Identity::root("root");
    for (kind, words) in [
        (Kind::Rsa1024, "RSA, 1024 bits"),
        (Kind::Rsa2048, "RSA, 2048 bits"),
        (Kind::Pss, "RSA-PSS, 2048 bits"),
        (Kind::PssSha256, "RSA-PSS, 2048 bits, SHA-256 only"),
        (Kind::PssSha384, "RSA-PSS, 2048 bits, SHA-384 only"),
        (Kind::P256, "EC, P-256"),
        (Kind::P384, "EC, P-384"),
        (Kind::P521, "EC, P-521"),
        (Kind::Brainpool, "EC, brainpoolP256r1"),
        (Kind::Ed25519, "Ed25519"),
        (Kind::Ed448, "Ed448"),
    ] {
        let set = Set::of(&[&root.issue(Subject::new("client").kind(kind))]).freeze();
        let connection = set.handshake(Version::Tls13, Way::CertCb).run();
        let text = connection.record().explanation();
        let line = format!("    key:     {words}, in {}\n", set.path("1.key").display());
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
}
