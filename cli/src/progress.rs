// SPDX-License-Identifier: MIT OR Apache-2.0
//! A progress line on the terminal, which is erased at the end.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Work that takes less time shows no progress.
const DEFAULT_DELAY: Duration = Duration::from_millis(500);
/// Minimum time between two updates.
const INTERVAL: Duration = Duration::from_millis(100);

/// A progress line. It is erased when this value is dropped.
pub struct Progress {
    /// `None` if standard error is not a terminal.
    out: Option<Box<dyn Write>>,
    columns: usize,
    delay: Duration,
    start: Instant,
    last_update: Option<Instant>,
    /// Width of the text on the line, in columns.
    width: usize,
}

impl Progress {
    /// Creates a progress line on standard error, if that is a terminal.
    pub fn new() -> Progress {
        let stderr = io::stderr();
        let columns = columns(&stderr);
        let out = stderr.is_terminal().then(|| Box::new(stderr) as Box<dyn Write>);
        Progress::with(out, columns, DEFAULT_DELAY)
    }

    fn with(out: Option<Box<dyn Write>>, columns: usize, delay: Duration) -> Progress {
        Progress { out, columns, delay, start: Instant::now(), last_update: None, width: 0 }
    }

    /// Shows that `done` of `total` are processed.
    pub fn update(&mut self, what: &str, done: usize, total: usize) {
        let Some(out) = &mut self.out else { return };
        let is_recent = self.last_update.is_some_and(|last| last.elapsed() < INTERVAL);
        if self.start.elapsed() < self.delay || (is_recent && done < total) {
            return;
        }
        self.last_update = Some(Instant::now());
        // Text in the last column would make the terminal wrap the line.
        let line = format!("certpick: {done} of {total} {what}");
        let line: String = line.chars().take(self.columns.saturating_sub(1)).collect();
        let width = line.chars().count();
        let rest = " ".repeat(self.width.saturating_sub(width));
        let _ = write!(out, "\r{line}{rest}");
        let _ = out.flush();
        self.width = self.width.max(width);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(out) = self.out.as_mut().filter(|_| self.width > 0) else { return };
        // Blanks work on every terminal, unlike an escape sequence.
        let _ = write!(out, "\r{}\r", " ".repeat(self.width));
        let _ = out.flush();
    }
}

fn columns(terminal: &io::Stderr) -> usize {
    use std::os::fd::AsRawFd;
    const DEFAULT_COLUMNS: usize = 80;
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open, and TIOCGWINSZ writes one winsize.
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &mut size) };
    if done == 0 && size.ws_col > 0 { usize::from(size.ws_col) } else { DEFAULT_COLUMNS }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// A terminal with one line. Records the text that is visible on it.
    #[derive(Clone, Default)]
    struct Screen(Rc<RefCell<Seen>>);

    #[derive(Default)]
    struct Seen {
        line: Vec<char>,
        cursor: usize,
        widest: usize,
    }

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut seen = self.0.borrow_mut();
            for c in std::str::from_utf8(bytes).unwrap().chars() {
                let at = seen.cursor;
                if c == '\r' {
                    seen.cursor = 0;
                    continue;
                }
                assert!(!c.is_control(), "{c:?}");
                if at == seen.line.len() {
                    seen.line.push(c);
                } else {
                    seen.line[at] = c;
                }
                seen.cursor += 1;
                seen.widest = seen.widest.max(seen.cursor);
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn progress(&self, columns: usize, delay: Duration) -> Progress {
            Progress::with(Some(Box::new(self.clone())), columns, delay)
        }

        fn text(&self) -> String {
            self.0.borrow().line.iter().collect::<String>().trim_end().to_owned()
        }
    }

    #[test]
    fn each_update_overwrites_the_line_and_drop_erases_it() {
        let screen = Screen::default();
        let mut progress = screen.progress(80, Duration::ZERO);
        progress.update("certificate files read", 10, 10);
        assert_eq!(screen.text(), "certpick: 10 of 10 certificate files read");
        progress.update("keys", 9, 9);
        assert_eq!(screen.text(), "certpick: 9 of 9 keys");
        drop(progress);
        assert_eq!((screen.text(), screen.0.borrow().cursor), (String::new(), 0));
    }

    #[test]
    fn the_line_is_cut_to_the_width_of_the_terminal() {
        let screen = Screen::default();
        screen.progress(20, Duration::ZERO).update("certificate files read", 10, 10);
        assert_eq!(screen.0.borrow().widest, 19);
    }

    #[test]
    fn work_shorter_than_the_delay_shows_no_progress() {
        let screen = Screen::default();
        screen.progress(80, Duration::from_secs(3600)).update("keys", 10, 10);
        assert_eq!(screen.0.borrow().widest, 0);
    }
}
