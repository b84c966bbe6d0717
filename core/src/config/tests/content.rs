// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the content may be, and the error for everything else.

use super::*;
use crate::error::{PatternError, PatternFlaw, Table, ValueType};
use crate::rule::{Hosts, Users};

const MINIMAL: &str = "[[credential]]\nsslcert = \"a\"\n";

fn patterns(values: &[&str]) -> (Option<Hosts>, Option<Users>) {
    let all = || values.iter().copied();
    (Hosts::parse(all()).ok(), Users::parse(all()).ok())
}

#[test]
fn the_example_has_every_key() {
    let at = |name: &str| PathBuf::from("/dir").join(name);
    let expected = Config {
        issuers: Some(at("intermediates.pem")),
        credentials: vec![
            ConfigCredential {
                sslcert: at("north.crt"),
                sslkey: Some(at("north.key")),
                sslpasswordfile: Some(at("north.pass")),
                rule: Rule {
                    hosts: patterns(&["*.north.example", "db7"]).0,
                    users: patterns(&["app"]).1,
                    verified: false,
                },
                line: 3,
            },
            ConfigCredential {
                sslcert: at("redis.p12"),
                sslkey: None,
                sslpasswordfile: Some(at("redis.pass")),
                rule: Rule {
                    hosts: patterns(&["redis1.example:6379"]).0,
                    users: None,
                    verified: true,
                },
                line: 10,
            },
            ConfigCredential {
                sslcert: at("card.crt"),
                sslkey: Some("pkcs11:object=alice".into()),
                sslpasswordfile: None,
                rule: Rule::default(),
                line: 16,
            },
        ],
    };
    assert_eq!(parse(EXAMPLE), Ok(expected.clone()));
    assert_eq!(parse(EXAMPLE.replace('\n', "\r\n")), Ok(expected));
}

#[test]
fn each_form_of_toml_for_a_value_is_read() {
    let same = [
        "[[credential]]\nsslcert = 'a'\nhosts = ['b', 'c']",
        "[[ credential ]]\n\"sslcert\" = \"\\u0061\"\n'hosts'=[\"b\",\"c\",]",
        "\n# comment\n[[\"credential\"]]#\n\tsslcert=\"a\"#\nhosts = [\n # d\n \"b\"\n, \"c\", # e\n]\n",
        "[[credential]]\nsslcert = '''a'''\nhosts = [\"\"\"b\"\"\", 'c']\nverified = false\n",
    ];
    for content in same {
        let config = parse(content).unwrap();
        let [credential] = &config.credentials[..] else { panic!("{config:?}") };
        assert_eq!(credential.sslcert, Path::new("/dir/a"));
        assert_eq!(credential.rule.hosts, patterns(&["b", "c"]).0);
        assert!(!credential.rule.verified && credential.rule.users.is_none());
    }
}

#[test]
fn credentials_stay_in_order() {
    let content: String =
        (0..1_000).map(|n| format!("[[credential]]\nsslcert = \"{n}\"\n")).collect();
    for (n, credential) in parse(content).unwrap().credentials.into_iter().enumerate() {
        assert_eq!(credential.sslcert, Path::new(&format!("/dir/{n}")));
        assert_eq!(credential.line, 2 * n + 1);
    }
}

#[test]
fn a_file_without_a_credential_is_an_error() {
    for (content, line, column) in [
        ("", 1, 1),
        ("\n", 2, 1),
        ("# comment", 1, 10),
        ("issuers = \"a\"\n\n", 3, 1),
        ("\r\n", 2, 1),
    ] {
        assert_eq!(flaw(content), (line, column, ConfigFlaw::NoCredential), "{content:?}");
    }
}

#[test]
fn a_credential_without_sslcert_is_an_error_at_its_header() {
    let content = format!("{MINIMAL} [[credential]]\nhosts = [\"a\"]\n{MINIMAL}");
    assert_eq!(flaw(content), (3, 2, ConfigFlaw::NoCertificate));
    assert_eq!(flaw("[[credential]]"), (1, 1, ConfigFlaw::NoCertificate));
}

