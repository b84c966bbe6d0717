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

/// A stream each read and write of which ends by the deadline. Where the other side takes nothing more,
/// what is written is lost in silence, as it is with libpq: its last words may still have to be read, and
/// they say why. (OpenSSL 4.0 reads nothing more after a write that failed.)
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

fn takes_nothing_more(error: &io::Error) -> bool {
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
            Err(error) if takes_nothing_more(&error) => Ok(bytes.len()),
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

    /// Resets the connection when it is closed, instead of taking leave.
    fn reset_at_close(stream: &TcpStream) {
        let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: an open socket, and an option of the size that is told.
        let set = unsafe {
            libc::setsockopt(
                stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                std::ptr::from_ref(&at_once).cast(),
                size_of::<libc::linger>() as libc::socklen_t,
            )
        };
        assert_eq!(set, 0);
    }

    fn wait_for_the_end(connection: &Connection) {
        let Stream::Tcp(stream) = &connection.stream else { panic!("not by TCP") };
        let mut end = libc::pollfd { fd: stream.as_raw_fd(), events: 0, revents: 0 };
        // SAFETY: one pollfd.
        assert_eq!(unsafe { libc::poll(&mut end, 1, 10_000) }, 1);
    }

    #[test]
    fn last_words_are_read_though_nothing_can_be_written_any_more() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let deadline = Deadline::new(Duration::from_secs(10));
        let mut connection =
            Connection::open(&server.local_addr().unwrap(), Duration::from_secs(10), deadline)
                .unwrap();
        let (mut accepted, _) = server.accept().unwrap();
        accepted.write_all(b"why").unwrap();
        reset_at_close(&accepted);
        drop(accepted);
        wait_for_the_end(&connection);
        for _ in 0..2 {
            connection.write_all(b"farewell").unwrap();
        }
        let mut words = [0; 3];
        connection.read_exact(&mut words).unwrap();
        assert_eq!(&words, b"why");
    }
}
