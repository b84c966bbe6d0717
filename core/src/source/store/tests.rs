// SPDX-License-Identifier: MIT OR Apache-2.0
//! Without a provider for the schemes.

use super::*;
use crate::error::UriFlaw;
use crate::source::key::LoadedKey;
use crate::source::loaded_keys::LoadedKeys;
use foreign_types::ForeignType;
use std::sync::mpsc;
use testkit::certificates::Identity;
use testkit::der::{element, pem};
use testkit::directory::Directory;

const LABEL: &str = "PKCS#11 PROVIDER URI";

fn uri(text: &str) -> Uri {
    Uri::parse(text.as_bytes()).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes()).unwrap()
}

fn wrapper(version: &str, uri: &str) -> Vec<u8> {
    let parts = [element(0x1a, version.as_bytes()), element(0x0c, uri.as_bytes())];
    element(0x30, &parts.concat())
}

/// Returns whether `body` returns true in a forked child within some seconds.
fn in_child(body: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child only runs `body` and exits.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::alarm(20);
            libc::_exit(i32::from(!body()));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
    }
}

#[test]
fn a_scheme_that_no_provider_serves_is_an_error_without_a_prompt() {
    let leaf = Identity::self_signed("a").certificate;
    let flaw = if cfg!(ossl3) { StoreFlaw::NotServed } else { StoreFlaw::OldOpenSsl };
    for text in ["pkcs11:object=a", "handle:0x81000010", "handle:0x1?pass"] {
        let expected = Cause::Store(text.into(), flaw);
        assert_eq!(certificates(&uri(text)), Err(expected.clone()));
        open_early(&uri(text));
        for pin in [None, Some(&secret("hunter2"))] {
            let found = key(&uri(text), Path::new("name"), Some(&leaf), pin, None, true);
            assert_eq!(found.err(), Some(Cause::Store("name".into(), flaw)));
        }
        assert!(expected.to_string().starts_with(&format!("could not load \"{text}\": ")));
    }
    assert!(openssl::error::ErrorStack::get().errors().is_empty());
}

#[test]
fn the_pin_source_is_under_the_rule_for_key_files() {
    let directory = Directory::new();
    let leaf = Identity::self_signed("a").certificate;
    let file = directory.write_with_mode("pin", "hunter2\n", 0o644);
    let text = format!("pkcs11:object=a?pin-source={}", file.display());
    let load = |pin| key(&uri(&text), Path::new("name"), Some(&leaf), pin, None, true).err();
    assert!(matches!(load(None), Some(Cause::PasswordFile(path, _)) if path == file));
    // The file is not opened if there is a PIN.
    let other = secret("other");
    assert!(matches!(load(Some(&other)), Some(Cause::Store(..))));
    testkit::directory::set_mode(&file, 0o600);
    assert!(matches!(load(None), Some(Cause::Store(..))));
}

#[test]
fn a_wrapped_uri_is_found_anywhere_in_a_file() {
    let der = wrapper("PKCS#11 Provider URI v1.0", "pkcs11:object=a");
    let block = pem(LABEL, &der);
    for text in [block.clone(), format!("text\n{}{block}text", pem("CERTIFICATE", b"der"))] {
        assert_eq!(wrapped_uri(text.as_bytes()), Some(Ok(uri("pkcs11:object=a"))));
    }
    for text in [String::new(), pem("CERTIFICATE", &der), pem("PRIVATE KEY", &der)] {
        assert_eq!(wrapped_uri(text.as_bytes()), None);
    }
    let pin = pem(LABEL, &wrapper("PKCS#11 Provider URI v1.0", "pkcs11:?pin-value=1"));
    assert_eq!(wrapped_uri(pin.as_bytes()), Some(Err(Problem::Uri(UriFlaw::PinValue))));
}

#[test]
fn a_damaged_wrapper_is_an_error() {
    let damaged = Some(Err(Problem::Uri(UriFlaw::Wrapper)));
    let der = wrapper("PKCS#11 Provider URI v1.0", "pkcs11:object=a");
    for length in 0..der.len() {
        assert_eq!(wrapped_uri(pem(LABEL, &der[..length]).as_bytes()), damaged, "{length}");
    }
    let block = pem(LABEL, &der);
    let label = block.find('\n').unwrap();
    for length in label..block.trim_end().len() {
        assert_eq!(wrapped_uri(&block.as_bytes()[..length]), damaged, "{length}");
    }
    let long = format!("pkcs11:object={}", "a".repeat(crate::uri::MAX_BYTES * 2));
    for der in [
        [der.clone(), vec![0]].concat(),
        element(0x30, &[&der[2..], &[5, 0]].concat()),
        wrapper("PKCS#11 Provider URI v2.0", "pkcs11:object=a"),
        wrapper("PKCS#11 Provider URI v1.0", &long),
        element(0x31, &der[2..]),
    ] {
        assert_eq!(wrapped_uri(pem(LABEL, &der).as_bytes()), damaged, "{der:02x?}");
    }
}

