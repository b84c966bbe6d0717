// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server's reaction to the client certificate. In TLS 1.3, the server rejects a certificate after
//! the client has finished the handshake.

use super::Plan;
use super::alert::Alert;
use super::connection::Connection;
use super::handshake::{Handshake, failure_reason};
use super::reach::timeout_text;
use crate::report::{Finding, Level, Subject};
use openssl::ssl::{Error, ErrorCode, SslStream, SslVersion};
use std::io::ErrorKind;

pub const KEY: &str = "answer";

/// Waits for the reaction and reports it.
pub fn report(plan: &Plan<'_>, handshake: &mut Handshake, subject: &mut Subject) {
    let Some(decision) = handshake.decision() else { return handshake.close() };
    let sent = decision.choice().is_some();
    if handshake.ssl().version2() != Some(SslVersion::TLS1_3) {
        // In TLS 1.2, the server verifies the certificate before it finishes the handshake.
        handshake.close();
        subject.push(accepted(plan, sent, ""));
        return;
    }
    let finding = match read_to_end(&mut handshake.stream) {
        Ok(()) => accepted(plan, sent, ""),
        Err(error) => match refusal(&error) {
            Some(finding) => finding,
            None if error.io_error().is_some_and(|e| e.kind() == ErrorKind::TimedOut) => {
                let timeout = timeout_text(&handshake.stream.get_ref().deadline());
                accepted(plan, sent, &format!("; it sent no alert within {timeout}"))
            }
            None => {
                let text =
                    format!("the connection failed before an answer: {}", failure_reason(&error));
                Finding::new(KEY, Level::Unknown, text)
            }
        },
    };
    subject.push(finding);
}

/// Returns the finding about an alert, if the error is one.
pub fn refusal(error: &Error) -> Option<Finding> {
    let alert = Alert::of(error.ssl_error()?)?;
    Some(alert.finding(KEY, Level::Wrong, "the server rejects the connection"))
}

fn accepted(plan: &Plan<'_>, sent: bool, more: &str) -> Finding {
    let text = if sent {
        "the server accepts the certificate"
    } else {
        "the server continues without a certificate"
    };
    let finding = Finding::new(KEY, Level::Good, format!("{text}{more}"));
    match plan.start.is_postgresql() && sent {
        true => finding.advice("Use --user to check whether the server accepts a session with it."),
        false => finding,
    }
}

/// Closes the sending direction and reads to the end. By then the server has verified the certificate.
fn read_to_end(stream: &mut SslStream<Connection>) -> Result<(), Error> {
    const MAX_BYTES: usize = 1 << 20;
    let _ = stream.shutdown();
    stream.get_ref().shutdown_write();
    let mut buffer = [0; 4096];
    let mut read = 0;
    loop {
        match stream.ssl_read(&mut buffer) {
            Ok(0) => return Ok(()),
            // Application data, such as a greeting, is discarded.
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

/// Returns whether the connection was closed without close_notify.
fn is_end(error: &Error) -> bool {
    if let Some(stack) = error.ssl_error() {
        let reason = stack.errors().first().and_then(|e| e.reason());
        return reason == Some("unexpected eof while reading");
    }
    match error.io_error() {
        Some(error) => matches!(
            error.kind(),
            // The server closed it before it read our close_notify.
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        None => error.code() == ErrorCode::SYSCALL,
    }
}
