// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals: taken one by one while the program runs, and as they were for the program itself.

use libc::{c_int, pid_t, siginfo_t, sigset_t};
use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether SIGPIPE was ignored when we were started.
static SIGPIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// Rust ignores SIGPIPE before `main`; the loader calls this before that.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = {
    extern "C" fn before_main() {
        SIGPIPE_WAS_IGNORED.store(is_ignored(libc::SIGPIPE), Ordering::Relaxed);
    }
    before_main
};

fn is_ignored(signal: c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only asks, and writes the answer.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

fn set_disposition(signal: c_int, disposition: libc::sighandler_t) {
    // SAFETY: SIG_DFL or SIG_IGN, no handler.
    unsafe { libc::signal(signal, disposition) };
}

/// Every signal waits until it is taken, from its making on: nothing ends us unawares.
pub struct Blocked {
    all: sigset_t,
    before: sigset_t,
    sigchld_was_ignored: bool,
}

impl Blocked {
    /// Those that tell of a fault of our own are left out.
    pub fn new() -> Blocked {
        let faults = [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGILL,
            libc::SIGFPE,
            libc::SIGTRAP,
            libc::SIGSYS,
            libc::SIGABRT,
        ];
        let mut all = MaybeUninit::<sigset_t>::zeroed();
        let mut before = MaybeUninit::<sigset_t>::zeroed();
        // SAFETY: sets of ours, the first filled before it is used.
        let (all, before) = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            for signal in faults {
                libc::sigdelset(all.as_mut_ptr(), signal);
            }
            libc::sigprocmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
            (all.assume_init(), before.assume_init())
        };
        // Where SIGCHLD is ignored nobody learns how a child ended.
        let sigchld_was_ignored = is_ignored(libc::SIGCHLD);
        if sigchld_was_ignored {
            set_disposition(libc::SIGCHLD, libc::SIG_DFL);
        }
        Blocked { all, before, sigchld_was_ignored }
    }

    /// What a child does between fork and exec to be as if it had been started in our place.
    pub fn undo_in_child(&self) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
        let (before, sigchld_was_ignored) = (self.before, self.sigchld_was_ignored);
        let sigpipe_was_ignored = SIGPIPE_WAS_IGNORED.load(Ordering::Relaxed);
        move || {
            if sigchld_was_ignored {
                set_disposition(libc::SIGCHLD, libc::SIG_IGN);
            }
            if sigpipe_was_ignored {
                set_disposition(libc::SIGPIPE, libc::SIG_IGN);
            }
            // SAFETY: a set that sigprocmask itself gave.
            unsafe { libc::sigprocmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
            Ok(())
        }
    }

    /// The next signal.
    pub fn take(&self) -> Signal {
        loop {
            let mut info = MaybeUninit::<siginfo_t>::zeroed();
            // SAFETY: a set of ours, and room for what is told.
            let number = unsafe { libc::sigwaitinfo(&self.all, info.as_mut_ptr()) };
            if number > 0 {
                // SAFETY: filled by the kernel.
                return Signal { number, info: unsafe { info.assume_init() } };
            }
        }
    }

    /// Stops as this signal makes a process stop, until SIGCONT comes.
    pub fn stop_by(&self, signal: c_int) {
        let was_ignored = is_ignored(signal);
        if was_ignored {
            set_disposition(signal, libc::SIG_DFL);
        }
        raise_once(signal);
        if was_ignored {
            set_disposition(signal, libc::SIG_IGN);
        }
        // The one that made us go on is not news.
        let mut only = MaybeUninit::<sigset_t>::zeroed();
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: a set of ours, emptied first.
        unsafe {
            libc::sigemptyset(only.as_mut_ptr());
            libc::sigaddset(only.as_mut_ptr(), libc::SIGCONT);
            libc::sigtimedwait(only.as_ptr(), std::ptr::null_mut(), &now);
        }
    }
}

/// Ends by this signal, without a core: that is the program's to leave.
pub fn die_by(signal: c_int) {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: constants, and a limit of ours. A core that is piped to a program heeds no limit.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
    set_disposition(signal, libc::SIG_DFL);
    raise_once(signal);
}

/// Raises a signal that is blocked, and lets it through. One that waits already is the same then;
/// raised after it was let through, it would come a second time.
fn raise_once(signal: c_int) {
    let mut only = MaybeUninit::<sigset_t>::zeroed();
    let mut before = MaybeUninit::<sigset_t>::zeroed();
    // SAFETY: sets of ours, the first emptied before it is used, the second filled by sigprocmask.
    unsafe {
        libc::sigemptyset(only.as_mut_ptr());
        libc::sigaddset(only.as_mut_ptr(), signal);
        libc::raise(signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, only.as_ptr(), before.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
    }
}

/// One that was taken.
pub struct Signal {
    pub number: c_int,
    info: siginfo_t,
}

impl Signal {
    /// Whether the program has this signal as well, so that it must not get it from us: a terminal
    /// gives it to all that run in its foreground, and `kill 0` in the program to us both.
    pub fn reached(&self, program: pid_t) -> bool {
        let of_terminal = [
            libc::SIGINT,
            libc::SIGQUIT,
            libc::SIGTSTP,
            libc::SIGTTIN,
            libc::SIGTTOU,
            libc::SIGWINCH,
        ];
        let from_kernel = self.info.si_code > 0;
        if from_kernel {
            return of_terminal.contains(&self.number);
        }
        // SAFETY: a signal that a process sent has its id; others have 0 there.
        self.info.si_code == libc::SI_USER && unsafe { self.info.si_pid() } == program
    }
}
