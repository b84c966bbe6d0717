// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file that was damaged is an error, or none of its credentials is for more hosts, users or
//! servers than before.

use super::*;
use crate::rule::{NameOrigin, PortOrigin, Target};

/// Each key of rules, in different forms, and the keys of the rule before `sslcert`, as
/// certpick.toml(5) recommends.
const RULES_FIRST: &str = r#"# servers
issuers = "i.pem"
[[credential]]
hosts = ["*.north.example", "db7"]  # north
users = ["app", "batch?"]
verified = true
sslcert = "north"
[[credential]]
hosts = [
    "redis1.example:6379",
    "redis2.example", # the second
    "192.0.2.7",
]
sslcert = "redis"
sslkey = "k"
[[credential]]
"users" = ['admin']
verified = true
sslcert = 'card'
"#;

/// The same with `sslcert` first.
fn certificate_first() -> String {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in RULES_FIRST.lines() {
        if line == "[[credential]]" || blocks.is_empty() {
            blocks.push(Vec::new());
        }
        blocks.last_mut().unwrap().push(line);
    }
    let ordered = blocks.into_iter().flat_map(|block| {
        let (certificates, others): (Vec<_>, Vec<_>) =
            block.into_iter().partition(|line| line.starts_with("sslcert"));
        let at = usize::from(others[0] == "[[credential]]");
        let (header, rest) = (others[..at].to_vec(), others[at..].to_vec());
        [header, certificates, rest].concat()
    });
    ordered.map(|line| format!("{line}\n")).collect()
}

/// Servers and users of the rules, and others that differ from them in at least two characters.
fn targets() -> Vec<Target> {
    let name = |name: &str| vec![(name.to_owned(), NameOrigin::ServerName)];
    let hosts = [
        "",
        "db7",
        "db7x9",
        "other.test",
        "a.north.example",
        "a.b.north.example",
        "a.south.test",
        "redis1.example",
        "redis2.example",
        "redis13.example",
        "evil.test",
    ];
    let mut targets = Vec::new();
    for host in hosts {
        for port in [None, Some(6379), Some(5432)] {
            for user in [None, Some("app"), Some("batch1"), Some("admin"), Some("postgres")] {
                for is_verified in [false, true] {
                    targets.push(Target {
                        names: if host.is_empty() { Vec::new() } else { name(host) },
                        socket_address: host.is_empty().then(|| "192.0.2.7".parse().unwrap()),
                        port: port.map(|port| (port, PortOrigin::Socket)),
                        user: user.map(|user| (user.as_bytes().into(), NameOrigin::Program)),
                        is_verified,
                        ..Target::default()
                    });
                }
            }
        }
    }
    targets.push(Target::default());
    targets
}

/// A configuration before it was damaged.
struct Before {
    config: Config,
    targets: Vec<Target>,
}

impl Before {
    fn new(content: &str) -> Before {
        Before { config: parse(content).unwrap(), targets: targets() }
    }

    /// Returns whether a configuration may send one of the certificates where it was not sent
    /// before, or prefers one that was not preferred. A certificate with another name is another
    /// certificate.
    fn is_wider(&self, config: &Config) -> bool {
        config.credentials.iter().any(|new| {
            let mut known = self.config.credentials.iter().filter(|c| c.sslcert == new.sslcert);
            known.any(|old| old.rule != new.rule && self.is_wider_rule(&old.rule, &new.rule))
        })
    }

    fn is_wider_rule(&self, old: &Rule, new: &Rule) -> bool {
        self.targets.iter().any(|target| {
            let (before, now) = (old.matches(target), new.matches(target));
            now.is_preferred && !before.is_preferred
                || now.reasons.is_empty() && !before.reasons.is_empty()
        })
    }
}

/// Returns the keys of rules that a reader sees at the beginning of lines, in each block.
fn visible_keys(content: &str) -> Vec<Vec<String>> {
    let mut blocks = vec![Vec::new()];
    for line in content.split(['\n', '\r']) {
        if line.starts_with("[[") {
            blocks.push(Vec::new());
        }
        let key = line.trim_start_matches(['"', '\'']);
        for known in ["hosts", "users", "verified"] {
            if key.starts_with(known) {
                blocks.last_mut().unwrap().push(known.to_owned());
            }
        }
    }
    blocks
}

