// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads configuration files from standard input, each after a line with its length, and prints a
//! line for each: `error` and the text, or `ok` and the values. For the comparison with another
//! reader in tests/system/documents/test_configuration_file.py.

use certpick_core::config::{Config, ConfigCredential};
use std::io::Read;
use std::path::{Path, PathBuf};

const FILE: &str = "/no/such/certpick.toml";

/// Strings have no control characters, so these separate fields, values and elements.
const SEPARATORS: [&str; 3] = ["\x1c", "\x1d", "\x1e"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    let mut rest = &input[..];
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let length: usize = std::str::from_utf8(&rest[..end])?.parse()?;
        let (content, after) = rest[end + 1..].split_at(length);
        println!("{}", line(content));
        rest = after;
    }
    Ok(())
}

fn line(content: &[u8]) -> String {
    let fields = match Config::parse(Path::new(FILE), content) {
        Err(error) => vec!["error".to_owned(), error.to_string()],
        Ok(config) => {
            let first = ["ok".to_owned(), name(config.issuers.as_ref())];
            first.into_iter().chain(config.credentials.iter().map(credential)).collect()
        }
    };
    fields.join(SEPARATORS[0])
}

fn credential(credential: &ConfigCredential) -> String {
    let rule = &credential.rule;
    let hosts: Vec<_> = rule.hosts.iter().flat_map(|hosts| hosts.patterns()).collect();
    let users: Vec<_> = rule.users.iter().flat_map(|users| users.patterns()).collect();
    [
        name(Some(&credential.sslcert)),
        name(credential.sslkey.as_ref()),
        name(credential.sslpasswordfile.as_ref()),
        hosts.join(SEPARATORS[2]),
        users.join(SEPARATORS[2]),
        rule.verified.to_string(),
    ]
    .join(SEPARATORS[1])
}

fn name(path: Option<&PathBuf>) -> String {
    path.map(|path| path.display().to_string()).unwrap_or_default()
}
