// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one panic guard that every exported function and every callback runs in.
//!
//! A panic is a defect of this library; it must not unwind into C, nor print into somebody else's
//! terminal.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// How many guards this thread is inside.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Runs `body`; `None` after a panic.
pub fn guard<R>(body: impl FnOnce() -> R) -> Option<R> {
    silence();
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let result = catch_unwind(AssertUnwindSafe(body));
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    match result {
        Ok(value) => Some(value),
        Err(payload) => {
            // Dropping what was thrown could panic again.
            std::mem::forget(payload);
            None
        }
    }
}

/// Rust prints a panic even if it is caught. The shared library has its own copy of Rust's standard
/// library, so this hook is ours alone; where the crate is linked into a Rust program, panics
/// outside a guard are passed on.
fn silence() {
    static DONE: AtomicBool = AtomicBool::new(false);
    // While a Rust program unwinds and frees an SSL, the hook cannot be changed.
    if std::thread::panicking() || DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if DEPTH.with(Cell::get) == 0 {
            previous(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_none_and_the_thread_goes_on() {
        assert_eq!(guard(|| -> u8 { panic!("not printed") }), None);
        assert_eq!(guard(|| 7), Some(7));
        assert_eq!(DEPTH.with(Cell::get), 0);
    }

    #[test]
    fn a_panic_in_an_inner_guard_does_not_open_the_outer_one() {
        let depth = guard(|| {
            assert_eq!(guard(|| -> u8 { panic!("inner") }), None);
            DEPTH.with(Cell::get)
        });
        assert_eq!(depth, Some(1));
    }
}
