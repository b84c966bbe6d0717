// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connection in memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

type Queue = Rc<RefCell<VecDeque<u8>>>;

/// One end of a connection. A read without data fails with `WouldBlock`.
#[derive(Default)]
pub struct End {
    incoming: Queue,
    outgoing: Queue,
    written: usize,
}

impl End {
    /// Returns both ends of a connection.
    pub fn pair() -> (End, End) {
        let one = End::default();
        let (incoming, outgoing) = (Rc::clone(&one.outgoing), Rc::clone(&one.incoming));
        (one, End { incoming, outgoing, written: 0 })
    }

    /// Returns the number of bytes written to this end.
    pub fn written(&self) -> usize {
        self.written
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.incoming.borrow_mut().read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written += bytes.len();
        self.outgoing.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
