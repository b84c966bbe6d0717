// SPDX-License-Identifier: MIT OR Apache-2.0
//! Test files for `certpick check`.

use crate::support::Scene;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKeyRef, Private};
use openssl::sign::Signer;
use openssl::stack::Stack;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Builder, X509Extension};
use std::process::Command;
use testkit::certificates::{Identity, Subject, now, pem, time_text};
use testkit::der::element;

/// Returns `certpick check` with these options, separated by white space.
pub fn check(scene: &Scene, options: &str) -> Command {
    let mut command = scene.command(env!("CARGO_BIN_EXE_certpick"));
    command.arg("check").args(options.split_whitespace());
    command
}

/// Writes NAME.crt and NAME.key.
pub fn pair(scene: &Scene, name: &str, identity: &Identity) {
    bundle(scene, name, identity, &[]);
}

/// Like [`pair`], with these certificates after the leaf.
pub fn bundle(scene: &Scene, name: &str, identity: &Identity, others: &[&Identity]) {
    let all = std::iter::once(identity).chain(others.iter().copied());
    certificates(scene, &format!("{name}.crt"), &all.collect::<Vec<_>>());
    scene.write(format!("{name}.key"), identity.key_pem());
}

pub fn certificates(scene: &Scene, file: &str, all: &[&Identity]) {
    let all: Vec<&X509> = all.iter().map(|i| &i.certificate).collect();
    scene.write(file, pem(&all));
}

/// Writes a PKCS#12 file with the key of `identity`, its certificate, and others, as OpenSSL 3 does.
pub fn pkcs12(
    scene: &Scene,
    file: &str,
    identity: &Identity,
    others: &[&Identity],
    password: &str,
) {
    pkcs12_with(scene, file, identity, others, password, Nid::AES_256_CBC, 2048);
}

/// Like [`pkcs12`], with this algorithm and number of iterations.
pub fn pkcs12_with(
    scene: &Scene,
    file: &str,
    identity: &Identity,
    others: &[&Identity],
    password: &str,
    algorithm: Nid,
    iterations: u32,
) {
    let mut stack = Stack::new().unwrap();
    for other in others {
        stack.push(other.certificate.clone()).unwrap();
    }
    let mut builder = Pkcs12::builder();
    builder.pkey(&identity.key).cert(&identity.certificate).ca(stack);
    builder.key_algorithm(algorithm).cert_algorithm(algorithm).key_iter(iterations);
    scene.write(file, builder.build2(password).unwrap().to_der().unwrap());
}

/// Writes a PKCS#12 file that is not encrypted, with each certificate and key.
pub fn plain_pkcs12(scene: &Scene, file: &str, pairs: &[(&X509, &PKeyRef<Private>)]) {
    /// pkcs-12 BagIds (RFC 7292, appendix D), without the last number.
    const BAG: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01";
    const X509_CERTIFICATE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";
    const LOCAL_KEY_ID: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x15";
    const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    let sequence = |parts: &[Vec<u8>]| element(0x30, &parts.concat());
    let bag = |number: u8, value: &[u8], id: usize| {
        let id = element(0x31, &element(4, &id.to_be_bytes()));
        let id = sequence(&[element(6, LOCAL_KEY_ID), id]);
        let oid = element(6, &[BAG, &[number]].concat());
        sequence(&[oid, element(0xa0, value), element(0x31, &id)])
    };
    let both = |(id, (certificate, key)): (usize, &(&X509, &PKeyRef<Private>))| {
        let certificate = element(0xa0, &element(4, &certificate.to_der().unwrap()));
        let certificate = sequence(&[element(6, X509_CERTIFICATE), certificate]);
        let key = key.private_key_to_pkcs8().unwrap();
        [bag(3, &certificate, id), bag(1, &key, id)].concat()
    };
    let data = |content: &[u8]| {
        sequence(&[element(6, DATA), element(0xa0, &element(4, &element(0x30, content)))])
    };
    let bags: Vec<u8> = pairs.iter().enumerate().flat_map(both).collect();
    scene.write(file, sequence(&[element(2, &[3]), data(&data(&bags))]));
}

pub fn chmod(scene: &Scene, file: &str, mode: u32) {
    testkit::directory::set_mode(scene.path(file), mode);
}

/// Creates an extension from the notation of OpenSSL's configuration files.
pub fn extension(oid: &str, value: &str) -> X509Extension {
    #[allow(deprecated)] // the only function that accepts every extension
    X509Extension::new(None, None, oid, value).unwrap()
}

/// Returns a subject with these alternative names.
pub fn host(common_name: &str, names: &[&str]) -> Subject {
    let builder = X509Builder::new().unwrap();
    let context = builder.x509v3_context(None, None);
    let mut all = SubjectAlternativeName::new();
    for name in names {
        match name.parse::<std::net::IpAddr>() {
            Ok(_) => all.ip(name),
            Err(_) => all.dns(name),
        };
    }
    Subject::new(common_name).extension(all.build(&context).unwrap())
}

/// Creates a self-signed certificate of this version (counted from 0) with only these extensions.
pub fn bare_root(
    common_name: &str,
    version: i32,
    extensions: impl IntoIterator<Item = X509Extension>,
) -> Identity {
    let subject = Subject::new(common_name).version(version).bare();
    Identity::self_signed(extensions.into_iter().fold(subject, Subject::extension))
}

/// Creates a CRL (RFC 5280, section 5) in PEM. `from` and `until` are thisUpdate and nextUpdate, in
/// days from now.
pub fn revocations(
    issuer: &Identity,
    signer: &PKeyRef<Private>,
    from: i64,
    until: Option<i64>,
    revoked: &[&Identity],
) -> Vec<u8> {
    // ecdsa-with-SHA256
    const ALGORITHM: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let entries: Vec<u8> = revoked
        .iter()
        .flat_map(|identity| {
            let serial = identity.certificate.serial_number().to_bn().unwrap().to_vec();
            // A leading zero keeps the INTEGER positive.
            let zero: &[u8] = if serial[0] < 0x80 { &[] } else { &[0] };
            let serial = element(2, &[zero, &serial[..]].concat());
            element(0x30, &[serial, time(-1)].concat())
        })
        .collect();
    let mut list = vec![element(2, &[1]), ALGORITHM.to_vec(), issuer.name(), time(from)];
    list.extend(until.map(time));
    if !entries.is_empty() {
        list.push(element(0x30, &entries));
    }
    let list = element(0x30, &list.concat());
    let mut signing = Signer::new(MessageDigest::sha256(), signer).unwrap();
    let signature = signing.sign_oneshot_to_vec(&list).unwrap();
    let signature = element(3, &[&[0], &signature[..]].concat());
    let der = element(0x30, &[&list[..], ALGORITHM, &signature].concat());
    openssl::x509::X509Crl::from_der(&der).unwrap().to_pem().unwrap()
}

/// Encodes a UTCTime, in days from now.
fn time(days: i64) -> Vec<u8> {
    // Without the century.
    element(0x17, &time_text(now() + days * 86_400).as_bytes()[2..])
}
