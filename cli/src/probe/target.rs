// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whom to ask: a host and a port, as people write them.

use super::Start;
use certpick_core::text::printable;
use std::io;
use std::net::Ipv6Addr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
}

impl Target {
    /// The name that the server's certificate must have. A socket has no host name; the server name
    /// that is sent may be one.
    pub fn name_to_verify<'a>(&'a self, sni: Option<&'a str>) -> Option<&'a str> {
        let host = match sni {
            Some(name) if self.is_socket() => name,
            _ => &self.host,
        };
        (!host.starts_with(['/', '@']) && !host.is_empty()).then_some(host)
    }

    /// `HOST`, `HOST:PORT`, `[IPV6]:PORT`, an IPv6 address alone, or the directory of a Unix-domain
    /// socket in the place of HOST.
    pub fn parse(text: &str, start: Start) -> Result<Target, String> {
        let shown = printable(text);
        let default = match start {
            Start::SslRequest | Start::Direct => 5432,
            Start::Tls => 443,
        };
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) =
                rest.split_once(']').ok_or_else(|| format!("\"{shown}\" lacks the closing ]"))?;
            if host.parse::<Ipv6Addr>().is_err() && !host.contains('%') {
                return Err(format!("\"{shown}\" does not begin with an IPv6 address"));
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => {
                    return Err(format!("\"{shown}\" has something else than :PORT after the ]"));
                }
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
            return Err(format!("\"{shown}\" names no host"));
        }
        let port = match port {
            None => default,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => {
                    let port = printable(port);
                    return Err(format!("\"{port}\" is not a port, which is a number up to 65535"));
                }
            },
        };
        Ok(Target { host: host.to_owned(), port })
    }

    /// Whether it is a Unix-domain socket, or the directory of one: as libpq tells it, by the first
    /// character.
    pub fn is_socket(&self) -> bool {
        self.host.starts_with(['/', '@'])
    }

    /// The name of the socket: PostgreSQL's in a directory, or itself.
    pub fn socket(&self, start: Start) -> io::Result<SocketAddr> {
        let by_port = || format!("{}/.s.PGSQL.{}", self.host, self.port);
        match self.host.strip_prefix('@') {
            // In the abstract namespace nothing can be looked at beforehand.
            Some(name) if start == Start::Tls => SocketAddr::from_abstract_name(name),
            Some(_) => SocketAddr::from_abstract_name(&by_port()[1..]),
            None if Path::new(&self.host).is_dir() => SocketAddr::from_pathname(by_port()),
            None => SocketAddr::from_pathname(&self.host),
        }
    }

    /// `host:port`, with brackets where they are needed.
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
    fn hosts_and_ports_are_told_apart() {
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
    fn a_socket_is_named_as_libpq_does() {
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
    fn what_is_no_host_is_told() {
        let error = |text| Target::parse(text, Start::SslRequest).unwrap_err();
        for text in ["", ":1", "db:", "db:0", "db:65536", "db:x", "[::1", "[db]:1", "[::1]x"] {
            assert!(!error(text).is_empty());
        }
    }
}
