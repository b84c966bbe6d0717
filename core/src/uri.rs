// SPDX-License-Identifier: MIT OR Apache-2.0
//! URIs of keys and certificates in tokens: `pkcs11:` (RFC 7512) and `handle:` (tpm2-openssl).
//!
//! Only known attributes are accepted. A PIN or a module in a URI would be visible to others or choose code
//! to load. `pin-source` is removed, so that no provider reads the file without libpq's rule for key files.

use crate::error::{Problem, UriFlaw};
use crate::order::sorted;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The maximum length in bytes.
pub const MAX_BYTES: usize = 2048;

/// The path attributes of RFC 7512, section 2.3.
const ATTRIBUTES: [&str; 13] = [
    "token",
    "manufacturer",
    "serial",
    "model",
    "library-manufacturer",
    "library-version",
    "library-description",
    "object",
    "type",
    "id",
    "slot-description",
    "slot-manufacturer",
    "slot-id",
];

/// The values of `type`.
const TYPES: [&str; 5] = ["public", "private", "cert", "secret-key", "data"];

/// Returns whether a value is a URI: `handle:`, or `pkcs11:` followed by nothing, `?`, or an attribute and
/// `=`.
pub fn is_uri(value: &[u8]) -> bool {
    let Some(rest) = value.strip_prefix(b"pkcs11:") else { return value.starts_with(b"handle:") };
    rest.first().is_none_or(|first| *first == b'?') || attribute(rest).is_some()
}

/// Splits an attribute of RFC 7512 from its value.
fn attribute(text: &[u8]) -> Option<(&'static str, &[u8])> {
    let at = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = text.split_at_checked(at)?;
    let known = ATTRIBUTES.iter().find(|known| known.as_bytes() == name)?;
    Some((known, value.get(1..)?))
}

/// The kind of object that a URI is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectType {
    /// Certificates.
    Certificate,
    /// Private keys.
    PrivateKey,
}

/// A URI. Neither its text nor `Debug` shows `pin-source`.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri {
    /// The URI without `pin-source`.
    text: String,
    /// The attributes of `pkcs11:` except `type`, in the order of the URI.
    attributes: String,
    /// The attributes that describe the token.
    token: String,
    pin_source: Option<PathBuf>,
}

impl Uri {
    /// Parses a URI.
    pub fn parse(bytes: &[u8]) -> Result<Uri, Problem> {
        parse(bytes).map_err(Problem::Uri)
    }

