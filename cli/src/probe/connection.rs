// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection of which nothing takes longer than it may.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixStream};
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

/// The addresses of a host.
pub fn look_up(host: &str, port: u16, deadline: Deadline) -> io::Result<Vec<SocketAddr>> {
    let host = host.to_owned();
    in_time(deadline, move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter))
}

/// Does what cannot be given a time limit. If it takes too long it goes on in a thread that nobody
/// waits for.
fn in_time<T: Send + 'static>(
    deadline: Deadline,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = mpsc::channel();
    let left = deadline.left()?;
    std::thread::Builder::new().spawn(move || {
        let _ = sender.send(work());
    })?;
    receiver.recv_timeout(left).unwrap_or_else(|_| Err(io::Error::from(ErrorKind::TimedOut)))
}

/// What carries the bytes.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A stream each read and write of which ends by the deadline.
pub struct Connection {
    stream: Stream,
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
        Ok(Connection { stream: Stream::Tcp(stream), deadline })
    }

    /// To a Unix-domain socket. A server that accepts nothing more makes connect(2) wait: in a thread
    /// that nobody waits for.
    pub fn open_socket(address: UnixAddress, deadline: Deadline) -> io::Result<Connection> {
        let stream = in_time(deadline, move || UnixStream::connect_addr(&address))?;
        Ok(Connection { stream: Stream::Unix(stream), deadline })
    }

    /// By when all must be done.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Whether bytes are there that nobody has read.
    pub fn has_more(&self) -> bool {
        let socket = match &self.stream {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
        };
        let mut byte = 0_u8;
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        // SAFETY: an open socket, and room for one byte.
        unsafe { libc::recv(socket, std::ptr::from_mut(&mut byte).cast(), 1, flags) > 0 }
    }

    /// Nothing more will be written.
    pub fn end_writing(&self) {
        let _ = match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
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
        let left = Some(self.deadline.left()?);
        let read = match &mut self.stream {
            Stream::Tcp(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(buffer)),
            Stream::Unix(stream) => {
                stream.set_read_timeout(left).and_then(|()| stream.read(buffer))
            }
        };
        read.map_err(as_timeout)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = Some(self.deadline.left()?);
        let written = match &mut self.stream {
            Stream::Tcp(stream) => {
                stream.set_write_timeout(left).and_then(|()| stream.write(bytes))
            }
            Stream::Unix(stream) => {
                stream.set_write_timeout(left).and_then(|()| stream.write(bytes))
            }
        };
        written.map_err(as_timeout)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
