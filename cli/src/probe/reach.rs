// SPDX-License-Identifier: MIT OR Apache-2.0
//! As far as the first byte of TLS.

use super::answers::{self, Message, Refusal, Willing};
use super::connection::{self, Connection, Deadline};
use super::target::Target;
use super::{Plan, Start};
use crate::report::{Finding, Level, Subject};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

const KEY: &str = "connection";

/// Connects to the first address that answers, as libpq does.
pub fn connect(
    plan: &Plan<'_>,
    target: &Target,
    deadline: Deadline,
    subject: &mut Subject,
) -> Result<Connection, Finding> {
    let unknown = |text: String| Finding::new(KEY, Level::Unknown, text);
    if target.is_socket() {
        let opened = target.socket(plan.start);
        let opened = opened.and_then(|address| Connection::open_socket(address, deadline));
        return opened.map_err(|error| {
            let why = match error.kind() {
                ErrorKind::TimedOut => format!("no answer within {}", patience(&deadline)),
                _ => words(&error),
            };
            unknown(format!("no connection to the socket {}: {why}", target.name()))
        });
    }
    let addresses = connection::look_up(&target.host, target.port, deadline).map_err(|error| {
        let why = match error.kind() {
            ErrorKind::TimedOut => format!("no answer within {}", patience(&deadline)),
            _ => words(&error),
        };
        unknown(format!("the address of \"{}\" was not found: {why}", target.host))
            .advice("look at the name, and at what this machine asks for names")
    })?;
    let mut failures = Vec::new();
    for (at, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        // Those after it get their share too.
        let opened = deadline
            .left()
            .and_then(|left| Connection::open(address, left / others.max(1), deadline));
        match opened {
            Ok(connection) => {
                subject.fact("address", "address", address.ip().to_string());
                return Ok(connection);
            }
            Err(error) => failures.push((*address, error)),
        }
    }
    Err(unreachable(&failures, &deadline))
}

fn unreachable(failures: &[(SocketAddr, io::Error)], deadline: &Deadline) -> Finding {
    let each = failures.iter().map(|(address, error)| match error.kind() {
        ErrorKind::TimedOut => format!("{address}: no answer within {}", patience(deadline)),
        _ => format!("{address}: {}", words(error)),
    });
    let each: Vec<String> = each.collect();
    let text = match each.as_slice() {
        [] => "the host has no address".to_owned(),
        _ => format!("no connection to {}", each.join("; ")),
    };
    let finding = Finding::new(KEY, Level::Unknown, text);
    let all = |kind| failures.iter().all(|(_, error)| error.kind() == kind);
    if failures.is_empty() {
        finding
    } else if all(ErrorKind::ConnectionRefused) {
        finding.advice("is the server running, does it accept TCP/IP, and is the port right?")
    } else if all(ErrorKind::TimedOut) {
        finding.advice("a firewall, or a machine that is down; --timeout allows more time")
    } else {
        finding
    }
}

/// Asks for TLS, where that is the way to start.
pub fn begin(
    plan: &Plan<'_>,
    target: &Target,
    mut connection: Connection,
    subject: &mut Subject,
) -> Result<Connection, Finding> {
    const KEY: &str = "starts_tls";
    if plan.start != Start::SslRequest {
        return Ok(connection);
    }
    let mut first = [0];
    let asked = connection.write_all(&answers::SSL_REQUEST);
    let read = asked.and_then(|()| connection.read(&mut first));
    match read {
        Ok(0) => Err(Finding::new(
            KEY,
            Level::Wrong,
            "the server closes the connection when it is asked for TLS",
        )
        .advice("is it PostgreSQL? --tls is for servers that begin with TLS at once")),
        Ok(_) => match Willing::from(first[0]) {
            // Whatever came unencrypted after it would be taken for the server's own words later:
            // an attack, or something that only happens to begin with this letter.
            Willing::Yes if connection.has_more() => Err(stranger(&mut connection, first[0])
                .unwrap_or_else(|| {
                    Finding::new(KEY, Level::Wrong, "received unencrypted data after SSL response")
                        .advice("somebody between here and the server may be tampering")
                })),
            Willing::Yes => {
                let text = "PostgreSQL answers that TLS may begin";
                subject.finding(KEY, Level::Good, text);
                Ok(connection)
            }
            Willing::No => Err(no_tls(plan, target)),
            Willing::Error => Err(refusal(&mut connection)),
            Willing::Stranger(byte) => Err(stranger(&mut connection, byte).unwrap_or_else(|| {
                let text = format!(
                    "the server is not PostgreSQL: it answers the request for TLS by the byte \
                     {byte:#04x}"
                );
                Finding::new(KEY, Level::Wrong, text)
            })),
        },
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            let text = format!(
                "the server accepts the connection and does not answer the request for TLS \
                 within {}",
                patience(&connection.deadline())
            );
            Err(Finding::new(KEY, Level::Unknown, text)
                .advice("it may hang, or be no PostgreSQL; --timeout allows more time"))
        }
        Err(error) => {
            let text = format!("the connection broke at the request for TLS: {}", words(&error));
            Err(Finding::new(KEY, Level::Unknown, text))
        }
    }
}