    /// Returns the scheme, without the colon.
    pub fn scheme(&self) -> &'static str {
        if self.is_handle() { "handle" } else { "pkcs11" }
    }

    /// Returns whether the scheme is `handle:`.
    pub fn is_handle(&self) -> bool {
        self.text.starts_with('h')
    }

    /// Returns the URI for a provider, with the type of the object and without `pin-source`. With a `slot`,
    /// the URI describes only the token in that slot.
    pub fn for_provider(&self, object: ObjectType, slot: Option<u64>) -> String {
        if self.is_handle() {
            return self.text.clone();
        }
        let separator = if self.attributes.is_empty() { "" } else { ";" };
        let kind = match object {
            ObjectType::Certificate => "cert",
            ObjectType::PrivateKey => "private",
        };
        let slot = slot.filter(|_| !self.token.split(';').any(|part| part.starts_with("slot-id=")));
        let slot = slot.map(|slot| format!(";slot-id={slot}")).unwrap_or_default();
        ["pkcs11:", &self.attributes, separator, "type=", kind, &slot].concat()
    }

    /// Returns a text that is equal for URIs that name the same token by the same attributes.
    pub fn token(&self) -> &str {
        if self.is_handle() { &self.text } else { &self.token }
    }

    /// Returns the file whose first line is the PIN.
    pub fn pin_source(&self) -> Option<&Path> {
        self.pin_source.as_deref()
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

fn parse(bytes: &[u8]) -> Result<Uri, UriFlaw> {
    if bytes.len() > MAX_BYTES {
        return Err(UriFlaw::TooLong(MAX_BYTES));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| UriFlaw::Character)?;
    let empty = String::new;
    if let Some(rest) = text.strip_prefix("handle:") {
        let number = rest.strip_suffix("?pass").unwrap_or(rest).strip_prefix("0x");
        let number = number.filter(|n| (1..=8).contains(&n.len()));
        if !number.is_some_and(|n| n.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            return Err(UriFlaw::Handle);
        }
        let text = text.to_owned();
        return Ok(Uri { text, attributes: empty(), token: empty(), pin_source: None });
    }
    let rest = text.strip_prefix("pkcs11:").ok_or(UriFlaw::Scheme)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (mut attributes, mut token) = (Vec::new(), Vec::new());
    let mut seen: Vec<&str> = Vec::new();
    for part in path.split(';').filter(|_| !path.is_empty()) {
        check_pin_and_module(part)?;
        let (name, value) = attribute(part.as_bytes()).ok_or(UriFlaw::Attribute)?;
        check_value(value)?;
        if seen.contains(&name) {
            return Err(UriFlaw::Duplicate);
        }
        seen.push(name);
        if name == "type" {
            if !TYPES.iter().any(|known| known.as_bytes() == value) {
                return Err(UriFlaw::Type);
            }
            continue;
        }
        // A NUL would end the value for the provider.
        if name != "id" && decode(value).is_none_or(|decoded| decoded.contains(&0)) {
            return Err(UriFlaw::Character);
        }
        attributes.push(part);
        if !matches!(name, "object" | "id") {
            token.push(part);
        }
    }
    let token = sorted(token, Ord::cmp);
    let mut pin_source = None;
    for part in query.split('&').filter(|_| !query.is_empty()) {
        check_pin_and_module(part)?;
        let value = part.strip_prefix("pin-source=").ok_or(UriFlaw::Attribute)?;
        if pin_source.replace(file(value)?).is_some() {
            return Err(UriFlaw::Duplicate);
        }
    }
    Ok(Uri {
        text: ["pkcs11:", path].concat(),
        attributes: attributes.join(";"),
        token: token.join(";"),
        pin_source,
    })
}

/// Fails for the attributes that certpick refuses in any part of a URI.
fn check_pin_and_module(part: &str) -> Result<(), UriFlaw> {
    match part.split('=').next() {
        Some("pin-value") => Err(UriFlaw::PinValue),
        Some("module-path" | "module-name") => Err(UriFlaw::Module),
        _ => Ok(()),
    }
}

/// Fails unless a value consists of the characters of RFC 7512 and `/`. The `&` that the RFC allows in the
/// path separates attributes for pkcs11-provider.
fn check_value(value: &[u8]) -> Result<(), UriFlaw> {
    let is_plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:[]@!$'()*+,=/%".contains(byte);
    let is_valid = value.iter().all(is_plain) && decode(value).is_some();
    if is_valid { Ok(()) } else { Err(UriFlaw::Character) }
}

/// Returns the file of a `pin-source`.
fn file(value: &str) -> Result<PathBuf, UriFlaw> {
    // Some programs run what follows a `|`.
    let decoded = decode(value.as_bytes()).ok_or(UriFlaw::Character)?;
    if decoded.contains(&b'|') {
        return Err(UriFlaw::PinCommand);
    }
    if value.contains(['?', ';']) {
        return Err(UriFlaw::Character);
    }
    let path = match decoded.strip_prefix(b"file:") {
        // With an empty authority (RFC 8089), or without one.
        Some(rest) => rest.strip_prefix(b"//").unwrap_or(rest),
        None => &decoded,
    };
    if !path.starts_with(b"/") || path.contains(&0) {
        return Err(UriFlaw::PinSource);
    }
    Ok(PathBuf::from(OsStr::from_bytes(path)))
}

/// Decodes percent-encoding.
fn decode(value: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            decoded.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|n| u8::try_from(n).ok());
        let [high, low] = digits else { return None };
        decoded.push(digit(high)? << 4 | digit(low)?);
        rest = after;
    }
    Some(decoded)
}

#[cfg(test)]
mod tests;
