// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

fn flaw(uri: &str) -> UriFlaw {
    match Uri::parse(uri.as_bytes()) {
        Err(Problem::Uri(flaw)) => flaw,
        other => panic!("{uri}: {other:?}"),
    }
}

fn good(uri: &str) -> Uri {
    Uri::parse(uri.as_bytes()).unwrap_or_else(|problem| panic!("{uri}: {problem}"))
}

#[test]
fn a_uri_has_a_scheme_and_an_attribute() {
    for uri in ["pkcs11:", "pkcs11:?pin-source=a", "pkcs11:object=a", "handle:0x1", "handle:"] {
        assert!(is_uri(uri.as_bytes()), "{uri}");
    }
    for attribute in ATTRIBUTES {
        assert!(is_uri(format!("pkcs11:{attribute}=x;object=y").as_bytes()));
    }
    for file in [
        "pkcs11",
        "pkcs11:a.pem",
        "pkcs11:a=b",
        "pkcs11:object",
        "pkcs11:pkcs11:object=a",
        "pkcs11:label_a",
        "PKCS11:",
        "./pkcs11:",
        "a/handle:",
        "",
    ] {
        assert!(!is_uri(file.as_bytes()), "{file}");
    }
}

#[test]
fn the_provider_gets_the_attributes_with_the_type_of_the_object() {
    let key = |uri: &str| good(uri).for_provider(ObjectType::PrivateKey, None);
    for (uri, expected) in [
        ("pkcs11:", "pkcs11:type=private"),
        ("pkcs11:object=a", "pkcs11:object=a;type=private"),
        ("pkcs11:type=cert;object=a", "pkcs11:object=a;type=private"),
        ("pkcs11:type=private", "pkcs11:type=private"),
        ("pkcs11:token=My%20Token;id=%01%00", "pkcs11:token=My%20Token;id=%01%00;type=private"),
        ("pkcs11:object=a=b,c:/@!$'()*+[]", "pkcs11:object=a=b,c:/@!$'()*+[];type=private"),
        ("pkcs11:object=a?pin-source=/p", "pkcs11:object=a;type=private"),
        ("handle:0x81000010", "handle:0x81000010"),
        ("handle:0x81000010?pass", "handle:0x81000010?pass"),
    ] {
        assert_eq!(key(uri), expected);
    }
    let certificate =
        good("pkcs11:object=a;type=private").for_provider(ObjectType::Certificate, None);
    assert_eq!(certificate, "pkcs11:object=a;type=cert");
    let in_slot = |uri: &str| good(uri).for_provider(ObjectType::PrivateKey, Some(7));
    assert_eq!(in_slot("pkcs11:object=a"), "pkcs11:object=a;type=private;slot-id=7");
    assert_eq!(in_slot("pkcs11:slot-id=8"), "pkcs11:slot-id=8;type=private");
    assert_eq!(in_slot("handle:0x1"), "handle:0x1");
}

#[test]
fn the_pin_source_is_an_absolute_path_that_is_not_shown() {
    for (source, file) in [
        ("/etc/pin", "/etc/pin"),
        ("file:/etc/pin", "/etc/pin"),
        ("file:///etc/pin", "/etc/pin"),
        ("%2Fetc%2fpin", "/etc/pin"),
        ("file:/with%20space", "/with space"),
        ("//twice", "//twice"),
        ("/%ff", "/\u{fffd}"),
    ] {
        let uri = good(&format!("pkcs11:object=a?pin-source={source}"));
        assert_eq!(uri.pin_source().unwrap().to_string_lossy(), file);
        assert_eq!(uri.to_string(), "pkcs11:object=a");
        assert_eq!(format!("{uri:?}"), "\"pkcs11:object=a\"");
    }
    assert_eq!(good("pkcs11:").pin_source(), None);
    assert_eq!(good("pkcs11:?").pin_source(), None);
    for source in ["", "pin", "file:pin", "file:", "file://host/pin", "https:/pin", "/a%00b"] {
        assert_eq!(flaw(&format!("pkcs11:?pin-source={source}")), UriFlaw::PinSource, "{source}");
    }
    for source in ["|cat", "|/bin/cat", "/a|b", "%7Ccat", "file:/%7c", "||"] {
        assert_eq!(flaw(&format!("pkcs11:?pin-source={source}")), UriFlaw::PinCommand, "{source}");
    }
}

