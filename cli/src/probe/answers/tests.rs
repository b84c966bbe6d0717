// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;

fn sent(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[kind], &length[..], body].concat()
}

#[test]
fn a_message_is_partial_until_all_bytes_have_arrived() {
    let bytes = [sent(b'R', &[0, 0, 0, 0]), b"more".to_vec()].concat();
    for length in 0..9 {
        assert_eq!(message(&bytes[..length]), Message::Partial, "{length}");
    }
    let whole = Message::Whole { kind: b'R', body: &[0, 0, 0, 0], taken: 9 };
    assert_eq!(message(&bytes), whole);
}

#[test]
fn an_invalid_message_is_detected_by_its_first_bytes() {
    for bytes in [
        &b"HTTP/1.1 400"[..],
        &[0x15, 3, 3, 0, 2, 2, 40],
        &[b'R', 0, 0, 0, 3],
        &[b'R', 0xff, 0xff, 0xff, 0xff],
        &[b'E', 0, 1, 0, 1],
        &[0, 0, 0, 0, 0],
    ] {
        assert_eq!(message(bytes), Message::Invalid, "{bytes:?}");
    }
}

#[test]
fn each_authentication_method_is_named() {
    let code = |code: u32, rest: &[u8]| answer(b'R', &[&code.to_be_bytes()[..], rest].concat());
    let asks = |text: &str| Answer::Asks(text.to_owned());
    assert_eq!(code(0, b""), Answer::Authenticated);
    assert_eq!(code(3, b""), asks("a cleartext password"));
    assert_eq!(code(5, b"salt"), asks("an MD5 password"));
    assert_eq!(
        code(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
        asks("a password (SCRAM-SHA-256-PLUS or SCRAM-SHA-256)")
    );
    assert_eq!(code(10, b"\0"), Answer::Invalid);
    assert_eq!(code(99, b""), asks("an unknown authentication method (code 99)"));
    assert_eq!(answer(b'R', b"\0\0\0"), Answer::Invalid);
    assert_eq!(answer(b'Z', b"I"), Answer::Ready);
    assert_eq!(answer(b'T', b""), Answer::Invalid);
    assert_eq!(answer(b'N', b""), Answer::Other);
}

#[test]
fn the_fields_of_an_error_response_are_parsed_and_bounded() {
    let body = b"SFATAL\0VFATAL\0C28000\0Mno entry\0Ddetail\0Hhint\0Fauth.c\0\0";
    let Answer::Refusal(refusal) = answer(b'E', body) else { panic!() };
    assert_eq!(refusal.severity, "FATAL");
    assert_eq!(refusal.sqlstate, "28000");
    assert_eq!(refusal.message, "no entry");
    assert_eq!((refusal.detail.as_str(), refusal.hint.as_str()), ("detail", "hint"));
    let long = [b"M".to_vec(), vec![b'x'; 100_000]].concat();
    assert_eq!(super::refusal(&long).message.len(), 2000);
    assert_eq!(
        super::refusal(b"\xff\xfe\0\0\0M\xff"),
        Refusal { message: r"\xff".into(), ..Refusal::default() }
    );
}

#[test]
fn the_startup_message_begins_with_its_length() {
    let bytes = startup("joe", Some("db"));
    assert_eq!(u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize, bytes.len());
    assert!(bytes.ends_with(b"user\0joe\0database\0db\0application_name\0certpick\0\0"));
    assert!(!startup("joe", None).windows(8).any(|w| w == b"database"));
}
