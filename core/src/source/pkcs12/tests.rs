// SPDX-License-Identifier: MIT OR Apache-2.0

mod attack;
mod encoding;
mod errors;
pub(super) mod files;
mod matching;

use super::*;
use crate::x509::certificate::Certificate;
use openssl::x509::X509;

const NAME: &str = "client.p12";

pub(super) fn secret(password: &str) -> Option<Secret> {
    Secret::new(password.as_bytes())
}

fn open_with(content: &[u8], password: &str) -> Result<Vec<Pkcs12Credential>, Cause> {
    let mut shared = SharedCertificates::default();
    let opened = open(content, Path::new(NAME), secret(password).as_ref(), &mut shared);
    let queue = openssl::error::ErrorStack::get();
    assert!(queue.errors().is_empty(), "{queue}");
    opened
}

fn key_with(
    content: &[u8],
    password: &str,
    keys: &[usize],
    leaf: &X509Ref,
) -> Result<PKey<Private>, Cause> {
    let key = key_of(content, Path::new(NAME), secret(password).as_ref(), keys, leaf);
    let queue = openssl::error::ErrorStack::get();
    assert!(queue.errors().is_empty(), "{queue}");
    key
}

/// Returns the names of leaf and other certificates of each credential, after loading its key.
fn credentials(content: &[u8], password: &str) -> Vec<Vec<String>> {
    assert!(is_pkcs12(content));
    let opened = open_with(content, password).unwrap();
    let names = |opened: &Pkcs12Credential| {
        let leaf = leaf(opened);
        let key = key_with(content, password, &opened.keys, &leaf).unwrap();
        assert!(key.public_eq(&leaf.public_key().unwrap()));
        std::iter::once(&opened.bundle.leaf).chain(&opened.bundle.extra).map(|x| name(x)).collect()
    };
    opened.iter().map(names).collect()
}

fn leaf(opened: &Pkcs12Credential) -> X509 {
    opened.bundle.leaf.get().unwrap().clone()
}

fn name(certificate: &Certificate) -> String {
    let subject = certificate.get().unwrap().subject_name();
    String::from_utf8(
        subject
            .entries_by_nid(openssl::nid::Nid::COMMONNAME)
            .next()
            .unwrap()
            .data()
            .as_slice()
            .to_vec(),
    )
    .unwrap()
}

fn status(cause: &Cause) -> crate::Status {
    crate::Error::Entry { number: 1, cause: cause.clone() }.status()
}
