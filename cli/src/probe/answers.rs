// SPDX-License-Identifier: MIT OR Apache-2.0
//! PostgreSQL's messages before authentication (PostgreSQL's documentation, "Message Formats"),
//! parsed from bytes. The peer may not be PostgreSQL, so everything is bounded.

/// SSLRequest: its length and its code.
pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Longer messages are rejected.
pub const MAX_BYTES: usize = 64 << 10;

/// The server's first byte after [`SSL_REQUEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslResponse {
    /// The server supports TLS.
    Yes,
    /// The server does not support TLS.
    No,
    /// An ErrorResponse follows: the server is too old or overloaded.
    Error,
    /// Not a response of PostgreSQL.
    Invalid(u8),
}

impl From<u8> for SslResponse {
    fn from(byte: u8) -> SslResponse {
        match byte {
            b'S' => SslResponse::Yes,
            b'N' => SslResponse::No,
            b'E' => SslResponse::Error,
            other => SslResponse::Invalid(other),
        }
    }
}

/// Returns a StartupMessage (protocol 3.0).
pub fn startup(user: &str, database: Option<&str>) -> Vec<u8> {
    const PROTOCOL: u32 = 3 << 16;
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    let parameters =
        [("user", Some(user)), ("database", database), ("application_name", Some("certpick"))];
    for (name, value) in parameters {
        if let Some(value) = value {
            for text in [name, value] {
                body.extend_from_slice(text.as_bytes());
                body.push(0);
            }
        }
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &body].concat()
}

/// The message Terminate.
pub const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

/// The result of parsing a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// More bytes are required.
    Partial,
    /// Type and content of the message, and its size in bytes.
    Whole { kind: u8, body: &'a [u8], taken: usize },
    /// Not a message of PostgreSQL.
    Invalid,
}

/// Parses the message at the beginning of `bytes`.
pub fn message(bytes: &[u8]) -> Message<'_> {
    let [kind, a, b, c, d, rest @ ..] = bytes else { return Message::Partial };
    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    if !kind.is_ascii_alphabetic() || !(4..=MAX_BYTES).contains(&length) {
        return Message::Invalid;
    }
    match rest.get(..length - 4) {
        Some(body) => Message::Whole { kind: *kind, body, taken: length + 1 },
        None => Message::Partial,
    }
}

/// The server's answer to a StartupMessage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// AuthenticationOk. The server has not yet checked access to the database.
    Authenticated,
    /// ReadyForQuery.
    Ready,
    /// A request for authentication by this method.
    Asks(String),
    /// ErrorResponse.
    Refusal(Refusal),
    /// A message that is ignored.
    Other,
    /// A malformed message.
    Invalid,
}

/// An ErrorResponse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    pub severity: String,
    /// Five characters.
    pub sqlstate: String,
    pub message: String,
    pub detail: String,
    pub hint: String,
}

/// Interprets a message.
pub fn answer(kind: u8, body: &[u8]) -> Answer {
    match kind {
        b'R' => authentication(body),
        b'E' => Answer::Refusal(refusal(body)),
        b'Z' => Answer::Ready,
        // NoticeResponse, NegotiateProtocolVersion, ParameterStatus, BackendKeyData.
        b'N' | b'v' | b'S' | b'K' => Answer::Other,
        _ => Answer::Invalid,
    }
}

fn authentication(body: &[u8]) -> Answer {
    let Some((code, rest)) = body.split_first_chunk::<4>() else { return Answer::Invalid };
    let asks = |what: &str| Answer::Asks(what.to_owned());
    match u32::from_be_bytes(*code) {
        0 => Answer::Authenticated,
        2 => asks("Kerberos V5"),
        3 => asks("a cleartext password"),
        5 => asks("an MD5 password"),
        7 => asks("GSSAPI"),
        9 => asks("SSPI"),
        10 => {
            let names: Vec<String> =
                rest.split(|b| *b == 0).filter(|n| !n.is_empty()).map(text).collect();
            if names.is_empty() {
                return Answer::Invalid;
            }
            Answer::Asks(format!("a password ({})", names.join(" or ")))
        }
        other => Answer::Asks(format!("an unknown authentication method (code {other})")),
    }
}

/// Parses the fields of an ErrorResponse.
pub fn refusal(body: &[u8]) -> Refusal {
    let mut refusal = Refusal::default();
    for field in body.split(|b| *b == 0) {
        let Some((kind, value)) = field.split_first() else { continue };
        let target = match kind {
            // V is the severity without translation, since PostgreSQL 9.6.
            b'S' if refusal.severity.is_empty() => &mut refusal.severity,
            b'V' => &mut refusal.severity,
            b'C' => &mut refusal.sqlstate,
            b'M' => &mut refusal.message,
            b'D' => &mut refusal.detail,
            b'H' => &mut refusal.hint,
            _ => continue,
        };
        *target = text(value);
    }
    refusal
}

/// Returns text from the server with control characters escaped, cut to a maximum length.
pub fn text(bytes: &[u8]) -> String {
    const MAX_TEXT: usize = 2000;
    certpick_core::text::printable(bytes.get(..MAX_TEXT).unwrap_or(bytes))
}

// An explicit path, because a fuzz target includes this file from another directory.
#[cfg(test)]
#[path = "answers/tests.rs"]
mod tests;
