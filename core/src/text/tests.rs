// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

/// Ranges of characters that must be escaped, including the ends of every important range.
const ESCAPED: &[(u32, u32)] = &[
    (0, 0x1f),
    (0x7f, 0x9f),
    (0xad, 0xad),
    (0x61c, 0x61c),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x2069),
    (0xfdd0, 0xfdef),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffb),
    (0xfffe, 0xffff),
    (0x1_fffe, 0x1_ffff),
    (0xe_0000, 0xe_007f),
    (0xe_0100, 0xe_01ef),
    (0x10_fffe, 0x10_ffff),
];

#[test]
fn characters_that_control_hide_or_reorder_are_escaped() {
    for code in ESCAPED.iter().flat_map(|(first, last)| *first..=*last) {
        let c = char::from_u32(code).unwrap();
        let shown = printable(format!("a{c}b"));
        let expected = match c {
            '\t' => r"a\tb".to_owned(),
            '\n' => r"a\nb".to_owned(),
            '\r' => r"a\rb".to_owned(),
            _ => format!("a\\u{{{code:x}}}b"),
        };
        assert_eq!(shown, expected);
        assert!(!is_printable(&c.to_string()));
    }
}

#[test]
fn all_other_characters_are_unchanged() {
    for text in [
        "",
        "/home/joe/.postgresql/postgresql.crt",
        r#"O=Acme\, Inc., CN="a" \ 'b' {c} #%"#,
        "Zoë Łódź Ελλάς Москва 東京 हिन्दी שלום السلام 한국 e\u{301} \u{1f512}",
        "\u{a0}\u{ac}\u{ae}\u{200a}\u{2010}\u{2027}\u{202f}\u{205f}\u{2070}\u{fffc}\u{fffd}",
        "\u{e001}\u{10fffd}",
    ] {
        assert_eq!(printable(text), text);
        assert!(is_printable(text));
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_escaped() {
    assert_eq!(printable(b"caf\xe9.crt"), r"caf\xe9.crt");
    assert_eq!(printable(b"\xff\xfe\xc3"), r"\xff\xfe\xc3");
    // An overlong line feed, a surrogate, and a value above Unicode.
    assert_eq!(printable(b"\xc0\x8a"), r"\xc0\x8a");
    assert_eq!(printable(b"\xed\xa0\x80"), r"\xed\xa0\x80");
    assert_eq!(printable(b"\xf4\x90\x80\x80"), r"\xf4\x90\x80\x80");
}

#[test]
fn escaping_twice_gives_the_same_text() {
    let once = printable("a\\b\\u{202e}\u{202e}\n\u{7f}");
    assert_eq!(once, r"a\b\u{202e}\u{202e}\n\u{7f}");
    assert_eq!(printable(&once), once);
    let mut written = String::new();
    for part in ["a\u{2066}", "\u{2069}", "b\r\n"] {
        Printable(&mut written).write_str(part).unwrap();
    }
    assert_eq!(written, r"a\u{2066}\u{2069}b\r\n");
}

#[test]
fn an_excerpt_is_cut_at_a_character() {
    assert_eq!(excerpt("ß".repeat(500)), "ß".repeat(500));
    assert_eq!(excerpt("ß".repeat(501)), "ß".repeat(500) + "...");
    assert_eq!(excerpt("\n".repeat(600)), r"\n".repeat(500) + "...");
    assert_eq!(excerpt([0xff; 500]), r"\xff".repeat(500));
    assert_eq!(excerpt([0xff; 501]), r"\xff".repeat(500) + "...");
    assert_eq!(excerpt([&b"\xff"[..], &[b'x'; 500]].concat()).len(), 4 + 499 + 3);
}

#[test]
fn an_error_is_one_line_even_if_its_parts_contain_line_breaks() {
    use crate::error::{Cause, Error};
    let words = "a\nb\u{202e}c\u{85}";
    let key = Cause::Key("k\n\u{2028}".into(), words.to_owned());
    let shown = r#"could not load private key file "k\n\u{2028}": a\nb\u{202e}c\u{85}"#;
    assert_eq!(key.to_string(), shown);
    let settings = Error::Settings(words.to_owned());
    let several = Error::Several(vec![Error::Entry { number: 1, cause: key }, settings]);
    let lines =
        format!("entry 1: {shown}\ncertpick settings in openssl.cnf: {}", r"a\nb\u{202e}c\u{85}");
    assert_eq!(several.to_string(), lines);
}