#[test]
fn every_other_attribute_is_refused_without_showing_it() {
    use UriFlaw::*;
    for (uri, expected) in [
        ("pkcs11:object=a?pin-value=hunter2", PinValue),
        ("pkcs11:object=a;pin-value=hunter2", PinValue),
        ("pkcs11:pin-value=hunter2", PinValue),
        ("pkcs11:?pin-source=/a&pin-value=hunter2", PinValue),
        ("pkcs11:object=a&pin-value=hunter2", Character),
        ("pkcs11:object=a?pin-source=/a?pin-value=hunter2", Character),
        ("pkcs11:object=a?pin-source=/a;pin-value=hunter2", Character),
        ("pkcs11:object=a?pin-value%3dhunter2", Attribute),
        ("pkcs11:object=a?module-path=/hunter2.so", Module),
        ("pkcs11:object=a?module-name=hunter2", Module),
        ("pkcs11:module-path=/hunter2.so", Module),
        ("pkcs11:x-hunter2=1", Attribute),
        ("pkcs11:object=a?hunter2=1", Attribute),
        ("pkcs11:object=a?pin-source", Attribute),
        ("pkcs11:Object=hunter2", Attribute),
        ("pkcs11:object", Attribute),
        ("pkcs11:object=a;", Attribute),
        ("pkcs11:;object=a", Attribute),
        ("pkcs11:?&pin-source=/a", Attribute),
        ("pkcs11:object=a;object=hunter2", Duplicate),
        ("pkcs11:type=cert;type=private", Duplicate),
        ("pkcs11:?pin-source=/a&pin-source=/hunter2", Duplicate),
        ("pkcs11:type=hunter2", Type),
        ("pkcs11:object=hunter 2", Character),
        ("pkcs11:object=hunter\n2", Character),
        ("pkcs11:object=hunter\u{e9}", Character),
        ("pkcs11:object=hunter#2", Character),
        ("pkcs11:object=hunter%2", Character),
        ("pkcs11:object=hunter%", Character),
        ("pkcs11:object=hunter%g0", Character),
        ("pkcs11:object=hunter%002", Character),
        ("pkcs11:?pin-source=/hunter%2", Character),
        ("handle:", Handle),
        ("handle:81000010", Handle),
        ("handle:0x", Handle),
        ("handle:0x810000100", Handle),
        ("handle:0xhunter2", Handle),
        ("handle:0x1?pass=hunter2", Handle),
        ("handle:0x1?pass?pass", Handle),
        ("file:/hunter2", Scheme),
        ("", Scheme),
    ] {
        assert_eq!(flaw(uri), expected, "{uri}");
        assert!(!expected.to_string().contains("hunter"), "{expected}");
    }
    assert_eq!(Uri::parse(b"pkcs11:object=\xff"), Err(Problem::Uri(Character)));
}

#[test]
fn the_length_is_bounded() {
    let longest = format!("pkcs11:object={}", "a".repeat(MAX_BYTES - 14));
    assert_eq!(good(&longest).to_string(), longest);
    assert_eq!(flaw(&(longest + "a")), UriFlaw::TooLong(MAX_BYTES));
}

#[test]
fn uris_of_the_same_token_have_the_same_text_for_it() {
    let token = |uri: &str| good(uri).token().to_owned();
    assert_eq!(token("pkcs11:object=a"), token("pkcs11:id=%01;type=cert?pin-source=/p"));
    assert_eq!(token("pkcs11:token=t;object=a;serial=1"), token("pkcs11:serial=1;token=t"));
    assert_ne!(token("pkcs11:token=t;object=a"), token("pkcs11:token=u;object=a"));
    assert_ne!(token("handle:0x1"), token("handle:0x2"));
}
