// SPDX-License-Identifier: MIT OR Apache-2.0
//! The panic guard of every exported function and every callback.
//!
//! A panic is a defect of this library. It must not unwind into C or print to the program's stderr.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// The number of guards that this thread is inside.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Runs `body`. Returns `None` after a panic.
pub fn guard<R>(body: impl FnOnce() -> R) -> Option<R> {
    silence();
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let result = catch_unwind(AssertUnwindSafe(body));
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    match result {
        Ok(value) => Some(value),
        Err(payload) => {
            // Dropping the payload could panic again.
            std::mem::forget(payload);
            None
        }
    }
}

/// Sets a panic hook that prints nothing inside a guard; by default Rust prints a panic even if it
/// is caught. The shared library has its own copy of Rust's standard library, so that this hook
/// does not affect other libraries. In a Rust program that links this crate, panics outside a guard
/// go to the previous hook.
fn silence() {
    static DONE: AtomicBool = AtomicBool::new(false);
    // take_hook() panics while the thread unwinds, for example if a Rust program then frees an SSL.
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
    fn a_panic_becomes_none_and_the_thread_continues() {
        assert_eq!(guard(|| -> u8 { panic!("not printed") }), None);
        assert_eq!(guard(|| 7), Some(7));
        assert_eq!(DEPTH.with(Cell::get), 0);
    }

    #[test]
    fn a_panic_in_an_inner_guard_does_not_end_the_outer_one() {
        let depth = guard(|| {
            assert_eq!(guard(|| -> u8 { panic!("inner") }), None);
            DEPTH.with(Cell::get)
        });
        assert_eq!(depth, Some(1));
    }
}
