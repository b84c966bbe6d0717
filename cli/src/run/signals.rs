// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signal handling while the program runs. The program itself inherits the original dispositions.

use libc::{c_int, pid_t, siginfo_t, sigset_t};
use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether SIGPIPE was ignored when certpick was started.
static SIGPIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// Rust ignores SIGPIPE before `main`. The dynamic loader calls this function earlier.
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
    // SAFETY: with a NULL action, sigaction only writes the current one.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

fn set_disposition(signal: c_int, disposition: libc::sighandler_t) {
    // SAFETY: the disposition is SIG_DFL or SIG_IGN, not a handler.
    unsafe { libc::signal(signal, disposition) };
}

/// All signals are blocked from the creation of this value, and are received with [`Self::wait`].
pub struct BlockedSignals {
    all: sigset_t,
    original: sigset_t,
    sigchld_was_ignored: bool,
}

impl BlockedSignals {
    /// Blocks all signals except those for faults of certpick itself.
    pub fn new() -> BlockedSignals {
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
        let mut original = MaybeUninit::<sigset_t>::zeroed();
        // SAFETY: `all` is filled before it is used, and sigprocmask writes `original`.
        let (all, original) = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            for signal in faults {
                libc::sigdelset(all.as_mut_ptr(), signal);
            }
            libc::sigprocmask(libc::SIG_BLOCK, all.as_ptr(), original.as_mut_ptr());
            (all.assume_init(), original.assume_init())
        };
        // If SIGCHLD is ignored, the exit status of children is lost.
        let sigchld_was_ignored = is_ignored(libc::SIGCHLD);
        if sigchld_was_ignored {
            set_disposition(libc::SIGCHLD, libc::SIG_DFL);
        }
        BlockedSignals { all, original, sigchld_was_ignored }
    }

    /// Returns the function that restores the signal mask and dispositions between fork(2) and exec(2).
    pub fn restore_in_child(&self) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
        let (original, sigchld_was_ignored) = (self.original, self.sigchld_was_ignored);
        let sigpipe_was_ignored = SIGPIPE_WAS_IGNORED.load(Ordering::Relaxed);
        move || {
            if sigchld_was_ignored {
                set_disposition(libc::SIGCHLD, libc::SIG_IGN);
            }
            if sigpipe_was_ignored {
                set_disposition(libc::SIGPIPE, libc::SIG_IGN);
            }
            // SAFETY: sigprocmask wrote the set.
            unsafe { libc::sigprocmask(libc::SIG_SETMASK, &original, std::ptr::null_mut()) };
            Ok(())
        }
    }

    /// Waits for the next signal.
    pub fn wait(&self) -> Signal {
        loop {
            let mut info = MaybeUninit::<siginfo_t>::zeroed();
            // SAFETY: the set is initialized, and sigwaitinfo writes one siginfo_t.
            let number = unsafe { libc::sigwaitinfo(&self.all, info.as_mut_ptr()) };
            if number > 0 {
                // SAFETY: sigwaitinfo has written it.
                return Signal { number, info: unsafe { info.assume_init() } };
            }
        }
    }

    /// Stops certpick with this signal. Returns after SIGCONT.
    pub fn stop_self(&self, signal: c_int) {
        let was_ignored = is_ignored(signal);
        if was_ignored {
            set_disposition(signal, libc::SIG_DFL);
        }
        raise_once(signal);
        if was_ignored {
            set_disposition(signal, libc::SIG_IGN);
        }
        // Discards the SIGCONT that continued certpick.
        let mut only = MaybeUninit::<sigset_t>::zeroed();
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the set is emptied before it is used.
        unsafe {
            libc::sigemptyset(only.as_mut_ptr());
            libc::sigaddset(only.as_mut_ptr(), libc::SIGCONT);
            libc::sigtimedwait(only.as_ptr(), std::ptr::null_mut(), &now);
        }
    }
}

/// Kills certpick with this signal, without a core dump.
pub fn kill_self(signal: c_int) {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: setrlimit reads one rlimit. The limit does not apply to core dumps that the kernel pipes
    // to a program; PR_SET_DUMPABLE does.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
    set_disposition(signal, libc::SIG_DFL);
    raise_once(signal);
}

/// Raises a blocked signal and unblocks it. If the signal is already pending, it is still delivered
/// only once.
fn raise_once(signal: c_int) {
    let mut only = MaybeUninit::<sigset_t>::zeroed();
    let mut before = MaybeUninit::<sigset_t>::zeroed();
    // SAFETY: `only` is emptied before it is used, and sigprocmask writes `before`.
    unsafe {
        libc::sigemptyset(only.as_mut_ptr());
        libc::sigaddset(only.as_mut_ptr(), signal);
        libc::raise(signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, only.as_ptr(), before.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
    }
}

/// A received signal.
pub struct Signal {
    pub number: c_int,
    info: siginfo_t,
}

impl Signal {
    /// Returns whether the program has also received this signal, so that it must not be forwarded. A
    /// terminal sends signals to all foreground processes, and `kill 0` in the program to its group.
    pub fn was_delivered_to(&self, program: pid_t) -> bool {
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
        // SAFETY: with SI_USER, the kernel has set si_pid.
        self.info.si_code == libc::SI_USER && unsafe { self.info.si_pid() } == program
    }
}