#[test]
fn unknown_keys_are_named_if_they_are_short_words() {
    let unknown =
        |name: Option<&str>, table| ConfigFlaw::UnknownKey { name: name.map(str::to_owned), table };
    let long = "k".repeat(33);
    for (key, name) in [
        ("sslpassword", Some("sslpassword")),
        ("Hosts", Some("Hosts")),
        ("\"host\"", Some("host")),
        ("issuers", Some("issuers")),
        ("0_a", Some("0_a")),
        (&long[..32], Some(&long[..32])),
        (&long, None),
        ("\"\"", None),
        ("a-b", None),
        ("\"a b\"", None),
        ("\"hosts\\u0000\"", None),
        ("'hosts\u{e9}'", None),
        ("\"\\n\"", None),
    ] {
        let content = format!("{MINIMAL}  {key} = 1\n");
        assert_eq!(flaw(content), (3, 3, unknown(name, Table::Credential)), "{key}");
    }
    assert_eq!(flaw(format!("a = 1\n{MINIMAL}")), (1, 1, unknown(Some("a"), Table::Top)));
    let other = "sslcert = 'a'\n[[credential]]\n";
    assert_eq!(flaw(other), (1, 1, unknown(Some("sslcert"), Table::Top)));
    let text = parse(format!("{MINIMAL}pin = 1234")).unwrap_err().to_string();
    let words = "configuration file \"/dir/certpick.toml\", line 3, column 1: unknown key \"pin\"; \
                 the keys of [[credential]] are sslcert, sslkey, sslpasswordfile, hosts, users, verified";
    assert_eq!(text, words);
    let text = parse("pin = 1234").unwrap_err().to_string();
    assert!(text.ends_with("the only key before the first [[credential]] is issuers"), "{text}");
}

#[test]
fn other_tables_and_forms_of_credential_are_errors() {
    for table in [
        "[credential]",
        "[credentials]",
        "[[credentials]]",
        "[[Credential]]",
        "[[credential.hosts]]",
        "[credential.hosts]",
        "[[hosts.credential]]",
        "[[\"\"]]",
        "credential = [{sslcert = \"a\"}]",
        "credential.sslcert = \"a\"",
        "credential = []",
    ] {
        assert_eq!(flaw(table), (1, 1, ConfigFlaw::UnknownTable), "{table}");
        let is_header = table.starts_with('[');
        if is_header {
            let content = format!("{MINIMAL}{table}\nsslcert = \"b\"\n");
            assert_eq!(flaw(content), (3, 1, ConfigFlaw::UnknownTable), "{table}");
        }
    }
}

#[test]
fn keys_with_dots_are_errors() {
    for key in ["hosts.a", "sslcert . b", "\"hosts\".a", "a.b.c"] {
        let content = format!("{MINIMAL}{key} = \"x\"\n");
        assert_eq!(flaw(content), (3, 1, ConfigFlaw::DottedKey(Table::Credential)), "{key}");
    }
    assert_eq!(flaw("issuers.a = ''"), (1, 1, ConfigFlaw::DottedKey(Table::Top)));
}

/// Each key of `[[credential]]` with a value.
const KEYS: [(&str, &str); 6] = [
    ("sslcert", "\"a\""),
    ("sslkey", "\"a\""),
    ("sslpasswordfile", "\"a\""),
    ("hosts", "[\"a\"]"),
    ("users", "[\"a\"]"),
    ("verified", "true"),
];

#[test]
fn a_key_that_is_set_twice_is_an_error() {
    for (key, value) in KEYS {
        for second in [key.to_owned(), format!("\"{key}\"")] {
            let mut content = format!("[[credential]]\n{key} = {value}\n");
            if key != "sslcert" {
                content += "sslcert = \"a\"\n";
            }
            let line = content.lines().count() + 1;
            content += &format!(" {second} = {value}\n");
            assert_eq!(flaw(content), (line, 2, ConfigFlaw::Duplicate(key)));
        }
    }
    assert_eq!(flaw("issuers = 'a'\nissuers = 'b'"), (2, 1, ConfigFlaw::Duplicate("issuers")));
}

