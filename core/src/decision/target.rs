// SPDX-License-Identifier: MIT OR Apache-2.0
//! The part of the explanation that says with what the rules were compared.

use crate::rule::{NameOrigin, PortOrigin, Target};
use crate::text::excerpt;
use std::fmt::{self, Write};

/// Writes what is known, each value with its origin.
pub fn write(out: &mut String, target: &Target) -> fmt::Result {
    writeln!(out, "The rules were compared with:")?;
    for (label, value) in lines(target) {
        writeln!(out, "    {:<8} {value}", format!("{label}:"))?;
    }
    Ok(())
}

/// Returns the names, the address, the port and the user, each with its origin, whether the server is
/// verified, and notes.
pub fn lines(target: &Target) -> Vec<(&'static str, String)> {
    let names = target.names.iter();
    let names =
        names.map(|(name, origin)| format!("\"{}\" ({})", excerpt(name), name_from(*origin)));
    let literals = target.literals.iter();
    let literals = literals.map(|(address, origin)| format!("{address} ({})", name_from(*origin)));
    let socket = target.socket_address.map(|address| format!("{address} (socket)"));
    let port = target.port.map(|(port, origin)| format!("{port} ({})", port_from(origin)));
    let user = target.user.as_ref();
    let user = user.map(|(user, origin)| format!("\"{}\" ({})", excerpt(user), name_from(*origin)));
    let verified = if target.is_verified { "verified" } else { "not verified" };
    let mut lines = vec![
        ("name", join(names)),
        ("address", join(literals.chain(socket))),
        ("port", join(port.into_iter())),
        ("user", join(user.into_iter())),
        ("server", verified.to_owned()),
    ];
    if target.host().is_none() && !(target.names.is_empty() && target.literals.is_empty()) {
        let text = "the names disagree or are not host names, so no host matches";
        lines.push(("note", text.to_owned()));
    }
    if target.is_host_overridden {
        let text = "libpq may connect to another host than it names (host and hostaddr), so a rule \
                    for the host is not preferred unless it has verified = true";
        lines.push(("note", text.to_owned()));
    }
    lines
}

fn name_from(origin: NameOrigin) -> &'static str {
    match origin {
        NameOrigin::Program => "set by the program",
        NameOrigin::Libpq => "libpq",
        NameOrigin::ServerName => "server name indication",
        NameOrigin::VerifyName => "name to verify",
    }
}

fn port_from(origin: PortOrigin) -> &'static str {
    match origin {
        PortOrigin::Socket => "socket",
        PortOrigin::Libpq => "libpq",
    }
}

fn join(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    if values.is_empty() { "unknown".to_owned() } else { values.join(", ") }
}
