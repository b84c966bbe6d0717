// SPDX-License-Identifier: MIT OR Apache-2.0
//! The credentials of a directory, by the names and the plain content of its files.

/// A certificate of the test.
#[derive(Clone, Copy, Debug)]
pub struct Leaf {
    /// Distinguishes certificates.
    pub number: usize,
    pub is_ca: bool,
    /// The day on which it ends.
    pub ends: i64,
    /// The number of the certificate that issued it.
    pub issuer: Option<usize>,
}

/// What a file contains.
#[derive(Clone, Copy, Debug, Default)]
pub struct Content {
    /// The leaf if the certificates can be read.
    pub leaf: Option<Leaf>,
    /// The number of other certificates.
    pub others: usize,
    /// Whether there is something that looks like a certificate in PEM.
    pub has_certificate: bool,
    /// Whether there is something that looks like a private key in PEM.
    pub has_key: bool,
    /// The number of the certificate to which the key belongs.
    pub key_of: Option<usize>,
    pub is_pkcs12: bool,
    /// Whether the password of the PKCS#12 file is "secret", not the empty one.
    pub has_password: bool,
}

/// A file of a directory.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    pub name: &'a [u8],
    pub what: What,
}

#[derive(Clone, Copy, Debug)]
pub enum What {
    /// A regular file, or a link to one. `is_open`: others may read it.
    Regular { content: Content, is_open: bool },
    /// A directory.
    Directory,
    /// A link to nothing.
    Dangling,
}

/// A credential.
#[derive(Clone, Debug)]
pub struct Credential<'a> {
    pub name: &'a [u8],
    pub leaf: Leaf,
    others: usize,
    /// Whether one of its files has the key.
    pub has_key: bool,
}

/// Returns the credentials in their order; `None` if the directory is refused.
pub fn credentials<'a>(files: &[File<'a>], has_password: bool) -> Option<Vec<Credential<'a>>> {
    let mut found: Vec<Credential<'_>> = Vec::new();
    for file in files.iter().filter(|file| !file.name.starts_with(b".")) {
        let keys: Vec<&File<'_>> =
            files.iter().filter(|other| is_key_of(other.name, file.name)).collect();
        match (extension(file.name).as_slice(), file.what) {
            (b"p12" | b"pfx", What::Dangling) => return None,
            (b"p12" | b"pfx", What::Regular { content, is_open }) => {
                if is_open || !content.is_pkcs12 || content.has_password != has_password {
                    return None;
                }
                let (leaf, others) = (content.leaf?, content.others);
                found.push(Credential { name: file.name, leaf, others, has_key: true });
            }
            (b"crt" | b"cer" | b"cert" | b"pem", _) if is_key_name(file.name) => {}
            (b"crt" | b"cer" | b"cert" | b"pem", What::Dangling) if !keys.is_empty() => {
                return None;
            }
            (b"crt" | b"cer" | b"cert" | b"pem", What::Regular { content, .. }) => {
                let is_credential = match (content.has_certificate, content.has_key) {
                    (true, has_key) => has_key || !keys.is_empty(),
                    (false, has_key) => !has_key && !keys.is_empty(),
                };
                if is_credential {
                    let leaf = content.leaf.filter(|_| content.has_certificate)?;
                    let has_key = |content: &Content| content.key_of == Some(leaf.number);
                    let has_key = has_key(&content)
                        || keys.iter().any(|key| match &key.what {
                            What::Regular { content, .. } => has_key(content),
                            _ => false,
                        });
                    found.push(Credential {
                        name: file.name,
                        leaf,
                        others: content.others,
                        has_key,
                    });
                }
            }
            _ => {}
        }
    }
    found.retain(|one| !one.leaf.is_ca);
    let mut kept: Vec<Credential<'_>> = Vec::new();
    found.sort_by_key(|one| (usize::MAX - one.others, one.name));
    for one in found {
        match kept.iter_mut().find(|kept| kept.leaf.number == one.leaf.number) {
            Some(kept) => kept.has_key |= one.has_key,
            None => kept.push(one),
        }
    }
    let all = kept.clone();
    kept.retain(|one| !all.iter().any(|other| other.leaf.issuer == Some(one.leaf.number)));
    kept.sort_by_key(|one| (-one.leaf.ends, one.name));
    (!kept.is_empty()).then_some(kept)
}

fn extension(name: &[u8]) -> Vec<u8> {
    match name.iter().rposition(|byte| *byte == b'.') {
        Some(dot) if dot > 0 => name[dot + 1..].to_ascii_lowercase(),
        _ => Vec::new(),
    }
}

fn stem(name: &[u8]) -> &[u8] {
    &name[..name.len() - extension(name).len() - 1]
}

/// Returns whether a PEM file has the name of a key.
fn is_key_name(name: &[u8]) -> bool {
    let stem = stem(name);
    extension(name) == b"pem"
        && (stem.ends_with(b"-key")
            || stem.ends_with(b"_key")
            || [&b"key"[..], b"privkey"].contains(&stem))
}

/// Returns whether `key` is the name of a key file for `certificate`.
fn is_key_of(key: &[u8], certificate: &[u8]) -> bool {
    if key.starts_with(b".") || extension(certificate).is_empty() {
        return false;
    }
    let stem = stem(certificate);
    let is = |start: &[u8], end: &str| key == [start, end.as_bytes()].concat();
    let mut fits = [".key", ".KEY", "-key.pem", "_key.pem"].iter().any(|end| is(stem, end));
    if extension(certificate) == b"pem" {
        if let Some(stem) = stem.strip_suffix(b"-cert") {
            fits |= is(stem, "-key.pem");
        }
        fits |= stem == b"cert" && (key == b"key.pem" || key == b"privkey.pem");
        fits |= stem == b"fullchain" && key == b"privkey.pem";
    }
    fits
}