#[test]
fn a_value_of_another_type_is_an_error() {
    let values = [
        "\"a\"",
        "[\"a\"]",
        "true",
        "1",
        "1.5",
        "0x1f",
        "1979-05-27",
        "07:32:00",
        "inf",
        "nan",
        "{}",
        "{a = 1}",
        "[1]",
        "[true]",
        "[[\"a\"]]",
        "[{}]",
        "[\"a\", [\"b\"]]",
        "[\"a\", 1]",
    ];
    for (key, expected) in Table::Credential.keys() {
        for value in values {
            let fits = match expected {
                ValueType::String => value == "\"a\"",
                ValueType::Strings => value == "[\"a\"]",
                ValueType::Boolean => value == "true",
            };
            let content = format!("[[credential]]\n{key} = {value}\n");
            if fits {
                continue;
            }
            let (line, column, found) = flaw(&content);
            assert_eq!(found, ConfigFlaw::WrongType(key, *expected), "{content}");
            assert!(line == 2 && column > key.len(), "{content}");
        }
    }
    let wrong = ConfigFlaw::WrongType("hosts", ValueType::Strings);
    assert_eq!(flaw("[[credential]]\nhosts = [\"a\",\n 1]"), (3, 2, wrong));
    assert_eq!(flaw("issuers = ['a']").2, ConfigFlaw::WrongType("issuers", ValueType::String));
    for (value, words) in [("sslkey = 1", "a string"), ("users = 'a'", "an array of strings")] {
        let text = parse(format!("[[credential]]\n{value}")).unwrap_err().to_string();
        assert!(text.ends_with(&format!("must be {words}")), "{text}");
    }
    let text = parse("[[credential]]\nverified = 'true'").unwrap_err().to_string();
    assert!(text.ends_with(": verified must be true or false"), "{text}");
}

#[test]
fn an_empty_string_or_array_is_an_error() {
    for (key, expected) in Table::Credential.keys() {
        let empty = match expected {
            ValueType::String => "\"\"",
            ValueType::Strings => "[]",
            ValueType::Boolean => continue,
        };
        let content = format!("[[credential]]\n{key} = {empty}\n");
        let column = key.len() + 4;
        assert_eq!(flaw(content), (2, column, ConfigFlaw::Empty(key, *expected)));
    }
    assert_eq!(flaw("issuers = ''"), (1, 11, ConfigFlaw::Empty("issuers", ValueType::String)));
    assert_eq!(
        flaw("[[credential]]\nhosts = [ # none\n]").2,
        ConfigFlaw::Empty("hosts", ValueType::Strings)
    );
}

#[test]
fn control_characters_in_strings_are_errors() {
    for value in
        ["\"a\\u0000\"", "\"a\\n\"", "\"\\u007f\"", "'''a\nb'''", "\"\"\"\n\na\"\"\"", "'\t'"]
    {
        for (key, array) in
            [("sslcert", false), ("sslkey", false), ("hosts", true), ("users", true)]
        {
            let value = if array { format!("[{value}]") } else { value.to_owned() };
            let content = format!("[[credential]]\n{key} = {value}\n");
            let (line, _, found) = flaw(&content);
            assert_eq!((line, found), (2, ConfigFlaw::Control(key)), "{content:?}");
        }
    }
}

#[test]
fn sslcert_is_one_entry() {
    let flaw_of = |value: &str| flaw(format!("[[credential]]\nsslcert = {value}\n"));
    assert_eq!(flaw_of("\"a, b\""), (2, 11, ConfigFlaw::List));
    assert_eq!(flaw_of("\"certpick:other.toml\""), (2, 11, ConfigFlaw::Nested));
    assert_eq!(flaw_of("[\"a\"]"), (2, 11, ConfigFlaw::WrongType("sslcert", ValueType::String)));
}

#[test]
fn a_wrong_pattern_is_an_error_at_its_place() {
    let content = "[[credential]]\nsslcert = 'a'\nhosts = ['a',\n 'b c', 'd e']\n";
    let error = PatternError::Pattern { number: 2, flaw: PatternFlaw::WhiteSpace };
    assert_eq!(flaw(content), (4, 2, ConfigFlaw::Pattern("hosts", error)));
    let text = parse(content).unwrap_err().to_string();
    assert!(text.ends_with("line 4, column 2: hosts: pattern 2 contains white space"), "{text}");
    let content = "[[credential]]\nsslcert = 'a'\nusers = ['']\n";
    let error = PatternError::Pattern { number: 1, flaw: PatternFlaw::Empty };
    assert_eq!(flaw(content), (3, 10, ConfigFlaw::Pattern("users", error)));
    let many = "'a',".repeat(10_001);
    let content = format!("[[credential]]\nsslcert = 'a'\nhosts = [{many}]\n");
    let expected = ConfigFlaw::Pattern("hosts", PatternError::TooMany(10_000));
    assert_eq!(flaw(content), (3, 10 + 40_000, expected));
}

