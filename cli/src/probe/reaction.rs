// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a server says to the certificate that it was sent. With TLS 1.3 it says so only after the
//! client believes that the handshake is done.

use super::Plan;
use super::alert::Alert;
use super::connection::Connection;
use super::handshake::{Handshake, why};
use super::reach::patience;
use crate::report::{Finding, Level, Subject};
use openssl::ssl::{Error, ErrorCode, SslStream, SslVersion};
use std::io::ErrorKind;

pub const KEY: &str = "answer";

/// Waits for it.
pub fn tell(plan: &Plan<'_>, handshake: &mut Handshake, subject: &mut Subject) {
    let Some(decision) = handshake.decision() else { return handshake.leave() };
    let sent = decision.choice().is_some();
    if handshake.ssl().version2() != Some(SslVersion::TLS1_3) {
        // Its last message of the handshake came after it had looked.
        handshake.leave();
        subject.push(accepted(plan, sent, ""));
        return;
    }
    let heard = listen(&mut handshake.stream);
    let finding = match heard {
        Ok(()) => accepted(plan, sent, ""),
        Err(error) => match refusal(&error) {
            Some(finding) => finding,
            None if error.io_error().is_some_and(|e| e.kind() == ErrorKind::TimedOut) => {
                let within = patience(&handshake.stream.get_ref().deadline());
                accepted(plan, sent, &format!("; it has said nothing else for {within}"))
            }
            None => {
                let text = format!("the connection broke before an answer: {}", why(&error));
                Finding::new(KEY, Level::Unknown, text)
            }
        },
    };
    subject.push(finding);
}

/// The alert among a failure to read, in words.
pub fn refusal(error: &Error) -> Option<Finding> {
    let alert = Alert::of(error.ssl_error()?)?;
    let finding =
        Finding::new(KEY, Level::Wrong, format!("the server refuses: alert {}", alert.name()));
    Some(match alert.meaning() {
        Some(meaning) => finding.advice(meaning),
        None => finding,
    })
}

fn accepted(plan: &Plan<'_>, sent: bool, more: &str) -> Finding {
    let text = if sent {
        "the server accepts the certificate"
    } else {
        "the server goes on without a certificate"
    };
    let finding = Finding::new(KEY, Level::Good, format!("{text}{more}"));
    match plan.start.is_postgresql() && sent {
        true => finding.advice("--user tells whether it lets somebody in by it"),
        false => finding,
    }
}

/// Takes leave, and reads until the server does so too. A server that looks at the certificate has
/// done it by then.
fn listen(stream: &mut SslStream<Connection>) -> Result<(), Error> {
    const MAX_BYTES: usize = 1 << 20;
    let _ = stream.shutdown();
    stream.get_ref().end_writing();
    let mut buffer = [0; 4096];
    let mut read = 0;
    loop {
        match stream.ssl_read(&mut buffer) {
            Ok(0) => return Ok(()),
            // A greeting, a page: somebody who has looked and goes on.
            Ok(count) => {
                read += count;
                if read > MAX_BYTES {
                    return Ok(());
                }
            }
            Err(error) => {
                return match error.code() {
                    ErrorCode::ZERO_RETURN => Ok(()),
                    _ if is_end(&error) => Ok(()),
                    _ => Err(error),
                };
            }
        }
    }
}

/// A connection that is closed without the words of TLS for it.
fn is_end(error: &Error) -> bool {
    if let Some(stack) = error.ssl_error() {
        let reason = stack.errors().first().and_then(|e| e.reason());
        return reason == Some("unexpected eof while reading");
    }
    match error.io_error() {
        Some(error) => matches!(
            error.kind(),
            // It closed while our farewell was still on its way.
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        None => error.code() == ErrorCode::SYSCALL,
    }
}
