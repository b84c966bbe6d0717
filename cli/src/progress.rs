// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line on the terminal that tells how far long work has come, and goes without a trace.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// What takes less is not worth a word.
const SHORT: Duration = Duration::from_millis(500);
/// More often nobody can read it.
const BETWEEN: Duration = Duration::from_millis(100);

/// See the module. The line goes when this does.
pub struct Progress {
    /// `None`: nobody would see it.
    out: Option<Box<dyn Write>>,
    columns: usize,
    short: Duration,
    began: Instant,
    told: Option<Instant>,
    /// How many columns of the line are in use.
    shown: usize,
}

impl Progress {
    /// On standard error, if that is a terminal.
    pub fn new() -> Progress {
        let stderr = io::stderr();
        let columns = columns(&stderr);
        let out = stderr.is_terminal().then(|| Box::new(stderr) as Box<dyn Write>);
        Progress::on(out, columns, SHORT)
    }

    fn on(out: Option<Box<dyn Write>>, columns: usize, short: Duration) -> Progress {
        Progress { out, columns, short, began: Instant::now(), told: None, shown: 0 }
    }

    /// `what` has been done with `done` of `total`.
    pub fn tell(&mut self, what: &str, done: usize, total: usize) {
        let Some(out) = &mut self.out else { return };
        let is_soon = self.told.is_some_and(|told| told.elapsed() < BETWEEN);
        if self.began.elapsed() < self.short || (is_soon && done < total) {
            return;
        }
        self.told = Some(Instant::now());
        // In the last column the line would go on below.
        let line = format!("certpick: {done} of {total} {what}");
        let line: String = line.chars().take(self.columns.saturating_sub(1)).collect();
        let width = line.chars().count();
        let rest = " ".repeat(self.shown.saturating_sub(width));
        // Whether it can be written changes nothing.
        let _ = write!(out, "\r{line}{rest}");
        let _ = out.flush();
        self.shown = self.shown.max(width);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(out) = self.out.as_mut().filter(|_| self.shown > 0) else { return };
        // Blanks, which every terminal knows.
        let _ = write!(out, "\r{}\r", " ".repeat(self.shown));
        let _ = out.flush();
    }
}

fn columns(terminal: &io::Stderr) -> usize {
    use std::os::fd::AsRawFd;
    const USUAL: usize = 80;
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: an open descriptor, and room for what is asked for.
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &mut size) };
    if done == 0 && size.ws_col > 0 { usize::from(size.ws_col) } else { USUAL }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// A terminal of one line, which tells what can be seen on it.
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
        fn progress(&self, columns: usize, short: Duration) -> Progress {
            Progress::on(Some(Box::new(self.clone())), columns, short)
        }

        fn text(&self) -> String {
            self.0.borrow().line.iter().collect::<String>().trim_end().to_owned()
        }
    }

    #[test]
    fn the_line_is_written_over_and_then_wiped() {
        let screen = Screen::default();
        let mut progress = screen.progress(80, Duration::ZERO);
        progress.tell("certificate files read", 10, 10);
        assert_eq!(screen.text(), "certpick: 10 of 10 certificate files read");
        progress.tell("keys", 9, 9);
        assert_eq!(screen.text(), "certpick: 9 of 9 keys");
        drop(progress);
        assert_eq!((screen.text(), screen.0.borrow().cursor), (String::new(), 0));
    }

    #[test]
    fn it_never_reaches_the_next_line_of_a_narrow_terminal() {
        let screen = Screen::default();
        screen.progress(20, Duration::ZERO).tell("certificate files read", 10, 10);
        assert_eq!(screen.0.borrow().widest, 19);
    }

    #[test]
    fn short_work_shows_nothing() {
        let screen = Screen::default();
        screen.progress(80, Duration::from_secs(3600)).tell("keys", 10, 10);
        assert_eq!(screen.0.borrow().widest, 0);
    }
}
