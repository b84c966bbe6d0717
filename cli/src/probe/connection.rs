// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection with a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{SocketAddr as UnixAddress, UnixStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The time at which a probe must end.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    pub timeout: Duration,
}

impl Deadline {
    pub fn new(timeout: Duration) -> Deadline {
        Deadline { at: Instant::now() + timeout, timeout }
    }

    /// Returns the remaining time, or the error TimedOut.
    pub fn left(&self) -> io::Result<Duration> {
        match self.at.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::Error::from(ErrorKind::TimedOut)),
            left => Ok(left),
        }
    }
}

/// Looks up the addresses of a host.
pub fn look_up(host: &str, port: u16, deadline: Deadline) -> io::Result<Vec<SocketAddr>> {
    let host = host.to_owned();
    with_deadline(deadline, move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter))
}

/// Runs a function that has no timeout in a thread. After the deadline, the thread is abandoned.
fn with_deadline<T: Send + 'static>(
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

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A stream whose reads and writes end at the deadline. Writing to a connection that the peer has
/// closed succeeds, as in libpq, so that the peer's last message, which contains the reason, can still
/// be read. (OpenSSL 4.0 does not read after a failed write.)
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

    /// Connects to a Unix-domain socket. connect(2) blocks if the server's backlog is full.
    pub fn open_socket(address: UnixAddress, deadline: Deadline) -> io::Result<Connection> {
        let stream = with_deadline(deadline, move || UnixStream::connect_addr(&address))?;
        Ok(Connection { stream: Stream::Unix(stream), deadline })
    }

    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Returns whether unread bytes have arrived.
    pub fn has_unread(&self) -> bool {
        let socket = self.as_raw_fd();
        let mut byte = 0_u8;
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        // SAFETY: the socket is open, and recv writes at most one byte.
        unsafe { libc::recv(socket, std::ptr::from_mut(&mut byte).cast(), 1, flags) > 0 }
    }

    /// Closes the sending direction.
    pub fn shutdown_write(&self) {
        let _ = match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        match &self.stream {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
        }
    }
}

/// Reads and writes of a socket with a timeout fail with EAGAIN when it expires.
fn as_timeout(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => io::Error::from(ErrorKind::TimedOut),
        _ => error,
    }
}

fn is_closed_by_peer(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
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
        match written {
            Err(error) if is_closed_by_peer(&error) => Ok(bytes.len()),
            written => written.map_err(as_timeout),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Makes close(2) send RST instead of FIN.
    fn reset_at_close(stream: &TcpStream) {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the socket is open, and the option has the given size.
        let set = unsafe {
            libc::setsockopt(
                stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                std::ptr::from_ref(&linger).cast(),
                size_of::<libc::linger>() as libc::socklen_t,
            )
        };
        assert_eq!(set, 0);
    }

    fn wait_for_reset(connection: &Connection) {
        let Stream::Tcp(stream) = &connection.stream else { panic!("not by TCP") };
        let mut poll = libc::pollfd { fd: stream.as_raw_fd(), events: 0, revents: 0 };
        // SAFETY: the array has one pollfd.
        assert_eq!(unsafe { libc::poll(&mut poll, 1, 10_000) }, 1);
    }

    #[test]
    fn the_last_message_can_be_read_after_a_write_to_a_closed_connection() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let deadline = Deadline::new(Duration::from_secs(10));
        let mut connection =
            Connection::open(&server.local_addr().unwrap(), Duration::from_secs(10), deadline)
                .unwrap();
        let (mut accepted, _) = server.accept().unwrap();
        accepted.write_all(b"why").unwrap();
        reset_at_close(&accepted);
        drop(accepted);
        wait_for_reset(&connection);
        for _ in 0..2 {
            connection.write_all(b"goodbye").unwrap();
        }
        let mut message = [0; 3];
        connection.read_exact(&mut message).unwrap();
        assert_eq!(&message, b"why");
    }
}
