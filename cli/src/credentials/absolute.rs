// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sslcert` and `sslkey` lists with absolute names, because the program may change its working
//! directory.

use super::absolute_path;
use crate::failure::Failure;
use certpick_core::list::{self, Entry, Passwords};
use certpick_core::text::is_printable;
use certpick_core::uri::is_uri;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Values of `sslcert` and `sslkey`.
#[derive(Debug, PartialEq, Eq)]
pub struct Lists {
    pub sslcert: Vec<u8>,
    pub sslkey: Option<Vec<u8>>,
}

impl Lists {
    /// Returns the lists as text to copy. Returns `None` if a name can only be printed with
    /// escapes.
    pub fn text(&self) -> Option<(&str, Option<&str>)> {
        let text = |list| std::str::from_utf8(list).ok().filter(|list| is_printable(list));
        let sslkey = match &self.sslkey {
            Some(list) => Some(text(list)?),
            None => None,
        };
        Some((text(&self.sslcert)?, sslkey))
    }
}

/// The entries of sslcert and sslkey.
type Pair = (PathBuf, Option<PathBuf>);

/// Returns lists that the library parses to the same files as these entries.
pub fn lists(entries: &[Entry]) -> Result<Lists, Failure> {
    let absolute = |entry: &Entry| {
        let key = entry.key.as_deref().map(absolute_name).transpose()?;
        Ok((absolute_name(&entry.certificate)?, key))
    };
    let files: Vec<Pair> = entries.iter().map(absolute).collect::<Result<_, Failure>>()?;
    // An unquoted list may be the name of an existing file as a whole, and the library would take
    // it as that file. Then every entry is quoted.
    for quote in [Quote::IfNeeded, Quote::Always] {
        let lists = write(&files, quote);
        if read(&lists).is_some_and(|found| found == files) {
            return Ok(lists);
        }
    }
    Err(Failure::new("the file names in --sslcert and --sslkey cannot be written as lists"))
}

