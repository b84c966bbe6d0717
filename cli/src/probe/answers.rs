// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a PostgreSQL server answers before anybody has logged in (PostgreSQL's documentation,
//! "Message Formats"): bytes in, values out. Whoever answers may be anything, so everything has a
//! bound.

/// The request for TLS: its length, and the number that stands for it.
pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// No message of a server that is read here is longer.
pub const MAX_BYTES: usize = 64 << 10;

/// What the first byte after [`SSL_REQUEST`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Willing {
    /// TLS may begin.
    Yes,
    /// This server has no TLS.
    No,
    /// An error message follows: the server is too old, or overloaded, or something else.
    Error,
    /// No PostgreSQL server says this.
    Stranger(u8),
}

impl From<u8> for Willing {
    fn from(byte: u8) -> Willing {
        match byte {
            b'S' => Willing::Yes,
            b'N' => Willing::No,
            b'E' => Willing::Error,
            other => Willing::Stranger(other),
        }
    }
}

/// The startup message (protocol 3.0).
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

/// The message by which a client takes its leave.
pub const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

/// How far a message is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// More bytes are needed.
    Partial,
    /// Its type and content, and how many bytes it took.
    Whole { kind: u8, body: &'a [u8], taken: usize },
    /// No PostgreSQL server sends this.
    Stranger,
}

/// The message at the start of what was received.
pub fn message(bytes: &[u8]) -> Message<'_> {
    let [kind, a, b, c, d, rest @ ..] = bytes else { return Message::Partial };
    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    if !kind.is_ascii_alphabetic() || !(4..=MAX_BYTES).contains(&length) {
        return Message::Stranger;
    }
    match rest.get(..length - 4) {
        Some(body) => Message::Whole { kind: *kind, body, taken: length + 1 },
        None => Message::Partial,
    }
}

/// What a server says to a startup message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It needs no more proof of who the user is. Whether he may have the database comes next.
    Welcome,
    /// It waits for the first query.
    Ready,
    /// It asks for proof, of this kind.
    Asks(String),
    /// It refuses.
    Refusal(Refusal),
    /// Something that is passed over.
    Other,
    /// It is not well formed.
    Stranger,
}

/// An ErrorResponse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    pub severity: String,
    /// Of five characters.
    pub sqlstate: String,
    pub message: String,
    pub detail: String,
    pub hint: String,
}

/// What a message means.
pub fn answer(kind: u8, body: &[u8]) -> Answer {
    match kind {
        b'R' => authentication(body),
        b'E' => Answer::Refusal(refusal(body)),
        b'Z' => Answer::Ready,
        // A notice, a word about the protocol, a parameter's value, a key to cancel queries.
        b'N' | b'v' | b'S' | b'K' => Answer::Other,
        _ => Answer::Stranger,
    }
}

fn authentication(body: &[u8]) -> Answer {
    let Some((code, rest)) = body.split_first_chunk::<4>() else { return Answer::Stranger };
    let asks = |what: &str| Answer::Asks(what.to_owned());
    match u32::from_be_bytes(*code) {
        0 => Answer::Welcome,
        2 => asks("Kerberos V5"),
        3 => asks("a password in clear text"),
        5 => asks("a password (MD5)"),
        7 => asks("GSSAPI"),
        9 => asks("SSPI"),
        10 => {
            let names: Vec<String> =
                rest.split(|b| *b == 0).filter(|n| !n.is_empty()).map(text).collect();
            if names.is_empty() {
                return Answer::Stranger;
            }
            Answer::Asks(format!("a password ({})", names.join(" or ")))
        }
        other => Answer::Asks(format!("something that is not known here (code {other})")),
    }
}

/// The fields of an ErrorResponse, or what old servers send: a message alone.
pub fn refusal(body: &[u8]) -> Refusal {
    let mut refusal = Refusal::default();
    for field in body.split(|b| *b == 0) {
        let Some((kind, value)) = field.split_first() else { continue };
        let place = match kind {
            // V is the same and never translated, but came with PostgreSQL 9.6.
            b'S' if refusal.severity.is_empty() => &mut refusal.severity,
            b'V' => &mut refusal.severity,
            b'C' => &mut refusal.sqlstate,
            b'M' => &mut refusal.message,
            b'D' => &mut refusal.detail,
            b'H' => &mut refusal.hint,
            _ => continue,
        };
        *place = text(value);
    }
    refusal
}

/// Text of a bounded length, as it is shown.
pub fn text(bytes: &[u8]) -> String {
    const MOST: usize = 2000;
    certpick_core::text::printable(bytes.get(..MOST).unwrap_or(bytes))
}

// By its path, since the file is a module of a fuzz target too.
#[cfg(test)]
#[path = "answers/tests.rs"]
mod tests;
