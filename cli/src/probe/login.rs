// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests a PostgreSQL session and reports the server's first answer. No password is sent.

use super::Plan;
use super::answers::{self, Answer, MAX_BYTES, Message, Refusal};
use super::connection::Connection;
use super::handshake::failure_reason;
use super::reach::timeout_text;
use super::reaction;
use crate::report::{Finding, Level, Subject};
use openssl::ssl::{Error, SslStream};
use std::io::ErrorKind;

const KEY: &str = "authentication";

/// Sends a StartupMessage and reports the answer.
pub fn report(
    plan: &Plan<'_>,
    user: &str,
    stream: &mut SslStream<Connection>,
    subject: &mut Subject,
) {
    let database = plan.options.dbname.as_deref();
    let session = match database {
        Some(database) => format!("user \"{user}\", database \"{database}\""),
        None => format!("user \"{user}\""),
    };
    let answer =
        write(stream, &answers::startup(user, database)).and_then(|()| read_answer(stream));
    let finding = match answer {
        Ok(Answer::Ready) => {
            let text = format!("the server accepts {session} without a password");
            let _ = write(stream, &answers::TERMINATE);
            Finding::new(KEY, Level::Good, text)
        }
        Ok(Answer::Asks(method)) => {
            Finding::new(KEY, Level::Note, format!("the server asks {session} for {method}"))
        }
        Ok(Answer::Refusal(refusal)) => refused(&refusal, &session),
        Ok(Answer::Authenticated | Answer::Other | Answer::Invalid) => {
            let text = "the server's answer is not PostgreSQL's protocol";
            Finding::new(KEY, Level::Wrong, text)
        }
        Err(error) => failed(&error, stream),
    };
    let _ = stream.shutdown();
    subject.push(finding);
}

fn refused(refusal: &Refusal, session: &str) -> Finding {
    let Refusal { severity, sqlstate, message, detail, hint } = refusal;
    let mut text = format!("the server rejects {session}: {severity}:  {message}");
    if !sqlstate.is_empty() {
        text.push_str(&format!(" (SQLSTATE {sqlstate})"));
    }
    if !detail.is_empty() {
        text.push_str(&format!("; {detail}"));
    }
    let finding = Finding::new(KEY, Level::Wrong, text);
    if !hint.is_empty() {
        return finding.advice(hint.clone());
    }
    // invalid_authorization_specification
    if sqlstate == "28000" && message.contains("certificate") {
        return finding.advice(
            "The authentication method cert requires a certificate whose CN is the user's name, \
             or a map in pg_ident.conf.",
        );
    }
    finding
}

fn failed(error: &Error, stream: &SslStream<Connection>) -> Finding {
    if let Some(finding) = reaction::refusal(error) {
        return finding;
    }
    if error.io_error().is_some_and(|e| e.kind() == ErrorKind::TimedOut) {
        let timeout = timeout_text(&stream.get_ref().deadline());
        let text = format!("the server did not answer the startup message within {timeout}");
        return Finding::new(KEY, Level::Unknown, text).advice("Allow more time with --timeout.");
    }
    let text = format!("the connection failed before an answer: {}", failure_reason(error));
    Finding::new(KEY, Level::Unknown, text)
}

fn write(stream: &mut SslStream<Connection>, mut bytes: &[u8]) -> Result<(), Error> {
    while !bytes.is_empty() {
        let count = stream.ssl_write(bytes)?;
        bytes = bytes.get(count..).unwrap_or(&[]);
    }
    Ok(())
}

/// Reads messages up to the first that decides about the session.
fn read_answer(stream: &mut SslStream<Connection>) -> Result<Answer, Error> {
    let mut bytes = Vec::new();
    let mut total = 0;
    let mut authenticated = false;
    loop {
        match answers::message(&bytes) {
            Message::Partial => {
                let mut more = [0; 4096];
                let count = stream.ssl_read(&mut more)?;
                bytes.extend_from_slice(&more[..count]);
            }
            Message::Whole { kind, body, taken } => {
                let answer = answers::answer(kind, body);
                total += taken;
                match answer {
                    Answer::Other => {}
                    Answer::Authenticated => authenticated = true,
                    Answer::Ready if !authenticated => return Ok(Answer::Invalid),
                    answer => return Ok(answer),
                }
                if total > MAX_BYTES {
                    return Ok(Answer::Invalid);
                }
                bytes.drain(..taken);
            }
            Message::Invalid => return Ok(Answer::Invalid),
        }
    }
}
