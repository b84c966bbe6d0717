// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file, compared with a simple reader. Input: the content of the file.

#![no_main]

use certpick_core::config::Config;
use certpick_core::error::{ConfigError, ConfigFlaw};
use certpick_fuzz::naive::config::{Reading, config};
use libfuzzer_sys::fuzz_target;
use std::path::{Path, PathBuf};

const FILE: &str = "/no/such/certpick.toml";

fn path(name: Option<&String>) -> Option<PathBuf> {
    name.map(|name| Path::new("/no/such").join(name))
}

fuzz_target!(|data: &[u8]| {
    let parsed = Config::parse(Path::new(FILE), data);
    if let Err(error) = &parsed {
        check_error(error, data);
    }
    let Ok(text) = std::str::from_utf8(data) else {
        assert!(parsed.is_err());
        return;
    };
    match (config(text), parsed) {
        (Reading::Unknown, _) | (Reading::Wrong, Err(_)) => {}
        (Reading::Config(issuers, credentials), Ok(parsed)) => {
            assert_eq!(parsed.issuers, path(issuers.as_ref()));
            assert_eq!(parsed.credentials.len(), credentials.len());
            for (parsed, plain) in parsed.credentials.iter().zip(&credentials) {
                let string = |key: &str| {
                    path(plain.strings.iter().find(|(known, _)| known == key).map(|(_, v)| v))
                };
                let list = |key: &str| {
                    let found = plain.lists.iter().find(|(known, _)| known == key);
                    found.map(|(_, all)| all.iter().map(String::as_str).collect::<Vec<_>>())
                };
                assert_eq!(Some(&parsed.sslcert), string("sslcert").as_ref());
                assert_eq!(parsed.sslkey, string("sslkey"));
                assert_eq!(parsed.sslpasswordfile, string("sslpasswordfile"));
                assert_eq!(
                    parsed.rule.hosts.as_ref().map(|h| h.patterns().collect()),
                    list("hosts")
                );
                assert_eq!(
                    parsed.rule.users.as_ref().map(|u| u.patterns().collect()),
                    list("users")
                );
                assert_eq!(parsed.rule.verified, plain.verified.unwrap_or(false));
                assert_eq!(parsed.line, plain.line);
            }
        }
        (Reading::Wrong, Ok(parsed)) => panic!("{parsed:?} should be an error"),
        (Reading::Config(..), Err(error)) => panic!("{error}"),
    }
});

/// Checks that the error is one line, within the file, and shows at most the name of a key.
fn check_error(error: &ConfigError, data: &[u8]) {
    assert!(!error.to_string().contains('\n'), "{error}");
    let ConfigError::Content { at, flaw, .. } = error else { panic!("{error}") };
    let line = data.split(|byte| *byte == b'\n').nth(at.line - 1).expect("a line of the file");
    assert!((1..=line.len() + 1).contains(&at.column), "{error}");
    if let ConfigFlaw::UnknownKey { name: Some(name), .. } = flaw {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        assert!((1..=32).contains(&name.len()) && name.bytes().all(is_plain), "{error}");
    }
}
