// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

fn entries(
    sslcert: &[u8],
    sslkey: Option<&[u8]>,
    sslpassword: Option<&[u8]>,
) -> Result<Vec<Entry>, Error> {
    super::entries(sslcert, sslkey, &Passwords::List(sslpassword))
}

fn ascii(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn split_text(value: &str, parameter: Parameter) -> Result<Vec<String>, Error> {
    Ok(split(value.as_bytes(), parameter)?.iter().map(|e| ascii(e)).collect())
}

#[test]
fn file_names_are_split_at_commas_and_trimmed_unless_quoted() {
    let table: &[(&str, &[&str])] = &[
        ("", &[""]),
        ("a", &["a"]),
        ("a,b", &["a", "b"]),
        (" a , b\t", &["a", "b"]),
        ("\n\x0b\x0c\ra\r\n,b", &["a", "b"]),
        ("a b,c d", &["a b", "c d"]),
        ("a,", &["a", ""]),
        (",a", &["", "a"]),
        (",,", &["", "", ""]),
        ("\"a,b\",c", &["a,b", "c"]),
        ("\" a \",b", &[" a ", "b"]),
        ("\"a\"\"b\",c", &["a\"b", "c"]),
        ("\"\"\"\",c", &["\"", "c"]),
        ("\"\",c", &["", "c"]),
        ("a, \"b,c\" ,d", &["a", "b,c", "d"]),
        ("a\"b,c\"d", &["a\"b", "c\"d"]),
    ];
    for (value, expected) in table {
        assert_eq!(split_text(value, Parameter::SslCert).unwrap(), *expected, "{value:?}");
        assert_eq!(split_text(value, Parameter::SslKey).unwrap(), *expected, "{value:?}");
    }
}

#[test]
fn passwords_are_not_trimmed() {
    let table: &[(&str, &[&str])] = &[
        ("", &[""]),
        (" a , b ", &[" a ", " b "]),
        (",password,dUmmyP^#+", &["", "password", "dUmmyP^#+"]),
        ("\"a,b\",c", &["a,b", "c"]),
        ("\" a \"\" \",c", &[" a \" ", "c"]),
        (" \"a\",b", &[" \"a\"", "b"]),
        ("a\"b,c", &["a\"b", "c"]),
    ];
    for (value, expected) in table {
        assert_eq!(split_text(value, Parameter::SslPassword).unwrap(), *expected, "{value:?}");
    }
}

#[test]
fn a_malformed_entry_is_reported_with_the_list_its_number_and_the_flaw() {
    use Parameter::{SslCert, SslKey, SslPassword};
    let table = [
        ("a,\"b", SslCert, 2, Flaw::UnclosedQuote),
        ("\"", SslKey, 1, Flaw::UnclosedQuote),
        ("a,b,\"c\"\"", SslCert, 3, Flaw::UnclosedQuote),
        ("\"a\"x,b", SslCert, 1, Flaw::TextAfterQuote),
        ("\"a\" x,b", SslKey, 1, Flaw::TextAfterQuote),
        ("x,\"a\" ,b", SslPassword, 2, Flaw::TextAfterQuote),
        ("x,\"a", SslPassword, 2, Flaw::UnclosedQuote),
    ];
    for (value, parameter, entry, flaw) in table {
        let error = split_text(value, parameter).unwrap_err();
        assert_eq!(error, Error::Grammar { parameter, entry, flaw }, "{value:?}");
        let words = error.to_string();
        assert!(words.contains(&format!("entry {entry} of {parameter}")), "{words}");
    }
}

#[test]
fn a_value_is_a_list_if_it_names_no_file_and_has_several_entries() {
    let dir = tempfile::tempdir().unwrap();
    let comma = dir.path().join("a,b.crt");
    std::fs::write(&comma, "").unwrap();
    let existing = comma.as_os_str().as_bytes();
    assert!(!is_list(existing), "an existing file, commas and all");
    for (value, expected) in [
        ("", false),
        ("a", false),
        ("a,b", true),
        ("a,", true),
        (",", true),
        ("\"a,b\"", false),
        ("\"a,b\",c", true),
        ("\"a", false),
        ("\"a,b", true),
        ("\"a\"x,b", true),
    ] {
        assert_eq!(is_list(value.as_bytes()), expected, "{value:?}");
    }
}

#[test]
fn a_single_entry_is_unquoted_unless_it_is_the_name_of_an_existing_file() {
    let dir = tempfile::tempdir().unwrap();
    let quoted = dir.path().join(" \"a\"");
    std::fs::write(&quoted, "").unwrap();
    assert_eq!(only_entry(quoted.as_os_str().as_bytes()), quoted);
    for (value, entry) in
        [("a", "a"), (" a ", "a"), ("\"a,b\"", "a,b"), ("\"a\"b", "\"a\"b"), ("", "")]
    {
        assert_eq!(only_entry(value.as_bytes()), Path::new(entry));
    }
}

fn shown(entries: &[Entry]) -> Vec<(String, Option<String>, Option<String>)> {
    let path = |p: &PathBuf| ascii(p.as_os_str().as_bytes());
    entries
        .iter()
        .map(|e| {
            let password = e.password.as_ref().map(|p| ascii(p.bytes()));
            (path(&e.certificate), e.key.as_ref().map(path), password)
        })
        .collect()
}

fn text(value: Option<&str>) -> Option<&[u8]> {
    value.map(str::as_bytes)
}

type Shown<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

#[test]
fn entry_n_of_each_list_belongs_together() {
    let table: &[(Shown, &[Shown])] = &[
        (("a", None, None), &[("a", None, None)]),
        (("a", Some(""), Some("")), &[("a", None, None)]),
        (("a,b", None, None), &[("a", None, None), ("b", None, None)]),
        (("a,b", Some("k, "), None), &[("a", Some("k"), None), ("b", None, None)]),
        (("a,b", None, Some(",p")), &[("a", None, None), ("b", None, Some("p"))]),
        (
            ("a,b,c", Some("k1,k2,k3"), Some(",password,dUmmyP^#+")),
            &[
                ("a", Some("k1"), None),
                ("b", Some("k2"), Some("password")),
                ("c", Some("k3"), Some("dUmmyP^#+")),
            ],
        ),
        // With one certificate, the other values are not split.
        (("a", Some(" k,1\""), Some("\"p,q")), &[("a", Some(" k,1\""), Some("\"p,q"))]),
        (("\"a,b\"", Some("k,1"), Some("p,q")), &[("a,b", Some("k,1"), Some("p,q"))]),
    ];
    for ((cert, key, password), expected) in table {
        let entries = entries(cert.as_bytes(), text(*key), text(*password)).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .map(|(c, k, p)| ((*c).to_owned(), k.map(str::to_owned), p.map(str::to_owned)))
            .collect();
        assert_eq!(shown(&entries), expected, "{cert:?} {key:?}");
    }
}

#[test]
fn the_name_of_an_existing_file_may_contain_commas() {
    let dir = tempfile::tempdir().unwrap();
    let comma = dir.path().join(" a, \"b.crt ");
    std::fs::write(&comma, "").unwrap();
    let name = comma.as_os_str().as_bytes();
    let entries = entries(name, Some(b"x,y"), Some(b"1,2,3")).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].certificate, comma);
    assert_eq!(entries[0].key.as_deref(), Some(Path::new("x,y")));
}

