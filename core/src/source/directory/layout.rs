// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names by which programs store certificates and their keys in a directory.

use crate::hash::Set;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The names of the files of a directory. Hidden files are left out.
pub type Names = Set<OsString>;

/// The kind of a file by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A PEM file that may contain a certificate.
    Certificate,
    /// A PKCS#12 file.
    Pkcs12,
    /// A private key.
    Key,
}

/// Returns the kind of a file; `None` if no layout has such a name.
pub fn kind(name: &OsStr) -> Option<Kind> {
    let (stem, extension) = split(name.as_bytes())?;
    let is_any = |known: &[&[u8]]| known.iter().any(|k| k.eq_ignore_ascii_case(extension));
    if is_any(&[b"p12", b"pfx"]) {
        return Some(Kind::Pkcs12);
    }
    if is_any(&[b"key"]) {
        return Some(Kind::Key);
    }
    if is_any(&[b"pem"]) {
        let is_key = stem.ends_with(b"-key")
            || stem.ends_with(b"_key")
            || stem == b"privkey"
            || stem == b"key";
        return Some(if is_key { Kind::Key } else { Kind::Certificate });
    }
    is_any(&[b"crt", b"cer", b"cert"]).then_some(Kind::Certificate)
}

/// Returns the files that may contain the key of the certificate file `name`, if they are in `names`.
pub fn keys(name: &OsStr, names: &Names) -> Vec<OsString> {
    let Some((stem, extension)) = split(name.as_bytes()) else { return Vec::new() };
    let mut found = Vec::new();
    let mut add = |parts: &[&[u8]]| {
        let key = OsString::from_vec(parts.concat());
        if names.contains(&key) {
            found.push(key);
        }
    };
    for ending in [&b".key"[..], b".KEY", b"-key.pem", b"_key.pem"] {
        add(&[stem, ending]);
    }
    if extension.eq_ignore_ascii_case(b"pem") {
        // cfssl, docker and many instructions.
        match stem.strip_suffix(b"-cert") {
            Some(stem) => add(&[stem, b"-key.pem"]),
            None if stem == b"cert" => add(&[b"key.pem"]),
            None => {}
        }
        if stem == b"fullchain" || stem == b"cert" {
            add(&[b"privkey.pem"]);
        }
    }
    found
}

/// Splits a name at its last dot.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0)?;
    Some((name.get(..dot)?, name.get(dot + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of(name: &str, names: &[&str]) -> Vec<String> {
        let names: Names = names.iter().map(Into::into).collect();
        keys(name.as_ref(), &names).into_iter().map(|key| key.into_string().unwrap()).collect()
    }

    #[test]
    fn names_have_kinds() {
        for (name, expected) in [
            ("a.crt", Some(Kind::Certificate)),
            ("a.CER", Some(Kind::Certificate)),
            ("a.cert", Some(Kind::Certificate)),
            ("a.b.pem", Some(Kind::Certificate)),
            ("monkey.pem", Some(Kind::Certificate)),
            ("a.p12", Some(Kind::Pkcs12)),
            ("a.PFX", Some(Kind::Pkcs12)),
            ("a.key", Some(Kind::Key)),
            ("privkey.pem", Some(Kind::Key)),
            ("key.pem", Some(Kind::Key)),
            ("svid_key.pem", Some(Kind::Key)),
            ("a-key.pem", Some(Kind::Key)),
            ("a.crl", None),
            ("a.crt.bak", None),
            ("crt", None),
            (".crt", None),
        ] {
            assert_eq!(kind(name.as_ref()), expected, "{name}");
        }
    }

    #[test]
    fn keys_are_found_by_the_names_of_each_layout() {
        for (certificate, key) in [
            ("alice.crt", "alice.key"),
            ("alice.pem", "alice-key.pem"),
            ("alice.cer", "alice_key.pem"),
            ("alice-cert.pem", "alice-key.pem"),
            ("fullchain.pem", "privkey.pem"),
            ("cert.pem", "privkey.pem"),
            ("cert.pem", "key.pem"),
            ("tls.crt", "tls.key"),
            ("svid.pem", "svid_key.pem"),
        ] {
            assert_eq!(keys_of(certificate, &[certificate, key, "x.key"]), [key], "{certificate}");
            assert_eq!(keys_of(certificate, &[certificate, "x.key"]), [""; 0], "{certificate}");
        }
        assert_eq!(keys_of("a.crt", &["privkey.pem", "key.pem"]), [""; 0]);
        assert_eq!(keys_of("a.pem", &["a-key.pem", "a.key"]), ["a.key", "a-key.pem"]);
    }
}
