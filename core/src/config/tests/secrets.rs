// SPDX-License-Identifier: MIT OR Apache-2.0
//! A file that was named by mistake is not shown.

use super::*;

/// Files with secrets, and words of them.
const FILES: [(&str, &str); 12] = [
    ("db.example:5432:*:app:hunter2secret\n", "db.example 5432 app hunter2"),
    ("hunter2secret\n", "hunter2 secret"),
    ("hunter2secret", "hunter2 secret"),
    ("[hunter2secret]\n", "hunter2 secret"),
    ("c2VjcmV0cGFzc3dvcmQ=\n", "c2VjcmV0 cGFzc3dvcmQ"),
    ("c2VjcmV0cGFzc3dvcg==\n", "c2VjcmV0 cGFzc3dvcg"),
    ("root:$6$saltsalt$hashhashhash:19000:0:99999:7:::\n", "root saltsalt hashhash 19000"),
    (
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAB\n-----END PRIVATE KEY-----\n",
        "BEGIN MC4C PRIVATE",
    ),
    ("# a comment with hunter2secret\n", "hunter2 comment"),
    ("PGPASSWORD=hunter2secret\n", "hunter2 PGPASSWORD"),
    ("user = app\npassword = \"hunter2secret\"\n", "hunter2 app"),
    ("[server]\nkey = \"hunter2secret\"\n", "hunter2 server"),
];

/// Fails if an error shows one of `words`.
fn check(content: &str, words: &str) {
    for bytes in [content.as_bytes(), content.replace('\n', "\r\n").as_bytes()] {
        let error = parse(bytes).unwrap_err();
        let shown = format!("{error} {error:?} {}", crate::Error::from(error.clone()));
        for word in words.split(' ') {
            assert!(!shown.contains(word), "{word} in {shown}");
        }
    }
}

#[test]
fn an_error_shows_nothing_of_a_file_with_secrets() {
    for (content, words) in FILES {
        check(content, words);
    }
}

#[test]
fn an_error_shows_nothing_of_a_file_with_secrets_below_a_configuration() {
    for (content, words) in FILES {
        for before in
            ["[[credential]]\n", "[[credential]]\nsslcert = 'a'\nhosts = [", "x = \"\"\"\n"]
        {
            let words = words.replace("root ", "").replace("server", "hunter2");
            if parse(format!("{before}{content}")).is_err() {
                check(&format!("{before}{content}"), &words);
            }
        }
    }
}

#[test]
fn an_error_shows_no_value() {
    const SECRET: &str = "hunter2secret";
    let certificate = "[[credential]]\nsslcert = \"a\"\n";
    for wrong in [
        "pin = \"hunter2secret\"",
        "\"hunter2 secret hunter2secret\" = 1",
        "hunter2secret.a = 1",
        "sslkey = hunter2secret",
        "sslkey = \"hunter2secret\\u0000\"",
        "sslkey = \"hunter2secret",
        "sslkey = [\"hunter2secret\"]",
        "hosts = \"hunter2secret\"",
        "hosts = [\"hunter2secret\" \"b\"]",
        "hosts = [\"hunter2secret \"]",
        "hosts = [\"hunter2secret:70000\"]",
        "hosts = [\"/hunter2secret\"]",
        "users = [\"\", \"hunter2secret\"]",
        "verified = \"hunter2secret\"",
        "sslcert = \"hunter2secret\"",
        "[hunter2secret]",
        "hunter2secret",
        "# hunter2secret\0",
    ] {
        let error = parse(format!("{certificate}{wrong}\n")).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
    for value in ["certpick:hunter2secret", "hunter2secret,b"] {
        let error = parse(format!("[[credential]]\nsslcert = \"{value}\"")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    }
}

#[test]
fn an_error_has_one_line_of_printable_text() {
    for (content, _) in FILES {
        let error = Config::parse(Path::new("/a\n\u{202e}"), content.as_bytes()).unwrap_err();
        assert!(crate::text::is_printable(&error.to_string()), "{error}");
    }
}