fn no_tls(plan: &Plan<'_>, target: &Target) -> Finding {
    if target.is_socket() {
        let text = "there is no TLS on this socket, as PostgreSQL has it on TCP alone";
        return Finding::new("starts_tls", Level::Unknown, text)
            .advice("name the host; on a Unix-domain socket libpq asks for no TLS either");
    }
    let level = if plan.trust.demands_tls() { Level::Wrong } else { Level::Warning };
    Finding::new("starts_tls", level, "server does not support SSL: it answers N")
        .advice("set ssl = on in its postgresql.conf, with ssl_cert_file and ssl_key_file")
}

/// An old or overloaded server says what is the matter in a message.
fn refusal(connection: &mut Connection) -> Finding {
    let mut bytes = vec![b'E'];
    while let Message::Partial = answers::message(&bytes) {
        let mut more = [0; 1024];
        match connection.read(&mut more) {
            Ok(count @ 1..) => bytes.extend_from_slice(&more[..count]),
            _ => break,
        }
    }
    let refusal = match answers::message(&bytes) {
        Message::Whole { body, .. } => answers::refusal(body),
        // Before version 3 of the protocol it was text alone.
        _ => {
            Refusal { message: answers::text(bytes.get(1..).unwrap_or(&[])), ..Refusal::default() }
        }
    };
    let text = format!("the server refuses the request for TLS: {}", refusal.message.trim());
    Finding::new("starts_tls", Level::Wrong, text)
}

/// What speaks another language in a way that can be recognized.
fn stranger(connection: &mut Connection, first: u8) -> Option<Finding> {
    const ALERT: u8 = 0x15;
    const MOST: usize = 60;
    let wrong = |text: String| Finding::new("starts_tls", Level::Wrong, text);
    if first == ALERT {
        let text = "the server is not PostgreSQL: it speaks TLS at once";
        return Some(wrong(text.to_owned()).advice("ask it with --tls"));
    }
    let mut line = vec![first];
    let mut more = [0; MOST];
    if let Ok(count) = connection.read(&mut more) {
        line.extend_from_slice(&more[..count]);
    }
    let is_text = |b: &u8| b.is_ascii_graphic() || *b == b' ';
    let end = line.iter().position(|b| !is_text(b)).unwrap_or(line.len());
    let text = certpick_core::text::printable(line[..end].trim_ascii());
    if text.len() < 4 {
        return None;
    }
    let finding = wrong(format!("the server is not PostgreSQL: it says \"{text}\""));
    Some(if text.starts_with("HTTP/") {
        finding.advice("for https, name the port of TLS and use --tls")
    } else {
        finding
    })
}

/// For people: how long was waited.
pub fn patience(deadline: &Deadline) -> String {
    let seconds = deadline.whole.as_secs_f64();
    if seconds == 1.0 { "1 second".to_owned() } else { format!("{seconds} seconds") }
}

/// The system's words without its number.
pub fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).into(),
    }
}
