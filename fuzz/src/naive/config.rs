// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file, for content with one key or header on each line and plain values.

use super::rules;

/// A credential.
#[derive(Debug, Default)]
pub struct Credential {
    pub line: usize,
    pub strings: Vec<(String, String)>,
    pub lists: Vec<(String, Vec<String>)>,
    pub verified: Option<bool>,
}

/// What the content is.
pub enum Reading {
    /// The value of `issuers`, and the credentials.
    Config(Option<String>, Vec<Credential>),
    /// It must be an error.
    Wrong,
    /// It is not plain enough for this reader.
    Unknown,
}

enum Value {
    String(String),
    List(Vec<String>),
    Boolean(bool),
}

fn string(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._*?:/-".contains(c);
    inner.chars().all(is_plain).then(|| inner.to_owned())
}

fn value(text: &str) -> Option<Value> {
    match text {
        "true" => return Some(Value::Boolean(true)),
        "false" => return Some(Value::Boolean(false)),
        "[]" => return Some(Value::List(Vec::new())),
        _ => {}
    }
    let Some(inner) = text.strip_prefix('[') else { return string(text).map(Value::String) };
    let elements = inner.strip_suffix(']')?.split(',');
    elements
        .map(|element| string(element.trim_matches([' ', '\t'])))
        .collect::<Option<_>>()
        .map(Value::List)
}

impl Credential {
    /// Returns whether the key may be set to the value.
    fn set(&mut self, key: &str, value: Value) -> bool {
        let is_set = self.strings.iter().any(|(known, _)| known == key)
            || self.lists.iter().any(|(known, _)| known == key)
            || key == "verified" && self.verified.is_some();
        let is_right = match (key, &value) {
            ("sslcert", Value::String(text)) => !text.is_empty() && !text.starts_with("certpick:"),
            ("sslkey" | "sslpasswordfile", Value::String(text)) => !text.is_empty(),
            ("hosts", Value::List(all)) => {
                !all.is_empty() && all.iter().all(|p| rules::host(p).is_some())
            }
            ("users", Value::List(all)) => {
                !all.is_empty() && all.iter().all(|p| !p.is_empty() && p.len() <= 300)
            }
            ("verified", Value::Boolean(_)) => true,
            _ => false,
        };
        match value {
            Value::String(text) => self.strings.push((key.to_owned(), text)),
            Value::List(all) => self.lists.push((key.to_owned(), all)),
            Value::Boolean(value) => self.verified = Some(value),
        }
        is_right && !is_set
    }
}

/// Reads the content.
pub fn config(text: &str) -> Reading {
    let mut issuers = None;
    let mut credentials: Vec<Credential> = Vec::new();
    let mut is_wrong = false;
    for (number, line) in text.split('\n').enumerate() {
        let line = line.trim_matches([' ', '\t']);
        if line.chars().any(|c| c.is_control() && c != '\t') || line.starts_with('\u{feff}') {
            return Reading::Unknown;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[[credential]]" {
            credentials.push(Credential { line: number + 1, ..Credential::default() });
            continue;
        }
        let Some((key, text)) = line.split_once('=') else { return Reading::Unknown };
        let key = key.trim_matches([' ', '\t']);
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Reading::Unknown;
        }
        let Some(value) = value(text.trim_matches([' ', '\t'])) else { return Reading::Unknown };
        match (credentials.last_mut(), key, value) {
            (Some(_), _, Value::String(text))
                if ["pkcs11:", "handle:"].iter().any(|scheme| text.starts_with(scheme)) =>
            {
                return Reading::Unknown;
            }
            (Some(credential), key, value) => is_wrong |= !credential.set(key, value),
            (None, "issuers", Value::String(text)) => {
                is_wrong |= text.is_empty() || issuers.is_some();
                issuers = Some(text);
            }
            (None, ..) => is_wrong = true,
        }
    }
    let has_certificate = |c: &Credential| c.strings.iter().any(|(key, _)| key == "sslcert");
    if is_wrong || credentials.is_empty() || !credentials.iter().all(has_certificate) {
        return Reading::Wrong;
    }
    Reading::Config(issuers, credentials)
}
