// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whom to ask: a host and a port, as people write them.

use super::Start;
use std::net::Ipv6Addr;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
}

impl Target {
    /// `HOST`, `HOST:PORT`, `[IPV6]:PORT`, or an IPv6 address alone.
    pub fn parse(text: &str, start: Start) -> Result<Target, String> {
        let default = match start {
            Start::SslRequest | Start::Direct => 5432,
            Start::Tls => 443,
        };
        if text.starts_with('/') || text.starts_with('@') {
            return Err(format!(
                "{text:?} is a Unix-domain socket, and PostgreSQL and libpq never use TLS there; \
                 name a host"
            ));
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) =
                rest.split_once(']').ok_or_else(|| format!("{text:?} lacks the closing ]"))?;
            if host.parse::<Ipv6Addr>().is_err() && !host.contains('%') {
                return Err(format!("{host:?} is not an IPv6 address"));
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(format!("{text:?} has something else than :PORT after the ]")),
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
            return Err(format!("{text:?} names no host"));
        }
        let port = match port {
            None => default,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => return Err(format!("{port:?} is not a port, which is a number up to 65535")),
            },
        };
        Ok(Target { host: host.to_owned(), port })
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
    fn what_is_no_host_is_told() {
        let error = |text| Target::parse(text, Start::SslRequest).unwrap_err();
        for text in ["", ":1", "db:", "db:0", "db:65536", "db:x", "[::1", "[db]:1", "[::1]x"] {
            assert!(!error(text).is_empty());
        }
        assert!(error("/run/postgresql").contains("Unix-domain socket"));
        assert!(error("@abstract").contains("Unix-domain socket"));
    }
}
