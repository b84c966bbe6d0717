// SPDX-License-Identifier: MIT OR Apache-2.0
//! The keys of the configuration file, and what their values must be.

use super::document::{At, Item, Key, Value, parse};
use super::names::{NameFlaw, certificate, key_file};
use super::{Config, ConfigCredential};
use crate::error::{ConfigFlaw, PatternError, Position, Table, ValueType};
use crate::rule::{Hosts, Rule, Users};
use std::borrow::Cow;
use std::path::Path;

/// The maximum length of an unknown key that is shown.
const MAX_SHOWN: usize = 32;

/// Returns the configuration that `bytes` describe, with names relative to `directory`.
pub fn config(bytes: &[u8], directory: &Path) -> Result<Config, (Position, ConfigFlaw)> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| (position(bytes, error.valid_up_to()), ConfigFlaw::Encoding))?;
    let config = parse(text).and_then(|items| Schema { text, directory }.config(items));
    config.map_err(|flaw| (position(bytes, flaw.offset), flaw.value))
}

/// Returns the line and the column of an offset. The bytes before it are UTF-8.
fn position(bytes: &[u8], offset: usize) -> Position {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let mut lines = before.rsplit(|byte| *byte == b'\n');
    let last = lines.next().unwrap_or_default();
    // Every byte of a character but the first is 0b10xxxxxx.
    let column = 1 + last.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    Position { line: 1 + lines.count(), column }
}

type Strings<'a> = Vec<At<Cow<'a, str>>>;

/// The values of a `[[credential]]`.
#[derive(Default)]
struct Credential<'a> {
    /// The offset of the header.
    offset: usize,
    sslcert: Option<At<Cow<'a, str>>>,
    sslkey: Option<At<Cow<'a, str>>>,
    sslpasswordfile: Option<At<Cow<'a, str>>>,
    hosts: Option<Strings<'a>>,
    users: Option<Strings<'a>>,
    verified: Option<bool>,
}

struct Schema<'a> {
    text: &'a str,
    directory: &'a Path,
}

impl Schema<'_> {
    fn config(&self, items: Vec<Item<'_>>) -> Result<Config, At<ConfigFlaw>> {
        let mut issuers = None;
        let mut credentials: Vec<Credential<'_>> = Vec::new();
        for item in items {
            match (item, credentials.last_mut()) {
                (Item::Header { key, is_array, offset }, _) => {
                    check_header(&key, is_array, offset)?;
                    credentials.push(Credential { offset, ..Credential::default() });
                }
                (Item::Pair { key, value }, None) => set_top(&mut issuers, &key, value)?,
                (Item::Pair { key, value }, Some(credential)) => credential.set(&key, value)?,
            }
        }
        if credentials.is_empty() {
            return Err(At { value: ConfigFlaw::NoCredential, offset: self.text.len() });
        }
        // The offsets ascend, so that the lines are counted once.
        let (mut line, mut counted) = (1, 0);
        let mut next_line = |offset: usize| {
            let between = self.text.as_bytes().get(counted..offset).unwrap_or_default();
            line += between.iter().filter(|byte| **byte == b'\n').count();
            counted = offset;
            line
        };
        Ok(Config {
            issuers: issuers.map(|name| self.directory.join(&*name.value)),
            credentials: credentials
                .into_iter()
                .map(|credential| {
                    let line = next_line(credential.offset);
                    self.credential(credential, line)
                })
                .collect::<Result<_, _>>()?,
        })
    }

    fn credential(
        &self,
        from: Credential<'_>,
        line: usize,
    ) -> Result<ConfigCredential, At<ConfigFlaw>> {
        let Some(sslcert) = from.sslcert else {
            return Err(At { value: ConfigFlaw::NoCertificate, offset: from.offset });
        };
        let flaw = |key, offset| {
            move |flaw| At {
                value: match flaw {
                    NameFlaw::List => ConfigFlaw::List,
                    NameFlaw::Nested => ConfigFlaw::Nested,
                    NameFlaw::UriOrFile => ConfigFlaw::UriOrFile(key),
                },
                offset,
            }
        };
        Ok(ConfigCredential {
            sslcert: certificate(self.directory, &sslcert.value)
                .map_err(flaw("sslcert", sslcert.offset))?,
            sslkey: match from.sslkey {
                Some(name) => Some(
                    key_file(self.directory, &name.value).map_err(flaw("sslkey", name.offset))?,
                ),
                None => None,
            },
            sslpasswordfile: from.sslpasswordfile.map(|name| self.directory.join(&*name.value)),
            rule: Rule {
                hosts: patterns("hosts", from.hosts, |all| Hosts::parse(all))?,
                users: patterns("users", from.users, |all| Users::parse(all))?,
                verified: from.verified.unwrap_or(false),
            },
            line,
        })
    }
}

fn check_header(key: &Key<'_>, is_array: bool, offset: usize) -> Result<(), At<ConfigFlaw>> {
    match key.as_slice() {
        [part] if part.value == "credential" && is_array => Ok(()),
        _ => Err(At { value: ConfigFlaw::UnknownTable, offset }),
    }
}