#[test]
fn counts_that_disagree_have_a_fixed_text() {
    let table = [
        ("a,b", Some("k1,k2"), Some(",,"), "could not match 3 sslpassword to 2 sslkey values"),
        ("a,b", Some("k1,k2,k3"), None, "could not match 2 sslcert to 3 sslkey values"),
        ("a,b", Some("k1,k2,k3"), Some("p"), "could not match 2 sslcert to 3 sslkey values"),
        ("a,b", Some("k"), None, "could not match 2 sslcert to 1 sslkey values"),
        ("a,b", None, Some("p"), "could not match 1 sslpassword to 2 sslcert values"),
    ];
    for (cert, key, password, expected) in table {
        let error = entries(cert.as_bytes(), text(key), text(password)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn an_empty_certificate_and_a_zero_byte_are_errors_of_their_entry() {
    type Row<'a> = (&'a [u8], Option<&'a [u8]>, Option<&'a [u8]>, &'a str);
    let table: &[Row] = &[
        (b"", None, None, "entry 1 of sslcert is empty"),
        (b"a,,c", None, None, "entry 2 of sslcert is empty"),
        (b"a,\"\"", None, None, "entry 2 of sslcert is empty"),
        (b"a,b\0", None, None, "entry 2 of sslcert contains a NUL byte"),
        (b"a,b", Some(b"k,\0"), None, "entry 2 of sslkey contains a NUL byte"),
        (b"a,b", None, Some(b"x\0,"), "entry 1 of sslpassword contains a NUL byte"),
    ];
    for (cert, key, password, expected) in table {
        let words = entries(cert, *key, *password).unwrap_err().to_string();
        assert!(words.starts_with(expected), "{words}");
    }
}

#[test]
fn no_error_and_no_debug_output_shows_a_password() {
    let bad = entries(b"a,b", Some(b"k,l"), Some(b"\"hunter2\"x,y")).unwrap_err();
    assert!(!format!("{bad} {bad:?}").contains("hunter2"), "{bad}");
    let good = entries(b"a,b", None, Some(b"hunter2,y")).unwrap();
    assert!(!format!("{good:?}").contains("hunter2"));
}

#[test]
fn a_hundred_thousand_commas_are_an_error_of_the_first_entry() {
    let commas = vec![b','; 100_000];
    assert!(is_list(&commas));
    let error = entries(&commas, None, None).unwrap_err();
    assert_eq!(
        error,
        Error::Grammar { parameter: Parameter::SslCert, entry: 1, flaw: Flaw::Empty }
    );
    let error = entries(b"a,b", Some(&commas), None).unwrap_err().to_string();
    assert_eq!(error, "could not match 2 sslcert to 100001 sslkey values");
}

#[test]
fn passwords_may_be_given_one_per_line() {
    let table: &[(&[u8], &[Option<&str>])] = &[
        (b"a\nb\n", &[Some("a"), Some("b")]),
        (b"a\nb", &[Some("a"), Some("b")]),
        (b"\nb\r\n", &[None, Some("b")]),
        (b" a,\"b\n\n", &[Some(" a,\"b"), None]),
    ];
    for (bytes, expected) in table {
        let entries = super::entries(b"x,y", None, &Passwords::Lines(bytes)).unwrap();
        let passwords: Vec<_> =
            entries.iter().map(|e| e.password.as_ref().map(|p| ascii(p.bytes()))).collect();
        let expected: Vec<_> = expected.iter().map(|p| p.map(str::to_owned)).collect();
        assert_eq!(passwords, expected, "{bytes:?}");
    }
    let short = super::entries(b"x,y", Some(b"k,l"), &Passwords::Lines(b"a\n")).unwrap_err();
    assert_eq!(short.to_string(), "could not match 1 sslpassword to 2 sslkey values");
}
