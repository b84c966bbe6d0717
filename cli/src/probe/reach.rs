// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connects to a server and requests TLS.

use super::answers::{self, Message, Refusal, SslResponse};
use super::connection::{self, Connection, Deadline};
use super::target::Target;
use super::{Plan, Start};
use crate::report::{Finding, Level, Subject};
use certpick_core::file::regular;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

const KEY: &str = "connection";

/// Connects to the first address that accepts, as libpq does.
pub fn connect(
    plan: &Plan<'_>,
    target: &Target,
    deadline: Deadline,
    subject: &mut Subject,
) -> Result<Connection, Finding> {
    let unknown = |text: String| Finding::new(KEY, Level::Unknown, text);
    let reason = |error: io::Error| reason(&error, &deadline);
    if target.is_socket() {
        let opened = target.socket(plan.start);
        let opened = opened.and_then(|address| Connection::open_socket(address, deadline));
        return opened.map_err(|error| {
            unknown(format!("could not connect to socket {}: {}", target.name(), reason(error)))
        });
    }
    let addresses = connection::look_up(&target.host, target.port, deadline).map_err(|error| {
        let host = &target.host;
        unknown(format!("could not find the address of \"{host}\": {}", reason(error)))
            .advice("Check the host name and the DNS configuration.")
    })?;
    let mut failures = Vec::new();
    for (at, address) in addresses.iter().enumerate() {
        let remaining = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        // Divides the remaining time among the remaining addresses.
        let opened = deadline
            .left()
            .and_then(|left| Connection::open(address, left / remaining.max(1), deadline));
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

/// Returns the system's message for an error, or the timeout.
fn reason(error: &io::Error, deadline: &Deadline) -> String {
    match error.kind() {
        ErrorKind::TimedOut => format!("no answer within {}", timeout_text(deadline)),
        _ => system_text(error),
    }
}

fn unreachable(failures: &[(SocketAddr, io::Error)], deadline: &Deadline) -> Finding {
    let each = failures.iter().map(|(at, error)| format!("{at}: {}", reason(error, deadline)));
    let each: Vec<String> = each.collect();
    let text = match each.as_slice() {
        [] => "the host has no address".to_owned(),
        _ => format!("could not connect to {}", each.join("; ")),
    };
    let finding = Finding::new(KEY, Level::Unknown, text);
    let all = |kind| failures.iter().all(|(_, error)| error.kind() == kind);
    if failures.is_empty() {
        finding
    } else if all(ErrorKind::ConnectionRefused) {
        finding.advice("Check that the server is running and accepts TCP/IP, and check the port.")
    } else if all(ErrorKind::TimedOut) {
        finding.advice(
            "Check that the machine is up and no firewall blocks the port, or allow more time with \
             --timeout.",
        )
    } else {
        finding
    }
}

/// Sends PostgreSQL's SSLRequest, unless TLS starts immediately.
pub fn start_tls(
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
            "the server closes the connection when TLS is requested",
        )
        .advice("Check that it is PostgreSQL. Use --tls for servers that start with TLS.")),
        Ok(_) => match SslResponse::from(first[0]) {
            // Unencrypted data after the response is an injection attack (CVE-2021-23222), or
            // another protocol whose first letter is S.
            SslResponse::Yes if connection.has_unread() => {
                Err(foreign_protocol(&mut connection, first[0]).unwrap_or_else(|| {
                    Finding::new(KEY, Level::Wrong, "received unencrypted data after SSL response")
                        .advice("Check the network for a man-in-the-middle attack.")
                }))
            }
            SslResponse::Yes => {
                subject.finding(KEY, Level::Good, "PostgreSQL accepts the request for TLS");
                Ok(connection)
            }
            SslResponse::No => Err(no_tls(plan, target)),
            SslResponse::Error => Err(refusal(&mut connection)),
            SslResponse::Invalid(byte) => Err(foreign_protocol(&mut connection, byte)
                .unwrap_or_else(|| {
                    let text = format!(
                        "the server is not PostgreSQL: it answers the request for TLS with byte \
                         {byte:#04x}"
                    );
                    Finding::new(KEY, Level::Wrong, text)
                })),
        },
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            let text = format!(
                "the server did not answer the request for TLS within {}",
                timeout_text(&connection.deadline())
            );
            Err(Finding::new(KEY, Level::Unknown, text)
                .advice("Check that it is PostgreSQL, or allow more time with --timeout."))
        }
        Err(error) => {
            let reason = system_text(&error);
            let text = format!("the connection failed at the request for TLS: {reason}");
            Err(Finding::new(KEY, Level::Unknown, text))
        }
    }
}

fn no_tls(plan: &Plan<'_>, target: &Target) -> Finding {
    if target.is_socket() {
        let text = "there is no TLS on this socket, because PostgreSQL supports it over TCP only";
        return Finding::new("starts_tls", Level::Unknown, text)
            .advice("Name the host. libpq does not request TLS on a Unix-domain socket.");
    }
    let level = if plan.trust.requires_tls() { Level::Wrong } else { Level::Warning };
    Finding::new("starts_tls", level, "server does not support SSL")
        .advice("Set ssl = on, ssl_cert_file and ssl_key_file in its postgresql.conf.")
}

/// Reads the error message of an old or overloaded server.
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
        // Before protocol version 3, the message was plain text.
        _ => {
            Refusal { message: answers::text(bytes.get(1..).unwrap_or(&[])), ..Refusal::default() }
        }
    };
    let text = format!("the server rejects the request for TLS: {}", refusal.message.trim());
    Finding::new("starts_tls", Level::Wrong, text)
}

/// Identifies a server that speaks another protocol.
fn foreign_protocol(connection: &mut Connection, first: u8) -> Option<Finding> {
    const ALERT: u8 = 0x15;
    const MAX_LINE: usize = 60;
    let wrong = |text: String| Finding::new("starts_tls", Level::Wrong, text);
    if first == ALERT {
        let text = "the server is not PostgreSQL: it starts with TLS";
        return Some(wrong(text.to_owned()).advice("Probe it with --tls."));
    }
    let mut line = vec![first];
    let mut more = [0; MAX_LINE];
    if let Ok(count) = connection.read(&mut more) {
        line.extend_from_slice(&more[..count]);
    }
    let is_text = |b: &u8| b.is_ascii_graphic() || *b == b' ';
    let end = line.iter().position(|b| !is_text(b)).unwrap_or(line.len());
    let text = certpick_core::text::printable(line[..end].trim_ascii());
    if text.len() < 4 {
        return None;
    }
    let finding = wrong(format!("the server is not PostgreSQL: it sends \"{text}\""));
    Some(if text.starts_with("HTTP/") {
        finding.advice("For https, use the TLS port and --tls.")
    } else {
        finding
    })
}

/// Formats the timeout.
pub fn timeout_text(deadline: &Deadline) -> String {
    let seconds = deadline.timeout.as_secs_f64();
    if seconds == 1.0 { "1 second".to_owned() } else { format!("{seconds} seconds") }
}

/// Returns the system's message for an error, without its number and std's prefix for look-ups.
pub fn system_text(error: &io::Error) -> String {
    let text = regular::system_text(error);
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}
