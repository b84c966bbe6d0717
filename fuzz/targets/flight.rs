// SPDX-License-Identifier: MIT OR Apache-2.0
//! A server's first flight, byte by byte. Input: what comes; the first byte says how much of a sound
//! flight stands before it.

#![no_main]

use certpick_fuzz::client::{SOUND_REQUEST, hear, records, world};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let heard = match kind % 3 {
        // Records and all.
        0 => rest.to_vec(),
        // Messages in sound records.
        1 => records(rest),
        // A sound flight with bytes changed: pairs of a place and what is added there.
        _ => {
            let mut flight = world().flight(SOUND_REQUEST);
            for change in rest.chunks_exact(3) {
                let place = usize::from(u16::from_be_bytes([change[0], change[1]]));
                let count = flight.len();
                flight[place % count] ^= change[2];
            }
            flight
        }
    };
    hear(world(), &heard, |_| {});
});
