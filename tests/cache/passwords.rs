// SPDX-License-Identifier: MIT OR Apache-2.0
//! To whom a decrypted key is given.

use crate::files::{Files, connect, freeze, refused, without_cache};
use crate::support::certificates::{Identity, Subject};
use crate::support::ffi::{Sealing, seal};
use crate::support::handshake::{Version, Way};
use crate::support::keys::Kind;
use certpick_core::{PasswordCallback, Secret, Selector, Status};
use foreign_types::ForeignType;
use libc::{c_char, c_int, c_void};
use openssl::symm::Cipher;
use std::sync::atomic::{AtomicU32, Ordering};

/// Encrypted and plain keys in all their wrappings, with what opens each.
fn forms(client: &Identity) -> Vec<(&'static str, Vec<u8>)> {
    let key = &client.key;
    let cipher = Cipher::aes_256_cbc();
    let sealed = seal(key.as_ptr(), Sealing::Pbkdf2(799), cipher.as_ptr(), b"right");
    let pem = key.private_key_to_pem_pkcs8_passphrase(cipher, b"right").unwrap();
    let plain = key.private_key_to_pem_pkcs8().unwrap();
    let traditional = key.rsa().unwrap().private_key_to_pem_passphrase(cipher, b"right").unwrap();
    // Which of the two keys comes out may depend on the password.
    let two = [&pem[..], &plain].concat();
    let cut = pem[..pem.len() / 2].to_vec();
    vec![
        ("PKCS#8", pem),
        ("PKCS#8 DER", sealed),
        ("traditional", traditional),
        ("plain", plain),
        ("plain DER", key.private_key_to_der().unwrap()),
        ("two", two),
        ("cut", cut),
        ("empty", Vec::new()),
    ]
}

/// What becomes of the key: nothing, or the words.
fn outcome(selector: &mut Selector) -> Result<(), String> {
    selector.validation().and_then(|v| v.run()).map_err(|error| error.to_string())
}

/// Whatever the order in which passwords are tried, each of them does what it does without a cache.
#[test]
fn each_password_has_the_outcome_and_the_words_that_it_has_without_the_cache() {
    let files = Files::new();
    let client = Identity::root("root").issue(Subject::new("client").kind(Kind::Rsa2048));
    let passwords = [None, Some("right"), Some("wrong"), Some("righ"), Some("right "), Some("")];
    for (form, bytes) in forms(&client) {
        files.write("client.crt", &client.pem());
        files.write("client.key", &bytes);
        files.settle();
        for first in passwords {
            certpick::capi::certpick_cache_clear();
            let _ = outcome(&mut files.selector_with("client", first));
            for second in passwords.into_iter().cycle().take(2 * passwords.len()) {
                let expected = outcome(&mut without_cache(|s| files.add(s, "client", second)));
                let seen = outcome(&mut files.selector_with("client", second));
                assert_eq!(seen, expected, "{form}: {first:?}, then {second:?}");
            }
        }
    }
}

#[test]
fn the_right_password_gets_the_key_that_was_decrypted_before() {
    let files = Files::new();
    let client = Identity::root("root").issue(Subject::new("client").kind(Kind::Rsa2048));
    for (form, bytes) in forms(&client).into_iter().take(5) {
        files.write("client.crt", &client.pem());
        files.write("client.key", &bytes);
        files.settle();
        let select = || connect(files.selector_with("client", Some("right")), &client);
        let first = select();
        assert!(select().shares_key(&first), "{form}");
        if !form.starts_with("plain") {
            let wrong = refused(&mut files.selector_with("client", Some("wrong")));
            assert!(wrong.ends_with(" (wrong password?)"), "{form}: {wrong}");
            refused(&mut files.selector("client"));
        }
        assert!(select().shares_key(&first), "{form}: after a wrong password");
    }
}

#[test]
fn a_key_that_needs_no_password_is_shared_whatever_password_is_given() {
    let files = Files::new();
    let client = Identity::root("root").issue("client");
    files.write_identity("client", &client);
    files.settle();
    let first = connect(files.selector_with("client", Some("one")), &client);
    for password in [None, Some("another")] {
        connect(files.selector_with("client", password), &client).assert_shared(&first);
    }
}

struct Program {
    answer: &'static str,
    asked: AtomicU32,
}

unsafe extern "C" fn answer(
    buffer: *mut c_char,
    _size: c_int,
    _file: *const c_char,
    program: *mut c_void,
) -> c_int {
    // SAFETY: what was given with the callback.
    let program = unsafe { &*program.cast::<Program>() };
    program.asked.fetch_add(1, Ordering::Relaxed);
    // SAFETY: OpenSSL has room for more.
    unsafe {
        std::ptr::copy_nonoverlapping(program.answer.as_ptr().cast(), buffer, program.answer.len());
    }
    c_int::try_from(program.answer.len()).unwrap()
}

impl Program {
    fn new(answer: &'static str) -> Program {
        Program { answer, asked: AtomicU32::new(0) }
    }

    fn attach(&self, mut selector: Selector) -> Selector {
        let program = std::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: the tests keep the program for as long as the selector.
        let callback = unsafe { PasswordCallback::new(answer, program) };
        selector.set_password_callback(Some(callback));
        selector
    }
}

#[test]
fn a_key_whose_password_a_program_gave_is_for_that_selector_alone() {
    let files = Files::new();
    let client = Identity::root("root").issue("client");
    let key = client.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"right");
    files.write("client.crt", &client.pem());
    files.write("client.key", &key.unwrap());
    files.settle();
    let program = Program::new("right");
    let ask = || connect(program.attach(files.selector("client")), &client);
    let first = ask();
    assert!(!ask().shares_key(&first));
    assert_eq!(program.asked.load(Ordering::Relaxed), 2, "each selector asks");
    let missing = refused(&mut files.selector("client"));
    assert!(missing.ends_with("it is encrypted and no password was given"), "{missing}");
    let given = connect(files.selector_with("client", Some("right")), &client);
    assert!(!given.shares_key(&first));

    // Nor does one that has no password get what a password opened.
    assert!(!ask().shares_key(&given));
    assert_eq!(program.asked.load(Ordering::Relaxed), 3);
    let wrong = Program::new("wrong");
    let selector = freeze(wrong.attach(files.selector("client")), &[&client]);
    let connection = selector.handshake(Version::Tls12, Way::ClientCertCb).run();
    connection.assert_aborted(Status::PasswordWrong);
    assert_eq!(wrong.asked.load(Ordering::Relaxed), 1);
}

#[test]
fn one_file_may_be_opened_by_several_passwords_of_one_list() {
    let files = Files::new();
    let client = Identity::root("root").issue("client");
    let key = client.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"right");
    files.write("client.crt", &client.pem());
    files.write("client.key", &key.unwrap());
    files.settle();
    for _ in 0..2 {
        let mut selector = Selector::new();
        for password in ["right", "wrong", "right"] {
            let [certificate, key] = ["client.crt", "client.key"].map(|name| files.path(name));
            selector.add_files(certificate, Some(key), Secret::new(password.as_bytes())).unwrap();
        }
        let error = refused(&mut selector);
        assert!(error.starts_with("entry 2: "), "{error}");
    }
}