#[test]
fn a_file_that_is_cut_off_is_an_error_or_has_the_rules_of_each_credential() {
    let before = Before::new(RULES_FIRST);
    let mut parsed = 0;
    for end in 0..RULES_FIRST.len() {
        let Ok(config) = parse(&RULES_FIRST[..end]) else { continue };
        assert!(!before.is_wider(&config), "{end}");
        for (credential, old) in config.credentials.iter().zip(&before.config.credentials) {
            assert_eq!(credential.rule, old.rule, "{end}");
        }
        parsed += 1;
    }
    assert!((1..20).contains(&parsed), "{parsed}");
}

#[test]
fn a_file_with_sslcert_first_that_is_cut_off_within_a_line_is_an_error_or_keeps_that_line() {
    let content = certificate_first();
    let before = Before::new(&content);
    for end in 0..content.len() {
        let Ok(config) = parse(&content[..end]) else { continue };
        if before.is_wider(&config) {
            // Whole lines are missing, which TOML cannot show; certpick check warns of a credential
            // without hosts. certpick.toml(5) recommends to write sslcert last.
            let last = content[..end].lines().count() - 1;
            let code = |text: &str| {
                let line = text.lines().nth(last).unwrap_or_default();
                line.split(" #").next().unwrap_or_default().trim().to_owned()
            };
            assert_eq!(code(&content[..end]), code(&content), "{end}");
        }
    }
}

#[test]
fn a_file_without_one_of_its_lines_is_an_error_or_no_credential_matches_more() {
    for content in [RULES_FIRST.to_owned(), certificate_first()] {
        let before = Before::new(&content);
        for removed in 0..content.lines().count() {
            let rest: String = content
                .lines()
                .enumerate()
                .filter(|(number, _)| *number != removed)
                .map(|(_, line)| format!("{line}\n"))
                .collect();
            let Ok(config) = parse(&rest) else { continue };
            if before.is_wider(&config) {
                // A whole key of a rule was removed. No format can show that.
                assert_ne!(visible_keys(&rest), visible_keys(&content), "{removed}");
            }
        }
    }
}

const SUBSTITUTES: [&str; 28] = [
    "\0", "\t", "\n", "\r", "\r\n", " ", "#", "\"", "'", "\\", "\\n", "\"\"\"", "'''", "=", ",",
    ".", "[", "]", "{", "}", "[[", "x", "0", "-", ":", "\u{e9}", "\u{feff}", "\u{2028}",
];

/// Fails if a changed file has wider matches, unless a reader sees that a key of a rule is gone or
/// is in a comment.
fn check_change(before: &Before, content: &str, changed: &str, what: &str) {
    let Ok(config) = parse(changed) else { return };
    if before.is_wider(&config) {
        assert_ne!(visible_keys(changed), visible_keys(content), "{what}\n{changed}");
    }
}

#[test]
fn a_file_with_one_other_character_is_an_error_or_no_credential_matches_more() {
    for content in [RULES_FIRST.to_owned(), certificate_first()] {
        let before = Before::new(&content);
        for (at, old) in content.char_indices() {
            let (head, tail) = (&content[..at], &content[at + old.len_utf8()..]);
            for new in SUBSTITUTES.into_iter().chain([""]) {
                let what = format!("{old:?} at {at} became {new:?}");
                check_change(&before, &content, &[head, new, tail].concat(), &what);
                let what = format!("{new:?} before {at}");
                let inserted = [head, new, &content[at..]].concat();
                check_change(&before, &content, &inserted, &what);
            }
        }
    }
}

#[test]
fn a_file_with_one_other_byte_is_an_error_or_no_credential_matches_more() {
    let before = Before::new(RULES_FIRST);
    for at in 0..RULES_FIRST.len() {
        for bit in 0..8 {
            let mut bytes = RULES_FIRST.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            // A wildcard in a pattern is another rule, which the file says.
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            if matches!(changed.as_bytes()[at], b'*' | b'?') {
                continue;
            }
            let what = format!("bit {bit} of byte {at}");
            check_change(&before, RULES_FIRST, &changed, &what);
        }
    }
}

#[test]
fn the_targets_see_a_rule_that_is_missing() {
    for content in [RULES_FIRST.to_owned(), certificate_first()] {
        let before = Before::new(&content);
        let whole = &before.config;
        for number in 0..whole.credentials.len() {
            let parts: [fn(&mut Rule); 3] =
                [|rule| rule.hosts = None, |rule| rule.users = None, |rule| rule.verified = false];
            for remove in parts {
                let mut changed = whole.clone();
                remove(&mut changed.credentials[number].rule);
                let is_same = changed == *whole;
                assert_eq!(before.is_wider(&changed), !is_same, "{number}");
            }
        }
    }
}
