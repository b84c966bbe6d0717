// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server's first flight. Input: a byte for the kind, and records, messages or changes of a valid flight.

#![no_main]

use certpick_fuzz::client::{VALID_REQUEST, World, records};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let flight = match kind % 3 {
        // Records.
        0 => rest.to_vec(),
        // Messages in valid records.
        1 => records(rest),
        // A valid flight with changed bytes: each change is a position and a value for XOR.
        _ => {
            let mut flight = World::get().flight(VALID_REQUEST);
            for change in rest.chunks_exact(3) {
                let position = usize::from(u16::from_be_bytes([change[0], change[1]]));
                let count = flight.len();
                flight[position % count] ^= change[2];
            }
            flight
        }
    };
    World::get().receive(&flight, |_| {});
});
