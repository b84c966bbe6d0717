// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PostgreSQL server's first answer to somebody who wants in. Nothing follows it: no password is
//! sent.

use super::Plan;
use super::answers::{self, Answer, MAX_BYTES, Message, Refusal};
use super::connection::Connection;
use super::handshake::why;
use super::reach::patience;
use super::reaction;
use crate::report::{Finding, Level, Subject};
use openssl::ssl::{Error, SslStream};
use std::io::ErrorKind;

const KEY: &str = "authentication";

/// Asks, and tells what was answered.
pub fn tell(
    plan: &Plan<'_>,
    user: &str,
    stream: &mut SslStream<Connection>,
    subject: &mut Subject,
) {
    let database = plan.options.dbname.as_deref();
    let whose = match database {
        Some(database) => format!("user \"{user}\", database \"{database}\""),
        None => format!("user \"{user}\""),
    };
    let heard = write(stream, &answers::startup(user, database)).and_then(|()| listen(stream));
    let finding = match heard {
        Ok(Answer::Ready) => {
            let text = format!("the server lets in {whose}, without a password");
            let _ = write(stream, &answers::TERMINATE);
            Finding::new(KEY, Level::Good, text)
        }
        Ok(Answer::Asks(what)) => {
            Finding::new(KEY, Level::Note, format!("the server asks for {what} ({whose})"))
        }
        Ok(Answer::Refusal(refusal)) => refused(&refusal, &whose),
        Ok(Answer::Welcome | Answer::Other | Answer::Stranger) => {
            let text = "what the server answers is not PostgreSQL's protocol";
            Finding::new(KEY, Level::Wrong, text)
        }
        Err(error) => failed(&error, stream),
    };
    let _ = stream.shutdown();
    subject.push(finding);
}

fn refused(refusal: &Refusal, whose: &str) -> Finding {
    let Refusal { severity, sqlstate, message, detail, hint } = refusal;
    let mut text = format!("the server refuses {whose}: {severity}:  {message}");
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
            "the method cert wants a certificate whose common name is the user's, or a map in \
             pg_ident.conf",
        );
    }
    finding
}

fn failed(error: &Error, stream: &SslStream<Connection>) -> Finding {
    if let Some(finding) = reaction::refusal(error) {
        return finding;
    }
    if error.io_error().is_some_and(|e| e.kind() == ErrorKind::TimedOut) {
        let within = patience(&stream.get_ref().deadline());
        let text = format!("the server did not answer the request to be let in within {within}");
        return Finding::new(KEY, Level::Unknown, text).advice("--timeout allows more time");
    }
    let text = format!("the connection broke before an answer: {}", why(error));
    Finding::new(KEY, Level::Unknown, text)
}

fn write(stream: &mut SslStream<Connection>, mut bytes: &[u8]) -> Result<(), Error> {
    while !bytes.is_empty() {
        let count = stream.ssl_write(bytes)?;
        bytes = bytes.get(count..).unwrap_or(&[]);
    }
    Ok(())
}

/// The first message that decides it.
fn listen(stream: &mut SslStream<Connection>) -> Result<Answer, Error> {
    let mut bytes = Vec::new();
    let mut passed = 0;
    let mut welcome = false;
    loop {
        match answers::message(&bytes) {
            Message::Partial => {
                let mut more = [0; 4096];
                let count = stream.ssl_read(&mut more)?;
                bytes.extend_from_slice(&more[..count]);
            }
            Message::Whole { kind, body, taken } => {
                let answer = answers::answer(kind, body);
                passed += taken;
                match answer {
                    Answer::Other => {}
                    Answer::Welcome => welcome = true,
                    Answer::Ready if !welcome => return Ok(Answer::Stranger),
                    answer => return Ok(answer),
                }
                if passed > MAX_BYTES {
                    return Ok(Answer::Stranger);
                }
                bytes.drain(..taken);
            }
            Message::Stranger => return Ok(Answer::Stranger),
        }
    }
}