#[test]
fn a_file_that_is_not_toml_is_an_error_at_its_place() {
    for (content, line, column, missing) in [
        ("a", 1, 2, Some("\"=\"")),
        ("a = ", 1, 5, None),
        ("\n a b = 1", 2, 4, Some("\"=\"")),
        ("[[credential]\n", 1, 14, Some("a closing bracket")),
        ("[[credential]]\nsslcert = \"a\n", 2, 13, Some("a quote")),
        ("[[credential]]\nhosts = [\"a\" \"b\"]", 2, 14, Some("a comma")),
        ("[[credential]]\nhosts = [\"a\",\n", 2, 14, Some("a closing bracket")),
        ("[[credential]]\nverified = True", 2, 12, None),
        ("[[credential]]\nsslcert = a", 2, 11, None),
        ("# \u{e9}\u{e9} \0", 1, 6, None),
        ("sslcert = \"\\q\"", 1, 13, None),
        ("a = 1 b = 2", 1, 5, None),
        ("[[credential]] sslcert = 'a'", 1, 16, None),
        ("a = 1\rb = 2\n", 1, 7, None),
    ] {
        let expected = (line, column, ConfigFlaw::Syntax(missing));
        assert_eq!(flaw(content), expected, "{content:?}");
    }
    let text = parse("[[credential]]\nverified").unwrap_err().to_string();
    let words = "line 2, column 9: the file is not valid TOML; \"=\" is missing";
    assert!(text.ends_with(words), "{text}");
}

#[test]
fn an_error_of_syntax_goes_before_every_other() {
    let (line, _, found) = flaw(format!("unknown = 1\n{MINIMAL}hosts = 1\n= 2"));
    assert_eq!(line, 5, "{found:?}");
    assert!(matches!(found, ConfigFlaw::Syntax(_)), "{found:?}");
}

#[test]
fn bytes_that_are_not_utf_8_and_a_byte_order_mark_are_errors() {
    let bytes = [b"[[credential]]\n# \xc3\xa9 ", &b"\xff"[..], b"\n"].concat();
    assert_eq!(flaw(bytes), (2, 5, ConfigFlaw::Encoding));
    assert_eq!(flaw(b"\xed\xa0\x80"), (1, 1, ConfigFlaw::Encoding));
    assert_eq!(flaw(format!("\u{feff}{MINIMAL}")), (1, 1, ConfigFlaw::ByteOrderMark));
    assert!(matches!(flaw(format!("{MINIMAL}\u{feff}")).2, ConfigFlaw::Syntax(_)));
    let utf_16: Vec<u8> = MINIMAL.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(matches!(flaw(utf_16).2, ConfigFlaw::Syntax(_)));
}

#[test]
fn nul_bytes_are_errors_everywhere() {
    for at in 0..=EXAMPLE.len() {
        let (before, after) = EXAMPLE.split_at(at);
        let content = [before, "\0", after].concat();
        assert!(parse(&content).is_err(), "{content:?}");
    }
}

#[test]
fn brackets_are_not_read_at_every_depth() {
    // Parts that make the parser call itself, also after errors.
    let parts = [
        "[",
        "{a=",
        "[{a=",
        "a=[[],",
        "a={[],b=",
        "[}",
        "{a=]",
        "{{}b=",
        "{[}]b=",
        "[[],",
        "[{},",
        "{a=[],b={",
        "[#\n",
        "[a\n",
    ];
    let read_all = move || {
        for part in parts {
            for before in ["", "a = ", "a = [", "a = {b = "] {
                let content = format!("{before}{}", part.repeat(10_000));
                assert!(parse(&content).is_err(), "{part}");
            }
        }
    };
    // Without optimization; with it 16 KiB are enough.
    const STACK: usize = 256 << 10;
    std::thread::Builder::new().stack_size(STACK).spawn(read_all).unwrap().join().unwrap();
    let closed = format!("a = {}{}", "[".repeat(9), "]".repeat(9));
    assert_eq!(flaw(closed), (1, 13, ConfigFlaw::TooDeep));
    let closed = format!("a = {}{}", "[".repeat(8), "]".repeat(8));
    assert!(matches!(flaw(closed).2, ConfigFlaw::UnknownKey { .. }));
}
