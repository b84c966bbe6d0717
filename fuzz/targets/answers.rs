// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parser of PostgreSQL's messages in `certpick probe`. Input: bytes from the server.

#![no_main]

use certpick_fuzz::answers::{self, Answer, MAX_BYTES, Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(first) = data.first() {
        let _ = answers::SslResponse::from(*first);
    }
    let mut rest = data;
    while let Message::Whole { kind, body, taken } = answers::message(rest) {
        assert!(kind.is_ascii_alphabetic() && taken <= MAX_BYTES + 1 && taken <= rest.len());
        assert_eq!(taken, body.len() + 5);
        match answers::answer(kind, body) {
            Answer::Refusal(refusal) => {
                let answers::Refusal { severity, sqlstate, message, detail, hint } = refusal;
                // The escape of a control character takes six bytes for one.
                let is_bounded =
                    |text: &String| text.len() <= 12_000 && certpick_core::text::is_printable(text);
                assert!([severity, sqlstate, message, detail, hint].iter().all(is_bounded));
            }
            Answer::Asks(what) => assert!(!what.is_empty()),
            _ => {}
        }
        // The result must not depend on the bytes after the message, and needs all bytes of it.
        assert_eq!(answers::message(&rest[..taken]), Message::Whole { kind, body, taken });
        assert_eq!(answers::message(&rest[..taken - 1]), Message::Partial);
        rest = &rest[taken..];
    }
});