#[test]
fn the_lock_of_a_process_does_not_block_its_child() {
    let (locked, is_locked) = mpsc::channel();
    let (unlock, may_unlock) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let guard = lock();
        locked.send(guard.is_some()).unwrap();
        may_unlock.recv().unwrap();
        drop(guard);
    });
    assert!(is_locked.recv().unwrap());
    assert!(in_child(|| lock().is_some_and(|guard| guard.process() == std::process::id())));
    unlock.send(()).unwrap();
    thread.join().unwrap();
    assert!(lock().is_some());
}

#[test]
fn a_thread_does_not_wait_for_itself() {
    let guard = lock();
    assert!(guard.is_some() && lock().is_none());
    drop(guard);
    assert!(lock().is_some());
}

#[test]
fn a_bounded_number_of_refused_pins_is_remembered_also_by_a_child() {
    let add = |number: usize, guard: &Guard| {
        refused::add("token=t", &secret(&number.to_string()), guard);
    };
    let is_known = |number: usize, token: &str, guard: &Guard| {
        refused::contains(token, &secret(&number.to_string()), guard)
    };
    let guard = lock().unwrap();
    (0..100).for_each(|number| add(number, &guard));
    drop(guard);
    let check = || {
        let guard = lock().unwrap();
        (36..100).all(|number| is_known(number, "token=t", &guard))
            && !(0..36).any(|number| is_known(number, "token=t", &guard))
            && !is_known(99, "token=", &guard)
    };
    assert!(check());
    assert!(in_child(check));
    let guard = lock().unwrap();
    refused::clear(&guard);
    assert!(!is_known(99, "token=t", &guard));
}

/// A key as if a provider had loaded it.
pub(crate) fn store_key(identity: &Identity) -> StoreKey {
    StoreKey::new(identity.key.clone(), &lock().unwrap())
}

#[test]
fn a_cached_key_is_for_its_uri_certificate_pin_and_process() {
    let identity = Identity::self_signed("a");
    let key = store_key(&identity);
    let (pin, other) = (secret("1"), secret("2"));
    let id = || KeyId::new("pkcs11:object=cached", b"a");
    let is_cached = |id, pin| {
        let found = cached::get(&id, pin);
        found.is_some_and(|found| found.key().as_ptr() == key.key().as_ptr())
    };
    cached::store(id(), Some(&pin), &key);
    assert!(is_cached(id(), Some(&pin)));
    assert!(!is_cached(id(), Some(&other)) && !is_cached(id(), None));
    assert!(!is_cached(KeyId::new("pkcs11:object=cached", b"b"), Some(&pin)));
    assert!(!is_cached(KeyId::new("pkcs11:object=cache", b"a"), Some(&pin)));
    let in_parent = id();
    assert!(in_child(|| !key.is_usable()
        && !is_cached(id(), Some(&pin))
        && !is_cached(in_parent, Some(&pin))));
    assert!(is_cached(id(), Some(&pin)));
}

#[test]
fn a_discarded_key_is_used_by_no_selector() {
    let key = store_key(&Identity::self_signed("a"));
    let loaded = LoadedKeys::new(1);
    loaded.set(0, LoadedKey::Store(key.clone()));
    let id = || KeyId::new("pkcs11:object=discarded", b"a");
    cached::store(id(), None, &key);
    LoadedKey::Store(store_key(&Identity::self_signed("b"))).discard();
    assert!(loaded.get(0).is_some() && cached::get(&id(), None).is_some());
    LoadedKey::Store(key).discard();
    assert!(loaded.get(0).is_none() && cached::get(&id(), None).is_none());
}

#[test]
fn a_discarded_key_that_is_not_in_the_cache_is_loaded_again() {
    let loaded = LoadedKeys::new(1);
    loaded.set(0, LoadedKey::Store(store_key(&Identity::self_signed("a"))));
    loaded.get(0).unwrap().clone().discard();
    assert!(loaded.get(0).is_none());
    assert!(loaded.rearranged([Some(0)].into_iter()).get(0).is_none());
}
