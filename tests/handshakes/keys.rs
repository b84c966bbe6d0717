// SPDX-License-Identifier: MIT OR Apache-2.0
//! Private keys: every form of file, every place, every way to open it.

use crate::support::certificates::{Identity, Subject};
use crate::support::ffi::{Sealing, seal};
use crate::support::handshake::{VERSIONS, Version, WAYS, Way, everywhere};
use crate::support::keys::Kind;
use crate::support::set::{Frozen, Set};
use certpick_core::{PasswordCallback, Status};
use foreign_types::ForeignType;
use libc::{c_char, c_int, c_void};
use openssl::pkey::{Id, PKey, Private};
use openssl::symm::Cipher;
use std::ffi::CStr;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

const PASSWORD: &str = "dUmmyP^#+, \"q\" ü";

fn wrap(label: &str, der: &[u8]) -> Vec<u8> {
    let base64 = openssl::base64::encode_block(der).into_bytes();
    let mut text = format!("-----BEGIN {label}-----\n").into_bytes();
    for line in base64.chunks(64) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
    text
}

/// The forms of a key that are not encrypted.
fn plain_forms(key: &PKey<Private>) -> Vec<(&'static str, Vec<u8>)> {
    let pkcs8 = key.private_key_to_pkcs8().unwrap();
    let text = key.private_key_to_pem_pkcs8().unwrap();
    let windows = String::from_utf8(text.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    let attributes = [b"Bag Attributes\n    friendlyName: x\nKey Attributes\n", &text[..]].concat();
    let mut forms = vec![
        ("PKCS#8 PEM", text),
        ("PKCS#8 DER", pkcs8),
        ("PEM with CRLF", windows),
        ("PEM behind text", attributes),
    ];
    // RSA-PSS has no form but PKCS#8.
    if let (Id::RSA, Ok(rsa)) = (key.id(), key.rsa()) {
        forms.push(("traditional RSA PEM", rsa.private_key_to_pem().unwrap()));
        forms.push(("traditional RSA DER", rsa.private_key_to_der().unwrap()));
    }
    if let Ok(ec) = key.ec_key() {
        let text = ec.private_key_to_pem().unwrap();
        // As `openssl ecparam -genkey` writes it: the curve comes first (here prime256v1).
        let curve = wrap("EC PARAMETERS", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07");
        forms.push(("EC PEM behind its parameters", [curve, text.clone()].concat()));
        forms.push(("traditional EC PEM", text));
        forms.push(("traditional EC DER", ec.private_key_to_der().unwrap()));
    }
    forms
}

/// The forms that a password opens.
fn sealed_forms(key: &PKey<Private>, password: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (aes128, aes256) = (Cipher::aes_128_cbc(), Cipher::aes_256_cbc());
    let triple_des = Cipher::des_ede3_cbc();
    // NIDs of hmacWithSHA1, hmacWithSHA256, hmacWithSHA512 and PBE-SHA1-3DES (openssl/obj_mac.h).
    let ways = [
        (Sealing::Pbkdf2(163), triple_des),
        (Sealing::Pbkdf2(799), aes128),
        (Sealing::Pbkdf2(799), aes256),
        (Sealing::Pbkdf2(801), aes256),
        (Sealing::Scrypt, aes256),
        (Sealing::Pbes1(146), triple_des),
    ];
    let mut forms = Vec::new();
    for (how, cipher) in ways {
        let der = seal(key.as_ptr(), how, cipher.as_ptr(), password);
        let bits = cipher.key_len() * 8;
        forms.push((format!("PKCS#8 PEM, {how:?} {bits}"), wrap("ENCRYPTED PRIVATE KEY", &der)));
        forms.push((format!("PKCS#8 DER, {how:?} {bits}"), der));
    }
    for cipher in [aes128, triple_des] {
        let name = format!("traditional PEM, {} bits", cipher.key_len() * 8);
        if let Ok(rsa) = key.rsa() {
            forms.push((name, rsa.private_key_to_pem_passphrase(cipher, password).unwrap()));
        } else if let Ok(ec) = key.ec_key() {
            forms.push((name, ec.private_key_to_pem_passphrase(cipher, password).unwrap()));
        }
    }
    forms
}

fn with_key(client: &Identity, key: &[u8], password: Option<&str>) -> Frozen {
    let mut set = Set::new();
    set.add_with_key("client", client, (key, 0o600), password);
    set.freeze()
}

#[test]
fn a_key_in_any_form_is_found_out_by_its_content() {
    let root = Identity::root("root");
    for kind in [Kind::Rsa2048, Kind::P256, Kind::Ed25519, Kind::PssSha256] {
        let client = root.issue(Subject::new("client").kind(kind));
        for (at, (form, bytes)) in plain_forms(&client.key).into_iter().enumerate() {
            // A password that is not needed does no harm.
            for password in [None, Some(PASSWORD)] {
                for version in VERSIONS {
                    let set = with_key(&client, &bytes, password);
                    let connection = set.handshake(version, WAYS[at % 3]).run();
                    assert_eq!(connection.choice(), Some(0), "{kind:?} {form}: {connection}");
                }
            }
        }
    }
}

#[test]
fn an_encrypted_key_in_any_form_is_opened_by_its_password() {
    let root = Identity::root("root");
    for kind in [Kind::Rsa2048, Kind::P256, Kind::Ed25519] {
        let client = root.issue(Subject::new("client").kind(kind));
        for (at, (form, bytes)) in sealed_forms(&client.key, PASSWORD.as_bytes()).iter().enumerate()
        {
            let way = WAYS[at % 3];
            for version in VERSIONS {
                let set = with_key(&client, bytes, Some(PASSWORD));
                let connection = set.handshake(version, way).run();
                assert_eq!(connection.choice(), Some(0), "{kind:?} {form}: {connection}");
            }
            let ask =
                |password| with_key(&client, bytes, password).handshake(Version::Tls12, way).run();
            // And by nothing else.
            for wrong in ["dUmmyP^#+, \"q\"", "x", &PASSWORD[1..]] {
                let error = ask(Some(wrong)).assert_aborted(Status::PasswordWrong).to_string();
                assert!(error.ends_with(" (wrong password?)"), "{kind:?} {form}: {error}");
            }
            ask(None).assert_aborted(Status::PasswordMissing);
            ask(Some("")).assert_aborted(Status::PasswordMissing);
        }
    }
}

#[test]
fn each_encrypted_key_of_a_list_has_its_own_password() {
    let roots = ["A", "B", "C"].map(Identity::root);
    let mut set = Set::new();
    for (root, password) in roots.iter().zip(["", "password", "dUmmyP^#+"]) {
        let client = root.issue("client");
        let key = match password {
            "" => client.key.private_key_to_pem_pkcs8().unwrap(),
            _ => {
                let cipher = Cipher::aes_256_cbc();
                client.key.private_key_to_pem_pkcs8_passphrase(cipher, password.as_bytes()).unwrap()
            }
        };
        set.add_with_key(&set.count().to_string(), &client, (&key, 0o600), Some(password));
    }
    let set = set.freeze();
    for (version, way) in everywhere() {
        for (at, root) in roots.iter().enumerate() {
            set.handshake(version, way).trusting(&[root]).run().assert_sent(at);
        }
    }
}

#[test]
fn a_password_may_be_as_long_as_openssl_takes_it() {
    let client = Identity::root("root").issue("client");
    for (length, fits) in [(1, true), (1000, true), (5000, false)] {
        let password = "p".repeat(length);
        let sealed = seal(
            client.key.as_ptr(),
            Sealing::Pbkdf2(799),
            Cipher::aes_256_cbc().as_ptr(),
            password.as_bytes(),
        );
        let set = with_key(&client, &wrap("ENCRYPTED PRIVATE KEY", &sealed), Some(&password));
        let connection = set.handshake(Version::Tls13, Way::CertCb).run();
        if fits {
            connection.assert_sent(0);
        } else {
            let error = connection.assert_aborted(Status::PasswordWrong).to_string();
            assert!(error.contains("the password is longer than"), "{error}");
        }
    }
}

#[test]
fn a_key_may_stand_anywhere_in_the_certificates_own_file() {
    let root = Identity::root("root");
    let middle = root.authority("middle");
    for kind in [Kind::Rsa2048, Kind::P256] {
        let client = middle.issue(Subject::new("client").kind(kind));
        let (leaf, above) = (client.pem(), middle.pem());
        let plain = client.key.private_key_to_pem_pkcs8().unwrap();
        let mut keys = vec![(plain, None)];
        for (form, bytes) in sealed_forms(&client.key, PASSWORD.as_bytes()) {
            if form.contains("PEM") {
                keys.push((bytes, Some(PASSWORD)));
            }
        }
        for (at, (key, password)) in keys.iter().enumerate() {
            let orders = [
                [&leaf, &above, key],
                [key, &leaf, &above],
                [&leaf, key, &above],
                [&above, key, &leaf],
            ];
            for parts in orders {
                let mut set = Set::new();
                let path = set.write("both.pem", &parts.map(|p| &p[..]).concat());
                set.add_files(&client, path, None, *password);
                let connection =
                    set.freeze().handshake(VERSIONS[at % 2], WAYS[at % 3]).trusting(&[&root]).run();
                connection.assert_sent(0);
            }
        }
    }
}

#[test]
fn a_key_file_that_nobody_else_may_read_is_accepted_also_through_a_link() {
    let client = Identity::root("root").issue("client");
    let key = client.key.private_key_to_pem_pkcs8().unwrap();
    let mut modes = vec![0o600, 0o400, 0o700];
    let probe = tempfile::NamedTempFile::new().unwrap();
    if probe.as_file().metadata().unwrap().uid() == 0 {
        modes.extend([0o640, 0o440]);
    }
    for mode in modes {
        let mut set = Set::new();
        set.add_with_key("direct", &client, (&key, mode), None);
        set.freeze().handshake(Version::Tls13, Way::CertCb).run().assert_sent(0);

        let mut set = Set::new();
        set.write_with_mode("real.key", &key, mode);
        std::os::unix::fs::symlink("real.key", set.path("link.key")).unwrap();
        let certificate = set.write("client.crt", &client.pem());
        let link = set.path("link.key");
        set.add_files(&client, certificate, Some(link), None);
        set.freeze().handshake(Version::Tls13, Way::CertCb).run().assert_sent(0);
    }
}

/// A program that can be asked for passwords.
struct Program {
    answer: Option<&'static str>,
    /// The names of the files that it was asked about.
    asked: Mutex<Vec<Vec<u8>>>,
}

unsafe extern "C" fn answer(
    buffer: *mut c_char,
    size: c_int,
    file: *const c_char,
    program: *mut c_void,
) -> c_int {
    // SAFETY: what was given with the callback, and a C string.
    let (program, file) = unsafe { (&*program.cast::<Program>(), CStr::from_ptr(file)) };
    program.asked.lock().unwrap().push(file.to_bytes().to_vec());
    let Some(answer) = program.answer else { return -1 };
    assert!(answer.len() <= usize::try_from(size).unwrap());
    // SAFETY: there is room.
    unsafe { std::ptr::copy_nonoverlapping(answer.as_ptr().cast(), buffer, answer.len()) };
    c_int::try_from(answer.len()).unwrap()
}

impl Program {
    fn new(answer: Option<&'static str>) -> Program {
        Program { answer, asked: Mutex::default() }
    }

    fn attach(&self, set: &mut Set) {
        let program = std::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: the tests keep the program for as long as the set.
        set.set_password_callback(unsafe { PasswordCallback::new(answer, program) });
    }

    fn asked(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[test]
fn the_program_is_asked_once_for_the_password_of_the_key_that_is_chosen() {
    let [a, b] = ["A", "B"].map(Identity::root);
    for (version, way) in everywhere() {
        let client = a.issue(Subject::new("client").kind(Kind::P256));
        let sealed = sealed_forms(&client.key, PASSWORD.as_bytes());
        for (form, key) in sealed {
            let program = Program::new(Some(PASSWORD));
            let mut set = Set::new();
            set.add_with_key("other", &b.issue("other"), (&key, 0o600), None);
            set.add_with_key("client", &client, (&key, 0o600), None);
            program.attach(&mut set);
            let path = set.path("client.key").into_os_string().into_encoded_bytes();
            let set = set.freeze();
            for _ in 0..2 {
                let connection = set.handshake(version, way).naming(&[&a]).run();
                assert_eq!(connection.choice(), Some(1), "{form}: {connection}");
            }
            assert_eq!(program.asked(), [path], "{form}");
        }
    }
}

#[test]
fn nobody_is_asked_where_no_password_is_missing() {
    let client = Identity::root("root").issue("client");
    let sealed =
        client.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"right").unwrap();
    let plain = client.key.private_key_to_pem_pkcs8().unwrap();
    for (key, password, status) in [
        (&plain, None, Status::Ok),
        (&plain, Some("any"), Status::Ok),
        (&sealed, Some("right"), Status::Ok),
        (&sealed, Some("wrong"), Status::PasswordWrong),
    ] {
        let program = Program::new(Some("right"));
        let mut set = Set::new();
        set.add_with_key("client", &client, (key, 0o600), password);
        program.attach(&mut set);
        let connection = set.freeze().handshake(Version::Tls13, Way::ClientCertCb).run();
        match status {
            Status::Ok => connection.assert_sent(0),
            status => drop(connection.assert_aborted(status).clone()),
        }
        assert!(program.asked().is_empty());
    }
}

#[test]
fn a_program_that_has_no_password_or_a_wrong_one_is_told_so() {
    let client = Identity::root("root").issue("client");
    for (form, key) in sealed_forms(&client.key, PASSWORD.as_bytes()) {
        for (answer, status) in [
            (None, Status::PasswordMissing),
            (Some(""), Status::PasswordMissing),
            (Some("wrong"), Status::PasswordWrong),
        ] {
            let program = Program::new(answer);
            let mut set = Set::new();
            set.add_with_key("client", &client, (&key, 0o600), None);
            program.attach(&mut set);
            let connection = set.freeze().handshake(Version::Tls13, Way::CertCb).run();
            connection.assert_aborted(status);
            assert_eq!(program.asked().len(), 1, "{form}");
        }
    }
}
