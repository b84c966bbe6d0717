// SPDX-License-Identifier: MIT OR Apache-2.0
//! Credentials that OpenSSL's security level or the program's security callback refuses.

use certpick_core::choice::Reasons;
use foreign_types::ForeignTypeRef;
use libc::{c_int, c_void};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::x509::X509Ref;
use openssl_sys::{SSL, SSL_CTX};
use testkit::certificates::{Identity, Subject};
use testkit::handshake::{everywhere, max_level_of_sha1};
use testkit::keys::Kind;
use testkit::set::Set;

/// Returns weak credentials: title, leaf, intermediates, and the highest level that accepts them.
fn weak_credentials(root: &Identity) -> Vec<(&'static str, Identity, Vec<Identity>, u32)> {
    let sha1 = || Subject::new("client").digest(MessageDigest::sha1());
    let small_ca = root.authority(Subject::new("small").kind(Kind::Rsa1024));
    let old_ca = root.authority(Subject::new("old").digest(MessageDigest::sha1()));
    vec![
        ("RSA 1024", root.issue(Subject::new("client").kind(Kind::Rsa1024)), vec![], 1),
        ("RSA 2048", root.issue(Subject::new("client").kind(Kind::Rsa2048)), vec![], 2),
        ("SHA-1", root.issue(sha1()), vec![], max_level_of_sha1()),
        ("an intermediate's key", small_ca.issue("client"), vec![small_ca], 1),
        ("an intermediate's signature", old_ca.issue("client"), vec![old_ca], max_level_of_sha1()),
    ]
}

#[test]
fn a_credential_below_the_security_level_is_skipped() {
    let root = Identity::root("root");
    for (title, weak, chain, max) in weak_credentials(&root) {
        let chain: Vec<_> = chain.iter().map(|ca| &ca.certificate).collect();
        let mut set = Set::new();
        set.add("weak", &weak, &chain);
        set.add("strong", &root.issue("client"), &[]);
        let set = set.freeze();
        let mut alone = Set::new();
        alone.add("weak", &weak, &chain);
        let alone = alone.freeze();
        for (version, way) in everywhere() {
            for level in 0..=3 {
                let handshake = set.handshake(version, way).level(level);
                let connection = handshake.naming(&[&root]).run();
                let single = alone.handshake(version, way).level(level).run();
                if level <= max {
                    connection.assert_sent(0);
                    single.assert_sent(0);
                } else {
                    connection.assert_sent(1);
                    let verdicts = [Reasons::SECURITY_LEVEL, Reasons(0)];
                    assert_eq!(connection.verdicts(), verdicts, "{title}: {connection}");
                    single.assert_none_suitable();
                }
            }
        }
    }
}

#[test]
fn the_security_level_applies_to_the_chain_to_the_named_ca() {
    // One root certifies the intermediate with SHA-1, another root with SHA-256.
    let [old, new] = ["old", "new"].map(Identity::root);
    let middle = new.authority("middle");
    let weak = Subject::new("middle").with_key(&middle.key).digest(MessageDigest::sha1());
    let weak = old.authority(weak).certificate;
    let client = middle.issue("client");
    for chain in [[&weak, &middle.certificate], [&middle.certificate, &weak]] {
        let mut set = Set::new();
        set.add("client", &client, &chain);
        let set = set.freeze();
        for (version, way) in everywhere() {
            set.handshake(version, way).trusting(&[&new]).run().assert_sent(0);
            let connection = set.handshake(version, way).naming(&[&old]).run();
            connection.assert_none_suitable();
            assert_eq!(connection.verdict(0), Reasons::SECURITY_LEVEL, "{connection}");
        }
    }
}

/// A security callback that refuses certificates by their names.
unsafe extern "C" fn refuses_guests(
    _ssl: *const SSL,
    _ctx: *const SSL_CTX,
    operation: c_int,
    _bits: c_int,
    _nid: c_int,
    other: *mut c_void,
    _arg: *mut c_void,
) -> c_int {
    // SSL_SECOP_OTHER_CERT of openssl/ssl.h: `other` is a certificate.
    const CERTIFICATE: c_int = 6 << 16;
    if operation & (0xffff << 16) != CERTIFICATE || other.is_null() {
        return 1;
    }
    // SAFETY: for this operation, a valid certificate.
    let certificate = unsafe { X509Ref::from_ptr(other.cast()) };
    let mut names = certificate.subject_name().entries_by_nid(Nid::COMMONNAME);
    c_int::from(!names.any(|n| n.data().as_slice().starts_with(b"guest")))
}

#[test]
fn the_programs_security_callback_decides_about_each_certificate() {
    let root = Identity::root("root");
    let guest_ca = root.authority("guest CA");
    let [guest, other_guest, host, other_host] =
        ["guest", "guest 2", "host", "host 2"].map(|name| root.issue(name));
    let below_guest = guest_ca.issue("host below");
    let all = [&guest, &host, &other_guest, &below_guest, &other_host];
    let is_host = [false, true, false, false, true];
    // The order does not matter: the callback may distinguish equally strong certificates.
    for turn in 0..all.len() {
        let mut set = Set::new();
        for at in (0..all.len()).map(|i| (i + turn) % all.len()) {
            let chain = [&guest_ca.certificate];
            let chain = if at == 3 { &chain[..] } else { &[] };
            set.add(&format!("{at}"), all[at], chain);
        }
        let set = set.freeze();
        let first = (0..all.len()).position(|i| is_host[(i + turn) % all.len()]).unwrap();
        for (version, way) in everywhere() {
            let handshake = set.handshake(version, way).security_callback(refuses_guests);
            let connection = handshake.trusting(&[&root]).run();
            connection.assert_sent(first);
            for at in 0..first {
                assert_eq!(connection.verdict(at), Reasons::SECURITY_LEVEL, "{connection}");
            }
            assert_eq!(connection.verdict(first), Reasons(0), "{connection}");
        }
    }
    let set = Set::of(&[&guest, &other_guest]).freeze();
    for (version, way) in everywhere() {
        let handshake = set.handshake(version, way).security_callback(refuses_guests);
        handshake.run().assert_none_suitable();
    }
}
