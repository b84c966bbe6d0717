// SPDX-License-Identifier: MIT OR Apache-2.0
//! Test files for `certpick check`.

use crate::library::certificates::{Identity, Subject, name, pem};
use crate::library::keys::{Kind, key};
use crate::support::Scene;
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKeyRef, Private};
use openssl::sign::Signer;
use openssl::symm::Cipher;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Builder, X509Extension};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns `certpick check` with these options, separated by white space.
pub fn check(scene: &Scene, options: &str) -> Command {
    let mut command = scene.command(env!("CARGO_BIN_EXE_certpick"));
    command.arg("check").args(options.split_whitespace());
    command
}

pub fn key_pem(identity: &Identity) -> Vec<u8> {
    identity.key.private_key_to_pem_pkcs8().unwrap()
}

pub fn encrypted(identity: &Identity, password: &str) -> Vec<u8> {
    let cipher = Cipher::aes_128_cbc();
    identity.key.private_key_to_pem_pkcs8_passphrase(cipher, password.as_bytes()).unwrap()
}

/// Writes NAME.crt and NAME.key.
pub fn pair(scene: &Scene, name: &str, identity: &Identity) {
    bundle(scene, name, identity, &[]);
}

/// Like [`pair`], with these certificates after the leaf.
pub fn bundle(scene: &Scene, name: &str, identity: &Identity, others: &[&Identity]) {
    let all = std::iter::once(identity).chain(others.iter().copied());
    certificates(scene, &format!("{name}.crt"), &all.collect::<Vec<_>>());
    scene.write(format!("{name}.key"), key_pem(identity));
}

pub fn certificates(scene: &Scene, file: &str, all: &[&Identity]) {
    let all: Vec<&X509> = all.iter().map(|i| &i.certificate).collect();
    scene.write(file, pem(&all));
}

pub fn chmod(scene: &Scene, file: &str, mode: u32) {
    std::fs::set_permissions(scene.file(file), std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Makes an extension from the notation of OpenSSL's configuration files.
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

/// Makes a self-signed certificate of this version (counted from 0) with only these extensions.
pub fn bare_root(common_name: &str, version: i32, extensions: &[X509Extension]) -> Identity {
    let (key, name) = (key(Kind::P256), name(common_name));
    let mut builder = X509Builder::new().unwrap();
    let serial = BigNum::from_u32(77).unwrap();
    builder.set_version(version).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(now() - 86_400).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now() + 100 * 86_400).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    for extension in extensions {
        builder.append_extension2(extension).unwrap();
    }
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key }
}

pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap()
}

/// Makes a CRL (RFC 5280, section 5) in PEM. `from` and `until` are thisUpdate and nextUpdate, in
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

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut all = match u8::try_from(length) {
        Ok(short) if short < 0x80 => vec![tag, short],
        Ok(byte) => vec![tag, 0x81, byte],
        Err(_) => {
            let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
            vec![tag, 0x82, high, low]
        }
    };
    all.extend(content);
    all
}

/// Encodes a UTCTime, in days from now.
fn time(days: i64) -> Vec<u8> {
    let moment = time::OffsetDateTime::from_unix_timestamp(now() + days * 86_400).unwrap();
    let text = format!(
        "{:02}{:02}{:02}{:02}{:02}{:02}Z",
        moment.year() % 100,
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second()
    );
    element(0x17, text.as_bytes())
}
