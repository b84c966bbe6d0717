// SPDX-License-Identifier: MIT OR Apache-2.0
//! A second implementation of the list grammar, written for clarity and not for speed.

pub mod config;
pub mod directories;
pub mod rules;

/// An entry: certificate, key, password.
pub type Entry = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);

/// Reads the lists. Returns None for an error.
pub fn lists(sslcert: &[u8], sslkey: &[u8], sslpassword: &[u8]) -> Option<Vec<Entry>> {
    let certificates = split(sslcert, true)?;
    let count = certificates.len();
    let others = |value: &[u8], is_name: bool| match (value.is_empty(), count) {
        (true, _) => Some(vec![Vec::new(); count]),
        (_, 1) => Some(vec![value.to_vec()]),
        _ => split(value, is_name),
    };
    let keys = others(sslkey, true)?;
    let passwords = others(sslpassword, false)?;
    if keys.len() != count || passwords.len() != count || certificates.iter().any(Vec::is_empty) {
        return None;
    }
    let some = |v: Vec<u8>| if v.is_empty() { None } else { Some(v) };
    let rest = keys.into_iter().zip(passwords);
    Some(certificates.into_iter().zip(rest).map(|(c, (k, p))| (c, some(k), some(p))).collect())
}

fn is_space(byte: u8) -> bool {
    b" \t\n\x0b\x0c\r".contains(&byte)
}

/// Splits a list byte by byte, as a state machine.
fn split(value: &[u8], is_name: bool) -> Option<Vec<Vec<u8>>> {
    #[derive(PartialEq)]
    enum State {
        Start,
        Plain,
        Quoted,
        /// After a quote inside quotes, which is the end or the first of two.
        Quote,
        After,
    }
    let mut entries = vec![Vec::new()];
    let mut state = State::Start;
    let trim = |entry: &mut Vec<u8>| {
        while is_name && entry.last().is_some_and(|b| is_space(*b)) {
            entry.pop();
        }
    };
    for byte in value {
        let entry = entries.last_mut()?;
        state = match (state, *byte) {
            (State::Start, b) if is_name && is_space(b) => State::Start,
            (State::Start, b'"') => State::Quoted,
            (State::Start | State::Plain, b',') => {
                trim(entry);
                entries.push(Vec::new());
                State::Start
            }
            (State::Start | State::Plain, b) => {
                entry.push(b);
                State::Plain
            }
            (State::Quoted, b'"') => State::Quote,
            (State::Quoted, b) => {
                entry.push(b);
                State::Quoted
            }
            (State::Quote, b'"') => {
                entry.push(b'"');
                State::Quoted
            }
            (State::Quote | State::After, b',') => {
                entries.push(Vec::new());
                State::Start
            }
            (State::Quote | State::After, b) if is_name && is_space(b) => State::After,
            (State::Quote | State::After, _) => return None,
        };
    }
    match state {
        State::Quoted => return None,
        State::Start | State::Plain => trim(entries.last_mut()?),
        State::Quote | State::After => {}
    }
    Some(entries)
}