/// Returns a URI as it is, and otherwise the absolute name of a file, directory or configuration file.
fn absolute_name(name: &Path) -> Result<PathBuf, Failure> {
    let bytes = name.as_os_str().as_bytes();
    if let Some(file) = bytes.strip_prefix(list::CONFIG_PREFIX) {
        let file = absolute_path(Path::new(OsStr::from_bytes(file)))?;
        let all = [list::CONFIG_PREFIX, file.as_os_str().as_bytes()].concat();
        return Ok(PathBuf::from(OsString::from_vec(all)));
    }
    if is_uri(bytes) { Ok(name.to_owned()) } else { absolute_path(name) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    IfNeeded,
    Always,
}

fn write(files: &[Pair], quote: Quote) -> Lists {
    let name = |path: &Path| entry(path.as_os_str().as_bytes(), quote);
    let certificates: Vec<Vec<u8>> = files.iter().map(|(c, _)| name(c)).collect();
    let sslkey = match files {
        // With one certificate the library does not split sslkey.
        [(_, key)] => key.as_ref().map(|k| k.as_os_str().as_bytes().to_vec()),
        _ if files.iter().all(|(_, key)| key.is_none()) => None,
        _ => {
            let keys: Vec<Vec<u8>> =
                files.iter().map(|(_, k)| k.as_deref().map(name).unwrap_or_default()).collect();
            Some(keys.join(&b","[..]))
        }
    };
    Lists { sslcert: certificates.join(&b","[..]), sslkey }
}

/// Quotes a list entry.
fn entry(name: &[u8], quote: Quote) -> Vec<u8> {
    let is_space = |b: &u8| b.is_ascii_whitespace() || *b == 0x0b;
    // An absolute name cannot begin with a quote or white space.
    let plain = !name.contains(&b',') && !name.last().is_some_and(is_space);
    if plain && quote == Quote::IfNeeded {
        return name.to_vec();
    }
    let mut quoted = vec![b'"'];
    for byte in name {
        if *byte == b'"' {
            quoted.push(b'"');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    quoted
}

fn read(lists: &Lists) -> Option<Vec<Pair>> {
    let found =
        list::entries(&lists.sslcert, lists.sslkey.as_deref(), &Passwords::List(None)).ok()?;
    Some(found.into_iter().map(|e| (e.certificate, e.key)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absolute(sslcert: &str, sslkey: Option<&str>) -> (String, Option<String>) {
        let sslkey = sslkey.map(str::as_bytes);
        let entries = list::entries(sslcert.as_bytes(), sslkey, &Passwords::List(None)).unwrap();
        let lists = lists(&entries).unwrap();
        let here = format!("{}/", std::env::current_dir().unwrap().display());
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&here, "HERE/");
        (text(lists.sslcert), lists.sslkey.map(text))
    }

    #[test]
    fn every_name_becomes_absolute_and_keeps_its_position() {
        for (sslcert, sslkey, expected, expected_key) in [
            ("a.crt", None, "HERE/a.crt", None),
            ("a.crt", Some("a.key"), "HERE/a.crt", Some("HERE/a.key")),
            ("a, /etc/b", Some("c,d"), "HERE/a,/etc/b", Some("HERE/c,HERE/d")),
            ("a,b", None, "HERE/a,HERE/b", None),
            ("a,b", Some(","), "HERE/a,HERE/b", None),
            ("a,b,c", Some(",k,"), "HERE/a,HERE/b,HERE/c", Some(",HERE/k,")),
            ("./a,../b", None, "HERE/a,HERE/../b", None),
            ("/a,/b", Some("/c,/d"), "/a,/b", Some("/c,/d")),
            ("a/,b", Some("keys/,"), "HERE/a/,HERE/b", Some("HERE/keys/,")),
            ("pkcs11:object=a", None, "pkcs11:object=a", None),
            ("a,handle:0x1", Some("pkcs11:,k"), "HERE/a,handle:0x1", Some("pkcs11:,HERE/k")),
            ("certpick:f,a", None, "certpick:HERE/f,HERE/a", None),
        ] {
            let got = absolute(sslcert, sslkey);
            assert_eq!(got, (expected.to_owned(), expected_key.map(str::to_owned)), "{sslcert}");
        }
    }

    #[test]
    fn names_with_special_characters_are_quoted() {
        for (sslcert, expected) in [
            (r#""a,b",c"#, r#""HERE/a,b",HERE/c"#),
            (r#""a,b""#, r#""HERE/a,b""#),
            (r#"" a",c"#, r#"HERE/ a,HERE/c"#),
            (r#""a ",c"#, r#""HERE/a ",HERE/c"#),
            (r#""a""b",c"#, r#"HERE/a"b,HERE/c"#),
            (r#""pkcs11:object=a,b",c"#, r#""pkcs11:object=a,b",HERE/c"#),
            (r#""certpick:a,b",c"#, r#""certpick:HERE/a,b",HERE/c"#),
            (r#""a,""b",c"#, r#""HERE/a,""b",HERE/c"#),
            ("\"a\x0b\",c", "\"HERE/a\x0b\",HERE/c"),
        ] {
            assert_eq!(absolute(sslcert, None).0, expected, "{sslcert}");
        }
    }

    #[test]
    fn the_key_of_a_single_certificate_is_never_quoted() {
        assert_eq!(absolute("a", Some("k,1 ")).1.as_deref(), Some("HERE/k,1 "));
    }

    #[test]
    fn a_list_that_equals_the_name_of_an_existing_file_is_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let entry = |name| {
            let certificate = directory.path().join(name);
            Entry { certificate, key: None, password: None }
        };
        let entries = [entry("a"), entry("b")];
        let plain = lists(&entries).unwrap().sslcert;
        let file = PathBuf::from(String::from_utf8(plain.clone()).unwrap());
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        let quoted = lists(&entries).unwrap();
        assert_ne!(quoted.sslcert, plain);
        assert_eq!(read(&quoted).unwrap().len(), 2);
    }
}
