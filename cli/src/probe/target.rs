// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server: host and port, as given on the command line.

use super::Start;
use crate::failure::Failure;
use certpick_core::text::printable;
use std::io;
use std::net::Ipv6Addr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name, an address without brackets, or a socket.
    pub host: String,
    pub port: u16,
}

impl Target {
    /// Returns the name that the server's certificate must have. For a socket, that is the Server Name
    /// Indication, if there is one.
    pub fn name_to_verify<'a>(&'a self, sni: Option<&'a str>) -> Option<&'a str> {
        let host = match sni {
            Some(name) if self.is_socket() => name,
            _ => &self.host,
        };
        (!host.starts_with(['/', '@']) && !host.is_empty()).then_some(host)
    }

    /// Parses `HOST`, `HOST:PORT`, `[IPV6]:PORT` or a plain IPv6 address. HOST may be the directory of
    /// a Unix-domain socket.
    pub fn parse(text: &str, start: Start) -> Result<Target, Failure> {
        let error = |what: &str| Failure::new(format!("host \"{}\" {what}", printable(text)));
        let default = match start {
            Start::SslRequest | Start::Direct => 5432,
            Start::Tls => 443,
        };
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) =
                rest.split_once(']').ok_or_else(|| error("has no closing bracket"))?;
            if host.parse::<Ipv6Addr>().is_err() && !host.contains('%') {
                return Err(error("has no IPv6 address in the brackets"));
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(error("has text other than :PORT after the brackets")),
            }
        } else if text.matches(':').count() > 1 {
            (text, None)
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        if host.is_empty() {
            return Err(error("is empty"));
        }
        let port = match port {
            None => default,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => {
                    let port = printable(port);
                    let text = format!("\"{port}\" is not a port: it must be between 1 and 65535");
                    return Err(Failure::new(text));
                }
            },
        };
        Ok(Target { host: host.to_owned(), port })
    }

    /// Returns whether it is a Unix-domain socket or its directory, by libpq's rule.
    pub fn is_socket(&self) -> bool {
        self.host.starts_with(['/', '@'])
    }

    /// Returns the address of the socket. In a directory, it has PostgreSQL's file name.
    pub fn socket(&self, start: Start) -> io::Result<SocketAddr> {
        let by_port = || format!("{}/.s.PGSQL.{}", self.host, self.port);
        match self.host.strip_prefix('@') {
            // The abstract namespace has no directories.
            Some(name) if start == Start::Tls => SocketAddr::from_abstract_name(name),
            Some(_) => SocketAddr::from_abstract_name(&by_port()[1..]),
            None if Path::new(&self.host).is_dir() => SocketAddr::from_pathname(by_port()),
            None => SocketAddr::from_pathname(&self.host),
        }
    }

    /// Returns `host:port`, with brackets for an IPv6 address.
    pub fn name(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_parsed() {
        let parsed = |text, start| {
            let target = Target::parse(text, start).unwrap();
            (target.host.clone(), target.port, target.name())
        };
        let expect = |host: &str, port, name: &str| (host.to_owned(), port, name.to_owned());
        let sslrequest = Start::SslRequest;
        assert_eq!(parsed("db", sslrequest), expect("db", 5432, "db:5432"));
        assert_eq!(parsed("db", Start::Direct), expect("db", 5432, "db:5432"));
        assert_eq!(parsed("db", Start::Tls), expect("db", 443, "db:443"));
        assert_eq!(parsed("db:1", sslrequest), expect("db", 1, "db:1"));
        assert_eq!(parsed("::1", sslrequest), expect("::1", 5432, "[::1]:5432"));
        assert_eq!(parsed("[::1]", sslrequest), expect("::1", 5432, "[::1]:5432"));
        assert_eq!(parsed("[::1]:99", sslrequest), expect("::1", 99, "[::1]:99"));
        assert_eq!(parsed("[fe80::1%lo]:9", sslrequest), expect("fe80::1%lo", 9, "[fe80::1%lo]:9"));
    }

    #[test]
    fn a_socket_has_the_same_name_as_in_libpq() {
        let target = Target::parse("/run/nosuch:5433", Start::SslRequest).unwrap();
        assert!(target.is_socket());
        let file =
            |t: &Target| t.socket(Start::SslRequest).unwrap().as_pathname().map(Path::to_owned);
        assert_eq!(file(&target).as_deref(), Some(Path::new("/run/nosuch")));
        let target = Target::parse("/tmp", Start::SslRequest).unwrap();
        assert_eq!(file(&target).as_deref(), Some(Path::new("/tmp/.s.PGSQL.5432")));
        let target = Target::parse("@pg:5433", Start::SslRequest).unwrap();
        let name = target.socket(Start::SslRequest).unwrap();
        assert_eq!(name.as_abstract_name(), Some(&b"pg/.s.PGSQL.5433"[..]));
    }

    #[test]
    fn malformed_hosts_are_rejected() {
        for text in ["", ":1", "db:", "db:0", "db:65536", "db:x", "[::1", "[db]:1", "[::1]x"] {
            assert!(Target::parse(text, Start::SslRequest).is_err(), "{text}");
        }
    }
}
