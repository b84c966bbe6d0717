// SPDX-License-Identifier: MIT OR Apache-2.0
//! A TCP connection of which nothing takes longer than it may.

use super::target::Target;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Until when all must be done.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    pub whole: Duration,
}

impl Deadline {
    pub fn new(whole: Duration) -> Deadline {
        Deadline { at: Instant::now() + whole, whole }
    }

    /// How long there is left; an error if nothing is.
    pub fn left(&self) -> io::Result<Duration> {
        match self.at.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::Error::from(ErrorKind::TimedOut)),
            left => Ok(left),
        }
    }
}

/// The addresses of a host. A lookup that takes too long goes on in a thread that nobody waits for.
pub fn look_up(target: &Target, deadline: &Deadline) -> io::Result<Vec<SocketAddr>> {
    let (sender, receiver) = mpsc::channel();
    let (host, port) = (target.host.clone(), target.port);
    std::thread::Builder::new().spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        let _ = sender.send(found);
    })?;
    receiver
        .recv_timeout(deadline.left()?)
        .unwrap_or_else(|_| Err(io::Error::from(ErrorKind::TimedOut)))
}

/// A stream each read and write of which ends by the deadline.
pub struct Connection {
    stream: TcpStream,
    deadline: Deadline,
}

impl Connection {
    pub fn open(
        address: &SocketAddr,
        within: Duration,
        deadline: Deadline,
    ) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(address, within)?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, deadline })
    }

    /// By when all must be done.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Whether bytes are there that nobody has read.
    pub fn has_more(&self) -> bool {
        let ready = || {
            self.stream.set_nonblocking(true)?;
            let peeked = self.stream.peek(&mut [0]);
            self.stream.set_nonblocking(false)?;
            peeked
        };
        matches!(ready(), Ok(1..))
    }

    /// Nothing more will be written.
    pub fn end_writing(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}

/// Of a socket with a timeout, an end of patience is "would block".
fn as_timeout(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => io::Error::from(ErrorKind::TimedOut),
        _ => error,
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.deadline.left()?))?;
        self.stream.read(buffer).map_err(as_timeout)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.deadline.left()?))?;
        self.stream.write(bytes).map_err(as_timeout)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