fn set_top<'a>(
    issuers: &mut Option<At<Cow<'a, str>>>,
    key: &Key<'a>,
    value: At<Value<'a>>,
) -> Result<(), At<ConfigFlaw>> {
    if let [first, ..] = key.as_slice() {
        if first.value == "credential" {
            return Err(At { value: ConfigFlaw::UnknownTable, offset: first.offset });
        }
    }
    let (name, offset) = known(key, Table::Top)?;
    set(issuers, name, offset, string(name, value)?)
}

impl<'a> Credential<'a> {
    fn set(&mut self, key: &Key<'a>, value: At<Value<'a>>) -> Result<(), At<ConfigFlaw>> {
        let (name, offset) = known(key, Table::Credential)?;
        match name {
            "sslcert" => set(&mut self.sslcert, name, offset, string(name, value)?),
            "sslkey" => set(&mut self.sslkey, name, offset, string(name, value)?),
            "sslpasswordfile" => set(&mut self.sslpasswordfile, name, offset, string(name, value)?),
            "hosts" => set(&mut self.hosts, name, offset, strings(name, value)?),
            "users" => set(&mut self.users, name, offset, strings(name, value)?),
            "verified" => set(&mut self.verified, name, offset, boolean(name, value)?),
            _ => Err(At { value: unknown(name, Table::Credential), offset }),
        }
    }
}

/// Returns the name of a key that the table has, and its offset.
fn known(key: &Key<'_>, table: Table) -> Result<(&'static str, usize), At<ConfigFlaw>> {
    let at = |value, offset| At { value, offset };
    match key.as_slice() {
        [] => Err(at(ConfigFlaw::Syntax(None), 0)),
        [part] => {
            let found = table.keys().iter().find(|(name, _)| *name == part.value);
            let (name, _) = found.ok_or_else(|| at(unknown(&part.value, table), part.offset))?;
            Ok((*name, part.offset))
        }
        [first, ..] => Err(at(ConfigFlaw::DottedKey(table), first.offset)),
    }
}

fn unknown(name: &str, table: Table) -> ConfigFlaw {
    let is_name = (1..=MAX_SHOWN).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    ConfigFlaw::UnknownKey { name: is_name.then(|| name.to_owned()), table }
}

fn set<T>(
    target: &mut Option<T>,
    name: &'static str,
    offset: usize,
    value: T,
) -> Result<(), At<ConfigFlaw>> {
    match target.replace(value) {
        Some(_) => Err(At { value: ConfigFlaw::Duplicate(name), offset }),
        None => Ok(()),
    }
}

fn string<'a>(name: &'static str, from: At<Value<'a>>) -> Result<At<Cow<'a, str>>, At<ConfigFlaw>> {
    let offset = from.offset;
    let Value::String(value) = from.value else {
        return Err(At { value: ConfigFlaw::WrongType(name, ValueType::String), offset });
    };
    if value.is_empty() {
        return Err(At { value: ConfigFlaw::Empty(name, ValueType::String), offset });
    }
    no_control(name, At { value, offset })
}

fn strings<'a>(name: &'static str, from: At<Value<'a>>) -> Result<Strings<'a>, At<ConfigFlaw>> {
    let wrong = |offset| At { value: ConfigFlaw::WrongType(name, ValueType::Strings), offset };
    let offset = from.offset;
    let Value::Array(elements) = from.value else { return Err(wrong(offset)) };
    if elements.is_empty() {
        return Err(At { value: ConfigFlaw::Empty(name, ValueType::Strings), offset });
    }
    let string = |At { value, offset }| match value {
        Value::String(value) => no_control(name, At { value, offset }),
        _ => Err(wrong(offset)),
    };
    elements.into_iter().map(string).collect()
}

fn boolean(name: &'static str, from: At<Value<'_>>) -> Result<bool, At<ConfigFlaw>> {
    match from.value {
        Value::Boolean(value) => Ok(value),
        _ => {
            Err(At { value: ConfigFlaw::WrongType(name, ValueType::Boolean), offset: from.offset })
        }
    }
}

/// Refuses control characters: a C string cannot contain a NUL, and the lines of a multi-line string
/// can look like keys.
fn no_control<'a>(
    name: &'static str,
    text: At<Cow<'a, str>>,
) -> Result<At<Cow<'a, str>>, At<ConfigFlaw>> {
    if text.value.chars().any(char::is_control) {
        return Err(At { value: ConfigFlaw::Control(name), offset: text.offset });
    }
    Ok(text)
}

/// Returns the patterns that `parse` makes of strings. An error is that of the first string that is
/// wrong.
fn patterns<T>(
    key: &'static str,
    from: Option<Strings<'_>>,
    parse: impl Fn(&mut dyn Iterator<Item = &str>) -> Result<T, PatternError>,
) -> Result<Option<T>, At<ConfigFlaw>> {
    let Some(strings) = from else { return Ok(None) };
    let mut all = strings.iter().map(|string| &*string.value);
    parse(&mut all).map(Some).map_err(|error| {
        let wrong = match error {
            PatternError::Pattern { number, .. } => number.saturating_sub(1),
            PatternError::TooMany(max) => max,
            PatternError::None => 0,
        };
        let offset = strings.get(wrong).map_or(0, |string| string.offset);
        At { value: ConfigFlaw::Pattern(key, error), offset }
    })
}
